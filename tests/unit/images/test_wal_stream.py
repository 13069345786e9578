"""The program that streams WAL, with stand-ins for PostgreSQL and pgBackRest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from havre.domain.continuity.stream import Streaming
from havre.images import FOLDER

PROGRAM = FOLDER / "postgres" / "stream.pl"
SEGMENT = 16 * 1024 * 1024
FIRST, SECOND = "000000010000000000000001", "000000010000000000000002"
CLUSTER = "7000000000000000001"
PATIENCE = 60.0

PGBACKREST = """#!/bin/bash
# Files in a folder, sealed with the key that was given: another one does not open them.
[ ! -e "$STAND_IN/dead" ] || { echo "unable to connect" >&2; exit 49; }
for path; do :; done
command=
for word; do case $word in repo-*) command=$word ;; esac; done
file=$STAND_IN/repository/$path
case $command in
  repo-put) mkdir -p "$(dirname "$file")"; { echo "$PGBACKREST_CIPHER_PASS"; cat; } >"$file" ;;
  repo-get)
    [ -e "$file" ] || exit 1
    read -r key <"$file"
    [ "$key" = "$PGBACKREST_CIPHER_PASS" ] || { echo "unable to flush" >&2; exit 95; }
    tail -n +2 "$file" ;;
  repo-rm) [ ! -e "$STAND_IN/kept" ] || { echo "forbidden" >&2; exit 38; }; rm -rf "$file" ;;
  repo-ls)
    separator='{'
    for found in $(cd "$file" 2>/dev/null && find . -mindepth 1 | sed 's|^./||'); do
      printf '%s"%s":{}' "$separator" "$found"; separator=,
    done
    [ "$separator" = , ] && echo '}' || echo '{}' ;;
esac
"""
ARCHIVE = """#!/bin/bash
# archive FOLDER NAME PATH, as pgBackRest answers: 1 is that there is none.
echo "$2" >>"$1/asked"
[ ! -e "$1/dead" ] || exit 49
[ -e "$1/$2" ] || exit 1
cp "$1/$2" "$3"
"""


@dataclass
class Lab:
    """A cluster's WAL, and an off-site repository."""

    folder: Path

    def __post_init__(self) -> None:
        for part in ("bin", "data/pg_wal/archive_status", "tmp", "conf.d", "repository", "archive"):
            (self.folder / part).mkdir(parents=True)
        self.set_passphrase("correct horse")
        self._program("pgbackrest", PGBACKREST)
        self._program("psql", '#!/bin/sh\ncat "$STAND_IN/position"\n')
        self._program(
            "pg_controldata", f'#!/bin/sh\necho "Database system identifier:           {CLUSTER}"\n'
        )
        self._program("archive", ARCHIVE)

    def _program(self, name: str, text: str) -> None:
        (self.folder / "bin" / name).write_text(text)
        (self.folder / "bin" / name).chmod(0o755)

    def set_passphrase(self, passphrase: str) -> None:
        (self.folder / "conf.d" / "offsite.conf").write_text(f"[global]\nrepo2-cipher-pass={passphrase}\n")

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "STAND_IN": str(self.folder),
            "PGDATA": str(self.folder / "data"),
            "TMPDIR": str(self.folder / "tmp"),
            "PGBACKREST_CONFIG_INCLUDE_PATH": str(self.folder / "conf.d"),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["perl", str(PROGRAM), *arguments], env=self.env, capture_output=True, text=True, check=False
        )

    def write(self, name: str, content: bytes, *, ready: bool = False) -> None:
        """Have a segment with this content; the rest of it is of an earlier use."""
        padded = content + b"\xee" * (SEGMENT - len(content))
        (self.folder / "data" / "pg_wal" / name).write_bytes(padded)
        if ready:
            self.status(name, "ready").touch()

    def status(self, name: str, word: str) -> Path:
        return self.folder / "data" / "pg_wal" / "archive_status" / f"{name}.{word}"

    def archived(self, name: str) -> None:
        self.status(name, "ready").rename(self.status(name, "done"))

    def at(self, name: str, offset: int) -> None:
        """Say how far WAL is on the disk."""
        self.tell(f"{CLUSTER}|{name[:8]}|{int(name[16:], 16) * SEGMENT + offset}\n")

    def tell(self, text: str) -> None:
        new = self.folder / "position.new"
        new.write_text(text)
        new.rename(self.folder / "position")

    @property
    def pieces(self) -> list[str]:
        """What is stored, without the run."""
        found = (self.folder / "repository").rglob("*-*")
        return sorted("/".join(path.parts[-2:]) for path in found if path.is_file())

    @property
    def runs(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "repository" / "stream" / CLUSTER).glob("*"))

    def state(self) -> Streaming:
        return Streaming.read(self.run("state").stdout)

    def fetched(self) -> tuple[dict[str, bytes], str]:
        """What comes back, and what was said."""
        to = self.folder / "tmp" / f"fetched{time.monotonic_ns()}"
        done = self.run("fetch", str(to), str(self.folder / "data"))
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes() for path in to.iterdir()}, done.stderr


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def streaming(lab: Lab) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the stream of the lab."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        made = subprocess.Popen(["perl", str(PROGRAM), "send", "0.2"], env=lab.env, stderr=subprocess.DEVNULL)
        started.append(made)
        return made

    yield start
    for each in started:
        each.kill()
        each.wait()


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


Start = Callable[[], "subprocess.Popen[bytes]"]


def test_every_byte_is_sent_once_and_comes_back(lab: Lab, streaming: Start) -> None:
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    streaming()
    wait(lambda: lab.pieces == [f"{FIRST}/00000000-00000064"], "the beginning is not sent")
    lab.write(FIRST, b"a" * 100 + b"b" * 60)
    lab.at(FIRST, 160)
    wait(lambda: len(lab.pieces) == 2, "what is new is not sent")
    assert lab.pieces == [f"{FIRST}/00000000-00000064", f"{FIRST}/00000064-000000A0"]
    found, said = lab.fetched()
    assert found == {f"{FIRST}.partial": (b"a" * 100 + b"b" * 60).ljust(SEGMENT, b"\0")}
    assert "160 bytes of WAL came from the stream" in said
    state = lab.state()
    assert (state.trouble, state.problem) == ("", "")
    assert state.age is not None


def test_a_whole_segment_is_sent_until_it_is_archived(lab: Lab, streaming: Start) -> None:
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    streaming()
    wait(lambda: bool(lab.pieces), "the beginning is not sent")
    # Its successor is the present one before PostgreSQL says that it is complete.
    whole = b"a" * 100 + b"z" * (SEGMENT - 100)
    lab.write(FIRST, whole)
    lab.write(SECOND, b"c" * 50)
    lab.at(SECOND, 50)
    wait(lambda: f"{FIRST}/00000064-01000000" in lab.pieces, "the rest of it is not sent")
    lab.status("00000002.history", "ready").touch()
    (lab.folder / "data" / "pg_wal" / "00000002.history").write_bytes(b"1\t0/1\tno reason\n")
    wait(lambda: any("history" in each for each in lab.pieces), "the history is not sent")
    found, _ = lab.fetched()
    assert found[FIRST] == whole
    assert found["00000002.history"] == b"1\t0/1\tno reason\n"
    assert found[f"{SECOND}.partial"].rstrip(b"\0") == b"c" * 50
    lab.status(FIRST, "ready").touch()
    lab.archived(FIRST)
    lab.archived("00000002.history")
    wait(lambda: lab.pieces == [f"{SECOND}/00000000-00000032"], "what is archived is not removed")


def test_a_new_run_sends_again_before_the_earlier_one_is_removed(lab: Lab, streaming: Start) -> None:
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    first = streaming()
    wait(lambda: bool(lab.pieces), "nothing is sent")
    (old,) = lab.runs
    first.send_signal(signal.SIGKILL)
    first.wait()
    lab.write(FIRST, b"a" * 100 + b"b" * 60)
    lab.at(FIRST, 160)
    streaming()
    wait(lambda: len(lab.runs) == 1 and lab.runs != [old], "the earlier run is not removed")
    assert lab.pieces == [f"{FIRST}/00000000-000000A0"]
    assert int(lab.runs[0]) > int(old)


def test_runs_are_not_mixed_and_the_newest_with_a_beginning_counts(lab: Lab, streaming: Start) -> None:
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    (lab.folder / "kept").touch()
    first = streaming()
    wait(lambda: bool(lab.pieces), "nothing is sent")
    first.kill()
    first.wait()
    lab.write(FIRST, b"b" * 40)
    lab.at(FIRST, 40)
    streaming()
    wait(lambda: len(lab.pieces) == 2, "the second run sends nothing")
    wait(lambda: lab.state().age is not None, "what cannot be removed holds the stream back")
    found, _ = lab.fetched()
    assert found[f"{FIRST}.partial"].rstrip(b"\0") == b"b" * 40


def test_another_clusters_stream_is_left_alone(lab: Lab, streaming: Start) -> None:
    other = lab.folder / "repository" / "stream" / "6999" / "1" / FIRST / "00000000-00000001"
    other.parent.mkdir(parents=True)
    other.touch()
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    streaming()
    wait(lambda: lab.state().age is not None, "nothing is sent")
    wait(lambda: len(lab.pieces) == 2, "nothing is sent")
    assert other.exists()


@pytest.mark.parametrize("harm", ["a wrong byte", "another place", "another passphrase"])
def test_what_is_not_what_was_sent_is_not_used(lab: Lab, streaming: Start, harm: str) -> None:
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    streaming()
    wait(lambda: bool(lab.pieces), "nothing is sent")
    lab.write(FIRST, b"a" * 100 + b"b" * 60)
    lab.at(FIRST, 160)
    wait(lambda: len(lab.pieces) == 2, "nothing is sent")
    begin, second = sorted((lab.folder / "repository").rglob("0*-*"))
    if harm == "a wrong byte":
        content = second.read_bytes()
        second.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif harm == "another place":
        second.write_bytes(begin.read_bytes())
    else:
        lab.set_passphrase("wrong")
    found, said = lab.fetched()
    assert "is damaged" in said
    kept = {} if harm == "another passphrase" else {f"{FIRST}.partial": b"a" * 100}
    assert {name: text.rstrip(b"\0") for name, text in found.items()} == kept


def test_it_says_why_nothing_is_sent_and_goes_on_afterwards(lab: Lab, streaming: Start) -> None:
    lab.tell("")
    streaming()
    wait(lambda: lab.state().problem == "the database does not answer", "it does not say so")
    assert lab.state().age is None
    lab.write(FIRST, b"a" * 100)
    lab.at(FIRST, 100)
    (lab.folder / "dead").touch()
    wait(lambda: "unable to connect" in lab.state().problem, "it does not say so")
    (lab.folder / "dead").unlink()
    wait(lambda: lab.state().problem == "" and lab.state().age is not None, "it does not go on")
    (lab.folder / "dead").touch()
    lab.at(FIRST, 101)
    wait(lambda: (lab.state().age or 0) > 0.5, "it counts what it did not send")
    (lab.folder / "dead").unlink()
    for number in range(2, 12):
        lab.write(f"{FIRST[:16]}{number:08X}", b"", ready=True)
    wait(lambda: "10 segments wait for the archive" in lab.state().problem, "it does the archive's work")


def test_the_archive_comes_first_then_the_stream_then_the_last_of_a_timeline(lab: Lab) -> None:
    archive, stream = lab.folder / "archive", lab.folder / "stream"
    stream.mkdir()
    names = [f"{FIRST[:16]}{number:08X}" for number in range(1, 6)]
    archived, whole, partial, last, nowhere = names
    for name in (archived, f"{last}.partial"):
        (archive / name).write_text(f"archive {name}")
    for name in (archived, whole, f"{partial}.partial"):
        (stream / name).write_text(f"stream {name}")

    def got(name: str) -> str:
        target = lab.folder / "got"
        target.unlink(missing_ok=True)
        done = lab.run("get", str(stream), name, str(target), "archive", str(archive), name, str(target))
        return target.read_text() if done.returncode == 0 else str(done.returncode)

    assert got(archived) == f"archive {archived}"
    assert got(whole) == f"stream {whole}"
    assert got(partial) == f"stream {partial}.partial"
    assert got(last) == f"archive {last}.partial"
    assert got(nowhere) == "1"
    assert got("00000002.history") == "1"
    assert f"{nowhere}.partial" in (archive / "asked").read_text()
    assert "history.partial" not in (archive / "asked").read_text()
    assert [path.name for path in stream.glob("*.used")] == [f"{whole}.used"]
    (archive / "dead").touch()
    assert got(whole) == "255", "no answer must not end the replay as if it were the end"


def test_state_of_a_stream_that_was_never_started(lab: Lab) -> None:
    assert json.loads(lab.run("state").stdout) == {"age": None, "problem": "it does not run", "silent": None}
    assert "it does not run" in lab.state().trouble


def test_the_newest_timeline_is_that_of_the_last_run_whose_history_is_archived(lab: Lab) -> None:
    def stored(path: str) -> None:
        file = lab.folder / "repository" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert lab.run("newest").stdout == "timeline 0\n"
    stored(f"stream/{CLUSTER}/1000/{FIRST}/00000000-00000001")
    assert lab.run("newest").stdout == "timeline 1\n"
    stored(f"stream/{CLUSTER}/1001/00000003{FIRST[8:]}/00000000-00000001")
    assert lab.run("newest").stdout == "timeline 1\n"
    stored("archive/main/17-1/00000003.history")
    assert lab.run("newest").stdout == "timeline 3\n"
    stored(f"stream/{CLUSTER}/1002/00000002{FIRST[8:]}/00000000-00000001")
    stored("archive/main/17-1/00000002.history")
    assert lab.run("newest").stdout == "timeline 2\n", "a restore that was undone goes back"
