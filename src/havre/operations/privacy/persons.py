"""A person in a running database: found, erased, read; and looked for again after a restore."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from havre.adapters.postgres import catalogue
from havre.adapters.postgres.persons import STAYED, Act, Named, script, search
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import tell_inside
from havre.domain.privacy.persons import Reach, reach
from havre.errors import HavreError, UsageError
from havre.manifest import PostgresService
from havre.operations.privacy.cluster import refused

_PATIENCE: Final = 2000  # seconds; the script itself gives up earlier
_STAYED: Final = re.compile(rf"{STAYED} ([0-9]+)")


def with_persons(
    services: Mapping[str, Any], table: str, wanted: str, place: str
) -> tuple[str, PostgresService]:
    """The database that has persons in a table, with its name.

    Args:
        services: of a manifest or of a release, by name.
        table: as the database calls it.
        wanted: the only one that is meant; empty for whichever has them.
        place: where these services stand, in words.

    Raises:
        UsageError: there is none, or several.
    """
    found = {
        name: each
        for name, each in services.items()
        if isinstance(each, PostgresService)
        and wanted in {"", name}
        and each.privacy
        and each.privacy.subject
        and each.privacy.subject.table == table
    }
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        raise UsageError(
            f"several databases have persons in {table}", hint=f"choose one: --service ({', '.join(found)})"
        )
    raise UsageError(
        f"{wanted or 'no database'} has persons in {table}, as {place} says",
        hint="write privacy.subject of the database in havre.yaml, and deploy",
    )


def named_by(service: PostgresService, column: str) -> str:
    """The table of persons, who may be named by a column.

    Raises:
        UsageError: they are not named by it.
    """
    subject = service.privacy.subject if service.privacy else None
    if subject is None or column not in subject.by:
        by = ", ".join(subject.by) if subject else "nothing"
        raise UsageError(
            f"persons are not named by {column}", hint=f"privacy.subject.by in havre.yaml says: {by}"
        )
    return subject.table


class _Asked(Protocol):
    def query(self, statement: str) -> str: ...


def beside(database: _Asked, service: PostgresService) -> list[str]:
    """The databases of a server that somebody restored or kept beside the one that serves."""
    listed = database.query("SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn")
    return sorted(set(listed.splitlines()) - {service.database, "postgres"})


@dataclass
class Told:
    """What a script answered.

    Attributes:
        found: rows that were meant.
        token: keyed hash of the value by which the person was named.
        identity: keyed hash of the primary key of the person's row.
        rows: what became of how many rows of which table.
        read: rows by table.
        is_done: whether it was committed.
    """

    found: int = 0
    token: str = ""
    identity: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    read: dict[str, list[Any]] = field(default_factory=dict)
    is_done: bool = False


@dataclass(frozen=True)
class People:
    """The persons of one running database.

    Args:
        engine: where it runs.
        container: of it.
        service: as the manifest has it.
    """

    engine: Engine
    container: str
    service: PostgresService

    def beside(self, name: str) -> People:
        """The same persons in another database of the same server, which is like this one."""
        return replace(self, service=self.service.model_copy(update={"database": name}))

    def reach(self, *, to_erase: bool = True) -> Reach:
        """What is a person's in it.

        Raises:
            UsageError: the manifest does not say, or somebody has to decide something.
        """
        privacy = self.service.privacy
        if privacy is None or privacy.subject is None:
            raise UsageError(
                "havre.yaml does not say whose data the database holds",
                hint="write privacy.subject, such as {table: members, by: [email, id]}",
            )
        found = catalogue.parse(self._psql(f"{catalogue.QUESTION};\n", "looking at the tables"))
        return reach(found, privacy.subject.value, privacy.tables, to_erase=to_erase)

    def do(self, within: Reach, named: Named, act: Act) -> Told:
        """Try, erase or read a person.

        Raises:
            HavreError: the database refused; nothing was changed.
        """
        try:
            out = self._psql(script(within, named, act), "erasing" if act is not Act.READ else "reading")
        except _Refused as error:
            stayed = _STAYED.search(error.said)
            if stayed:
                table = within.deleted[int(stayed[1])]
                raise HavreError(
                    f"rows of {table} stayed, though they were deleted; nothing was changed",
                    hint="a trigger or a rule of the database keeps them",
                ) from None
            if '"done"' not in error.out:
                raise
            out = error.out  # tidying up behind it failed
        return _told(out)

    def who_is_there(self, within: Reach, key: bytes, identities: list[str]) -> set[str]:
        """Those of these persons who are there, by their keyed hashes."""
        out = self._psql(search(within, key, identities), "looking for persons")
        return {json.loads(line)["identity"] for line in out.splitlines()}

    def _psql(self, text: str, doing: str) -> str:
        command = [
            "psql", "--username=postgres", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
            "--set=ON_ERROR_STOP=1", f"--dbname={self.service.database}",
        ]  # fmt: skip
        answer = tell_inside(self.engine, self.container, command, text.encode(), patience=_PATIENCE)
        if not answer.is_good:
            raise _Refused(doing, answer.out, answer.err)
        return answer.out


class _Refused(HavreError):  # noqa: N818 - it is what happened
    """psql failed; what it said may hold values, and is kept from people."""

    def __init__(self, doing: str, out: str, said: str) -> None:
        found = refused(doing, said, "nothing was changed")
        super().__init__(found.message, hint=found.hint)
        self.out, self.said = out, said


def _told(out: str) -> Told:
    told = Told()
    for line in out.splitlines():
        if not line.startswith("{"):
            continue
        each: Mapping[str, Any] = json.loads(line)
        if "found" in each:
            told.found = each["found"]
            told.token, told.identity = each["token"] or "", each["identity"] or ""
        elif "row" in each:
            told.read.setdefault(each["table"], []).append(each["row"])
        elif "fate" in each and each["rows"]:
            told.rows.append(dict(each))
        told.is_done = told.is_done or "done" in each
    return told
