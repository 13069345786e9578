"""Scenarios of what keeps data: backups, restores, drills, rebuilds, persons. See ``scenarios``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from e2e.crash.states import as_before, changed, deployed, nothing
from support.crash_lab import Request, Scenario, Site
from support.node import data_root


def saved(site: Site) -> list[Request]:
    """Version 1 serves, and its database is saved."""
    before = deployed(site)
    return before if not before and site.backups()["backups"] else [*before, site.request("backup")]


def followed(site: Site) -> list[Request]:
    """Version 2 serves, and the data is known as version 1 left it."""
    before = saved(site)
    return before if not before and site.version() == "2" else [*before, site.deploy("2")]


def write_more(site: Site) -> None:
    """A row that version 1 never saw."""
    site.sql("create table if not exists later (n int)")
    site.sql("insert into later values (1)")


def returned(site: Site, version: str, *, has_more: bool) -> None:
    """This version serves, and the row is there or not."""
    changed(site, version=version)
    site.sql("create table if not exists later (n int)")
    assert (site.sql("select count(*) from later") != "0") is has_more


def first_number(site: Site) -> int:
    """The release of version 1."""
    rows = [row for row in site.releases() if row["commit"] == site.commits["1"] and row["live_at"]]
    return int(rows[0]["number"])


def write(site: Site) -> None:
    """Two rows, and the moment between them."""
    site.sql("create table if not exists note (n int)")
    site.sql("truncate note")
    site.sql("insert into note values (1)")
    site.facts["moment"] = site.sql("select pg_sleep(0.1), clock_timestamp()").partition("|")[2]
    site.sql("insert into note values (2)")


def restored(site: Site, rows: str) -> None:
    """As before, with these rows."""
    as_before(site)
    assert site.sql("select string_agg(n::text, ' ' order by n) from note") == rows


def note_of(site: Site) -> Path:
    """A file in the volume."""
    return data_root() / "volumes" / f"{site.owner}-data" / "_data" / "note"


def kept_without(site: Site) -> list[Request]:
    """Version 1 serves, and its volume is saved without the file."""
    note_of(site).unlink(missing_ok=True)
    return [*deployed(site), site.request("save")]


def write_note(site: Site) -> None:
    """The file, which no copy from before this moment has; another save may begin by itself."""
    site.facts["moment"] = datetime.now(UTC).isoformat()
    note_of(site).write_text("later")


def has_note(site: Site, *, is_there: bool) -> None:
    """As before, with the file or without."""
    as_before(site)
    assert note_of(site).exists() is is_there


def enrol(site: Site) -> None:
    """A person with two visits."""
    site.sql("create table if not exists member (id int primary key)")
    site.sql("create table if not exists visit (member_id int references member on delete cascade)")
    site.sql("insert into member values (7) on conflict do nothing")
    site.sql("truncate visit")
    site.sql("insert into visit values (7), (7)")


def erased(site: Site) -> None:
    """As before, and nothing of the person is left."""
    as_before(site)
    assert site.sql("select (select count(*) from member), (select count(*) from visit)") == "0|0"


def erased_or_not(site: Site) -> None:
    """As before; all of the person is there, or nothing."""
    as_before(site)
    found = site.sql("select (select count(*) from member), (select count(*) from visit)")
    assert found in {"0|0", "1|2"}


def of_the_earlier_version(site: Site) -> list[Request]:
    """Version 1 serves, on an earlier PostgreSQL; there is no way back to it but a new database."""
    if site.look()["release"] is not None and site.sql("show server_version").startswith("15"):
        return []
    return [*nothing(site), site.deploy("1")]


def upgraded(site: Site, version: int) -> None:
    """As before, on this version of PostgreSQL; nothing is left on its volume but what was replaced."""
    changed(site)
    assert site.sql("show server_version").startswith(str(version))
    assert site.sql("select string_agg(n::text, ' ' order by n) from note") == "1 2"
    left = site.inside("ls", "/var/lib/postgresql/data").split()
    assert [name.partition("-")[0] for name in left] == (
        ["pgdata", "pgdata.replaced"] if version == 17 else ["pgdata"]
    )


SCENARIOS = (
    Scenario(
        "backup",
        kind="backup",
        prepare=saved,
        request=lambda site: site.request("backup"),
        succeeded=as_before,
        undone=as_before,
        project="crashdata",
    ),
    Scenario(
        "dump",
        kind="dump",
        prepare=saved,
        request=lambda site: site.request("dump"),
        succeeded=as_before,
        undone=as_before,
        project="crashdata",
    ),
    Scenario(
        "verification of backups",
        kind="verify",
        prepare=saved,
        request=lambda site: site.request("verify"),
        succeeded=as_before,
        undone=as_before,
        like="backup",
        is_variant=True,
        undo_after=frozenset({"local"}),
        project="crashdata",
    ),
    Scenario(
        "drill",
        kind="drill",
        prepare=saved,
        request=lambda site: site.request("drill"),
        succeeded=as_before,
        undone=as_before,
        like="drill",  # undoing is the same after each step: it is tried where the copy is whole, or half
        undo_after=frozenset({"restore", "serve", "remove"}),
        project="crashdata",
    ),
    Scenario(
        "extraction from a backup",
        kind="extract",
        prepare=saved,
        request=lambda site: site.request("extract", wait=0),
        succeeded=as_before,
        undone=as_before,
        like="drill",
        undo_after=frozenset({"restore", "isolate", "remove"}),
        project="crashdata",
        is_long=True,
    ),
    Scenario(
        "restore of a backup",
        kind="restore",
        prepare=saved,
        meddle=write,
        request=lambda site: site.request("restore", at=site.facts["moment"].replace(" ", "T") + ":00"),
        succeeded=lambda site: restored(site, "1"),
        undone=lambda site: restored(site, "1 2"),
        project="crashdata",
    ),
    Scenario(
        "rollback with its data",
        kind="rollback",
        prepare=followed,
        meddle=write_more,
        request=lambda site: site.request("rollback", release=first_number(site), with_data=True),
        succeeded=lambda site: returned(site, "1", has_more=False),
        undone=lambda site: returned(site, "2", has_more=True),
        interrupts=True,
        like="deploy restore",
        is_variant=True,
        undo_after=frozenset({"swap", "switch"}),
        project="crashdata",
        is_long=True,
    ),
    Scenario(
        "confirmation of a restored backup",
        kind="confirm",
        prepare=saved,
        meddle=lambda site: site.inside("mkdir", "-p", "/var/lib/postgresql/data/pgdata.replaced-1"),
        request=lambda site: site.request("confirm"),
        succeeded=lambda site: site.has_nothing_replaced(),
        undone=as_before,
        project="crashdata",
    ),
    Scenario(
        "upgrade of a database",
        kind="upgrade",
        prepare=of_the_earlier_version,
        meddle=write,
        request=lambda site: site.request("upgrade"),
        succeeded=lambda site: upgraded(site, 17),
        undone=lambda site: upgraded(site, 15),
        interrupts=True,
        like="deploy",
        undo_after=frozenset({"switch"}),
        project="crashupgrade",
        is_long=True,
    ),
    Scenario(
        "erasure of a person",
        kind="erase",
        prepare=saved,
        meddle=enrol,
        request=lambda site: site.request("erase", subject="member.id", value="7"),
        succeeded=erased,
        undone=erased_or_not,
        project="crashdata",
    ),
    Scenario(
        "saving of images, volumes and state",
        kind="save",
        prepare=deployed,
        request=lambda site: site.request("save"),
        succeeded=as_before,
        undone=as_before,
        project="crashvol",
    ),
    Scenario(
        "restore of a volume",
        kind="restore",
        prepare=kept_without,
        meddle=write_note,
        request=lambda site: site.request("restore", volume="data", at=site.facts["moment"]),
        succeeded=lambda site: has_note(site, is_there=False),
        undone=lambda site: has_note(site, is_there=True),
        interrupts=True,
        project="crashvol",
        is_long=True,
    ),
    Scenario(
        # Of what is whole: so nothing may change. What is lost comes back in test_rebuild.
        "rebuild",
        kind="rebuild",
        prepare=deployed,
        request=lambda site: site.request("rebuild"),
        succeeded=as_before,
        undone=as_before,
        like="deploy",
        undo_after=frozenset({"start", "switch"}),
        project="crashready",
    ),
)
