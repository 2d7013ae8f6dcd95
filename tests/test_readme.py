"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_prints_the_connection() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "updateBotBusinessConnect" in done.stdout and "connection_id='demo'" in done.stdout


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_each_link_of_the_readme_leads_to_a_file_of_the_project(link: str) -> None:
    assert (ROOT / link).exists(), link


def test_each_requirement_named_in_the_code_stands_in_the_specification() -> None:
    pattern = re.compile(r"\b(?:TL|TR|AUTH|MSG|SEC|API)-\d\d+\b")
    known = set()
    for page in (ROOT / "docs" / "spec").glob("*.md"):
        known |= set(pattern.findall(page.read_text(encoding="utf-8")))
    for path in [*(ROOT / "mtproto").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").glob("*.md")]:
        unknown = set(pattern.findall(path.read_text(encoding="utf-8"))) - known
        assert not unknown, f"{path.name} names {sorted(unknown)}"
