"""The unit files: what they say, and what systemd itself makes of them where its tools are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from havre.adapters import systemd

STATE = Path("/var/lib/havre")
EXPOSURE = {systemd.WEB: 20, systemd.WORKER: 55}
"""Tenths; systemd calls up to 49 OK, and a service without any hardening 96."""
needs_tools = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")

Unit = dict[str, dict[str, list[str]]]


def text(name: str, user: str = "havre") -> str:
    return systemd.unit(
        name, python=Path(sys.executable), state=STATE, docker_socket="/run/docker.sock", user=user
    )


def parse(source: str) -> Unit:
    """Sections, keys and values; anything that systemd would only warn of is an error here."""
    found: Unit = {}
    section: dict[str, list[str]] | None = None
    for line in source.splitlines():
        if not line or line.startswith("#"):
            continue
        assert line == line.strip(), f"blanks around {line!r}"
        if header := re.fullmatch(r"\[(Unit|Service|Install)\]", line):
            assert header[1] not in found, f"{line} twice"
            section = found.setdefault(header[1], {})
            continue
        option = re.fullmatch(r"([A-Z][A-Za-z]+)=(.*)", line)
        assert option, line
        assert section is not None, line
        section.setdefault(option[1], []).append(option[2])
    return found


def one(unit: Unit, key: str) -> str:
    (value,) = unit["Service"][key]
    return value


@pytest.mark.parametrize("name", systemd.UNITS)
def test_a_unit_starts_its_role_again_whatever_happens(name: str) -> None:
    unit = parse(text(name))
    role = name.removeprefix("havre-").removesuffix(".service")
    assert one(unit, "ExecStart") == f"{sys.executable} -P -m havre.interfaces.server {role}"
    assert one(unit, "Restart") == "always"
    assert unit["Install"]["WantedBy"] == ["multi-user.target"]
    assert "Requires" not in unit["Unit"], "a restart of the engine must not stop Havre"


def test_web_has_no_rights_but_to_its_database_and_its_socket() -> None:
    unit = parse(text(systemd.WEB))
    assert one(unit, "User") == one(unit, "Group") == "havre"
    assert one(unit, "CapabilityBoundingSet") == one(unit, "AmbientCapabilities") == ""
    assert one(unit, "ProtectSystem") == "strict"
    assert one(unit, "ReadWritePaths").split() == [f"{STATE}/db", f"{STATE}/run"]
    closed = one(unit, "InaccessiblePaths").split()
    assert {"-/run/docker.sock", f"-{STATE}/keys/secrets.key", f"-{STATE}/traefik/acme"} <= set(closed)
    for option in (
        "NoNewPrivileges",
        "PrivateTmp",
        "PrivateDevices",
        "ProtectHome",
        "ProtectKernelTunables",
        "ProtectKernelModules",
        "ProtectControlGroups",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
        "LockPersonality",
        "MemoryDenyWriteExecute",
    ):
        assert one(unit, option) == "yes", option
    assert unit["Service"]["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    before = one(unit, "ExecStartPre")
    assert before.startswith("+"), "set-up makes directories as root"
    assert before.endswith(" set-up")


def test_worker_writes_nowhere_but_in_its_state() -> None:
    unit = parse(text(systemd.WORKER))
    assert one(unit, "User") == "root"
    assert one(unit, "ProtectSystem") == "strict"
    assert one(unit, "ReadWritePaths") == str(STATE)
    assert one(unit, "ProtectHome") == "read-only", "sources may lie in a home"
    kept = set(one(unit, "CapabilityBoundingSet").split())
    never = {
        "CAP_SYS_MODULE",
        "CAP_SYS_BOOT",
        "CAP_SYS_RAWIO",
        "CAP_SYS_TIME",
        "CAP_SYS_PTRACE",
        "CAP_NET_ADMIN",
    }
    assert kept
    assert not kept & never
    assert one(unit, "ProtectControlGroups") == "no", "it sets the ceiling of builds"
    assert one(unit, "KillMode") == "mixed", "its children end by its own word"


@pytest.mark.parametrize("value", ["/var/lib/my havre", "/var/%n", "/a;b", "/a\nUser=root", ""])
def test_what_unit_files_treat_specially_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="unit file"):
        systemd.unit(systemd.WEB, python=Path("/p"), state=STATE, docker_socket=value, user="havre")


@needs_tools
@pytest.mark.parametrize("name", systemd.UNITS)
def test_systemd_finds_no_mistake(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text(name))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_tools
@pytest.mark.parametrize("name", systemd.UNITS)
def test_systemd_finds_it_hardened(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text(name))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE[name]}", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
