"""The type checker keeps watts, joules, seconds, milliseconds and offsets apart."""

from pathlib import Path

from mypy import api

ROOT = Path(__file__).parents[2]
LINES = """
from app.domain.units import Joules, Milliseconds, Offset, Seconds, WattHours, Watts
Watts(1) + Milliseconds(1)  # error
Watts(1) - Joules(1)  # error
Seconds(1) + Milliseconds(1)  # error
Milliseconds(1) < Seconds(1)  # error
Milliseconds(1) + Offset(1)  # error
WattHours(1) + Joules(1)  # error
watts: Watts = Watts(1) * Seconds(1)  # error
milliseconds: Milliseconds = 1  # error
joules: Joules = Watts(1) * Seconds(1)
more_watts: Watts = Watts(1) + Watts(2)
later: Milliseconds = Milliseconds(1) * 2 + Milliseconds(1)
"""


def test_units_mix_only_as_physics_allows(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "units_in_use.py"
    file.write_text(LINES.lstrip())
    report, _, _ = api.run(["--strict", "--no-pretty", "--cache-dir", str(tmp_path / "cache"), str(file)])
    found = {
        int(line.split(":")[1]) for line in report.splitlines() if "units_in_use.py" in line and ": error:" in line
    }

    assert found == {i for i, line in enumerate(LINES.lstrip().splitlines(), 1) if "# error" in line}, report
