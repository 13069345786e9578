"""Backups and restores of a database, with a real S3 server over TLS."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from e2e.conftest import Site
from support.object_storage import SECRET, ObjectStorage
from support.operations import is_at, outcome, wait_for
from support.server import Server
from support.shop import DB, PLACE, PROJECT, Shop, wait
from support.terminal import Terminal

pytestmark = pytest.mark.timeout(900)
ADA = "ada.lovelace@club.example"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    made = ObjectStorage(tmp_path_factory.mktemp("s3") / "storage")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def shop(
    server: Server,
    engine: docker.APIClient,
    storage: ObjectStorage,
    alerts: tuple[str, list[dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    """Deployed, and saved once by itself, in both repositories."""
    hook = {"url": {"secret": "hook"}}
    made = Shop(server, engine, storage, tmp_path_factory.mktemp("backups"), on_failure=hook, rpo="10s")
    try:
        made.passphrase = made.set_storage()["passphrase"]
        url, made.told = alerts
        server.deploy(made.repository.folder, check=False)  # makes the project; the secret is missing
        server.cli("secrets", "set", "hook", "-p", PROJECT, stdin=url)
        server.deploy(made.repository.folder)
        made.fill()
        wait(lambda: made.operations("backup") and made.all_backups_done(), "no first backup")
        yield made
    finally:
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", PLACE, check=False)
        server.cli("backup", "storage", "remove", "--yes")


def test_the_storage_is_tried_and_what_is_secret_is_nowhere(shop: Shop) -> None:
    assert shop.server.json("backup", "storage", "test")["steps"] == ["list", "write", "read", "remove"]
    assert len(shop.passphrase) > 30
    *_, first = shop.operations("backup")
    assert first["state"] == "succeeded", first["error"]
    found = shop.backups()
    assert {(row["repository"], row["type"]) for row in found["backups"]} == {
        ("local", "full"),
        ("offsite", "full"),
    }
    assert all(row["operation"] == first["id"] and not row["problem"] for row in found["backups"])
    assert all(not each["problem"] for each in found["databases"][0]["repositories"])
    planned = json.loads(shop.havre("backup", "schedule", "--json").stdout)
    assert {(row["type"], row["schedule"]) for row in planned} == {
        ("full", "0 2 * * 0"),
        ("incremental", "0 2 * * 1-6"),
        ("dump", "0 3 * * *"),
        ("verify", "0 5 * * 6"),
    }
    assert all(row["next"] for row in planned)
    shown = [
        json.dumps(shop.engine.inspect_service(DB)),
        json.dumps(shop.engine.inspect_container(shop.container())),
        json.dumps([c["Spec"] for c in shop.engine.configs()]),
        json.dumps(shop.server.json("operations", "show", str(first["id"]))),
        shop.server.cli("operations", "follow", str(first["id"]), "--json").stdout,
        shop.engine.logs(shop.container()).decode(),
        shop.server.log.read_text(),
        shop.inside("ps", "ax"),
    ]
    for text in shown:
        assert SECRET not in text
        assert shop.passphrase not in text
    raw = b"".join(path.read_bytes() for path in (shop.storage.folder / "data").glob("*.dat"))
    assert b"pg_control" not in raw, "what is stored elsewhere is encrypted"


def test_a_database_returns_to_a_time_and_to_a_release_and_what_was_replaced_is_kept(shop: Shop) -> None:
    shop.add(1)
    moment = shop.add(2)
    shop.add(3)
    shop.repository.commit(version="2")
    shop.server.deploy(shop.repository.folder)
    last = shop.add(4)
    release = shop.server.json("releases", "--project", PROJECT)[0]
    assert release["restore_point"]["databases"]["db"]["timeline"] == 1
    plan = json.loads(shop.havre("restore", "--to", moment, "--dry-run", "--json").stdout)
    assert plan["repository"] == "local"
    refused = shop.havre("restore", "--to", moment, check=False)
    assert refused.returncode == 64
    assert "--yes-restore" in refused.stderr
    assert shop.rows() == [1, 2, 3, 4]

    shop.restore("--to-release", str(release["number"]))
    assert shop.rows() == [1, 2, 3]
    (restore,) = [row for row in shop.operations("restore") if not row["params"]["dry_run"]]
    assert shop.backups()["databases"][0]["replaced"] == [str(restore["id"])]
    assert shop.operations("backup")[0]["state"] == "succeeded", "a backup of the new timeline"
    shop.havre("restore", "--confirm", "--yes-restore", PLACE)
    assert shop.backups()["databases"][0]["replaced"] == []

    # Beside: one table of the moment before, and nothing of the present data is touched.
    shop.havre("restore", "--to", moment, "--as", "before", "--table", "note")
    assert shop.inside("psql", "-XAtq", "-d", "before", "-c", "select count(*), max(n) from note") == "2|2"
    assert shop.rows() == [1, 2, 3]
    again = shop.havre("restore", "--to", moment, "--as", "before", check=False)
    assert again.returncode == 1
    assert "has a database before already" in again.stdout
    wrong = shop.havre("restore", "--to", moment, "--as", "other", "--table", "nowhere", check=False)
    assert "there was no table nowhere" in wrong.stdout, wrong.stdout
    assert not {"other", "other.loading"} & set(shop.sql("select datname from pg_database").split())
    assert not shop.inside("find", "/var/lib/postgresql/data", "-maxdepth", "1", "-name", "*ed-*")

    # What the restore replaced is on another timeline, and can be returned to, from elsewhere too.
    shop.restore("--to", last, "--from", "offsite")
    assert shop.rows() == [1, 2, 3, 4]


def test_a_rollback_takes_the_data_along(shop: Shop) -> None:
    live = next(r["number"] for r in shop.server.json("releases", "--project", PROJECT) if r["current"])
    shop.repository.commit(version="3")
    shop.server.deploy(shop.repository.folder)
    shop.add(5)
    shop.sql("update note set n = 6 where n = 1")
    asked = json.loads(shop.havre("rollback", str(live), "--with-data", "--dry-run", "--json").stdout)
    assert asked["losses"]["tables"] == [{"table": "note", "inserted": 1, "changed": 1, "deleted": 0}]
    assert not asked["losses"]["is_least"]
    told = shop.havre("rollback", str(live), "--with-data", check=False)
    assert told.returncode == 64
    assert "note: 1 inserted, 1 changed" in told.stdout
    assert f"--yes-rollback {PLACE}" in told.stderr
    assert shop.rows() == [2, 3, 4, 5, 6]

    shop.havre("rollback", str(live), "--with-data", "--yes-rollback", PLACE)
    assert shop.rows() == [1, 2, 3, 4]
    assert shop.server.json("releases", "--project", PROJECT)[0]["current"] is False
    assert Site(f"{PROJECT}.localhost").version() == "2"
    (rollback,) = [row for row in shop.operations("rollback") if not row["params"]["dry_run"]]
    assert str(rollback["id"]) in shop.backups()["databases"][0]["replaced"]
    wait(shop.all_backups_done, "the backup after the rollback goes on")


@pytest.mark.parametrize("step", ["restore", "stop", "start"])
def test_a_restore_that_is_cancelled_leaves_everything_as_before(shop: Shop, step: str) -> None:
    moment = shop.add(1 + max(shop.rows(), default=0))
    shop.add(1 + max(shop.rows(), default=0))
    before = (shop.rows(), _beside(shop), _databases(shop))
    shop.havre("restore", "--to", moment, "--yes-restore", PLACE, "--detach")
    _cancel(shop, step)
    wait(shop.container, "the database does not run")
    assert (shop.rows(), _beside(shop), _databases(shop)) == before
    shop.add(1 + max(shop.rows(), default=0))
    shop.archived()


@pytest.mark.parametrize("step", ["restore", "dump", "load"])
def test_a_restore_beside_that_is_cancelled_leaves_nothing(shop: Shop, step: str) -> None:
    # Filling its index takes long where it is loaded.
    shop.sql(
        "create or replace function slow(int) returns int immutable language sql as 'select $1';"
        "create table one as select 1 n; create index on one (slow(n));"
        "create or replace function slow(int) returns int immutable language sql as"
        " 'select $1 from pg_catalog.pg_sleep(60)'"
    )
    before = (shop.rows(), _beside(shop), _databases(shop))
    shop.havre("restore", "--as", "unwanted", "--detach")
    _cancel(shop, step)
    assert (shop.rows(), _beside(shop), _databases(shop)) == before
    shop.sql("drop table one; drop function slow")


def _cancel(shop: Shop, step: str) -> None:
    """Cancel the newest restore in the middle of a step; it is over then."""
    number = int(shop.operations("restore")[0]["id"])
    wait_for(lambda: is_at(shop.server, number, step))
    shop.server.cli("operations", "cancel", str(number))
    done = outcome(shop.server, number)
    assert done["state"] == "cancelled", done
    jobs = [each["Spec"]["Name"] for each in shop.engine.services()]
    assert not [name for name in jobs if str(number) in name.split("-")], "a job of it goes on"


def _beside(shop: Shop) -> set[str]:
    """What is beside the data in its volume: what was replaced, or is being restored."""
    found = shop.inside("find", "/var/lib/postgresql/data", "-maxdepth", "1")
    return {line.rpartition("/")[2] for line in found.splitlines()}


def _databases(shop: Shop) -> set[str]:
    return set(shop.sql("select datname from pg_database").split())


def test_an_erased_person_is_named_nowhere_and_erased_again_after_a_restore(
    shop: Shop, tmp_path: Path
) -> None:
    shop.sql(
        "drop table if exists visit, member;"
        "create table member (id int primary key, email text);"
        "create table visit (member_id int references member on delete cascade, at date);"
        f"insert into member values (1, '{ADA}'), (2, 'bob@club.example');"
        "insert into visit values (1, now()), (1, now()), (2, now())"
    )
    there = "select string_agg(email, ' ') from member, visit where member_id = id"
    moment = shop.add(1 + max(shop.rows(), default=0))
    export = ["privacy", "export", "--subject", "member.email=-", "--to", str(tmp_path / "ada.json")]
    shop.server.cli(*export, stdin=f"{ADA.upper()}\n", cwd=shop.repository.folder)
    tables = json.loads((tmp_path / "ada.json").read_text())["tables"]
    assert {name: len(rows) for name, rows in tables.items()} == {"member": 1, "visit": 2}

    erase = ["privacy", "erase", "--project", PROJECT, "--json"]
    named = [*erase, "--subject", "member.email=-", "--yes-erase", PROJECT]
    tried = json.loads(shop.server.cli(*named, "--dry-run", stdin=ADA).stdout)["environments"]
    assert tried[0]["persons"][0]["found"] == 1
    assert ADA in shop.sql(there)
    for name in ("aside", "other"):
        shop.inside("dropdb", "--if-exists", name)
    # What somebody restored beside is searched too; what is no copy of it is named.
    shop.havre("restore", "--as", "aside")
    shop.inside("createdb", "other")
    (done,) = json.loads(shop.server.cli(*named, stdin=ADA).stdout)["environments"]
    beside = done["persons"][0]["beside"]
    assert {name: each["found"] for name, each in beside.items()} == {"aside": 1, "other": 0}
    assert [told for told in done["backup_problems"] if "the database other beside" in told]
    assert shop.inside("psql", "-XAtq", "-d", "aside", "-c", there) == "bob@club.example"
    shop.inside("dropdb", "aside")
    shop.inside("dropdb", "other")
    assert shop.sql(there) == "bob@club.example"
    rows = {row["table"]: (row["fate"], row["rows"]) for row in done["persons"][0]["rows"]}
    assert rows == {"member": ("deleted", 1), "visit": ("deleted", 2)}
    saved = shop.backups()["backups"]
    assert {row["label"] for row in done["backups"]} == {row["label"] for row in saved}
    assert all(row["expires_at"] > done["erased_at"] for row in done["backups"])
    events = shop.server.cli("operations", "follow", str(done["operation"]), "--json").stdout
    state = b"".join(path.read_bytes() for path in (shop.server.state / "db").iterdir())
    logs = shop.server.log.read_text() + shop.engine.logs(shop.container()).decode()
    assert ADA not in events + logs
    assert ADA.encode() not in state

    restored = shop.restore("--to", moment)
    assert "1 erased persons may be there again: havre privacy erase --again" in restored.stdout
    assert ADA in shop.sql(there)
    assert "1 in keeper-production" in shop.server.cli("doctor", check=False).stdout
    shop.server.cli(*erase, "--again", "--yes-erase", PROJECT)
    assert shop.sql(there) == "bob@club.example"
    assert "keeper-production" not in _verdict(shop, "Erased persons")


def test_the_database_is_looked_into_dumped_and_brought_back(shop: Shop, tmp_path: Path) -> None:
    where = ["--project", PROJECT]
    shop.sql("select pg_sleep(0.5)")
    shop.sql("select pg_sleep(0.5)")
    found = shop.server.json("db", "stats", *where)
    assert found["archive"]["is_on"]
    assert found["archive"]["last_seconds"] is not None
    assert any("pg_sleep($1)" in each["statement"] for each in found["statements"])
    told = shop.server.cli("db", "stats", *where).stdout
    assert f"{found['version']}, up " in told
    asked = "select current_user, current_database()"
    psql = ["db", "psql", *where]
    assert shop.server.cli(*psql, "--", "-Atc", asked).stdout == f"{PROJECT}|{PROJECT}\n"
    assert (
        shop.server.cli("db", "psql", *where, "--admin", stdin="select current_user;").stdout.split()[2]
        == "postgres"
    )
    dump = tmp_path / "keeper.dump"
    shop.server.cli("db", "dump", *where, "--to", str(dump))
    shop.sql("create table later (n int)")
    refused = shop.server.cli("db", "restore", str(dump), *where, "--replace", check=False)
    assert (refused.returncode, "--yes-replace" in refused.stderr) == (64, True)
    done = shop.server.json("db", "restore", str(dump), *where, "--replace", "--yes-replace", PLACE)
    assert done["restore_point"]
    assert shop.sql("select to_regclass('later'), to_regclass('note')") == "|note"
    rows = {row["name"]: row["serves"] for row in shop.server.json("db", "list", *where)}
    assert rows.items() >= {PROJECT: True, done["kept"]: False}.items()
    copied = shop.server.cli(
        "anonymise", "--from", str(dump), "--to", "production", "--yes-replace", PLACE, "--memory", "512M",
        "--json", cwd=shop.repository.folder,
    )  # fmt: skip
    copy = json.loads(copied.stdout)
    made_up = "select count(*) from member where email like '%@example.org'"
    assert int(shop.sql(made_up)) == copy["rows"]["member"] > 0
    for kept in (done["kept"], copy["replaced"]):
        shop.server.cli(*psql, "--admin", "--", "-d", "postgres", "-qc", f"drop database {kept}")
    assert not (shop.server.state / "anonymised.dump").exists()
    programs = [row["params"].get("program") for row in shop.operations("exec")]
    assert {"psql", "pg_dump", "pg_restore"} <= set(programs)


def test_a_dump_is_made_here_and_elsewhere_and_becomes_a_database(shop: Shop) -> None:
    shop.storage.ensure()
    shop.havre("backup", "now", "--dump")
    dumps = [row for row in shop.backups()["backups"] if row["type"] == "dump"]
    assert {row["repository"]: row["size"] for row in dumps} == dict.fromkeys(
        ("local", "offsite"), dumps[0]["size"]
    )
    rows = shop.rows()
    shop.sql("create table since_then (n int)")
    offsite = next(row["label"] for row in dumps if row["repository"] == "offsite")
    told = shop.havre("restore", "--dump", offsite, "--from", "offsite", "--as", "monday", "--dry-run").stdout
    assert "out of the offsite repository" in told
    shop.havre("restore", "--dump", offsite, "--from", "offsite", "--as", "monday")
    asked = "select to_regclass('since_then') is null, count(*) from note"
    there = ["psql", "-XAtq", "-U", "postgres", "-d", "monday", "-c", asked]
    assert shop.inside(*there) == f"t|{len(rows)}"
    shop.sql("drop table since_then")
    shop.inside("psql", "-U", "postgres", "-c", "drop database monday")


def test_a_session_on_a_terminal_is_like_one_at_home(shop: Shop) -> None:
    command = [sys.executable, "-m", "havre", "db", "psql", "--project", PROJECT]
    terminal = Terminal(command, shop.server.environment)
    terminal.read(f"{PROJECT}=>")
    terminal.type("select 6 * 7 as answer;\n")
    terminal.read("42")
    # Ctrl-C ends the statement and not the session.
    terminal.type("select pg_sleep(600);\n")
    wait(lambda: "pg_sleep" in shop.sql(_SLEEPERS), "the statement does not run")
    terminal.type("\x03")
    terminal.read("canceling statement due to user request")
    terminal.type("select 'still ' || 'here';\n")
    terminal.read("still here")
    terminal.type("\\q\n")
    assert terminal.end() == 0


_SLEEPERS = (
    "select string_agg(query, ' ') from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
)


def test_a_copy_comes_from_the_newest_backup_and_a_person_goes_from_every_environment(
    shop: Shop, tmp_path: Path
) -> None:
    shop.sql("create table if not exists member (id int primary key, email text)")
    shop.sql("insert into member values (2, 'bob@club.example') on conflict do nothing")
    shop.sql("insert into member values (7, 'grace.hopper@club.example') on conflict do nothing")
    shop.havre("backup", "now", "--service", "db")
    written = shop.repository.manifest
    written["environments"]["staging"] = {
        "branch": "main",
        "protected": False,
        "services": {"api": {"domain": f"staging.{PROJECT}.localhost"}},
    }
    shop.repository.commit(manifest=written, version="2")
    deploy = ["deploy", "-e", "staging", "--source", str(shop.repository.folder)]
    shop.server.cli(*deploy, check=False)  # makes the environment; the secret is missing
    where = ["-p", PROJECT, "-e", "staging"]
    shop.server.cli("secrets", "set", "hook", *where, stdin="https://hook.example")
    shop.server.cli(*deploy)
    try:
        _copy_into_staging(shop, tmp_path)
    finally:
        shop.server.cli(
            "destroy", "-p", PROJECT, "-e", "staging", "--volumes", "--yes-destroy", f"{PROJECT}-staging"
        )


def _copy_into_staging(shop: Shop, tmp_path: Path) -> None:
    staging = ["db", "psql", "-p", PROJECT, "-e", "staging", "--", "-XAtq", "-c"]
    target = tmp_path / "copy.dump"
    copied = shop.server.cli(
        "anonymise", "--from", "production", "--to", str(target), "--memory", "512M", "--json",
        cwd=shop.repository.folder,
    )  # fmt: skip
    rows = int(shop.sql("select count(*) from member"))
    assert json.loads(copied.stdout)["rows"]["member"] == rows
    assert target.read_bytes().startswith(b"PGDMP")
    wait(lambda: shop.operations("extract")[0]["state"] == "succeeded", "the copy is not removed")
    label = [f"havre.project={PROJECT}", "havre.role=drill"]
    assert shop.engine.containers(all=True, filters={"label": label}) == []

    # A dump of the same backup in staging's place: there are persons in both environments then.
    shop.server.cli(
        "db", "restore", str(target), "-p", PROJECT, "-e", "staging", "--replace", "--yes-replace",
        f"{PROJECT}-staging",
    )  # fmt: skip
    assert shop.server.cli(*staging, "select count(*) from member").stdout.strip() == str(rows)
    erase = ["privacy", "erase", "--project", PROJECT, "--subject", "member.id=7", "--json"]
    done = json.loads(shop.server.cli(*erase, "--yes-erase", PROJECT).stdout)["environments"]
    assert {each["environment"]: each["persons"][0]["found"] for each in done} == {
        "production": 1,
        "staging": 1,
    }
    for count in (
        shop.sql("select count(*) from member where id = 7"),
        shop.server.cli(*staging, "select count(*) from member where id = 7").stdout.strip(),
    ):
        assert count == "0"
    export = ["privacy", "export", "-e", "staging", "--subject", "member.id=2"]
    told = json.loads(shop.server.cli(*export, cwd=shop.repository.folder).stdout)
    assert (told["environment"], len(told["tables"]["member"])) == ("staging", 1)


def _verdict(shop: Shop, name: str) -> str:
    found = json.loads(shop.server.cli("doctor", "--json", check=False).stdout)
    return next(json.dumps(each) for each in found if each["check"] == name)


def test_everything_here_is_lost_and_comes_back_from_elsewhere(shop: Shop) -> None:
    shop.sql("delete from note")
    for number in range(20, 24):
        shop.add(number)
    shop.archived()
    shop.add(24)
    shop.streamed()
    shop.engine.kill(shop.container())  # which archives nothing any more
    shop.lose_everything()
    # Neither a restart nor a backup may take the empty database for the one that is saved.
    shop.havre("restart", "db")
    assert "not the one that is saved" in shop.backups()["databases"][0]["problem"]
    refused = shop.havre("backup", "now", check=False)
    assert refused.returncode == 1
    assert "havre backup now --new-database" in refused.stdout, refused.stdout
    assert json.loads(shop.havre("restore", "--dry-run", "--json").stdout)["repository"] == "offsite"
    shop.restore()
    assert shop.rows() == [20, 21, 22, 23, 24]
    shop.add(25)
    shop.archived()
    saved = shop.labels("local") | shop.labels("offsite")
    assert shop.havre("backup", "verify").returncode == 0
    assert all(row["verified_at"] for row in shop.backups()["backups"] if row["label"] in saved)


def test_the_storage_dies_and_the_local_copies_go_on(shop: Shop) -> None:
    shop.storage.ensure()
    wait(lambda: shop.alerted("failed") <= shop.alerted("recovered"), "what was told before is not over")
    shop.told.clear()
    present = shop.rows()
    restoring = shop.server.popen(
        "restore", "--from", "offsite", "--yes-restore", PLACE, "--project", PROJECT
    )
    wait(lambda: shop.is_at("restore", "restore"), "the restore does not begin")
    shop.storage.kill()
    out, _ = restoring.communicate(timeout=300)
    assert restoring.returncode == 1, out
    assert "cannot be reached" in out, out
    assert shop.rows() == present
    assert not shop.inside("find", "/var/lib/postgresql/data", "-maxdepth", "1", "-name", "*.restored-*")

    before = shop.labels("local")
    failed = shop.havre("backup", "now", check=False)
    assert failed.returncode == 1
    assert "db offsite: the off-site storage cannot be reached" in failed.stdout, failed.stdout
    assert len(shop.labels("local") - before) == 1
    assert before <= shop.labels("local"), "a failed backup deletes no older one"
    found = shop.backups()["databases"][0]
    assert "cannot be reached" in found["repositories"][1]["problem"]
    assert found["waiting_seconds"] > 5, "the WAL of the local copy waits for the other repository"
    assert found["streamed_seconds"] > 5
    wait(lambda: shop.alerted("failed") >= {"archive", "backup", "stream"}, "nobody is told")
    shop.storage.start()
    shop.sql("select pg_switch_wal()")  # else PostgreSQL may wait a minute before it tries again
    # By itself: the archive goes on, and a backup is made because WAL had waited.
    wait(lambda: shop.alerted("recovered") >= {"archive", "backup", "stream"}, "the backups do not recover")
    assert shop.operations("backup")[0]["state"] == "succeeded"
    assert len(shop.told) == len({(each["about"], each["outcome"]) for each in shop.told}), "each once"


def test_another_passphrase_opens_nothing_and_deletes_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.storage.ensure()
    before = shop.labels("offsite")
    assert before
    (tmp_path / "wrong").write_text("wrong-passphrase\n")
    shop.set_storage("--passphrase-file", str(tmp_path / "wrong"))
    shop.havre("restart", "db")
    found = shop.backups()["databases"][0]["repositories"]
    assert found[1]["problem"] == "the passphrase does not open the repository"
    (tmp_path / "right").write_text(shop.passphrase)
    shop.set_storage("--passphrase-file", str(tmp_path / "right"))
    shop.havre("restart", "db")
    wait(lambda: shop.havre("backup", "now", check=False).returncode == 0, "backups do not recover")
    assert before <= shop.labels("offsite")


def test_a_wrong_byte_and_a_file_that_was_cut_off_are_found(shop: Shop) -> None:
    label = max(each for each in shop.labels("local") if each.endswith("F"))
    shop.inside(
        "bash", "-c",
        f"f=$(find /var/lib/pgbackrest/repo/backup/main/{label}/bundle -type f -size +64k | head -n 1);"
        " printf X | dd of=$f bs=1 seek=40000 conv=notrunc",
    )  # fmt: skip
    failed = shop.havre("backup", "verify", check=False)
    assert failed.returncode == 1
    assert "db local: files are damaged or missing" in failed.stdout, failed.stdout
    found = {row["label"]: row for row in shop.backups()["backups"] if row["repository"] == "local"}
    assert found[label]["problem"]
    info = "/var/lib/pgbackrest/repo/backup/main/backup.info"
    shop.inside("truncate", "--size=-100", info, f"{info}.copy")
    failed = shop.havre("backup", "verify", check=False)
    assert failed.returncode == 1
    assert "db local: the repository is empty or damaged" in failed.stdout, failed.stdout
