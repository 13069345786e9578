"""The log store: five million lines in, a rare word and the newest page out, beside grep on the raw lines.

Needs no engine: lines begin as the bytes that an engine sends. The first half is a day that is packed, the
second one that is still written to.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench._stage import load_average, say
from bench.harness import Bench

from havre.adapters.logs import day as days
from havre.adapters.logs import packing
from havre.adapters.logs.reader import LogReader
from havre.adapters.logs.writer import LogWriter
from havre.domain.logs.intake import Intake
from havre.domain.logs.levels import Level, at_least
from havre.domain.logs.question import Question
from havre.domain.logs.resuming import Resumed
from havre.domain.logs.sampling import Meter
from havre.domain.logs.words import Sought, terms_of
from havre.domain.redaction import Redactor

LINES = 5_000_000
QUICK = 300_000
SERVICES = 20
BATCH = 10_000  # lines between two commits: half a second at the rate that is the goal
RARE = "req-needle7f3a"
BEGIN = int(datetime(2026, 11, 29, 0, 5, tzinfo=UTC).timestamp())
SECONDS = 86_400 * 2 - 900
WORDS = (
    "user",
    "order",
    "payment",
    "invoice",
    "cache",
    "session",
    "upload",
    "download",
    "retry",
    "queue",
    "job",
    "worker",
    "database",
    "query",
    "index",
    "commit",
    "rollback",
    "timeout",
    "connection",
    "refused",
    "accepted",
    "closed",
    "opened",
    "started",
    "finished",
    "failed",
    "succeeded",
    "pending",
    "waiting",
    "processed",
    "rendered",
    "template",
    "request",
    "response",
    "header",
    "body",
    "token",
    "expired",
    "valid",
    "missing",
)
PATHS = ("/api/v1/orders/%d", "/api/v1/users/%d", "/files/%d/download", "/login", "/health", "/search?q=%d")
TRACE = (
    "TypeError: Cannot read properties of undefined",
    "    at find (/app/orders.js:12:7)",
    "    at /app/x.js:3:1",
)


def texts(dice: random.Random) -> Iterator[str]:
    """Lines as web servers, JSON loggers and plain ones write them; now and then a stack trace."""
    while True:
        kind = dice.random()
        if kind < 0.4:
            path = dice.choice(PATHS)
            path = path % dice.randrange(10**6) if "%d" in path else path
            yield (
                f'10.0.{dice.randrange(256)}.{dice.randrange(256)} - - "GET {path} HTTP/1.1"'
                f' {dice.choice((200, 200, 304, 404, 500))} {dice.randrange(50_000)} "-" "Mozilla/5.0 (X11)"'
            )
        elif kind < 0.7:
            level, said = dice.choice((30, 30, 30, 40, 50, 20)), " ".join(dice.choices(WORDS, k=5))
            request, took = f"req-{dice.getrandbits(64):016x}", dice.randrange(3000)
            yield f'{{"level":{level},"reqId":"{request}","msg":"{said}","ms":{took}}}'
        elif kind < 0.995:
            level, said = dice.choice(("INFO", "INFO", "DEBUG", "WARN", "ERROR")), dice.choices(WORDS, k=7)
            yield f"{level} [{dice.choice(WORDS)}] {' '.join(said)} id={dice.randrange(10**7)}"
        else:
            yield from TRACE


def frames(count: int, raw: Path, batch_lines: int = BATCH) -> Iterator[tuple[dict[int, bytes], int]]:
    """By service, what the engine would send: a batch and the lines in it. Also written to files for grep."""
    dice = random.Random(5)
    lines = texts(dice)
    files = [(raw / f"s{number}.log").open("wb") for number in range(SERVICES)]
    needles = {count // 3, count * 9 // 10}
    shares = [1 / (number + 1) for number in range(SERVICES)]
    for begin in range(0, count, batch_lines):
        size = min(batch_lines, count - begin)
        batch: dict[int, list[bytes]] = {}
        for number, service in enumerate(dice.choices(range(SERVICES), shares, k=size), begin):
            text = f"INFO answered {RARE} late" if number in needles else next(lines)
            nano = BEGIN * 10**9 + number * (SECONDS * 10**9 // count)
            at = datetime.fromtimestamp(nano // 10**9, UTC)
            stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{nano % 10**9:09d}Z"
            body = f"{stamp} com.docker.swarm.task.id=task{service} {text}\n".encode()
            batch.setdefault(service, []).append(struct.pack(">BxxxL", 1, len(body)) + body)
            files[service].write(f"{stamp} {text}\n".encode())
        yield {service: b"".join(parts) for service, parts in batch.items()}, size
    for file in files:
        file.close()


def take_in(folder: Path, raw: Path, count: int, told: multiprocessing.connection.Connection) -> None:
    """Store everything as the collector does, and tell the seconds that it took and the memory."""
    redact = Redactor()
    redact.hide([f"secret-{number:032x}" for number in range(20)])
    store = LogWriter(folder)
    intakes = [Intake(4, Meter(1e9, 1e9), Resumed({}), redact) for _ in range(SERVICES)]
    seconds, commits, work = 0.0, [], [0.0, 0.0]
    for batch, _ in frames(count, raw):
        began, worked = time.perf_counter(), time.process_time()
        records = {f"shop/production/s{n}": intakes[n].feed(data, began) for n, data in batch.items()}
        middle, thought = time.perf_counter(), time.process_time()
        store.append(records)
        work[0] += thought - worked
        work[1] += time.process_time() - thought
        commits.append(time.perf_counter() - middle)
        seconds += time.perf_counter() - began
    store.append({f"shop/production/s{n}": intake.end() for n, intake in enumerate(intakes)})
    store.close()
    told.send((seconds, work, max(commits), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def timed(work: Callable[[], object], times: int = 7) -> tuple[float, float]:
    """Milliseconds: the median and the worst."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken), max(taken)


def size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def measure_ingest(bench: Bench, folder: Path, raw: Path, count: int) -> None:
    say(f"Taking in {count:,} lines of {SERVICES} services")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=take_in, args=(folder, raw, count, theirs))
    child.start()
    theirs.close()
    seconds, work, slowest, memory = ours.recv()
    child.join()
    goal = 20_000 if not bench.quick else None
    bench.figure(
        "lines taken in, from frames to disk", count / seconds, unit="/s", goal=goal, comparator=">="
    )
    bench.figure("processor time, lines to records", 1e6 * work[0] / count, unit="µs a line")
    bench.figure("processor time, records to disk", 1e6 * work[1] / count, unit="µs a line")
    bench.figure("slowest commit", 1000 * slowest, unit="ms", note=f"of {BATCH:,} lines")
    bench.figure("memory of the process that takes them in", memory, unit="MB")
    bench.figure("raw lines", size(raw) / 1e6, unit="MB")
    bench.figure("on disk while written to", size(folder) / 1e6, unit="MB")


def measure_packing(bench: Bench, folder: Path) -> None:
    say("Packing the first day")
    first = next(iter(packing.unpacked(folder).values()))
    before, began = days.size(first), time.perf_counter()
    packing.pack(first)
    bench.figure("packing a day", time.perf_counter() - began, unit="s")
    bench.figure("of its size left", 100 * days.size(first.with_suffix(days.PACKED)) / before, unit="%")


def measure_search(bench: Bench, folder: Path, raw: Path) -> None:
    reader = LogReader(folder)
    rare = Question(sought=Sought(terms_of(RARE)))
    found = reader.page(rare)
    if len(found.lines) != 2:
        raise RuntimeError(f"the rare word is in 2 lines and was found in {len(found.lines)}")
    middle, worst = timed(lambda: reader.page(rare))
    bench.figure("rare word", middle, unit="ms")
    bench.figure("rare word, worst", worst, unit="ms", goal=300)
    middle, worst = timed(lambda: reader.page(Question()))
    bench.figure("newest page", middle, unit="ms")
    bench.figure("newest page, worst", worst, unit="ms", goal=50)

    def quiet(_known: object) -> list[str]:
        return [f"shop/production/s{SERVICES - 1}"]

    bench.figure(
        "newest page of a quiet service, worst",
        timed(lambda: reader.page(Question(choose=quiet)))[1],
        unit="ms",
        goal=50,
    )
    older = Question(before=reader.page(Question()).older)
    bench.figure("page before, worst", timed(lambda: reader.page(older))[1], unit="ms")
    packed_day = Question(until=days.begins("2026-11-30") - 3_600_000_000)
    bench.figure("a page of the packed day, worst", timed(lambda: reader.page(packed_day))[1], unit="ms")
    absent = Question(sought=Sought(terms_of("nowhere1234")))
    bench.figure("absent word, worst", timed(lambda: reader.page(absent))[1], unit="ms")
    common = Question(sought=Sought(terms_of("timeout refused")), levels=at_least(Level.ERROR))
    bench.figure("two common words of errors, worst", timed(lambda: reader.page(common))[1], unit="ms")
    expression = Question(sought=Sought(pattern="ne+dle7f.a"), seconds=600)
    if len(reader.page(expression).lines) != 2:
        raise RuntimeError("the expression does not find the rare lines")
    bench.figure("expression over everything", timed(lambda: reader.page(expression), 1)[0], unit="ms")
    [line] = reader.page(replace(rare, limit=1)).lines
    bench.figure("a line by its id, worst", timed(lambda: reader.line(line.id))[1], unit="ms")
    paths = sorted(map(str, raw.iterdir()))

    def grep(*arguments: str) -> None:
        done = subprocess.run(["grep", *arguments, *paths], capture_output=True, check=True)
        if done.stdout.count(b"\n") != 2:
            raise RuntimeError("grep does not find the rare lines")

    bench.figure(
        "grep -F on the raw lines", timed(lambda: grep("-F", RARE), 3)[0], unit="ms", note="in the page cache"
    )
    bench.figure("grep -E, the expression", timed(lambda: grep("-E", "ne+dle7f.a"), 3)[0], unit="ms")


def measure_both(bench: Bench, folder: Path, raw: Path, count: int) -> None:
    """Search while 5,000 lines a second come in: a busy worker."""
    store, over = LogWriter(folder), threading.Event()
    intakes = [Intake(4, Meter(1e9, 1e9), Resumed({})) for _ in range(SERVICES)]

    def write() -> None:
        for batch, lines in frames(count, raw, 2500):
            began = time.monotonic()
            store.append({f"shop/production/s{n}": intakes[n].feed(data, began) for n, data in batch.items()})
            if over.wait(max(0.0, lines / 5000 - (time.monotonic() - began))):
                return

    writing = threading.Thread(target=write)
    writing.start()
    reader = LogReader(folder)
    rare = Question(sought=Sought(terms_of(RARE)))
    bench.figure(
        "rare word while 5,000 lines/s come in, worst", timed(lambda: reader.page(rare), 40)[1], unit="ms"
    )
    bench.figure("newest page meanwhile, worst", timed(lambda: reader.page(Question()), 40)[1], unit="ms")
    over.set()
    writing.join()
    store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} lines instead of {LINES:,}")
    parser.add_argument("--lines", type=int, default=0, help="another number of lines; counts as quick")
    options = parser.parse_args()
    count = options.lines or (QUICK if options.quick else LINES)
    bench = Bench("logs", quick=options.quick or bool(options.lines))
    bench.details.update(lines=count, services=SERVICES, load_before=load_average())
    with tempfile.TemporaryDirectory(prefix="havre-bench-logs-") as scratch:
        folder, raw, more = (Path(scratch, name) for name in ("logs", "raw", "more"))
        raw.mkdir()
        more.mkdir()
        measure_ingest(bench, folder, raw, count)
        measure_packing(bench, folder)
        say("Searching")
        measure_search(bench, folder, raw)
        measure_both(bench, folder, more, min(count, 500_000))
    bench.details["load_after"] = load_average()
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
