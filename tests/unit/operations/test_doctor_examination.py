from __future__ import annotations

from pathlib import Path

from havre.config import Config
from havre.domain.doctor import Level, Verdict
from havre.errors import ServerError
from havre.operations import doctor


def examined(state: Path, **answer: object) -> dict[str, Verdict]:
    def health() -> tuple[int, dict[str, object]]:
        if not answer:
            raise ServerError("not running here", hint="start it")
        return 200, answer

    config = Config(state=state, docker_host=f"unix://{state}/docker.sock", http_port=8, https_port=9)
    return {verdict.check: verdict for verdict in doctor.examine(config, health=health)}


def test_without_engine_and_havre_every_check_is_still_made(tmp_path: Path) -> None:
    found = examined(tmp_path)
    assert found["Docker engine"].level is Level.FAILED
    assert "no such file" in found["Docker engine"].seen
    assert found["Swarm"].level is Level.SKIPPED
    assert found["Havre"].seen == "not running here"
    assert {"Docker client", "Git", "Port 8", "Port 9", "Memory", "Clock", "Proxy and CA", "Keys"} <= set(
        found
    )
    assert any(check.startswith("Disk of") for check in found)


def test_keys_that_are_too_open_are_found(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "secrets.key").write_text("x")
    (tmp_path / "keys" / "secrets.key").chmod(0o644)
    found = examined(tmp_path, status="ok", worker_seen_seconds=1.5)
    assert found["Keys"].level is Level.FAILED
    assert found["Havre"].level is Level.OK
