"""A database of an earlier major version of PostgreSQL, taken to the later one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import docker
import pytest

from e2e.conftest import Site
from support.object_storage import ObjectStorage
from support.server import Server
from support.shop import PLACE, PROJECT, Shop, wait

pytestmark = pytest.mark.timeout(900)

# Made without rows, it is the same in both versions; with rows, the later one fails.
FAILS_WITH_ROWS = """
create function fails(n int) returns int immutable language plpgsql as $$
begin
  if current_setting('server_version_num')::int > 160000 then raise 'rows are not welcome'; end if;
  return n;
end $$;
create index unwelcome on note (fails(n));
"""


@pytest.fixture
def shop(
    server: Server, engine: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Deployed on PostgreSQL 15, and saved on this server only."""
    folder = tmp_path_factory.mktemp("upgrades")
    made = Shop(server, engine, ObjectStorage(folder / "unused"), folder)
    made.repository.manifest["services"]["db"] |= {"version": 15}
    made.repository.commit(manifest=made.repository.manifest, version="1")
    try:
        server.deploy(made.repository.folder)
        made.fill()
        yield made
    finally:
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", PLACE, check=False)


UPGRADE = ("db", "upgrade", "--yes-upgrade", PLACE)
SITE = Site(f"{PROJECT}.localhost")


def test_a_database_gets_a_later_major_version_and_goes_on_being_saved(shop: Shop) -> None:
    _refused(shop)
    _undone(shop)
    _upgraded(shop)


def _refused(shop: Shop) -> None:
    shop.add(1)
    shop.add(2)
    # A manifest that asks for it is refused, with the way.
    asked = shop.repository.manifest
    asked["services"]["db"]["version"] = 17
    shop.repository.commit(manifest=asked, version="1")
    refused = shop.server.deploy(shop.repository.folder, check=False)
    assert "db is PostgreSQL 15, and havre.yaml asks for 17" in refused.stderr + refused.stdout
    assert "havre db upgrade" in refused.stderr + refused.stdout

    # What is not possible in the later version is told while everything goes on.
    shop.sql("create view gone as select checkpoints_timed from pg_stat_bgwriter")
    before = shop.container()
    refused = shop.havre("db", "upgrade", "--dry-run", check=False)
    assert "checkpoints_timed does not exist" in refused.stderr
    assert shop.container() == before
    shop.sql("drop view gone")
    plan = json.loads(shop.havre("db", "upgrade", "--dry-run", "--json").stdout)
    assert (plan["before"], plan["after"], plan["is_saved"]) == (15, 17, True)
    assert shop.container() == before
    refused = shop.havre("db", "upgrade", check=False)
    assert refused.returncode == 64
    assert f"--yes-upgrade {PLACE}" in refused.stderr


def _undone(shop: Shop) -> None:
    """What fails later brings the earlier version back."""
    shop.sql(FAILS_WITH_ROWS)
    failed = shop.havre(*UPGRADE, check=False)
    assert failed.returncode != 0
    assert "rows are not welcome" in failed.stdout + failed.stderr
    assert shop.sql("show server_version").startswith("15")
    assert shop.rows() == [1, 2]
    shop.add(3)
    assert shop.inside("ls", "/var/lib/postgresql/data") == "pgdata"
    assert SITE.version() == "1"
    shop.sql("drop index unwelcome")


def _upgraded(shop: Shop) -> None:
    shop.havre(*UPGRADE)
    assert shop.sql("show server_version").startswith("17")
    assert shop.rows() == [1, 2, 3]
    assert SITE.version() == "1"
    live, *_ = shop.server.json("releases", "--project", PROJECT)
    assert live["current"]
    assert live["restore_point"]["databases"]["db"]

    # It is saved as before: a restore returns to moments since, and not to those before.
    wait(shop.all_backups_done, "the backup after the upgrade goes on")
    newest, *_ = shop.operations("backup")
    assert newest["state"] == "succeeded", newest["error"]
    moment = shop.add(4)
    shop.add(5)
    shop.restore("--to", moment)
    assert shop.rows() == [1, 2, 3, 4]
    before = shop.havre("restore", "--to-release", str(live["number"]), "--dry-run", check=False)
    assert "is of PostgreSQL 15, which 17 cannot run" in before.stderr

    # The manifest that was refused is deployed; a rollback of the code keeps the version.
    shop.server.deploy(shop.repository.folder)
    shop.havre("rollback")
    assert shop.sql("show server_version").startswith("17")
    shop.havre("restart")
    assert shop.rows() == [1, 2, 3, 4]
    (done,) = [row["id"] for row in shop.operations("upgrade") if row["result"].get("backup")]
    assert str(done) in shop.backups()["databases"][0]["replaced"]
    shop.havre("db", "upgrade", "--confirm", "--yes-upgrade", PLACE)
    assert shop.backups()["databases"][0]["replaced"] == []
