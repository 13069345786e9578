"""A copy of an environment as containers of its own, and what can be asked of it.

Everything is a container of this node in a network from which nothing leads outward, below a ceiling, with
passwords of its own. It is named by its operation, and found again by that.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from havre.adapters.host import machine
from havre.adapters.swarm import aside
from havre.adapters.swarm.aside import Aside
from havre.adapters.swarm.inside import Answer, run_inside, tell_inside
from havre.domain import naming
from havre.domain.continuity.drilling import Page, Share, page, share
from havre.domain.continuity.repositories import FOLDER
from havre.domain.workload import Workload
from havre.errors import BackupError, EngineError
from havre.manifest import AppService, PostgresService, RedisService, StaticService
from havre.operations.context import Run
from havre.operations.continuity import check_archive
from havre.operations.release_secrets import password_name
from havre.operations.workloads import Composition

_TIMEOUT: Final = 10
_TOLD: Final = 20  # lines
_SENDS: Final = frozenset({"POSTGRES_ARCHIVE_TIMEOUT", "POSTGRES_STREAM_SECONDS"})
"""By which WAL gets away from a database: that of a copy must not."""
READ_ONLY: Final = "SET default_transaction_read_only = on; SET statement_timeout = '60s'"


class Apart:
    """The containers of one copy.

    Args:
        run: the operation that makes it.
        original: of the release that is copied.
    """

    def __init__(self, run: Run, original: Composition) -> None:
        self.run = run
        self.engine = run.platform.engine
        self.original = original
        passwords = self._passwords()
        run.redact.hide(passwords.values())
        self.composition = replace(original, values={**original.values, **passwords})
        self.network = naming.drill_name(run.operation.pk)

    @property
    def asker(self) -> str:
        """The container from which the others are asked: a restored database."""
        return str(self.run.operation.result["drill"]["databases"][0])

    @property
    def labels(self) -> dict[str, str]:
        """What all of it carries."""
        return labels_of(self.run)

    @property
    def services(self) -> dict[str, AppService | StaticService]:
        """What is started on the data."""
        found = self.composition.spec.services.items()
        return {name: each for name, each in found if isinstance(each, AppService | StaticService)}

    def name(self, service: str) -> str:
        """The container of a service."""
        return naming.drill_name(self.run.operation.pk, service)

    def shares(self) -> dict[str, Share]:
        """What each container may take, by service."""
        found = {**self.composition.data(), **self.composition.applications()}
        cores = machine.cores()
        return {
            name: share(cores, cpus=each.limits.cpus, memory=each.limits.memory)
            for name, each in found.items()
        }

    def setting(self, database: str, name: str) -> str:
        """A variable of a database's container."""
        return next(var.value for var in self.composition.data()[database].env if var.name == name)

    def aside(self, name: str, workload: Workload) -> Aside:
        """A workload as a container of the copy; its volumes are the copy's."""
        ceiling = self.shares()[name]
        is_database = isinstance(self.composition.spec.services[name], PostgresService)
        mounts = [mount for mount in workload.volumes if mount.target != FOLDER]
        return Aside(
            name=self.name(name),
            image=workload.image,
            labels=self.labels,
            network=self.network,
            alias=name,
            cpus=ceiling.cpus,
            memory=ceiling.memory,
            entrypoint=workload.entrypoint,
            command=workload.command,
            user=workload.user,
            working_dir=workload.working_dir,
            env={var.name: var.value for var in workload.env if var.name not in _SENDS},
            scratch=dict.fromkeys(workload.tmpfs, ""),
            volumes=[mount.target for mount in mounts] if is_database else (),
            shared={} if is_database else {mount.target: self.name(mount.volume) for mount in mounts},
            check=workload.check,
            is_read_only=workload.read_only,
        )

    # Asking

    def ask(self, name: str, *command: str) -> Answer:
        """Run a command in a container of the copy.

        Raises:
            BackupError: it ended; the message says what it wrote last.
        """
        container = self._running(name)
        try:
            return run_inside(self.engine, container, list(command))
        except EngineError:
            self._running(name)  # it may have ended in this moment, which says more
            raise

    def put(self, name: str, path: str, text: str) -> None:
        """Write a file in the memory of a container; its content is in no argument."""
        script = 'umask 077; mkdir -p "$1" && cat >"$2.new" && mv "$2.new" "$2"'
        command = ["sh", "-c", script, "sh", path.rpartition("/")[0], path]
        answer = tell_inside(self.engine, self._running(name), command, text.encode())
        if not answer.is_good:
            raise BackupError(f"{path} could not be written in the copy: {answer.err.strip()[:200]}")

    def log(self, name: str, lines: int = _TOLD) -> list[str]:
        """The last lines of a container."""
        seen = aside.look(self.engine, self.name(name))
        return self.engine.last_lines(seen.id, lines) if seen else []

    def sql(self, name: str, statement: str) -> Answer:
        """Ask a database of the copy as the role of its service; it cannot write."""
        role = f"SET ROLE {_quoted(self.setting(name, 'POSTGRES_USER'))}"
        options = ("-c", READ_ONLY, "-c", role, "-c", statement)
        return self.ask(name, *psql(self.setting(name, "POSTGRES_DB")), *options)

    def script(self, name: str, text: str, *, separator: str) -> Answer:
        """Statements of our own, as the administrator; one that fails does not keep the next ones."""
        command = [*psql(self.setting(name, "POSTGRES_DB"), separator, stops=False), "--file=-"]
        return tell_inside(self.engine, self._running(name), command, text.encode())

    def get(self, name: str, path: str) -> Page:
        """Ask a service by HTTP, as its first domain is asked; from a database, for this machine cannot."""
        service = self.services[name]
        host = service.domains[0].host if service.domains else name
        url = f"http://{host}:{service.port}{path}"
        answer = self.ask(self.asker, "havre-ask", url, name, str(_TIMEOUT))
        return page(answer.out) if answer.is_good else Page(0, problem=answer.err.strip())

    def accepts(self, name: str, port: int) -> bool:
        """Whether a port of a container takes connections."""
        script = 'exec 3<>"/dev/tcp/$0/$1"'
        return self.ask(self.asker, "timeout", "3", "bash", "-c", script, name, str(port)).is_good

    def ended(self, name: str, what: str) -> BackupError:
        """The error for a container that ended, with what it wrote last."""
        seen = aside.look(self.engine, self.name(name))
        code = f" with code {seen.exit_code}" if seen else ""
        memory = ", for it ran out of memory" if seen and seen.was_out_of_memory else ""
        return BackupError(f"{what}: it ended{code}{memory}", detail="\n".join(self.log(name)))

    def _running(self, name: str) -> str:
        seen = aside.look(self.engine, self.name(name))
        if seen is None or not seen.is_running:
            raise self.ended(name, f"the copy of {name} does not run")
        return seen.id

    def _passwords(self) -> Mapping[str, str]:
        """Passwords of the copy's databases: the same for every worker, and of no use elsewhere."""
        key = self.run.platform.config.paths.private_key.read_bytes()
        return {
            password_name(name): hmac.new(
                key, f"drill {self.run.operation.pk} {name}".encode(), hashlib.sha256
            ).hexdigest()
            for name, service in self.original.spec.services.items()
            if isinstance(service, PostgresService | RedisService)
        }


def labels_of(run: Run) -> dict[str, str]:
    """What every part of an operation's copy carries."""
    return naming.labels(run.project, run.environment.name, role="drill", operation=run.operation.pk)


def remove(run: Run) -> None:
    """Take the copy away whole: containers, volumes, networks; one that is gone is fine.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    engine = run.platform.engine
    check_archive.stop(run)  # one that fills volumes keeps them from being removed
    engine.remove_containers(labels_of(run))
    for volume in engine.volumes(labels_of(run)):
        engine.remove_volume(volume)
    for network in (naming.drill_name(run.operation.pk), naming.drill_name(run.operation.pk, "outward")):
        aside.remove_bridge(engine, network)


def psql(database: str, separator: str = "|", *, stops: bool = True) -> list[str]:
    """A psql that prints nothing but fields, as the administrator."""
    command = [
        "psql",
        "--username=postgres",
        f"--dbname={database}",
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        f"--field-separator={separator}",
    ]
    return [*command, "--set=ON_ERROR_STOP=1"] if stops else command


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
