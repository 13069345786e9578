import subprocess
import sys

from havre.adapters.host.figures import figures, stalled

PRESSURE = """some avg10=0.00 avg60=0.00 avg300=0.00 total=17299607
full avg10=0.00 avg60=0.00 avg300=0.00 total=4716440
"""


def test_pressure_is_told_in_seconds():
    assert stalled(PRESSURE) == {"some": 17.299607, "full": 4.71644}
    assert stalled("") == {}


def test_this_machine_can_be_looked_at(tmp_path):
    (tmp_path / "memory").write_text(PRESSURE)
    seen = figures({"state": tmp_path, "gone": tmp_path / "gone"}, pressure=tmp_path)
    assert 0 < seen.gauges["memory.used_share"] < 1
    assert seen.gauges["disk.state.total"] >= seen.gauges["disk.state.used"] > 0
    assert not [name for name in seen.gauges if "gone" in name]
    assert seen.counters["pressure.memory.some_share"] == 17.299607
    assert "pressure.io.some_share" not in seen.counters
    assert seen.counters["cpu.busy_share"] > 0
    assert seen.counters["network.received_bytes"] >= 0


def test_the_memory_of_a_process_beside():
    """Asked by a process with the same parent: this one."""
    code = "from havre.adapters.host.figures import resident_beside as r; print(r('beside'), r('nobody'))"
    with subprocess.Popen([sys.executable, "-c", "input()", "beside"], stdin=subprocess.PIPE) as beside:
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        beside.communicate(b"\n")
    resident, nobody = asked.stdout.split()
    assert float(resident) > 1e6
    assert nobody == "None"
