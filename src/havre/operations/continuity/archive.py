"""The archive at work: restic in a container of its own, which gets its keys by its input."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from havre.adapters.buildkit.build import HOST_CA_BUNDLE
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import Answer, run_inside, tell_inside
from havre.adapters.swarm.isolated import exec_in, told
from havre.adapters.swarm.toolbox import (
    READS,
    WRITES,
    Mount,
    Program,
    images_from,
    images_into,
    output_into,
    piped,
    toolbox,
)
from havre.domain import naming
from havre.domain.continuity import archive, progress
from havre.domain.continuity.archive import HOST, NO_REPOSITORY, Place, Snapshot
from havre.domain.continuity.beginning import MADE_WITHIN
from havre.domain.continuity.outage import PATIENCE
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.retention import Retention, by_policy
from havre.errors import BackupError
from havre.images import platform_image
from havre.operations.continuity.beginning import begin
from havre.operations.continuity.outage import StorageWatch

if TYPE_CHECKING:  # it reads the records, which a rebuild does not have yet
    from havre.operations.continuity.storage import Storage

IMAGE: Final = platform_image("backup").tag
ROLE: Final = "archive"
IMAGES_FILE: Final = "images.tar"
_ANSWERS_WITHIN: Final = str(MADE_WITHIN)  # seconds
_PAUSE: Final = 1.0  # seconds
_ENDS_WITHIN: Final = 10.0  # seconds
_WHOLE: Final = ("havre-archive", "whole")

Tell = Callable[[str], None]


def offsite_place(storage: Storage, *, upload_limit: int = 0) -> Place:
    """The archive in a storage; without an authority of its own, what this machine trusts is trusted.

    Args:
        storage: where it is, and what opens it.
        upload_limit: KiB a second that are sent at most; 0 for no ceiling.
    """
    return archive.elsewhere(storage.place, storage.keys, trusted(storage.ca), upload_limit=upload_limit)


def trusted(ca: str) -> str:
    """The authorities by which a storage is known: its own, else those of this machine."""
    return ca or (HOST_CA_BUNDLE.read_text(encoding="utf-8") if HOST_CA_BUNDLE.is_file() else "")


@dataclass(frozen=True)
class Report:
    """What was saved: the snapshot, its size, and the bytes that it added to the archive."""

    snapshot: str
    size: int
    added: int

    def __str__(self) -> str:
        return f"{self.size / 1e6:.1f} MB, {self.added / 1e6:.1f} MB of them new"


class Archive:
    """An opened repository; ``watch`` is called about once a second and may raise to stop.

    restic (0.18) tries on for a quarter of an hour when its storage dies, so that is looked for besides.
    """

    def __init__(
        self, engine: Engine, container: str, place: Place, watch: Tell, patience: float = PATIENCE
    ) -> None:
        self._engine = engine
        self._container = container
        self._place = place
        self._tell = watch
        self._storage = StorageWatch(place.storage, patience)

    def _watch(self, message: str) -> None:
        self._tell(message)
        self._storage.require()

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        engine: Engine,
        place: Place,
        *,
        labels: Mapping[str, str] | None = None,
        mounts: Sequence[Mount] = (),
        writes: bool = False,
        cpus: float = 0.0,
        watch: Tell = lambda _: None,
        patience: float = PATIENCE,
    ) -> Iterator[Archive]:
        """The repository of a place, for the length of a block.

        Args:
            engine: this server's, which has the image :data:`IMAGE`.
            place: where, and what opens it.
            labels: of its container: what an operation left is found by them.
            mounts: what is to be saved, or written.
            writes: whether files of other accounts are to be made.
            cpus: processors that it may take, after whatever serves; 0 for all.
            watch: takes how far it is.
            patience: seconds without an answer after which its storage is given up.

        Raises:
            EngineError: the engine refused.
        """
        is_local = place.repository is Repository.LOCAL
        own = [Mount(archive.LOCAL_VOLUME, archive.LOCAL_PATH, read_only=False)] if is_local else []
        with toolbox(
            engine,
            IMAGE,
            labels={naming.MANAGED: "true", naming.ROLE: ROLE, **(labels or {})},
            mounts=[*own, *mounts],
            capabilities=WRITES if writes or is_local else READS,
            cpus=cpus,
        ) as container:
            answer = tell_inside(engine, container, ["havre-archive", "open"], place.text.encode())
            if not answer.is_good:
                raise BackupError(f"the archive's settings were not taken: {answer.err.strip()[:300]}")
            yield cls(engine, container, place, watch, patience)

    @property
    def repository(self) -> Repository:
        """Which one it is."""
        return self._place.repository

    def ensure(self) -> str:
        """Have the repository there and open; what had to be done for it, empty if nothing.

        Raises:
            BackupError: it cannot be opened or made, with the cause.
        """

        def ask(*arguments: str) -> Answer:
            return self._ask(*arguments, within=_ANSWERS_WITHIN)

        def run(command: Sequence[str]) -> Answer:
            return run_inside(self._engine, self._container, list(command))

        def pause(seconds: float) -> None:
            time.sleep(seconds)
            self._watch("")

        return begin(self._place, ask, run, pause)

    def is_there(self) -> bool:
        """Whether there is a repository, which opens.

        Raises:
            BackupError: there is one, or may be, that cannot be opened.
        """
        answer = self._ask("cat", "config", within=_ANSWERS_WITHIN)
        if answer.exit_code == NO_REPOSITORY:
            return False
        self._require(answer)
        return True

    def snapshots(self) -> tuple[Snapshot, ...]:
        """What it holds, the oldest first.

        Raises:
            BackupError: it cannot be read, with the cause.
        """
        answer = self._ask("snapshots", "--json", f"--host={HOST}", "--no-lock", within=_ANSWERS_WITHIN)
        self._require(answer)
        return archive.snapshots(answer.out)

    def save_folder(self, path: str, tag: str) -> Report:
        """Save what the container sees at a path.

        Raises:
            BackupError: it failed; there is no new snapshot.
        """
        command = self._restic("run", "backup", *self._marks(tag), path)
        program = exec_in(self._engine, self._container, command)
        try:
            return self._reported(program)
        finally:
            program.kill()
            program.wait()

    def save_images(self, references: Sequence[str], tag: str) -> Report:
        """Save images as one tar, without a copy on the disk.

        Raises:
            BackupError: it failed, or the tar was not whole; there is no new snapshot.
        """
        into = Program(self._container, self._restic("stream", IMAGES_FILE, *self._marks(tag)))
        with images_into(self._engine, references, into, whole=_WHOLE) as program:
            return self._reported(program)

    def save_output(
        self, source: Program, name: str, tag: str, *, compression: str = "auto", expected: int = 0
    ) -> Report:
        """Save what a program writes as a file, without a copy on the disk.

        Args:
            source: the program; only if it ends well there is a snapshot.
            name: of the file.
            tag: of the snapshot.
            compression: restic's word for it.
            expected: bytes that it may write; 0 if nobody knows.

        Raises:
            BackupError: it failed, or its source did; there is no new snapshot.
        """
        more = ("stream", name, *self._marks(tag), f"--compression={compression}")
        into = Program(self._container, self._restic(*more))
        with output_into(self._engine, source, into, whole=_WHOLE) as (program, giving):
            try:
                return self._reported(program, expected=expected)
            except BackupError as error:
                said = [line for line in told(giving).splitlines() if line.strip()] if giving.poll() else []
                if not said:
                    raise
                raise BackupError(
                    f"{error.message}: {said[-1].strip()[:300]}", hint=error.hint, detail="\n".join(said[-5:])
                ) from error

    def reading(self, snapshot: str, name: str) -> Program:
        """The program that writes a file of a snapshot, checked against its checksums."""
        return Program(self._container, self._restic("run", "dump", "--no-lock", snapshot, name))

    def read_into(self, snapshot: str, name: str, into: Program, *, whole: bool = True) -> str:
        """Let a program read a file of a snapshot; what it says.

        Args:
            snapshot: its id.
            name: of the file.
            into: the program.
            whole: whether it reads to the end; else it may stop when it has seen enough.

        Raises:
            BackupError: the file cannot be read, or the program did not take it.
        """
        giving, program = piped(self._engine, self.reading(snapshot, name), into)
        try:
            answer = self._end_of(program)
            with contextlib.suppress(subprocess.TimeoutExpired):
                giving.wait(_ENDS_WITHIN)
        finally:
            giving.kill()
            giving.wait()
        if whole and giving.returncode:
            found = archive.cause(giving.returncode, told(giving))
            raise BackupError(f"it cannot be read back: {found.message}", hint=found.hint)
        if not answer.is_good:
            said = [line for line in answer.err.splitlines() if line.strip()]
            raise BackupError(f"it is not whole: {said[-1].strip()[:300] if said else 'it ended early'}")
        return answer.out

    def drop(self, *snapshots: str) -> None:
        """Let snapshots go: that turned out to be bad, so that nobody takes it for the newest; or replaced.

        Raises:
            BackupError: it failed.
        """
        self._require(self._ask("forget", *snapshots, "--retry-lock=5m"))

    def load_images(self, snapshot: str) -> None:
        """Give the images of a snapshot to the engine.

        Raises:
            BackupError: they could not be read.
            EngineError: the engine did not take them.
        """
        command = self._restic("run", "dump", "--no-lock", snapshot, IMAGES_FILE)
        problem = images_from(self._engine, self._container, command)
        if problem:
            found = archive.cause(1, problem)
            raise BackupError(f"the saved images could not be read: {found.message}", hint=found.hint)

    def restore_folder(self, snapshot: str, path: str, target: str) -> None:
        """Write what a snapshot has at a path to a folder that the container sees; as it was then.

        Raises:
            BackupError: it failed; with the files that could not be written, where it is about some.
        """
        command = ["restore", "--no-lock", f"{snapshot}:{path}", f"--target={target}", "--delete", "--json"]
        answer = self._ask(*command)
        try:
            self._require(answer)
        except BackupError as error:
            files = archive.not_restored(answer.err + answer.out)
            if not files:
                raise
            raise BackupError(f"{error.message}: {files}", hint=error.hint, detail=error.detail) from error

    def free(self, path: str) -> int:
        """Bytes that are free where the container sees a path."""
        answer = run_inside(self._engine, self._container, ["df", "--output=avail", "-B1", path])
        return int(answer.out.split()[-1]) if answer.is_good else 0

    def forget(self, policies: Mapping[str, Retention]) -> str:
        """Let go what is older than wanted, and its space; the newest of everything stays.

        Args:
            policies: by environment; see :func:`havre.domain.continuity.retention.by_policy`.

        Raises:
            BackupError: it failed; what is there stays.
        """
        self._ask("unlock")
        gone = 0
        for policy, tags in by_policy((each.tag for each in self.snapshots()), policies).items():
            which = (f"--host={HOST}", "--group-by=tags", *(f"--tag={tag}" for tag in tags))
            answer = self._ask("forget", *which, *policy.arguments, "--retry-lock=5m", "--json")
            self._require(answer)
            groups = json.loads(answer.out.splitlines()[0] or "[]")
            gone += sum(len(group.get("remove") or ()) for group in groups)
        if gone:
            self._require(self._ask("prune", "--retry-lock=5m", "--quiet"))
        return f"{gone} old ones removed" if gone else "nothing is old"

    def check(self) -> str:
        """Read a part back and compare it with its checksums; the words for what was read.

        Raises:
            BackupError: something is damaged or missing.
        """
        answer = self._ask("stats", "--mode=raw-data", "--json", "--no-lock")
        self._require(answer)
        part = archive.to_read_back(int(json.loads(answer.out)["total_size"]), datetime.now(UTC).toordinal())
        self._ask("unlock")
        self._require(self._ask("check", f"--read-data-subset={part}", "--retry-lock=5m"))
        return f"{part} read back"

    def _marks(self, tag: str) -> tuple[str, ...]:
        # Who reads back or lets go has the repository for itself meanwhile.
        return ("--json", f"--host={HOST}", f"--tag={tag}", "--group-by=tags", "--retry-lock=30m")

    def _restic(self, word: str, *arguments: str) -> list[str]:
        return ["havre-archive", word, *arguments, *self._place.options]

    def _ask(self, *arguments: str, within: str = "") -> Answer:
        if not within:
            return self._followed(self._restic("run", *arguments))
        command = ["timeout", within, *self._restic("run", *arguments)]
        return run_inside(self._engine, self._container, command)

    def _followed(self, command: Sequence[str]) -> Answer:
        """The answer of a command that may take long, and may be stopped."""
        return self._end_of(exec_in(self._engine, self._container, command))

    def _end_of(self, program: subprocess.Popen[bytes]) -> Answer:
        out: list[bytes] = []
        reader = threading.Thread(
            target=lambda: out.append(program.stdout.read() if program.stdout else b""), daemon=True
        )
        reader.start()
        try:
            while program.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    program.wait(_PAUSE)
                self._watch("")
        finally:
            program.kill()
            program.wait()
            reader.join()
        return Answer(program.returncode, b"".join(out).decode(errors="replace"), told(program))

    def _require(self, answer: Answer) -> None:
        if not answer.is_good:
            found = archive.cause(
                answer.exit_code,
                answer.err + answer.out,
                is_local=self.repository is Repository.LOCAL,
            )
            raise BackupError(found.message, hint=found.hint, detail=answer.err.strip())

    def _lines(self, program: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """What it writes; somebody looks at the storage while it is silent too."""
        lines: queue.Queue[bytes | None] = queue.Queue()

        def read() -> None:
            for line in program.stdout or ():
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=_PAUSE)
            except queue.Empty:
                self._watch("")
                continue
            if line is None:
                return
            yield line

    def _reported(self, program: subprocess.Popen[bytes], *, expected: int = 0) -> Report:
        """Follow a backup to its end; restic says nothing while its storage does not answer."""
        began = time.monotonic()
        summary: dict[str, Any] = {}
        said: list[str] = []
        for line in self._lines(program):
            try:
                row = json.loads(line)
            except ValueError:
                said.append(line.decode(errors="replace"))
                continue
            match row.get("message_type"):
                case "status":
                    total = expected or int(row.get("total_bytes") or 0)
                    done = int(row.get("bytes_done") or 0)
                    self._watch(progress.told(done, total, time.monotonic() - began))
                case "summary":
                    summary = row
                case "error":
                    said.append(str((row.get("error") or {}).get("message")))
        code = program.wait()
        if code and summary.get("snapshot_id"):
            # Of what could not be read to its end restic (0.18) makes one all the same.
            with contextlib.suppress(BackupError):
                self.drop(str(summary["snapshot_id"]))
        if code or not summary.get("snapshot_id"):
            found = archive.cause(code, told(program) + "\n".join(said))
            raise BackupError(found.message, hint=found.hint, detail="\n".join(said[-5:]), retryable=True)
        return Report(
            str(summary["snapshot_id"]),
            int(summary.get("total_bytes_processed") or 0),
            int(summary.get("data_added_packed") or 0),
        )
