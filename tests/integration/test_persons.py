"""Persons of a database on a real PostgreSQL: exported, erased, emptied, and found again."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from havre.adapters.buildkit.platform import prepare
from havre.adapters.postgres.persons import Act, Named
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.errors import HavreError, UsageError
from havre.manifest import PostgresService
from havre.operations.privacy.cluster import Cluster, apart
from havre.operations.privacy.persons import People, Told

KEY = b"k" * 32
SCHEMA = """
CREATE EXTENSION citext;
CREATE TABLE club (id int PRIMARY KEY, name text, captain int);
CREATE TABLE member (
  id int PRIMARY KEY, email citext NOT NULL UNIQUE, name text, club_id int REFERENCES club,
  friend_id int REFERENCES member ON DELETE SET NULL
);
ALTER TABLE club ADD FOREIGN KEY (captain) REFERENCES member (id) ON DELETE SET NULL;
CREATE TABLE visit (member_id int NOT NULL REFERENCES member ON DELETE CASCADE, at date NOT NULL)
  PARTITION BY RANGE (at);
CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE post (id int PRIMARY KEY, member_id int NOT NULL REFERENCES member ON DELETE CASCADE, text text);
CREATE TABLE answer (
  id int PRIMARY KEY, post_id int NOT NULL REFERENCES post ON DELETE CASCADE,
  to_id int REFERENCES answer ON DELETE CASCADE, text text
);
CREATE TABLE "Odd ""Pay'ment" (
  id int PRIMARY KEY, member_id int REFERENCES member, "the payer" text NOT NULL,
  phone varchar(12) UNIQUE NOT NULL, amount numeric NOT NULL, data jsonb NOT NULL
);
CREATE TABLE newsletter (address text, since date);
CREATE TABLE note (member_id int REFERENCES member DEFERRABLE INITIALLY DEFERRED, line text);
CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
CREATE TRIGGER count_up BEFORE DELETE ON post FOR EACH ROW EXECUTE FUNCTION count_up();
"""
ROWS = """
INSERT INTO club VALUES (1, 'Brest', NULL);
INSERT INTO member VALUES (1, 'Ada@Club.example', 'Ada', 1, NULL), (2, 'bob@club.example', 'Bob', 1, 1),
  (3, 'O''Brien\\x"; DROP TABLE member; --@club.example', 'O', 1, 3);
UPDATE club SET captain = 1;
INSERT INTO visit SELECT m, date '2026-03-01' + m FROM generate_series(1, 3) m, generate_series(1, 2);
INSERT INTO post VALUES (10, 1, 'of Ada'), (20, 2, 'of Bob');
INSERT INTO answer VALUES (100, 10, NULL, 'Bob to Ada'), (101, 10, 100, 'Ada to that'), (200, 20, 101, 'x'),
  (201, 20, NULL, 'stays');
INSERT INTO "Odd ""Pay'ment" VALUES (1, 1, 'Ada', '0612', 12.5, '{"who": "Ada"}'),
  (2, 2, 'Bob', '0613', 1, '{}');
INSERT INTO newsletter VALUES ('ADA@club.example', '2026-01-01'), ('bob@club.example', '2026-01-01');
INSERT INTO note VALUES (1, 'about Ada'), (2, 'about Bob');
"""
TABLES: dict[str, Any] = {
    "member": {"email": "email", "name": "name"},
    "Odd \"Pay'ment": {"the payer": "name", "phone": {"fake": "phone", "unique": True}, "data": "scrub"},
}
SUBJECT: dict[str, Any] = {
    "table": "member",
    "by": ["email", "id"],
    "rows": {"Odd \"Pay'ment": "empty", "note": "delete"},
    "also": {"newsletter.address": "email"},
}


def service(database: str, **subject: Any) -> PostgresService:
    written = {"kind": "postgres", "database": database, "user": database}
    privacy = {"tables": TABLES, "subject": {**SUBJECT, **subject}}
    return PostgresService.model_validate({**written, "privacy": privacy})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    host = os.environ["HAVRE_TEST_DOCKER_HOST"]
    prepare(host, report=lambda _line: None)
    with (
        tempfile.TemporaryDirectory() as state,
        apart(
            Config(docker_host=host, state=state),
            memory=512 * 1024**2,  # type: ignore[arg-type]
        ) as made,
    ):
        made.query("postgres", "CREATE DATABASE template_club")
        run(made, "template_club", SCHEMA + ROWS)
        yield made


@pytest.fixture
def club(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"club_{abs(hash(request.node.name)) % 10**8}"
    cluster.query("postgres", f"CREATE DATABASE {name} TEMPLATE template_club")
    yield name
    cluster.query("postgres", f"DROP DATABASE {name}")


def run(cluster: Cluster, database: str, sql: str) -> None:
    child = cluster.script(database)
    child.communicate(sql.encode())
    assert child.returncode == 0


def people(cluster: Cluster, database: str, **subject: Any) -> People:
    engine = Engine(os.environ["HAVRE_TEST_DOCKER_HOST"])
    return People(engine, cluster.container.id, service(database, **subject))


def ask(cluster: Cluster, database: str, **subject: Any) -> Any:
    """Asks for one act on one person: ``ask(act, column, value)``."""
    found = people(cluster, database, **subject)

    def do(act: Act, column: str = "", value: str = "", identity: str = "") -> Told:
        within = found.reach(to_erase=act is not Act.READ)
        return found.do(within, Named(KEY, column=column, value=value, identity=identity), act)

    return do


def everything(cluster: Cluster, database: str) -> Mapping[str, Any]:
    tables = ["club", "member", "visit", "post", "answer", "Odd \"Pay'ment", "newsletter", "note"]
    told = {}
    for name in tables:
        quoted = '"' + name.replace('"', '""') + '"'
        rows = cluster.query(database, f"SELECT row_to_json(t) FROM {quoted} t ORDER BY t::text")
        told[name] = [json.loads(line) for line in rows.splitlines()]
    return told


def shown(told: Told) -> dict[tuple[str, str], int]:
    return {(row["table"], row["fate"]): row["rows"] for row in told.rows}


GONE = {
    ("member", "deleted"): 1,
    ("visit_2026", "deleted"): 2,
    ("post", "deleted"): 1,
    ("answer", "deleted"): 3,  # also the answer to an answer, below the post of somebody else
    ("newsletter", "deleted"): 1,
    ("note", "deleted"): 1,
    ("Odd \"Pay'ment", "emptied"): 1,
    ("club", "unlinked"): 1,
    ("member", "unlinked"): 1,
}


def test_a_person_is_tried_exported_erased_and_recognised_when_back(cluster: Cluster, club: str) -> None:
    do = ask(cluster, club)
    before = everything(cluster, club)

    tried = do(Act.TRY, "email", "ada@CLUB.example")
    assert shown(tried) == GONE
    assert tried.found == 1
    assert everything(cluster, club) == before

    read = do(Act.READ, "id", "1").read
    assert {name: len(rows) for name, rows in read.items()} == {
        "member": 1, "visit": 2, "post": 1, "answer": 3, "newsletter": 1, "note": 1,
        "Odd \"Pay'ment": 1, "club": 1,
    }  # fmt: skip
    assert read["member"] == [before["member"][0]]
    assert "Bob" not in json.dumps([row for name, rows in read.items() if name != "answer" for row in rows])

    erased = do(Act.ERASE, "email", "ada@club.example")
    assert erased.is_done
    assert shown(erased) == GONE
    assert (erased.token, erased.identity) == (tried.token, tried.identity)
    after = everything(cluster, club)
    assert "ada" not in json.dumps({k: v for k, v in after.items() if k != "answer"}).lower()
    payment = after["Odd \"Pay'ment"]
    (emptied,) = [row for row in payment if row["id"] == 1]
    assert emptied["member_id"] is None
    assert (emptied["the payer"], emptied["amount"], emptied["data"]) == ("", 12.5, {})
    assert len(emptied["phone"]) == 12
    assert after["member"][0] == {**before["member"][1], "friend_id": None}
    assert after["member"][1] == before["member"][2]
    assert [row["id"] for row in after["answer"]] == [201]
    samples = cluster.query(club, "SELECT count(*) FROM pg_stats WHERE most_common_vals::text ILIKE '%ada%'")
    assert samples == "0"

    assert do(Act.ERASE, "email", "ada@club.example").found == 0
    who, within = people(cluster, club), people(cluster, club).reach()
    assert who.who_is_there(within, KEY, [erased.identity, "f" * 64]) == set()
    # A restore brings the person back; somebody new with the same address is somebody else.
    cluster.query(club, "INSERT INTO member VALUES (77, 'ada@club.example', 'Other Ada')")
    assert who.who_is_there(within, KEY, [erased.identity]) == set()
    cluster.query(club, "INSERT INTO member VALUES (1, 'adas-old@club.example', 'Ada')")
    assert who.who_is_there(within, KEY, [erased.identity]) == {erased.identity}
    assert do(Act.ERASE, identity=erased.identity).found == 1
    assert cluster.query(club, "SELECT id FROM member WHERE id IN (1, 77)") == "77"


def test_a_value_is_never_taken_for_sql(cluster: Cluster, club: str) -> None:
    do = ask(cluster, club)
    for value in ("' OR true --", "\\'; DROP TABLE member; --", "$$", ":one", "\\q"):
        assert do(Act.ERASE, "email", value).found == 0
    assert do(Act.ERASE, "email", "O'Brien\\x\"; DROP TABLE member; --@club.example").found == 1
    assert cluster.query(club, "SELECT count(*) FROM member") == "2"


def test_several_persons_are_none_of_them_and_nothing_is_done(cluster: Cluster, club: str) -> None:
    cluster.query(club, "ALTER TABLE member DROP CONSTRAINT member_email_key")
    cluster.query(club, "INSERT INTO member VALUES (4, 'bob@club.example', 'Bob''s son')")
    before = everything(cluster, club)
    told = ask(cluster, club)(Act.ERASE, "email", "bob@club.example")
    assert (told.found, told.rows, told.is_done) == (2, [], False)
    assert everything(cluster, club) == before


def test_the_row_of_the_person_may_stay_emptied(cluster: Cluster, club: str) -> None:
    rows = {"member": "empty", "note": "empty", "Odd \"Pay'ment": "empty", "visit": "empty"}
    cluster.query(club, "ALTER TABLE note ALTER line TYPE int USING 1")
    told = ask(cluster, club, rows=rows)(Act.ERASE, "id", "1")
    assert shown(told)["member", "emptied"] == 1
    assert shown(told)["visit_2026", "emptied"] == 2
    member = everything(cluster, club)["member"]
    (ada,) = [row for row in member if row["id"] == 1]
    assert ada["name"] is None
    assert ada["email"].endswith("@example.org")
    assert cluster.query(club, "SELECT count(*) FROM visit WHERE member_id = 1") == "2"


def test_what_nobody_decided_is_refused_before_anything_is_touched(cluster: Cluster, club: str) -> None:
    with pytest.raises(UsageError) as caught:
        people(cluster, club, rows={}).reach()
    assert "note refers to member (note_member_id_fkey)" in caught.value.detail
    assert "write note: delete, or empty" in caught.value.detail
    cluster.query(club, "ALTER TABLE club ALTER name SET NOT NULL")
    with pytest.raises(UsageError) as caught:
        people(cluster, club, rows={"visit": "empty", **SUBJECT["rows"]}).reach()
    refers, why = caught.value.detail.split(": ", 1)
    assert refers == "visit_2026 refers to member (visit_member_id_fkey)"
    assert why == "its rows cannot stay, for member_id must not be null"


def test_rows_that_a_trigger_keeps_are_told_and_nothing_is_changed(cluster: Cluster, club: str) -> None:
    run(
        cluster, club,
        "CREATE OR REPLACE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
    )  # fmt: skip
    before = everything(cluster, club)
    with pytest.raises(HavreError) as caught:
        ask(cluster, club)(Act.ERASE, "id", "1")
    assert "rows of post stayed" in caught.value.message
    assert everything(cluster, club) == before
    cluster.query(club, "DROP TRIGGER count_up ON post")
    cluster.query(club, """ALTER TABLE "Odd ""Pay'ment" ADD CONSTRAINT paid CHECK ("the payer" <> '')""")
    with pytest.raises(HavreError) as caught:
        ask(cluster, club)(Act.TRY, "id", "1")
    assert "a replaced value is not what the constraint allows" in caught.value.message
    assert "0612" not in caught.value.message + caught.value.detail
