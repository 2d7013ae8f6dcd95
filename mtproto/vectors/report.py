"""Report: the outcome of a run of vectors, and its text."""

from __future__ import annotations

from typing import Any

from mtproto.record import Record

NOT_RUN = "not run: the command had to be restarted too often"
"""The reason of tests of a file that were not put any more."""


class FileReport(Record):
    """One file: how many tests passed, which failed (id, reason), and the types left out with their numbers.

    ``non_strict``: (id, reason) of the tests in which another implementation accepted what only good advice refuses.
    """

    __slots__ = ("name", "passed", "non_strict", "failures", "skipped")

    def __init__(self, name: str) -> None:
        self.name = name
        self.passed = 0
        self.non_strict: list[tuple[str, str]] = []
        self.failures: list[tuple[str, str]] = []
        self.skipped: dict[str, int] = {}

    def line(self) -> str:
        """One line of text: the counts, and each skipped type by name."""
        counts = [f"{self.passed} passed"]
        if self.non_strict:
            counts.append(f"{len(self.non_strict)} non-strict")
        if self.failures:
            counts.append(f"{len(self.failures)} failed")
        if self.skipped:
            names = ", ".join(f"{name} ({count})" for name, count in self.skipped.items())
            counts.append(f"{sum(self.skipped.values())} skipped, not implemented: {names}")
        return f"{self.name}: " + ", ".join(counts)

    def failed(self) -> list[str]:
        """A line of text per failure, and one for all tests that were not run."""
        out = [f"FAILED {test}: {reason}" for test, reason in self.failures if reason != NOT_RUN]
        rest = [test for test, reason in self.failures if reason == NOT_RUN]
        return [*out, f"FAILED {rest[0]} to {rest[-1]}, {len(rest)} tests: {NOT_RUN}"] if rest else out

    def as_json(self) -> dict[str, Any]:
        """The same as values for JSON."""
        return {
            "name": self.name,
            "passed": self.passed,
            "nonStrict": [{"id": test, "reason": reason} for test, reason in self.non_strict],
            "failures": [{"id": test, "reason": reason} for test, reason in self.failures],
            "skipped": self.skipped,
        }


class Report(Record):
    """All files of a run. ``lines`` is the text, ``exit_code`` 1 where a test failed."""

    __slots__ = ("files",)

    def __init__(self, files: list[FileReport]) -> None:
        self.files = files

    @property
    def passed(self) -> int:
        return sum(file.passed for file in self.files)

    @property
    def non_strict(self) -> list[tuple[str, str]]:
        return [test for file in self.files for test in file.non_strict]

    @property
    def failures(self) -> list[tuple[str, str]]:
        return [failure for file in self.files for failure in file.failures]

    @property
    def skipped(self) -> int:
        return sum(count for file in self.files for count in file.skipped.values())

    @property
    def exit_code(self) -> int:
        return 1 if self.failures else 0

    def summary(self) -> list[str]:
        """A line per test that was not strict or failed, the totals last."""
        out = [f"NON-STRICT {test}: {reason}" for test, reason in self.non_strict]
        out += [line for file in self.files for line in file.failed()]
        return [*out, f"{self.passed} passed, {len(self.failures)} failed, {self.skipped} skipped"]

    def lines(self) -> list[str]:
        """A line per file, then the summary."""
        return [*(file.line() for file in self.files), *self.summary()]

    def as_json(self) -> dict[str, Any]:
        """The scorecard as values for JSON."""
        return {
            "passed": self.passed,
            "nonStrict": len(self.non_strict),
            "failed": len(self.failures),
            "skipped": self.skipped,
            "files": [file.as_json() for file in self.files],
        }
