"""Making a copy of an environment: databases from their backups, and the services of its release on them.

Each step looks at what is there, so that it can be taken again by the next worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from havre.adapters.host import machine
from havre.adapters.swarm import aside
from havre.adapters.swarm.aside import Seen
from havre.adapters.swarm.toolbox import Mount
from havre.domain import naming
from havre.domain.continuity import archive, failures, info, repositories
from havre.domain.continuity.archive import Place
from havre.domain.continuity.drilling import Recovered, recovered, require_disk, share
from havre.domain.continuity.info import Info
from havre.domain.continuity.repositories import DRILL, FOLDER, PGDATA, STANZA, Repository
from havre.domain.continuity.restoring import Plan, arguments
from havre.domain.readiness import LogPattern
from havre.domain.rollout import STEADY_SECONDS
from havre.errors import BackupError, RolloutError
from havre.manifest import AppService, PostgresService, StaticService
from havre.operations import platform
from havre.operations.continuity import check_archive
from havre.operations.continuity.apart import Apart
from havre.operations.continuity.archive import Archive
from havre.operations.continuity.volumes import path_of, restore_volume
from havre.operations.release_secrets import password_name

_POLL: Final = 0.3
_LONGEST: Final = 48 * 3600.0
_START_PATIENCE: Final = 300.0
_LINES: Final = 300
_RESTARTS: Final = 5
_SETTINGS: Final = (
    f"--config={DRILL}/pgbackrest.conf",
    f"--config-include-path={DRILL}/conf.d",
)


class Copy(Apart):
    """The copy of an environment that one operation makes."""

    def make_networks(self) -> None:
        """One for the copy; and one that leads outward, in which databases are while they are restored."""
        aside.ensure_bridge(self.engine, self.network, self.labels, is_isolated=True)
        if not self._is_apart:
            aside.ensure_bridge(self.engine, self._outward, self.labels, is_isolated=False)

    def begin_database(self, name: str, repository: Repository) -> None:
        """Start the container of a database's copy; it waits until it is told what to restore."""
        storage = self.original.storage if repository is Repository.OFFSITE else None
        wanted = replace(
            self.aside(name, self.composition.data()[name]),
            entrypoint=("havre-drill",),
            scratch={DRILL: "mode=0700,uid=999,gid=999,size=4m"},
            # Of this server's own copies it may read, and nothing else.
            readable={} if storage else {FOLDER: naming.backup_volume(str(self.original.environment), name)},
            is_deaf=False,
        )
        aside.ensure_aside(self.engine, wanted, outward="" if self._is_apart else self._outward)
        if self._has(name, "ready"):
            return
        folder = f"{self.original.environment}/{name}"
        place = storage.place if storage else None
        files = {
            "pgbackrest.conf": repositories.drill_text(repository, place, folder),
            "conf.d/none": "",  # pgBackRest wants the folder
            "password": self.composition.values[password_name(name)],
        }
        if storage:
            files["conf.d/offsite.conf"] = repositories.secret_text(storage.keys, repository.key)
            files["offsite-ca.pem"] = storage.ca
        for path, text in [*files.items(), ("ready", "")]:
            self.put(name, f"{DRILL}/{path}", text)

    def info(self, name: str, repository: Repository) -> Info:
        """What the repository holds, asked from inside of the copy.

        Raises:
            BackupError: it cannot be read, and why.
        """
        options = (f"--stanza={STANZA}", f"--repo={repository.key}", "--output=json", "--io-timeout=10")
        answer = self.ask(name, "timeout", "60", "pgbackrest", *_SETTINGS, *options, "info")
        try:
            found = info.parse(answer.out)
        except (ValueError, KeyError):
            told = (answer.out + answer.err).strip()
            found = Info(problems=((repository, told or "[049]: unable to connect: it does not answer"),))
        if problem := found.problem(repository):
            cause = failures.cause(problem)
            raise BackupError(
                f"the {repository} repository of {name} cannot be read: {cause.message}", hint=cause.hint
            )
        return found

    def is_restoring(self, name: str) -> bool:
        """Whether a database was told what to restore; it may be done with it."""
        return self._is_apart or self._has(name, "go")

    def restore(self, name: str, planned: Plan) -> None:
        """Let a database restore what was planned.

        Raises:
            BackupError: its disk has too little room.
        """
        free = self.ask(name, "df", "--output=avail", "-B1", PGDATA.rpartition("/")[0]).out.split()
        require_disk(planned.backup.size, int(free[-1]) if free else 0)
        *command, action = arguments(planned.as_data(), PGDATA)
        words = [*command, *_SETTINGS, "--archive-mode=off", action]
        self.put(name, f"{DRILL}/go", "".join(f"{word}\0" for word in words))

    def wait_until_recovered(self, name: str) -> Recovered:
        """Wait for a database's files, and for their replay to the newest moment.

        Raises:
            BackupError: it could not be restored, and why.
        """
        for _ in self.run.wait(every=_POLL, at_most=_LONGEST):
            seen = aside.look(self.engine, self.name(name))
            if seen is None or not seen.is_running:
                log = self.log(name, _LINES)
                cause = failures.cause("\n".join(log))
                raise BackupError(
                    f"{name} could not be restored: {cause.message}",
                    hint=cause.hint or "`havre backup verify` reads everything back that is saved",
                    detail="\n".join(failures.errors("\n".join(log)) or log[-10:]),
                )
            try:
                answer = self.ask(name, "cat", f"{PGDATA}.recovered")
            except BackupError:
                continue  # it has ended in this moment: the next look tells why
            if answer.is_good:
                return recovered(answer.out)
        raise BackupError(f"restoring {name} took more than {_LONGEST / 3600:.0f} hours")

    def cut_off(self, names: Sequence[str]) -> None:
        """Take away the keys and the way outward; only then the databases take connections.

        Raises:
            BackupError: something still leads outward.
        """
        self.run.remember(apart=True)
        for name in names:
            self.ask(name, "rm", "-rf", f"{DRILL}/conf.d", f"{DRILL}/pgbackrest.conf")
        aside.remove_bridge(self.engine, self._outward)
        for name in names:
            seen = aside.look(self.engine, self.name(name))
            if seen is None or set(seen.networks) != {self.network}:
                raise BackupError(f"the copy of {name} could not be isolated")
            self.put(name, f"{DRILL}/apart", "")

    def fill_volumes(self, names: Sequence[str], place: Place) -> Iterator[str]:
        """Restore what was saved of volumes, each once; words about each.

        When it was saved is stored for each, null for one that never was: it is empty then.

        Raises:
            BackupError: the archive cannot be read, or the disk has too little room.
        """
        platform.ensure_tool(self.run.platform, "backup", check_archive.asker(self.run))
        mounts = [
            Mount(self.name(name), path_of(name), read_only=False, labels=self.labels) for name in names
        ]
        ceiling = share(machine.cores(), cpus=None, memory=None)
        with Archive.opened(
            self.engine,
            place,
            labels=check_archive.labels(self.run),
            mounts=mounts,
            writes=True,
            cpus=ceiling.cpus,
        ) as opened:
            found = opened.snapshots() if opened.is_there() else ()
            for name in names:
                filled: dict[str, str | None] = self.run.operation.result.get("volumes", {})
                if name in filled:
                    yield f"{name}: as before"
                    continue
                newest = archive.newest(found, archive.volume_tag(name))
                if newest:
                    require_disk(newest.size, opened.free(path_of(name)))
                yield restore_volume(self.run, opened, name, newest)
                self.run.remember(volumes={**filled, name: newest.made_at.isoformat() if newest else None})

    def start_data(self, restored: Sequence[str]) -> None:
        """Start caches, and databases without backups, which are empty; until they and the restored answer.

        Raises:
            BackupError: one does not.
        """
        data = self.composition.data()
        for name in data.keys() - set(restored):
            password = self.composition.values[password_name(name)].encode()
            wanted = replace(self.aside(name, data[name]), files={"/run/secrets/password": password})
            aside.ensure_aside(self.engine, wanted)
        for name in data:
            self.wait_for_database(name)

    def wait_for_database(self, name: str) -> None:
        """Until a restored database answers.

        Raises:
            BackupError: it does not.
        """
        self._wait(name, partial(self._data_lacks, name), _START_PATIENCE)

    def start_service(self, name: str) -> None:
        """Start a service of the release."""
        workload = self.composition.applications()[name]
        aside.ensure_aside(self.engine, replace(self.aside(name, workload), restarts=_RESTARTS))

    def wait_until_healthy(self, name: str) -> None:
        """Wait for a service's health check, or for what its `ready` says.

        Raises:
            RolloutError: it is not healthy in time, or ended.
        """
        service = self.services[name]
        began: list[float] = []

        def lacks(elapsed: float) -> str:
            began.append(elapsed)
            return self._service_lacks(name, service, elapsed - began[0])

        try:
            self._wait(name, lacks, max(_START_PATIENCE, 2 * _start_period(service)))
        except BackupError as error:
            raise RolloutError(error.message, hint=error.hint, detail=error.detail) from error

    # What is needed for that

    @property
    def _is_apart(self) -> bool:
        return bool(self.run.operation.result.get("apart"))

    @property
    def _outward(self) -> str:
        return naming.drill_name(self.run.operation.pk, "outward")

    def _has(self, name: str, file: str) -> bool:
        return self.ask(name, "test", "-e", f"{DRILL}/{file}").is_good

    def _wait(self, name: str, lacks: Callable[[float], str], at_most: float) -> None:
        missing = ""
        for elapsed in self.run.wait(every=_POLL, at_most=at_most):
            seen = aside.look(self.engine, self.name(name))
            if seen is None or not (seen.is_running or seen.is_restarting):
                raise self.ended(name, f"{name} did not become healthy on the copy")
            missing = lacks(elapsed) if seen.is_running else "it is started again"
            if not missing:
                return
            self.run.tell(f"{name}: {missing}")
        raise BackupError(
            f"{name} did not become healthy on the copy in {at_most:.0f} s: {missing}",
            detail="\n".join(self.log(name)),
        )

    def _data_lacks(self, name: str, _elapsed: float) -> str:
        if isinstance(self.composition.spec.services[name], PostgresService):
            return "" if self.ask(name, "havre-health").is_good else "it takes no connections yet"
        return "" if self.accepts(name, 6379) else "it takes no connections yet"

    def _service_lacks(self, name: str, service: AppService | StaticService, elapsed: float) -> str:
        """What a service still lacks; empty if it is healthy."""
        if service.port is not None:
            page = self.get(name, service.health.path if service.health else "/")
            return "" if page.is_good else f"its health check: {page.problem or page.status}"
        ready = service.ready if isinstance(service, AppService) else None
        if ready is None:
            return "" if elapsed >= STEADY_SECONDS else "it runs for some seconds only"
        if ready.command:
            return "" if self._seen(name).health == "healthy" else "its ready command has not succeeded"
        if ready.tcp is not None:
            return "" if self.accepts(name, ready.tcp) else f"port {ready.tcp} does not accept connections"
        pattern = LogPattern(ready.log or "")
        is_found = any(pattern.found_in(line) for line in self.log(name, _LINES))
        return "" if is_found else f"none of its lines matches {pattern.text!r}"

    def _seen(self, name: str) -> Seen:
        found = aside.look(self.engine, self.name(name))
        if found is None:
            raise self.ended(name, f"the copy of {name} is gone")
        return found


def _start_period(service: AppService | StaticService) -> float:
    if service.health:
        return service.health.start_period
    ready = service.ready if isinstance(service, AppService) else None
    return ready.start_period if ready else 0.0
