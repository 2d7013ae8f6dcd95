"""mypy sees the exact types of fields and results, and refuses what does not fit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parent / "expectations.py"


@pytest.fixture(scope="module")
def found() -> dict[int, str]:
    """Line → what mypy says about it."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", str(FILE)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    lines = re.findall(rf"^\S*{FILE.name}:(\d+): error: (.*)$", run.stdout, re.MULTILINE)
    assert run.returncode == 1, run.stdout + run.stderr
    return {int(line): message for line, message in lines}


EXPECTED = {
    number: line.partition("# E: ")[2]
    for number, line in enumerate(FILE.read_text().splitlines(), 1)
    if "# E: " in line and not line.startswith('"""')
}


@pytest.mark.timeout(300)
def test_every_expected_type_is_seen_and_nothing_else_is_refused(found: dict[int, str]) -> None:
    assert {line: message for line, message in found.items() if line not in EXPECTED} == {}


@pytest.mark.timeout(300)
def test_what_does_not_fit_is_refused(found: dict[int, str]) -> None:
    assert {line: text for line, text in EXPECTED.items() if text not in found.get(line, "")} == {}


@pytest.mark.timeout(300)
def test_pyright_refuses_the_same_lines() -> None:
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", str(FILE)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if not run.stdout.startswith("{"):
        pytest.skip("pyright has no node to run on here")
    found = [item for item in json.loads(run.stdout)["generalDiagnostics"] if item["severity"] == "error"]
    assert {item["range"]["start"]["line"] + 1 for item in found} == set(EXPECTED)
