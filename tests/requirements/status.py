"""What is known of every id, the problems in it, and both ways of showing it: lines, and docs/conformance.md."""

from __future__ import annotations

from pathlib import Path

from .marks import marked_tests
from .spec import FAMILIES, ROOT, Problem, requirements
from .tables import patches, reasons

TABLE = Path("docs", "conformance.md")
SHOWN = 2
HEAD = """# Conformance

Every requirement of [spec/](spec/) with the tests that prove it, or the reason why none has to. Written by
`python -m tests.requirements --table`; `python -m tests.requirements` lists every test. Where a breaking patch is
stored, `python -m tests.requirements --prove ID` applies it to a copy and shows that a test of that id fails.

The reasons: *production behaviour, not ours* describes Telegram's own servers; *other role* binds a program built on
this library, which stops at raw API calls; *definition* defines words, layouts or faults that other rules use.
"""


class Status:
    """The ids of docs/spec with their tests, reasons and patches; Problem where those name what does not exist."""

    def __init__(self, root: Path = ROOT) -> None:
        self.requirements = requirements(root)
        self.tests = marked_tests(root)
        self.reasons = reasons(root)
        self.patches = patches(root)
        for place, ids in (("a marker", self.tests), ("a reason", self.reasons), ("a patch", self.patches)):
            unknown = [id for id in ids if id not in self.requirements]
            if unknown:
                where = f" ({self.tests[unknown[0]][0]})" if place == "a marker" else ""
                raise Problem(f"{place} names {unknown[0]}, which docs/spec does not define{where}")
        for id in self.reasons.keys() & self.tests.keys():
            raise Problem(f"{id} has a reason to have no test, and a test: {self.tests[id][0]}")
        for id, patch in self.patches.items():
            if id not in self.tests:
                raise Problem(f"{id} has a patch, but no test")
            patch.apply(root)

    @property
    def missing(self) -> list[str]:
        """The ids with neither a test nor a reason."""
        return [id for id in self.requirements if id not in self.tests and id not in self.reasons]

    def lines(self) -> list[str]:
        """One line per id and test, then the totals."""
        lines = []
        for id in self.requirements:
            lines += [f"{id}  {test}" for test in self.tests.get(id, ())] or [
                f"{id}  {self.reasons.get(id, 'NEITHER A TEST NOR A REASON')}"
            ]
        return [*lines, self.total()]

    def total(self) -> str:
        """The sums in one line."""
        sums = (
            f"{len(self.requirements)} requirements: {len(self.tests)} with a test, {len(self.reasons)} with a reason"
        )
        return f"{sums}, {len(self.missing)} with neither; {len(self.patches)} with a breaking patch"

    def table(self) -> str:
        """docs/conformance.md."""
        parts = [HEAD, self.total() + ".\n"]
        for family in FAMILIES:
            rows = [
                requirement for requirement in self.requirements.values() if requirement.id.startswith(family + "-")
            ]
            parts.append(f"## {family}: [{rows[0].page}](spec/{rows[0].page})\n")
            parts.append("| id | proved by | patch |\n|---|---|---|")
            parts.append("\n".join(self.row(row.id) for row in rows) + "\n")
        return "\n".join(parts)

    def row(self, id: str) -> str:
        """The row of one id: its first tests and how many more there are, or its reason."""
        tests = self.tests.get(id, [])
        names = [f"`{test.removeprefix('tests/')}`" for test in tests[:SHOWN]]
        more = [f"{len(tests) - SHOWN} more"] if len(tests) > SHOWN else []
        proof = "<br>".join([*names, *more]) or self.reasons.get(id, "**missing**")
        return f"| {id} | {proof} | {'yes' if id in self.patches else ''} |"
