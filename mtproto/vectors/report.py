"""Report: the outcome of a run of vectors, and its text."""

from __future__ import annotations

from mtproto.record import Record


class FileReport(Record):
    """One file: how many tests passed, which failed (id, reason), and the types left out with their numbers."""

    __slots__ = ("name", "passed", "failures", "skipped")

    def __init__(self, name: str) -> None:
        self.name = name
        self.passed = 0
        self.failures: list[tuple[str, str]] = []
        self.skipped: dict[str, int] = {}

    def line(self) -> str:
        """One line of text: the counts, and each skipped type by name."""
        counts = [f"{self.passed} passed"]
        if self.failures:
            counts.append(f"{len(self.failures)} failed")
        if self.skipped:
            names = ", ".join(f"{name} ({count})" for name, count in self.skipped.items())
            counts.append(f"{sum(self.skipped.values())} skipped, not implemented: {names}")
        return f"{self.name}: " + ", ".join(counts)


class Report(Record):
    """All files of a run. ``lines`` is the text, ``exit_code`` 1 where a test failed."""

    __slots__ = ("files",)

    def __init__(self, files: list[FileReport]) -> None:
        self.files = files

    @property
    def passed(self) -> int:
        return sum(file.passed for file in self.files)

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
        """A line per failure, the totals last."""
        out = [f"FAILED {test}: {reason}" for test, reason in self.failures]
        return [*out, f"{self.passed} passed, {len(self.failures)} failed, {self.skipped} skipped"]

    def lines(self) -> list[str]:
        """A line per file, then the summary."""
        return [*(file.line() for file in self.files), *self.summary()]
