"""The published addresses of each environment: which tasks of which release get requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from havre.adapters import traefik
from havre.domain import naming
from havre.domain.drift import State
from havre.domain.routes import RoutedService, RouteRule, combined
from havre.domain.shift import Shift
from havre.domain.snapshot import Snapshot
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations.routing.probing import Probing, health_of
from havre.records.models import Environment, Release


@dataclass(frozen=True)
class _Picture:
    """What runs, what was published last, and which tasks get no new requests."""

    snapshot: Snapshot
    known: frozenset[str]
    leaving: frozenset[str]


class Routing(Probing):
    """Keeps what Traefik reads true."""

    def publish(self, environment: Environment) -> bool:
        """Write the routes of an environment's live release, and of one beside it; True if they changed.

        A service without one admitted task is routed by its alias alone: Swarm's own DNS then finds
        whatever runs, also what this worker has not asked yet.

        What is live and what runs is read under one lock, so of two writers the later is the newer.
        """
        name = str(environment)
        with self._lock:
            now = Environment.objects.select_related("project", "current_release").get(pk=environment.pk)
            release = now.current_release
            wanted = routed_services(now, release) if release else ()
            if not release or not wanted:
                return traefik.withdraw(self._folder, name)
            shift, other = shift_of(now) or Shift(release.number), release_beside(now)
            picture = _Picture(
                self._engine.environment(now.project.name, now.name),
                frozenset(traefik.published_addresses(traefik.published(self._folder).get(name))),
                shift.leaving,
            )
            second = {short_name(now, r): r for r in routed_services(now, other)} if other else {}
            services = []
            for routed in wanted:
                service = short_name(now, routed)
                beside = second.get(service) if service in shift.weights else None
                services.append(
                    combined(
                        self._at(routed, release.swarm_services.get(service, ""), picture),
                        self._at(beside, other.swarm_services.get(service, ""), picture)
                        if beside and other
                        else None,
                        shift.weights.get(service),
                        sticky=service in shift.sticky,
                    )
                )
            hosts = {h for each in wanted for r in each.rules if r.https for h in (r.host, *r.redirect_from)}
            self.certificates.ensure(hosts)
            configuration = traefik.routes_configuration(
                services, public_ports=self._public_ports, acme=self._has_acme
            )
            return traefik.publish(self._folder, name, configuration)

    def _at(self, routed: RoutedService, swarm_name: str, picture: _Picture) -> RoutedService:
        """A service with the addresses of its tasks that run and passed the gate.

        By this worker's word; where it has asked none yet, those that the last worker had published.
        """
        swarm = picture.snapshot.get(swarm_name)
        running = {
            task.id: address
            for task in (swarm.tasks if swarm else ())
            if task.is_running
            and task.id not in picture.leaving
            and (address := task.address(naming.EDGE_NETWORK))
        }
        admitted = [address for task, address in running.items() if self.is_admitted(task)]
        return routed.at(tuple(sorted(admitted or [a for a in running.values() if a in picture.known])))

    def unpublished(self, environment: Environment) -> tuple[tuple[str, State], ...]:
        """Hosts and paths of the live release that are not published as it wants them, and how they differ.

        The addresses of tasks are not looked at: they follow the tasks.
        """
        release = environment.current_release
        wanted = routed_services(environment, release) if release else ()
        there = (traefik.published(self._folder).get(str(environment)) or {}).get("http") or {}
        found = there.get("routers") or {}
        result = []
        for routed in wanted:
            for number, rule in enumerate(routed.rules):
                one = dataclasses.replace(routed, rules=(rule,), alias_only=True)
                routers = traefik.routes_configuration(
                    [one], public_ports=self._public_ports, acme=self._has_acme
                )["http"]["routers"]
                first = f"{routed.name}-0"
                own = {f"{routed.name}-{number}{k.removeprefix(first)}": v for k, v in routers.items()}
                if not own.keys() & found.keys():
                    result += [(f"{rule.host}{path}", State.MISSING) for path in rule.paths]
                elif any(_rule_of(found.get(key)) != _rule_of(router) for key, router in own.items()):
                    result += [(f"{rule.host}{path}", State.CHANGED) for path in rule.paths]
        return tuple(result)

    def withdraw(self, environment: Environment) -> None:
        """Take an environment's routes away; one that is writing them at the moment comes first."""
        with self._lock:
            traefik.withdraw(self._folder, str(environment))

    def published_addresses(self) -> frozenset[str]:
        """Every task address that is published now."""
        return frozenset(
            address
            for configuration in traefik.published(self._folder).values()
            for address in traefik.published_addresses(configuration)
        )


def _rule_of(router: Mapping[str, Any] | None) -> tuple[object, ...]:
    """What a router decides by and where it leads; middlewares are named by the rule's number."""
    given = router or {}
    return tuple(given.get(key) for key in ("rule", "entryPoints", "service", "priority"))


def shift_of(environment: Environment) -> Shift | None:
    """How the environment's requests are shared by two releases; None if one has all."""
    return Shift.read(environment.shift)


def release_beside(environment: Environment) -> Release | None:
    """The release that shares the requests with the live one, if there is one."""
    shift = shift_of(environment)
    return environment.releases.filter(number=shift.release).first() if shift else None


def short_name(environment: Environment, routed: RoutedService) -> str:
    """The manifest's name of a routed service."""
    return routed.name.removeprefix(f"{environment}-")


def routed_services(environment: Environment, release: Release) -> tuple[RoutedService, ...]:
    """The routes that a release wants, without addresses."""
    spec = EnvironmentSpec.model_validate(release.spec)
    return tuple(
        RoutedService(
            name=naming.service_name(spec.project, environment.name, name),
            release=release.number,
            port=service.port,
            health=health_of(service),
            rules=tuple(
                RouteRule(d.host, tuple(d.paths), tuple(d.redirect_from), d.https) for d in service.domains
            ),
            addresses=(),
            alias=naming.service_name(spec.project, environment.name, name),
            max_body=int(service.max_body),
        )
        for name, service in spec.services.items()
        if isinstance(service, AppService | StaticService) and service.port and service.domains
    )
