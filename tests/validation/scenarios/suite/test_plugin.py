"""A scenario file is collected as one test; nothing is started for that."""

import subprocess
import sys

from system.places import PROJECT_DIR
from validation.scenarios.suite.file_commands import scenario_paths


def test_every_scenario_is_one_test():
    command = (sys.executable, "-m", "pytest", "scenarios", "--collect-only", "-q")
    done = subprocess.run(
        command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=False
    )
    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(collected) == len(scenario_paths()), done.stdout + done.stderr
    assert "scenarios/calm-day.toml::calm-day" in collected
