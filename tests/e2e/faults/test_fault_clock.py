"""The host's clock is set while Havre works: forward by more than a day, and back."""

from __future__ import annotations

import json
import time
from typing import Any

from support import clock
from support.faults import Row, record
from support.load import Shape, under_load
from support.operations import PATIENCE, Make, begin, outcome, wait_for
from support.server import Server

DAY_AND_MORE = 26 * 3600
HOUR = 3600
COUNTS = (
    "let n = 0; const t = setInterval(() => { console.log('line', n++); if (n > 19) clearInterval(t) }, 150)"
)


def runs(server: Server, project: str) -> list[dict[str, Any]]:
    """The runs of the scheduled command, the newest first."""
    found: list[dict[str, Any]] = server.get(
        f"/api/v1/environments/{project}/production/cron/hourly/runs"
    ).json()
    return found


def test_fault_clock_set(server: Server, make: Make, site: Any, project: str) -> None:
    hourly = {"schedule": "0 * * * *", "command": ["node", "-e", ""]}
    repository = make(drain="1s", cron={"hourly": hourly})
    where = ("--project", project)
    with clock.settable(server) as set_clock:
        # Half past: not close to a full hour, when the command would be due in any case.
        offset = (HOUR // 2 - time.time() % HOUR) % HOUR
        set_clock(offset)
        server.deploy(repository.folder)
        with under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report:
            repository.commit(version="2", bootMs=2000)
            number = begin(server, repository, "gate")
            set_clock(offset + DAY_AND_MORE)
            assert server.get("/healthz").status_code == 200  # though the last sign of life was yesterday
            assert outcome(server, number)["state"] == "succeeded"
            assert site.version() == "2"
            wait_for(lambda: runs(server, project))
            (missed,) = runs(server, project)  # not twenty-six
            assert missed["state"] == "missed"
            told = json.loads(server.cli("doctor", "--json", check=False).stdout)
            (verdict,) = [row for row in told if row["check"] == "Clock"]
            assert verdict["level"] == "failed", verdict

            repository.commit(version="3", bootMs=2000)
            number = begin(server, repository, "gate")
            command = server.popen("run", *where, "api", "--", "node", "-e", COUNTS)
            printed: list[str] = []
            assert command.stdout
            while "line 1" not in printed:
                printed.append(command.stdout.readline().strip())
            set_clock(offset)
            # Not communicate(): it would pass over the lines that readline() has taken from the pipe already.
            printed += command.stdout.read().splitlines()
            assert command.wait(PATIENCE) == 0, printed
            assert [line for line in printed if line.startswith("line ")] == [f"line {n}" for n in range(20)]
            wait_for(lambda: not runs(server, project))  # what seemed missed is still to come

            # A few seconds past the full hour; the scheduler looks when the deployment ends.
            set_clock(offset + HOUR // 2 + 5)
            assert outcome(server, number)["state"] == "succeeded"
            assert site.version() == "3"
            assert server.get("/healthz").status_code == 200
            wait_for(lambda: runs(server, project) and runs(server, project)[0]["state"] == "succeeded")
            assert len(runs(server, project)) == 1
    assert report["failed"] == 0, report
    assert [row["number"] for row in server.json("releases", *where)] == [3, 2, 1]
    record(
        Row(
            "clock-jump",
            "deployments and commands go on and succeed; of the scheduled runs of the time that was left out "
            "none begins, and when the clock is set back none is repeated or forgotten",
            f"by `havre doctor`: {verdict['seen']} → {verdict['remedy']}",
            "not one request failed",
        ),
        project,
    )
