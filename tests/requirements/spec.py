"""The numbered requirements: what docs/spec defines, a bullet or a table row that begins with ``**XX-nn**``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FAMILIES = ("TL", "TR", "AUTH", "MSG", "SEC", "API")
DEFINITION = re.compile(rf"(?:- |\| )\*\*((?:{'|'.join(FAMILIES)})-\d+)\*\*(.*)")


class Problem(Exception):
    """What stops the tracing itself: an unknown id, a marker nobody can read, a patch that no longer applies."""


class Requirement(NamedTuple):
    """One defined id, the page that defines it and the first line of its text."""

    id: str
    page: str
    text: str


def order(id: str) -> tuple[int, int]:
    """Sorts ids by family, in the order of the pages, and by number."""
    family, number = id.split("-")
    return FAMILIES.index(family), int(number)


def requirements(root: Path = ROOT) -> dict[str, Requirement]:
    """Every id that docs/spec defines, sorted; Problem where one is defined twice."""
    found: dict[str, Requirement] = {}
    for page in sorted((root / "docs" / "spec").glob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            match = DEFINITION.match(line)
            if match is None:
                continue
            id, text = match.groups()
            if id in found:
                raise Problem(f"{page.name} defines {id}, which {found[id].page} defines already")
            found[id] = Requirement(id, page.name, text.strip(" |"))
    return {id: found[id] for id in sorted(found, key=order)}
