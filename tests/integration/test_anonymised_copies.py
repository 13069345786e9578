"""Anonymised copies on a real engine: a club's database with what PostgreSQL offers to go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from havre.adapters.buildkit.platform import prepare
from havre.config import Config
from havre.domain import naming
from havre.domain.privacy.rules import parse
from havre.errors import ConflictError, HavreError
from havre.operations.privacy import copying
from havre.operations.privacy.cluster import Cluster, apart
from havre.operations.privacy.copying import NotProven, Report

MEMORY = 512 * 1024**2
MEMBERS = 400

SCHEMA = f"""
CREATE EXTENSION citext;
CREATE TYPE state AS ENUM ('active', 'gone');
CREATE DOMAIN mail AS citext CHECK (VALUE ~ '@');
CREATE TABLE members (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email mail NOT NULL UNIQUE,
  first_name text NOT NULL, last_name text NOT NULL,
  full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED,
  birth_date date, phone varchar(20), note text, weight numeric(5, 1), role text NOT NULL DEFAULT 'member',
  profile jsonb, also mail[], ip inet, state state NOT NULL DEFAULT 'active', secret bytea,
  CONSTRAINT young CHECK (birth_date > '1900-01-01') NOT VALID
);
CREATE UNIQUE INDEX members_lower ON members (lower(email));
CREATE TABLE "Odd ""Table" ("the column" text, "order" int);
CREATE TABLE visits (member_email mail REFERENCES members (email), at timestamptz NOT NULL, member_id bigint)
  PARTITION BY RANGE (at);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2024-06-01') TO ('2026-06-01');
ALTER TABLE visits ADD FOREIGN KEY (member_id) REFERENCES members (id);
CREATE TABLE log (line text);
CREATE MATERIALIZED VIEW per_role AS SELECT role, count(*) FROM members GROUP BY role;
INSERT INTO members (email, first_name, last_name, birth_date, phone, note, weight, profile, also, ip, secret)
SELECT 'Ada.Original' || n || '@club.example', 'Camille', 'Original' || n, date '1980-01-01' + n,
  '06 12 34 ' || lpad((n / 100)::text, 2, '0') || ' ' || lpad((n % 100)::text, 2, '0'),
  CASE WHEN n % 3 = 0 THEN NULL ELSE E'Tab\\there, back\\\\slash\\nsecond line of ' || n END, 70.5,
  jsonb_build_object('phone', '+3361234' || lpad(n::text, 4, '0'), 'size', 1.50,
                     'address', jsonb_build_object('city', 'Ville' || n)),
  ARRAY['other' || n || '@club.example', NULL]::mail[], '82.1.2.3', 'x'
FROM generate_series(1, {MEMBERS}) n;
INSERT INTO "Odd ""Table" SELECT 'Original' || n, n FROM generate_series(1, 3) n;
INSERT INTO visits SELECT email, timestamptz '2025-01-01 10:00+00' + n * interval '1 minute', id
  FROM members, generate_series(1, 3) n;
INSERT INTO log VALUES (''), (NULL), ('nothing');
SELECT setval(pg_get_serial_sequence('members', 'id'), 1000);
REFRESH MATERIALIZED VIEW per_role;
"""
RULES: dict[str, dict[str, Any]] = {
    "members": {
        "email": "email", "first_name": "first_name", "last_name": "last_name", "phone": "phone",
        "birth_date": {"shift": "30 days", "by": "id"}, "weight": {"noise": 0.05}, "note": "scrub",
        "role": {"keep": ["member"]},
        "profile": {"json": {"phone": "phone", "address.city": "city"}}, "also": "email", "ip": "ip",
        "secret": "null",
    },
    'Odd "Table': {"the column": "last_name"},
    "visits": {"member_email": "email", "at": {"shift": "30 days", "by": "member_id"}},
    "log": {"line": "keep"},
}  # fmt: skip
MANIFEST = {
    "project": "club",
    "services": {
        "db": {"kind": "postgres", "privacy": {"locale": "fr_FR", "tables": RULES}},
    },
}


@pytest.fixture(scope="module")
def host() -> str:
    found = os.environ["HAVRE_TEST_DOCKER_HOST"]
    prepare(found, report=lambda _line: None)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("club")
    (made / "havre.yaml").write_text(json.dumps(MANIFEST, indent=1))
    return made


@pytest.fixture(scope="module")
def config(host: str, folder: Path) -> Config:
    return Config(docker_host=host, state=folder / "state")


@pytest.fixture(scope="module")
def environ(config: Config) -> dict[str, str]:
    return {**os.environ, "HAVRE_DOCKER_HOST": config.docker_host, "HAVRE_STATE": str(config.state)}


@pytest.fixture(scope="module")
def dump(config: Config, folder: Path) -> Path:
    """The original, as ``pg_dump --format=custom`` makes it."""
    path = folder / "club.dump"
    with apart(config, memory=MEMORY) as cluster:
        make(cluster, "club", SCHEMA, path)
    return path


def make(cluster: Cluster, name: str, sql: str, path: Path) -> None:
    cluster.query("postgres", f"CREATE DATABASE {name}")
    child = cluster.script(name)
    child.communicate(sql.encode())
    assert child.returncode == 0
    with path.open("wb") as stream:
        dumping = cluster.dumping(name)
        assert dumping.stdout is not None
        while block := dumping.stdout.read(1 << 20):
            stream.write(block)
        assert dumping.wait() == 0


def text_of(cluster: Cluster, path: Path) -> str:
    """Everything that a dump holds, as a script."""
    with path.open("rb") as stream:
        cluster.keep_dump(stream)
    child = cluster.container.start(["pg_restore", "--file=-", cluster.dump])
    out = child.communicate()[0]
    assert child.returncode == 0
    return out.decode()


def havre(arguments: list[str], folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "havre", *arguments],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def left(host: str) -> list[str]:
    """Containers apart that are there, and volumes without a name."""
    client = docker.APIClient(base_url=host)
    try:
        return [
            c["Id"] for c in client.containers(all=True, filters={"label": f"{naming.ROLE}={naming.APART}"})
        ]
    finally:
        client.close()


@pytest.fixture(scope="module")
def copy(dump: Path, folder: Path, environ: dict[str, str]) -> tuple[Path, dict[str, Any]]:
    """The copy, made as a user makes it, and its report."""
    path = folder / "copy.dump"
    done = havre(
        ["anonymise", "--from", str(dump), "--to", str(path), "--memory", "512M", "--json"], folder, environ
    )
    assert done.returncode == 0, done.stderr
    return path, json.loads(done.stdout)


def test_a_copy_is_whole_consistent_and_holds_nothing_of_the_original(
    config: Config, dump: Path, copy: tuple[Path, dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    path, report = copy
    assert path.stat().st_mode & 0o777 == 0o600
    assert report["rows"] == {"members": MEMBERS, 'Odd "Table': 3, "visits_2025": 3 * MEMBERS, "log": 3}
    assert report["unproven"] == []
    assert ["members", "state", "state"] in [list(row) for row in report["kept"]]
    assert left(config.docker_host) == []
    with apart(config, memory=MEMORY) as cluster:
        original, text = text_of(cluster, dump), text_of(cluster, path)
        assert original.lower().count("original") > 2 * MEMBERS
        for word in (
            "original",
            "club.example",
            "\tcamille",
            "06 12 34",
            "+33612",
            "ville1",
            "back",
            "82.1.2.3",
        ):
            assert word in original.lower()
            assert word not in text.lower(), word
        assert "setval('public.members_id_seq', 1000, true)" in text
        cluster.query("postgres", "CREATE DATABASE back")
        restoring = cluster.container.start(["pg_restore", "--exit-on-error", "--dbname=back", cluster.dump])
        assert restoring.wait() == 0
        assert facts(cluster, "back") == {
            "members": MEMBERS, "different mails": MEMBERS, "full names": MEMBERS,
            "visits joined": 3 * MEMBERS, "days between": 3 * MEMBERS,
            "notes": MEMBERS - MEMBERS // 3, "sizes": MEMBERS, "constraints": 0, "per role": MEMBERS,
            "two lines": MEMBERS - MEMBERS // 3, "other mails": MEMBERS,
        }  # fmt: skip
        fails_where_something_is_left(cluster, tmp_path)


def facts(cluster: Cluster, database: str) -> dict[str, int]:
    """What has to be true of the copy as it was of the original."""
    answer = cluster.query(
        database,
        """SELECT json_build_object(
        'members', (SELECT count(*) FROM members),
        'different mails', (SELECT count(DISTINCT lower(email)) FROM members WHERE email ~ '@example.org$'),
        'full names', (SELECT count(*) FROM members WHERE full_name = first_name || ' ' || last_name),
        'visits joined', (SELECT count(*) FROM visits v JOIN members m ON m.email = v.member_email
                          WHERE v.member_id = m.id),
        'days between', (SELECT count(*) FROM visits v JOIN members m ON m.id = v.member_id WHERE
                         v.at::date - m.birth_date = date '2025-01-01' - (date '1980-01-01' + m.id::int)),
        'notes', (SELECT count(note) FROM members),
        'two lines', (SELECT count(*) FROM members WHERE note LIKE E'%\\n%'),
        'sizes', (SELECT count(*) FROM members WHERE profile->>'size' = '1.50'
                  AND abs(weight - 70.5) <= 3.6 AND profile->>'phone' = phone),
        'constraints', (SELECT count(*) FROM pg_constraint WHERE NOT convalidated AND conname <> 'young'),
        'per role', (SELECT sum(count) FROM per_role),
        'other mails', (SELECT count(*) FROM members WHERE also[1] ~ '@example.org$' AND also[2] IS NULL)
        )""",
    )
    found: dict[str, int] = json.loads(answer)
    return found


LEAKS = """
INSERT INTO log VALUES ('mail to ADA.original7@CLUB.example, says he'), ('call +33 6 12 34 00 07');
"""


def fails_where_something_is_left(cluster: Cluster, folder: Path) -> None:
    original = folder / "leak.dump"
    make(cluster, "leaking", SCHEMA + LEAKS, original)
    target = folder / "never.dump"
    with pytest.raises(NotProven) as caught:
        anonymised(cluster, original, target)
    assert caught.value.detail == "log.line: 2 rows hold a value of a protected column of the original"
    assert list(folder.iterdir()) == [original]


def anonymised(cluster: Cluster, original: Path, target: Path) -> Report:
    rules = {table: {name: parse(rule) for name, rule in columns.items()} for table, columns in RULES.items()}
    with original.open("rb") as stream:
        return copying.anonymise(
            cluster, stream, target,
            rules=rules, locale="fr_FR", key=b"k" * 32, tell=lambda _doing, _done, _total: None,
        )  # fmt: skip


def test_a_scan_proposes_rules_and_prints_no_value(
    dump: Path, folder: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "havre.yaml").write_text("project: club\nservices: {db: {kind: postgres}}\n")
    done = havre(
        ["privacy", "scan", "--from", str(dump), "--memory", "512M", "--locale", "fr_FR"], tmp_path, environ
    )
    assert done.returncode == 1  # columns without a decision
    for line in (
        "email: email", "first_name: first_name", "last_name: last_name", "phone: phone", "ip: ip",
        "note: scrub",
        "birth_date: {shift: 30 days, by: id}", "weight: {noise: 0.05}", "member_email: email", "# role: ?",
    ):  # fmt: skip
        assert line in done.stdout
    assert "members.role" in done.stderr
    assert "original" not in (done.stdout + done.stderr).lower()


def test_what_a_killed_process_left_is_removed_by_the_next(
    config: Config, dump: Path, environ: dict[str, str], folder: Path
) -> None:
    program = f"""
    import time
    from havre.config import config
    from havre.operations.privacy.cluster import apart
    with apart(config(), memory={MEMORY}):
        print("up", flush=True)
        time.sleep(600)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        with pytest.raises(ConflictError, match="another copy is being made"), apart(config, memory=MEMORY):
            pass
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    (before,) = left(config.docker_host)
    with apart(config, memory=MEMORY) as cluster:
        assert left(config.docker_host) == [cluster.container.id]
        assert cluster.container.id != before
        with pytest.raises(HavreError, match="asking the database"):
            cluster.query("nowhere", "SELECT 1")
        inspected = docker.APIClient(base_url=config.docker_host).inspect_container(cluster.container.id)
        assert inspected["HostConfig"]["NetworkMode"] == "none"
        assert inspected["HostConfig"]["Memory"] == MEMORY
        not_a_dump = folder / "not.dump"
        not_a_dump.write_bytes(b"PGDMP and then nothing")
        with not_a_dump.open("rb") as stream:
            cluster.keep_dump(stream)
        with pytest.raises(HavreError, match="restoring the dump's schema"):
            cluster.restore("plan", "pre-data")
    until = time.monotonic() + 60
    while left(config.docker_host):
        assert time.monotonic() < until
        time.sleep(0.2)
