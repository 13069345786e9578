"""Erase: take a person out of the database of an environment, and say which backups still hold the data.

The person's value comes sealed, and is forgotten with the end of the operation, whatever end that is
(:mod:`havre.records.erasures`). What is remembered are keyed hashes: of the value, to answer whether somebody
was erased, and of the row's primary key, to find the person again after a restore.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from havre.adapters import sealing
from havre.adapters.postgres.persons import Act, Named
from havre.domain.continuity.expiry import holding
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.retention import Retention
from havre.domain.schedule import Schedule
from havre.errors import BackupError, HavreError, UsageError
from havre.manifest import PostgresService
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity.database import Database
from havre.operations.continuity.live import live_composition
from havre.operations.continuity.view import databases
from havre.operations.continuity.volumes import volumes_of
from havre.operations.privacy.persons import People, Told, beside, named_by, with_persons
from havre.operations.workloads import Composition
from havre.records import dumps, erasures, saving
from havre.records.models import Erasure

KEY: Final = "erasures"
"""What the key of the hashes is for."""


def runbook(run: Run) -> Runbook:
    """The steps of an erasure."""
    erase = Erase(run)
    return Runbook(
        steps=(
            Step("find", "Find the person and try it", erase.find),
            Step("erase", "Erase", erase.erase),
            Step("backups", "Say what still holds the data", erase.backups),
        ),
        undo=erase.undo,
    )


@dataclass(frozen=True)
class _Person:
    """Somebody in one database, and what is remembered of the erasure."""

    row: Erasure
    database: Database
    service: PostgresService
    named: Named

    def __repr__(self) -> str:
        return f"_Person({self.row.pk})"


class Erase:
    """One erasure: of a named person, or of all who are there again."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._composition: Composition | None = None
        self._tried_beside: dict[str, Told] = {}

    @property
    def composition(self) -> Composition:
        """The live release."""
        if self._composition is None:
            self._composition = live_composition(self.run)
        return self._composition

    # Steps

    def find(self) -> str:
        """Everything is done once and taken back: then it is known that it can be done."""
        found: dict[str, Any] = {}
        for person in self._persons():
            people = self._people(person)
            told = people.do(people.reach(), person.named, Act.TRY)
            if told.found > 1:
                raise UsageError(
                    f"{told.found} persons of {person.row.subject.rpartition('.')[0]} have this"
                    f" {person.row.subject.rpartition('.')[2]}",
                    hint="name them one by one, by a column that tells them apart",
                )
            before = self._found.get(str(person.row.pk)) or {}
            elsewhere = self._try_beside(person, before.get("beside") or {})
            if before and not told.found:  # an earlier attempt erased them
                found[str(person.row.pk)] = {**before, "beside": elsewhere}
                continue
            known = [told, *(each for each in self._tried_beside.values() if each.identity)]
            token = next((each.token for each in known if each.token), person.row.token)
            identity = next((each.identity for each in known if each.identity), person.row.identity)
            erasures.identify(person.row, service=person.database.name, token=token, identity=identity)
            found[str(person.row.pk)] = {
                "service": person.database.name,
                "subject": person.row.subject,
                "found": told.found,
                "token": token,
                "rows": told.rows,
                "beside": elsewhere,
            }
        self.run.remember(persons={**self._found, **found})
        there = sum(map(_count, self._found.values()))
        return f"found: {there}" if there else "nobody is there"

    def erase(self) -> str:
        """One transaction for each person."""
        if self.run.operation.params.get("dry_run"):
            return "not done: a dry run"
        for person in self._persons():
            before = self._found.get(str(person.row.pk)) or {"found": 0, "rows": []}
            people = self._people(person)
            told = people.do(people.reach(), person.named, Act.ERASE)
            rows = told.rows if told.found else before["rows"]  # an earlier attempt did it
            if told.found > 1:
                raise UsageError("there are several persons of this name now; nothing was changed")
            for name, each in (before.get("beside") or {}).items():
                if each["found"]:
                    beside = self._people(person).beside(name)
                    beside.do(beside.reach(), person.named, Act.ERASE)
                    rows = [*rows, *({**row, "table": f"{name}: {row['table']}"} for row in each["rows"])]
            if _count(before) or told.found:
                erasures.erased(person.row, rows)
                for each in rows:
                    self.run.log(f"{each['table']}: {each['rows']} rows {each['fate']}")
            elif person.row.is_back:
                erasures.mark_back([person.row], set())
        self.run.remember(erased_at=self.run.operation.result.get("erased_at") or timezone.now().isoformat())
        return "erased" if any(map(_count, self._found.values())) else "nobody was there"

    def backups(self) -> str:
        """From the repositories as they are now."""
        moment = datetime.fromisoformat(
            self.run.operation.result.get("erased_at") or timezone.now().isoformat()
        )
        listed: list[dict[str, Any]] = []
        problems: list[str] = []
        for each in self._found.values():
            for name, told in (each.get("beside") or {}).items():
                if told["problem"]:
                    problems.append(f"{each['service']}: the database {name} beside: {told['problem']}")
        for name in sorted({str(each["service"]) for each in self._found.values() if _count(each)}):
            database = Database(self.run, self.composition, name)
            try:
                if name not in databases(self.composition):
                    continue
                listed += self._holding(database, moment)
                problems += [f"{name}: restore {n} keeps what it replaced" for n in database.replaced()]
            except BackupError as error:
                problems.append(error.message)
        files = self._files(moment) if any(map(_count, self._found.values())) else []
        self.run.remember(backups=listed, backup_problems=problems, files=files)
        if not listed and not problems:
            return "no backup"
        last = max((each["expires_at"] or "" for each in listed), default="")
        told = [
            f"{len(listed)} backups hold the data" + (f", the last one until {last[:10]}" if last else "")
        ]
        return "; ".join([*(told if listed else ()), *problems])

    def undo(self) -> str:
        """What was erased stays so; a transaction that did not come to its end changed nothing."""
        if self.run.operation.result.get("erased_at"):
            return "what was erased stays erased"
        return "nothing had been changed"

    # What is needed for that

    @property
    def _found(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.run.operation.result.get("persons", {})
        return found

    def _persons(self) -> list[_Person]:
        key = sealing.own_key(self.run.platform.config.paths.private_key, KEY)
        if self.run.operation.params.get("again"):
            return [
                self._person(row, Named(key, identity=row.identity))
                for row in erasures.known(self.run.environment)
                if row.is_back or str(row.pk) in self._found
            ]
        if not any(isinstance(s, PostgresService) for s in self.composition.spec.services.values()):
            return []
        row = erasures.of(self.run.operation)
        if row is None or row.sealed is None:
            raise HavreError("the person's value is not there any more", hint="ask for it again")
        value = sealing.unseal(self.run.platform.config.paths.private_key, bytes(row.sealed)).decode()
        self.run.redact.hide([value])
        return [self._person(row, Named(key, column=row.subject.rpartition(".")[2], value=value))]

    def _person(self, row: Erasure, named: Named) -> _Person:
        table, _, column = row.subject.rpartition(".")
        name, service = with_persons(
            self.composition.spec.services, table, row.service, f"the live release of {self.run.environment}"
        )
        named_by(service, column)
        return _Person(row, Database(self.run, self.composition, name), service, named)

    def _people(self, person: _Person) -> People:
        container = person.database.container
        if not container:
            raise BackupError(
                f"{person.database.name} of {self.run.environment} does not run", retryable=True
            )
        return People(self.run.platform.engine, container, person.service)

    def _try_beside(self, person: _Person, before: dict[str, Any]) -> dict[str, Any]:
        """The same in databases that somebody restored or kept beside; what each told, by its name.

        Args:
            person: who is meant.
            before: what an earlier attempt was told, which may have erased them since.
        """
        found: dict[str, Any] = {}
        self._tried_beside = {}
        for name in beside(person.database, person.service):
            people = self._people(person).beside(name)
            problem = ""
            try:
                told = people.do(people.reach(), person.named, Act.TRY)
                if told.found > 1:
                    problem = f"{told.found} persons have this value; drop it, or name them one by one"
            except HavreError as error:
                told, problem = Told(), f"it could not be looked into; drop it ({error.message})"
            if problem:
                told = Told()
            elif not told.found and name in before:
                found[name] = before[name]
                continue
            self._tried_beside[name] = told
            found[name] = {"found": told.found, "rows": told.rows, "problem": problem}
        return found

    def _files(self, moment: datetime) -> list[dict[str, Any]]:
        """Copies of volumes, in which nobody looked for the person: where, and until when at the latest."""
        environment = self.run.environment
        if saving.last_saved(environment) is None:
            return []
        places = [Repository.LOCAL, *([Repository.OFFSITE] if self.composition.storage else [])]
        listed = []
        for name in volumes_of(environment, self.composition.release):
            for place in places:
                policy = saving.retentions(place).get(str(environment), Retention())
                until = policy.kept_until(moment).isoformat()
                listed.append({"volume": name, "repository": place.value, "expires_at": until})
        return listed

    def _holding(self, database: Database, moment: datetime) -> list[dict[str, Any]]:
        service = self.composition.spec.services[database.name]
        assert isinstance(service, PostgresService)  # noqa: S101 - it has backups
        saved, backups = database.info(), service.backups
        next_full = Schedule(backups.full, backups.timezone).after(moment)
        listed = []
        for repository, days in zip(Repository, backups.keep.days, strict=True):
            if saved.problem(repository):
                raise BackupError(f"the {repository} repository of {database.name} could not be read")
            found = holding(saved.of(repository), moment, keep=timedelta(days=days), next_full=next_full)
            listed += [
                {
                    "service": database.name,
                    "repository": repository.value,
                    "label": each.backup.label,
                    "made_at": each.backup.stopped.isoformat(),
                    "expires_at": each.at.isoformat() if each.at else None,
                }
                for each in found
            ]
            policy = saving.retentions(repository).get(str(self.run.environment), Retention())
            until = policy.kept_until(moment)
            listed += dumps.holding(self.run.environment, database.name, repository, moment, until=until)
        return listed


def _count(person: Mapping[str, Any]) -> int:
    """In how many databases of a server a person was found."""
    elsewhere = (person.get("beside") or {}).values()
    return int(person.get("found") or 0) + sum(int(each["found"]) for each in elsewhere)


def look_again(run: Run, database: Database) -> str:
    """After a restore: whether somebody who was erased is there again, in words; empty if nobody is.

    It is looked for in the databases beside too.
    """
    rows = erasures.known(run.environment, database.name)
    service = database.composition.spec.services[database.name]
    if not rows or not isinstance(service, PostgresService):
        return ""
    key = sealing.own_key(run.platform.config.paths.private_key, KEY)
    people = People(run.platform.engine, database.container, service)
    identities = [row.identity for row in rows]
    there: set[str] = set()
    for each in (people, *map(people.beside, beside(database, service))):
        try:
            there |= each.who_is_there(each.reach(to_erase=False), key, identities)
        except HavreError as error:
            run.log(
                f"whether erased persons are in {each.service.database} again is not known: {error.message}"
            )
            if each is people:
                there |= set(identities)
    back = erasures.mark_back(rows, there)
    told = f"{back} erased persons may be there again: havre privacy erase --again"
    if back:
        run.log(told)
    return told if back else ""
