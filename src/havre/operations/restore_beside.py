"""Restore a database, or one table of it, beside the present one: nothing is replaced, nothing stops."""

from __future__ import annotations

from typing import Final, Protocol

from havre.domain.continuity import failures
from havre.domain.continuity.repositories import DATA_VOLUME
from havre.errors import BackupError, UsageError
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity.database import Database
from havre.operations.erase import look_again

_LONGEST: Final = 24 * 3600.0


class _Restore(Protocol):
    @property
    def number(self) -> str: ...
    @property
    def database(self) -> Database: ...
    def restore(self) -> str: ...
    def undo(self) -> str: ...
    def run_job(self, what: str, command: tuple[str, ...], *, at_most: float) -> None: ...


def runbook(run: Run, restore: _Restore, look: Step) -> Runbook:
    """The steps.

    Args:
        run: the operation; its parameters name the new database, and perhaps the only table.
        restore: makes the cluster that the database is taken from.
        look: the step that plans.
    """
    beside = Beside(run, restore)
    return Runbook(
        steps=(
            Step("name", "See that the name is free", beside.require_free),
            look,
            Step("restore", "Restore beside the database, which goes on", restore.restore),
            Step("dump", "Take the database out of what was restored", beside.dump),
            Step("load", "Make a database of it", beside.load),
            Step("tidy", "Remove what was restored", beside.tidy),
        ),
        undo=beside.undo,
    )


class Beside:
    """One restore into a database of another name, in the same server."""

    def __init__(self, run: Run, restore: _Restore) -> None:
        self.run = run
        self._restore = restore

    def require_free(self) -> str:
        """The new database may not replace one.

        Raises:
            UsageError: there is one of that name.
        """
        statement = "SELECT datname FROM pg_database"
        if self._name in self._restore.database.query(statement).split() and not self._is_loaded:
            raise UsageError(
                f"{self._restore.database.name} has a database {self._name} already",
                hint="choose another name",
            )
        return self._name

    def dump(self) -> str:
        """By a job: the restored cluster is started where nobody reaches it."""
        self._restore.run_job(
            "extract", ("havre-extract", self._restore.number, self._dump), at_most=_LONGEST
        )
        return "dumped"

    def load(self) -> str:
        """Under another name until it is whole.

        Raises:
            BackupError: it could not be loaded.
        """
        if self._is_loaded:
            return "loaded before"
        table = self.run.operation.params.get("table")
        database = self._restore.database
        database.start_task(self._task, ["havre-load", self._dump, self._name, *([table] if table else [])])
        ended = database.wait_for_task(self._task, at_most=_LONGEST)
        if ended.exit_code:
            cause = failures.cause(ended.log)
            raise BackupError(
                f"{self._name} was not made: {cause.message}", hint=cause.hint, detail=ended.log
            )
        if table and database.query(f"SELECT to_regclass('{table}') IS NULL", database=self._name) == "t":
            database.query(f'DROP DATABASE "{self._name}"')
            raise UsageError(f"there was no table {table} at that moment", hint="give it as schema.table")
        self.run.remember(loaded=True)
        return f"database {self._name}"

    def tidy(self) -> str:
        """What it was taken from; the present data was never touched."""
        self._restore.undo()
        self._remove_dump()
        back = look_again(self.run, self._restore.database)
        told = f"look at it: havre exec, psql {self._name}; remove it by DROP DATABASE"
        return f"{back}; {told}" if back else told

    def undo(self) -> str:
        """What was begun is removed."""
        if "plan" not in self.run.operation.result:
            return "nothing had been changed"
        database = self._restore.database
        database.stop_task(self._task)
        database.take_job_away("extract")
        self._restore.undo()
        self._remove_dump()
        database.query(f'DROP DATABASE IF EXISTS "{self._name}.loading" WITH (FORCE)')
        return f"{self._name} is complete and stays" if self._is_loaded else "nothing is left of it"

    def _remove_dump(self) -> None:
        self._restore.database.ask("rm", "-f", self._dump, f"{self._dump}.new")

    @property
    def _name(self) -> str:
        return str(self.run.operation.params["beside"])

    @property
    def _dump(self) -> str:
        return f"{DATA_VOLUME}/extract-{self._restore.number}.dump"

    @property
    def _task(self) -> str:
        return f"load-{self._restore.number}"

    @property
    def _is_loaded(self) -> bool:
        return bool(self.run.operation.result.get("loaded"))
