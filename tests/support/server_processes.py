"""Starting Havre's processes by themselves, without an engine."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = next(Path(path) for path in sys.path if path.endswith("site-packages"))
NOBODY = pwd.getpwnam("nobody").pw_uid


def environment(state: Path, **settings: str) -> dict[str, str]:
    """What a process is started with: nothing of the caller's but the path."""
    given = {f"HAVRE_{key.upper()}": value for key, value in settings.items()}
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'src'}:{SITE}",
        "HAVRE_STATE": str(state),
        "HAVRE_DOCKER_HOST": f"unix://{state}/no-engine.sock",
        "HAVRE_WEB_USER": "no-such-account",
        **given,
    }


def command(python: str, role: str) -> list[str]:
    return [python, "-P", "-m", "havre.interfaces.server", role]


@lru_cache(maxsize=1)
def python_for_anybody() -> str | None:
    """A Python of this version that any account can run, with this project's packages, if there is one."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/python{version}"):
        test = [candidate, "-P", "-c", "import havre.errors, django, pydantic_core, nacl"]
        try:
            done = subprocess.run(
                test,
                env=environment(Path("/tmp")),
                cwd="/",
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    return None
