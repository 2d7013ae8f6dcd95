"""How a run is shown while it goes on and when it is over: with ``rich`` on a terminal (extra ``conform``), else lines.

Progress goes to standard error, the scorecard to standard output.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from mtproto.conform.case import Result
from mtproto.conform.judge import Verdict, expected
from mtproto.conform.report import Scorecard, line, lines

COLOURS = {
    Verdict.PASS: "green",
    Verdict.NON_STRICT: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.NOT_IMPLEMENTED: "bright_black",
}


class Progress(Protocol):
    """A context manager that is told each result."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def tell(self, result: Result) -> None: ...


class Lines:
    """A line for each result."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def tell(self, result: Result) -> None:
        self._done += 1
        print(f"{self._done:>4}/{self._total} {result.seconds:5.1f} s  {line(result)}", file=self._stream, flush=True)


class Bar:
    """A progress bar; failures stand above it as they come."""

    def __init__(self, stream: TextIO, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = [MofNCompleteColumn(), BarColumn(None), TimeElapsedColumn(), TextColumn("{task.description}")]
        self._bar: Any = RichProgress(*columns, console=Console(file=stream), transient=True)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, result: Result) -> None:
        if result.judgement.verdict is Verdict.FAIL:
            self._bar.console.print(line(result), style=COLOURS[Verdict.FAIL], markup=False, highlight=False)
        self._bar.update(self._task, advance=1, description=result.case.name)


def progress(total: int, stream: TextIO | None = None) -> Progress:
    """What shows that the run goes on, on standard error."""
    out = sys.stderr if stream is None else stream
    return Bar(out, total) if _draws(out) else Lines(out, total)


def show(card: Scorecard, stream: TextIO | None = None) -> None:
    """Print the scorecard, to standard output."""
    out = sys.stdout if stream is None else stream
    if _draws(out):
        _table(card, out)
    else:
        print(lines(card), file=out)


def _table(card: Scorecard, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, header_style="bold", pad_edge=False)
    for name in ("case", "rule", "verdict", "observed", "expected"):
        table.add_column(name, overflow="fold", no_wrap=name == "verdict")
    table.add_column("s", justify="right")
    for result in card.results:
        judgement, fault = result.judgement, result.case.fault
        verdict = Text(judgement.verdict.value, style=COLOURS[judgement.verdict])
        cells = [Text(result.case.name), Text(", ".join(fault.rule)), verdict, Text(judgement.observed)]
        table.add_row(*cells, Text(expected(fault)), f"{result.seconds:.1f}")
    console = Console(file=out)
    console.print(table)
    console.print(card.summary, markup=False, highlight=False)


def _draws(stream: TextIO) -> bool:
    if not stream.isatty():
        return False
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True
