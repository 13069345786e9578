"""Anonymise: a dump becomes a dump in which nothing personal is left, or nothing at all.

1. Read the schema, and decide what becomes of each column.
2. Read every row, and remember protected values as hashes.
3. Read every row again, replace, and write it into a fresh cluster.
4. Search the copy for what was remembered; meanwhile PostgreSQL makes its indexes, constraints and dump.
5. The file gets its name only if nothing was found.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from havre.adapters.postgres.dump_script import Begin, Event, quoted
from havre.adapters.swarm.isolated import told
from havre.domain.privacy.decisions import Decisions, Rules, decide
from havre.domain.privacy.originals import Originals
from havre.domain.privacy.pools import Pools
from havre.domain.privacy.proof import Found, text_columns
from havre.domain.privacy.tables import Database, Table, shown_name
from havre.errors import HavreError, UsageError
from havre.operations.privacy import passes
from havre.operations.privacy.cluster import COPY, PLAN, Cluster, refused, stop
from havre.operations.privacy.passes import Batch, batches, pieces
from havre.operations.privacy.workers import Workers

Tell = Callable[[str, int, int], None]
"""Takes what is being done, how many rows of it are done, and of how many (0: not known yet)."""

_BLOCK: Final = 1 << 19
_TELL_EVERY: Final = 0.25


@dataclass
class Report:
    """What was done, for people and as JSON; it holds no value of any row."""

    rows: dict[str, int] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: tuple[tuple[str, str, str], ...] = ()
    values: int = 0
    """Forms of protected values that were looked for."""
    seconds: dict[str, float] = field(default_factory=dict)
    unproven: tuple[tuple[str, str], ...] = ()
    """Constraints that PostgreSQL does not vouch for in the original, and that do not hold in the copy."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note how long a part takes."""
        begun = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - begun, 2)


class NotProven(HavreError):  # noqa: N818 - named by what it is
    """Something of the original is left in the copy, so there is none."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(
            "the copy still holds something of the original, and was thrown away",
            hint="give these columns a rule; where only certain words occur, list them: keep: [a, b]",
            detail="\n".join(problems),
        )


def anonymise(
    cluster: Cluster,
    source: IO[bytes],
    target: Path,
    *,
    rules: Rules,
    locale: str,
    key: bytes,
    tell: Tell,
) -> Report:
    """Make a copy of a dump without what is personal.

    Args:
        cluster: a fresh one.
        source: the dump, in pg_dump's custom format.
        target: the file to write, also a dump; it is there only if all went well.
        rules: what becomes of which column.
        locale: of made-up values.
        key: 32 bytes on which the replacements depend.
        tell: is told of the progress.

    Raises:
        Undecided: a column has no rule, or one that cannot be carried out.
        NotProven: the copy holds something of the original; it is thrown away.
        HavreError: the dump cannot be read, or the copy's constraints do not hold.
    """
    report = Report()
    with _written(target) as partial:
        with report.timed("schema"):
            cluster.keep_dump(source)
            decisions = _decided(cluster, rules)
        report.kept = decisions.kept
        report.rules = {
            table: {column: rule.written for column, rule in columns.items()}
            for table, columns in decisions.by_table.items()
        }
        copying = _Copying(cluster, decisions, report, tell)
        with report.timed("read"):
            originals = copying.collect()
        report.values = len(originals)
        with report.timed("replace"):
            copying.replace(key, Pools(locale, originals.holds))
        with report.timed("prove"):
            copying.prove(originals, partial)
    return report


def _decided(cluster: Cluster, rules: Rules) -> Decisions:
    """What becomes of each column; the copy's tables are there afterwards, without rows."""
    cluster.restore(PLAN, "pre-data", "post-data")
    decisions = decide(cluster.database(PLAN), rules)
    cluster.query("postgres", f"DROP DATABASE {PLAN}")
    cluster.restore(COPY, "pre-data")
    return decisions


@dataclass
class _Copying:
    """The three passes over the rows, each done by several processes."""

    cluster: Cluster
    decisions: Decisions
    report: Report
    tell: Tell

    def collect(self) -> Originals:
        """Read the original: count its rows and remember what must not be left."""
        originals = Originals()
        rows = self.report.rows = {table.shown: 0 for table in self.decisions.database.tables}
        pace = _Pace(self.tell, "reading", 0)

        def jobs(events: Iterator[Event]) -> Iterator[Batch]:
            for begin, batch in batches(events):
                rows[self._table(begin).shown] += pace(batch)
                yield begin, batch

        with Workers(lambda: passes.Collect(self.decisions, self._table)) as workers:
            with self.cluster.rows() as events:
                for _ in workers.in_order(jobs(events)):
                    pass
            for parts in workers.gathered():
                originals.merge(parts)
        self.tell("reading", sum(rows.values()), sum(rows.values()))
        originals.seal()
        return originals

    def replace(self, key: bytes, pools: Pools) -> None:
        """Read it again, and write it with every row replaced into the copy."""
        work = passes.Replace(self.decisions, self._table, key, pools)
        work.prepare()
        with Workers(lambda: work) as workers:
            child = self.cluster.script(COPY)
            assert child.stdin is not None  # noqa: S101 - it has pipes
            hint = "give the column another rule, one whose values the constraint allows"
            pace = _Pace(self.tell, "replacing", sum(self.report.rows.values()))

            def jobs(events: Iterator[Event]) -> Iterator[tuple[Begin | None, bytes]]:
                for begin, piece in pieces(events):
                    if begin is not None:
                        pace(piece)
                    yield begin, piece

            try:
                with self.cluster.rows() as events:
                    with contextlib.suppress(BrokenPipeError):  # its exit code tells why
                        for piece in workers.in_order(jobs(events)):
                            child.stdin.write(piece)
                        child.stdin.close()
                    if child.wait():
                        raise refused("writing the copy", told(child), hint)
            finally:
                stop(child)

    def prove(self, originals: Originals, target: IO[bytes]) -> None:
        """Search the copy, while PostgreSQL finishes it and dumps it into the target."""
        with Workers(lambda: passes.Prove(self.decisions, originals)) as workers:
            finishing = _Finishing(self.cluster, target)
            try:
                problems = self._searched(workers).problems(self.report.rows)
                if problems:
                    raise NotProven(problems)
                finishing.wait()
                self.report.unproven = tuple(_broken(self.cluster, self.decisions.database))
            finally:
                finishing.stop()

    def _searched(self, workers: Workers) -> Found:
        found = Found()
        pace = _Pace(self.tell, "proving", sum(self.report.rows.values()))

        def jobs() -> Iterator[tuple[int, bytes]]:
            number = -1
            for event in _read_back(self.cluster, self.decisions.database.tables):
                if isinstance(event, int):
                    number = event
                else:
                    pace(event)
                    yield number, event

        for _ in workers.in_order(jobs()):
            pass
        for part in workers.gathered():
            found.merge(part)
        return found

    def _table(self, begin: Begin) -> Table:
        found = self.decisions.database.table(shown_name(begin.schema, begin.table))
        if found is None:
            raise UsageError(
                f"the dump holds rows of {begin.schema}.{begin.table}, which is no table of its own",
                hint="tables of extensions cannot be copied: pg_dump --exclude-table-data",
            )
        return found


def _read_back(cluster: Cluster, tables: tuple[Table, ...]) -> Iterator[int | bytes]:
    """The copy's texts: the number of a table, then batches of its rows."""
    mark = secrets.token_hex(16).encode()
    script = b"".join(
        b"\\echo %s\nCOPY (SELECT %s FROM ONLY %s.%s) TO STDOUT;\n"
        % (
            mark,
            ", ".join(("1", *map(quoted, text_columns(table)))).encode(),
            quoted(table.schema).encode(),
            quoted(table.name).encode(),
        )
        for table in tables
    )
    child = cluster.script(COPY)
    assert child.stdin is not None  # noqa: S101 - it has pipes
    assert child.stdout is not None  # noqa: S101
    writer = threading.Thread(target=_write, args=(child.stdin, script), daemon=True)
    writer.start()
    try:
        number, held = -1, b""
        while block := child.stdout.read1(_BLOCK):  # type: ignore[attr-defined] # it is buffered
            part, _, held = (held + block).rpartition(b"\n")
            for position, piece in enumerate(part.split(mark)):
                if position:
                    number += 1
                    yield number
                rows = piece.strip(b"\n")  # each begins with the constant, so none is empty
                if rows:
                    yield rows
        if child.wait() or number + 1 != len(tables):
            raise refused("reading the copy back", told(child))
    finally:
        stop(child)
        writer.join()


def _write(pipe: IO[bytes], text: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        pipe.write(text)
        pipe.close()


class _Finishing:
    """What PostgreSQL does while the proof runs: indexes and constraints, then the dump of the copy."""

    def __init__(self, cluster: Cluster, target: IO[bytes]) -> None:
        self._cluster, self._target = cluster, target
        self._children: list[subprocess.Popen[bytes]] = []
        self._error: HavreError | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until it is done; raises what went wrong."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End it, done or not."""
        self._stopped.set()
        while self._thread.is_alive():
            for child in self._children:
                if child.poll() is None:
                    child.kill()
            self._thread.join(_TELL_EVERY)
        for child in self._children:
            stop(child)

    def _run(self) -> None:
        try:
            self._carry_out()
        except HavreError as error:
            self._error = error
        except (OSError, ValueError):
            self._error = HavreError("the copy could not be written", hint="is the disk full?")

    def _carry_out(self) -> None:
        restoring = self._start(lambda: self._cluster.restoring(COPY, "post-data"))
        if restoring.wait():
            hint = "a unique column needs a rule like hash, or unique: true"
            raise refused("building the copy's indexes and constraints", told(restoring), hint)
        dumping = self._start(lambda: self._cluster.dumping(COPY))
        assert dumping.stdout is not None  # noqa: S101 - it has pipes
        while block := dumping.stdout.read1(_BLOCK):  # type: ignore[attr-defined] # it is buffered
            self._target.write(block)
        if dumping.wait():
            raise refused("dumping the copy", told(dumping))

    def _start(self, make: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        if self._stopped.is_set():
            raise HavreError("stopped")
        self._children.append(make())
        return self._children[-1]


def _broken(cluster: Cluster, database: Database) -> Iterator[tuple[str, str]]:
    """Constraints marked NOT VALID that do not hold; they may not have in the original either."""
    for shown, name in database.not_valid:
        table = database.table(shown)
        if table is None:
            continue
        where = f"{quoted(table.schema)}.{quoted(table.name)}"
        try:
            cluster.query(COPY, f"BEGIN; ALTER TABLE {where} VALIDATE CONSTRAINT {quoted(name)}; ROLLBACK")
        except HavreError:
            yield shown, name


@contextlib.contextmanager
def _written(target: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all went well; until then it is beside its place, for the owner only."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


class _Pace:
    """Counts rows, and tells of them now and then."""

    def __init__(self, tell: Tell, doing: str, total: int) -> None:
        self._tell, self._doing, self._total = tell, doing, total
        self._done, self._last = 0, 0.0
        tell(doing, 0, total)

    def __call__(self, batch: bytes) -> int:
        """Rows of this batch."""
        count = batch.count(b"\n") + 1
        self._done += count
        now = time.monotonic()
        if now - self._last > _TELL_EVERY or self._done == self._total:
            self._last = now
            self._tell(self._doing, self._done, self._total)
        return count
