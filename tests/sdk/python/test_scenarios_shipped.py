"""The folder of shipped scenarios as a whole."""

import re
import subprocess
from pathlib import Path

import pytest

import scenarios
from servers import binary


def checked(*paths):
    return subprocess.run([str(binary()), "check", *map(str, paths)], capture_output=True, text=True)


@pytest.mark.parametrize("name", scenarios.NAMES)
def test_a_shipped_scenario_is_well(name):
    check = checked(scenarios.FOLDER / f"{name}.yaml")
    assert (check.returncode, check.stderr) == (0, "")
    assert check.stdout.startswith("all is well: 1 file, 1 sound scenario, ")


def test_all_of_them_together_have_no_errors():
    check = checked(scenarios.FOLDER)
    assert check.returncode == 0, check.stderr
    warnings = [line for line in check.stderr.splitlines() if line.startswith("warning: ")]
    assert all(" takes all that some stubs of " in line for line in warnings)


@pytest.mark.parametrize("name", scenarios.NAMES)
def test_a_shipped_scenario_is_served_in_a_test(name):
    here = Path(__file__).parent
    tests = "".join(path.read_text(encoding="utf-8") for path in here.glob("test_scenarios_*.py"))
    assert f'scene("{name}"' in tests


@pytest.mark.parametrize("name", scenarios.NAMES)
def test_a_shipped_scenario_names_its_schema_and_is_told_of(name):
    text = (scenarios.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    first, second = text.splitlines()[:2]
    assert first == "# yaml-language-server: $schema=scenario.schema.json"
    assert second.startswith("# ")
    readme = (scenarios.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"[{name}]({name}.yaml)" in readme


def test_no_scenario_is_told_of_that_is_not_shipped():
    readme = (scenarios.FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\S+)\.yaml\)", readme)) == scenarios.NAMES
