"""The two tables beside the markers: reasons why an id needs no test, and patches that break what a test proves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from .spec import ROOT, Problem

HERE = Path("tests", "requirements")
ADMISSIBLE = ("production behaviour, not ours", "other role", "definition")


def reasons(root: Path = ROOT) -> dict[str, str]:
    """The reason of each id that needs no test, followed by a few words."""
    found: dict[str, str] = {}
    content = tomllib.loads((root / HERE / "reasons.toml").read_text(encoding="utf-8"))
    for reason, entries in content.items():
        if reason not in ADMISSIBLE:
            raise Problem(f"reasons.toml: {reason!r} is no admissible reason")
        for id, words in entries.items():
            if id in found:
                raise Problem(f"reasons.toml gives {id} two reasons")
            found[id] = f"{reason}: {words}"
    return found


class Patch(NamedTuple):
    """A replacement of text, once in one file, after which a test marked with the id fails."""

    id: str
    file: str
    old: str
    new: str

    def apply(self, root: Path) -> str:
        """The text of the file with the patch; Problem where it no longer applies."""
        path = root / self.file
        if not path.is_file():
            raise Problem(f"the patch of {self.id}: {self.file} does not exist")
        text = path.read_text(encoding="utf-8")
        count = text.count(self.old)
        if count != 1:
            raise Problem(f"the patch of {self.id} no longer applies: its text occurs {count} times in {self.file}")
        return text.replace(self.old, self.new)


def patches(root: Path = ROOT) -> dict[str, Patch]:
    """The breaking patch of each id that has one."""
    found: dict[str, Patch] = {}
    for path in sorted((root / HERE / "patches").glob("*.toml")):
        for id, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if entry.keys() != {"file", "old", "new"} or id in found:
                raise Problem(f"{path.name}: {id} needs file, old and new, once")
            found[id] = Patch(id, **entry)
    return found
