"""Set-up in processes of their own: it reads the settings once and configures Django."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.server_processes import NOBODY, command, environment, python_for_anybody

WEB = 61987
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def state():
    # Not tmp_path: the folders above that are closed to other accounts.
    folder = Path(tempfile.mkdtemp(prefix="havre-set-up-"))
    folder.chmod(0o755)
    yield folder / "state"
    shutil.rmtree(folder)


def run(state, python=sys.executable, **more):
    return subprocess.run(
        command(python, "set-up"), env=environment(state), capture_output=True, text=True, check=False, **more
    )


def tree(state):
    return {
        str(path.relative_to(state.parent)): (
            oct(stat.S_IMODE(path.stat().st_mode)),
            path.stat().st_uid,
            path.stat().st_gid,
        )
        for path in [state, *state.rglob("*")]
    }


EXPECTED = {
    "state": ("0o750", 0, WEB),
    "state/db": ("0o2770", 0, WEB),
    "state/db/havre.sqlite3": ("0o660", 0, WEB),
    "state/keys": ("0o750", 0, WEB),
    "state/keys/django.key": ("0o640", 0, WEB),
    "state/keys/secrets.key": ("0o600", 0, 0),
    "state/keys/secrets.pub": ("0o644", 0, 0),
    "state/run": ("0o3770", 0, WEB),
    "state/traefik": ("0o755", 0, 0),
    "state/traefik/dynamic": ("0o755", 0, 0),
    "state/traefik/acme": ("0o700", 65532, 65532),
    "state/certificates": ("0o750", 0, WEB),
    "state/sources": ("0o700", 0, 0),
    "state/builds": ("0o700", 0, 0),
}


@as_root
def test_permissions_and_a_second_run_that_keeps_everything(state):
    first = run(state, umask=0)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == {"uid": WEB, "gid": WEB, "run": f"{state}/run"}
    assert tree(state) == EXPECTED
    keys = {path: path.read_bytes() for path in (state / "keys").iterdir()}

    # What a crash or a careless hand left behind.
    (state / "keys" / "django.draft").write_text("half")
    (state / "keys" / "secrets.key").chmod(0o644)
    (state / "run").chmod(0o777)
    (state / "traefik" / "acme").rmdir()
    again = run(state, umask=0o077)

    assert again.returncode == 0, again.stderr
    assert (state / "keys" / "django.draft").exists() is True
    (state / "keys" / "django.draft").unlink()
    assert tree(state) == EXPECTED
    assert {path: path.read_bytes() for path in keys} == keys


@as_root
def test_two_at_once(state):
    both = [
        subprocess.Popen(command(sys.executable, "set-up"), env=environment(state), stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [each.wait(60) for each in both] == [0, 0]
    with sqlite3.connect(state / "db" / "havre.sqlite3") as database:
        assert database.execute("select count(*) from records_operation").fetchone() == (0,)


@as_root
def test_a_state_that_the_web_process_cannot_reach_is_refused(state):
    state.parent.chmod(0o700)
    done = run(state)
    assert done.returncode == 1
    assert str(state.parent) in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


@as_root
def test_without_root_everything_is_one_s_own(state):
    python = python_for_anybody()
    if python is None:
        pytest.skip("no Python that another account can run")
    os.chown(state.parent, NOBODY, NOBODY)
    done = run(state, python, user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"uid": NOBODY, "gid": NOBODY, "run": f"{state}/run"}
    assert {(uid, gid) for _, uid, gid in tree(state).values()} == {(NOBODY, NOBODY)}
    assert tree(state)["state/keys/secrets.key"][0] == "0o600"


@as_root
def test_without_root_somebody_else_s_state_is_refused(state):
    python = python_for_anybody()
    if python is None:
        pytest.skip("no Python that another account can run")
    done = run(state, python, user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 1
    assert "HAVRE_STATE" in done.stderr
    assert "Traceback" not in done.stderr
