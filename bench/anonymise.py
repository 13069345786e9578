"""An anonymised copy against a plain `pg_dump` and restore of the same data in the same run.

The rows are a club's: eight personal columns, each with a rule of its own, a note, and what is kept; names
and towns repeat as they do, addresses do not. Both ways run in the same kind of container with the same
ceiling, and write a dump of the same compression. The copy includes everything that `havre anonymise` does:
both passes over the rows, the fresh cluster, its indexes, the proof, the dump. Ways alternate; the figure is
the ratio of the medians.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench._stage import load_average, say
from bench.harness import Bench
from faker import Faker

from havre.adapters.swarm.isolated import told
from havre.config import Config
from havre.domain.privacy.rules import parse
from havre.operations.privacy import copying
from havre.operations.privacy.cluster import Cluster, apart
from support.server import engine_host

GOAL: Final = 2.0
MEMORY: Final = 1024**3
_RULES: Final[dict[str, dict[str, Any]]] = {
    "members": {
        "email": "email", "first_name": "first_name", "last_name": "last_name", "phone": "phone",
        "address": "address", "city": "city", "birth_date": {"shift": "30 days", "by": "id"}, "iban": "iban",
        "note": "scrub", "role": {"keep": ["member", "coach", "admin"]},
    }
}  # fmt: skip
_SCHEMA: Final = """
CREATE TABLE members (
  id bigint NOT NULL, email text NOT NULL, first_name text, last_name text, phone text, address text,
  city text,
  birth_date date, iban text, note text, role text NOT NULL, joined timestamptz NOT NULL, fee numeric(8, 2)
);
"""
_KEYS: Final = """
ALTER TABLE members ADD PRIMARY KEY (id);
ALTER TABLE members ADD UNIQUE (email);
CREATE INDEX ON members (last_name, first_name);
"""


def rows(count: int) -> Iterator[bytes]:
    """Rows as COPY takes them."""
    fake, chance = Faker("fr_FR"), random.Random(1)
    fake.seed_instance(1)
    first, last = [fake.first_name() for _ in range(2000)], [fake.last_name() for _ in range(4000)]
    cities, streets = [fake.city() for _ in range(3000)], [fake.street_name() for _ in range(5000)]
    words = [fake.word() for _ in range(1500)]
    for number in range(count):
        given, family = chance.choice(first), chance.choice(last)
        note = " ".join(chance.choices(words, k=chance.randrange(3, 25))) if chance.random() < 0.5 else r"\N"
        cells = (
            str(number), f"{given}.{family}.{number}@mail.example".lower().replace(" ", ""), given, family,
            f"06{chance.randrange(10**8):08}", f"{chance.randrange(1, 300)} {chance.choice(streets)}",
            chance.choice(cities), f"{chance.randrange(1940, 2015)}-{chance.randrange(1, 13):02}-15",
            f"FR76{chance.randrange(10**23):023}", note, chance.choice(("member",) * 8 + ("coach", "admin")),
            f"20{chance.randrange(10, 26)}-03-04 10:11:12+00", f"{chance.randrange(20000) / 100:.2f}",
        )  # fmt: skip
        yield "\t".join(cells).encode() + b"\n"


def finished(child: subprocess.Popen[bytes]) -> None:
    """Wait for a program; its error is ours."""
    if child.wait():
        raise RuntimeError(told(child))


def fill(cluster: Cluster, count: int) -> None:
    """The original, in a database of its own."""
    cluster.query("postgres", "CREATE DATABASE original")
    child = cluster.script("original")
    assert child.stdin is not None
    child.stdin.write(_SCHEMA.encode() + b"COPY members FROM stdin;\n")
    for row in rows(count):
        child.stdin.write(row)
    child.stdin.write(b"\\.\n" + _KEYS.encode())
    child.stdin.close()
    finished(child)


def plain(cluster: Cluster, path: Path) -> tuple[float, float]:
    """Seconds of a dump into a file and of a restore from it."""
    begun = time.monotonic()
    dumping = cluster.dumping("original")
    assert dumping.stdout is not None
    with path.open("wb") as stream:
        while block := dumping.stdout.read(1 << 20):
            stream.write(block)
    finished(dumping)
    dumped = time.monotonic()
    cluster.query("postgres", "CREATE DATABASE again")
    with path.open("rb") as stream:
        cluster.keep_dump(stream)
    restoring = cluster.container.start(["pg_restore", "--exit-on-error", "--dbname=again", cluster.dump])
    finished(restoring)
    ended = time.monotonic()
    cluster.query("postgres", "DROP DATABASE again")
    return dumped - begun, ended - dumped


def anonymised(cluster: Cluster, path: Path, target: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a copy, and of its parts."""
    rules = {table: {name: parse(rule) for name, rule in each.items()} for table, each in _RULES.items()}
    begun = time.monotonic()
    with path.open("rb") as stream:
        report = copying.anonymise(
            cluster, stream, target, rules=rules, locale="fr_FR", key=b"k" * 32, tell=lambda *_: None
        )
    seconds = time.monotonic() - begun
    cluster.query("postgres", "DROP DATABASE copy")
    return seconds, report.seconds


def main() -> int:
    """Ways by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 rows, once")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    count, turns = (50_000, 1) if options.quick else (options.rows, options.turns)
    bench = Bench("anonymise", quick=options.quick)
    bench.details |= {"load_average": load_average(), "rows": count}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = Config(docker_host=engine_host(), state=folder / "state")
        with apart(config, memory=MEMORY) as cluster:
            fill(cluster, count)
            ways: list[tuple[float, float, float]] = []
            parts: dict[str, float] = {}
            for _ in range(turns):
                dump, restore = plain(cluster, folder / "original.dump")
                copy, parts = anonymised(cluster, folder / "original.dump", folder / "copy.dump")
                ways.append((dump, restore, copy))
                say(f"dump {dump:.1f} s, restore {restore:.1f} s, copy {copy:.1f} s {parts}")
        bench.details["dump_bytes"] = (folder / "original.dump").stat().st_size
    dump, restore, copy = (statistics.median(way[at] for way in ways) for at in range(3))
    bench.details["seconds_of_the_copy"] = parts
    ratio = statistics.median(way[2] / (way[0] + way[1]) for way in ways)
    bench.figure("copy, times a dump and restore", ratio, goal=GOAL)
    bench.figure("rows of the copy", count / copy, unit="rows/s")
    bench.figure("rows of a dump and restore", count / (dump + restore), unit="rows/s")
    bench.figure("dump", dump, unit="s")
    bench.figure("restore", restore, unit="s")
    bench.figure("copy", copy, unit="s")
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
