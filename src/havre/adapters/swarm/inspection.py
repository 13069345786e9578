"""Looking closely at what the engine has, to compare it with what Havre wants there."""

from __future__ import annotations

from dataclasses import dataclass

from docker.errors import NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.facts import Hide, facts
from havre.adapters.swarm.requests import service_request
from havre.domain import naming
from havre.domain.workload import Workload


@dataclass(frozen=True)
class Described:
    """A service as the engine has it: the fingerprint that Havre wrote, and its facts."""

    fingerprint: str
    facts: dict[str, str]


def described(engine: Engine, project: str, environment: str, hide: Hide) -> dict[str, Described]:
    """The services of an environment by name, as the engine has them now.

    Args:
        engine: the engine.
        project: name of the project.
        environment: name of the environment.
        hide: for values of environment variables.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    labels = [f"{key}={value}" for key, value in naming.labels(project, environment).items()]
    with explained("reading the services"):
        services = engine.api.services(filters={"label": labels})
        names = {net["Id"]: net["Name"] for net in engine.api.networks(filters={"scope": "swarm"})}
    return {
        service["Spec"]["Name"]: Described(
            (service["Spec"].get("Labels") or {}).get(naming.SPEC, ""),
            facts(service["Spec"], networks=names, hide=hide),
        )
        for service in services
    }


def wanted_facts(workload: Workload, hide: Hide) -> dict[str, str]:
    """The facts that a service would have if it ran as this workload says."""
    request = service_request(
        workload,
        networks={attached.network: attached.network for attached in workload.attachments},
        secrets={file.secret: file.secret for file in workload.secret_files},
        configs={file.config: file.config for file in workload.config_files},
    )
    return facts(request, networks={}, hide=hide)


def env_of(engine: Engine, name: str) -> dict[str, str]:
    """The environment variables that a service has now; their values may be secret.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    with explained(f"inspecting {name}"):
        try:
            service = engine.api.inspect_service(name)
        except NotFound:
            return {}
    found = {}
    for line in service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or ():
        key, _, value = str(line).partition("=")
        found[key] = value
    return found


def network_names(engine: Engine) -> frozenset[str]:
    """Names of the overlay networks.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    with explained("listing networks"):
        return frozenset(net["Name"] for net in engine.api.networks(filters={"scope": "swarm"}))


def strangers(engine: Engine, network: str) -> list[str]:
    """Names of the services in a network that are not Havre's.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    with explained(f"listing the services in {network}"):
        ids = {net["Id"] for net in engine.api.networks(filters={"name": network}) if net["Name"] == network}
        services = engine.api.services() if ids else []
    return sorted(
        service["Spec"]["Name"]
        for service in services
        if naming.MANAGED not in (service["Spec"].get("Labels") or {})
        and any(net["Target"] in ids for net in service["Spec"]["TaskTemplate"].get("Networks") or ())
    )
