"""``mtproto vectors``: which tests there are, and a run of them on this library or a command, printed as it grows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from mtproto.errors import UsageError, printable
from mtproto.vectors import foreign, runner
from mtproto.vectors.case import SHIPPED, Case, load_all
from mtproto.vectors.command import SECONDS, Command
from mtproto.vectors.report import FileReport, Report

Files = list[tuple[str, list[Case]]]


def select(paths: Iterable[str | Path] | None = None, suites: Sequence[str] = ()) -> Files:
    """The files of ``paths``, without them the shipped ones; of these only the ``suites``, with or without ``.json``.

    Raises ``UsageError`` for a path, a file or a name that is none.
    """
    files = load_all([SHIPPED] if paths is None else paths)
    names = [_stem(name) for name, _ in files]
    for suite in suites:
        if _stem(suite) not in names:
            raise UsageError(f"no suite {printable(suite, 100)} among {', '.join(names)}")
    wanted = {_stem(suite) for suite in suites} or set(names)
    return [(name, cases) for name, cases in files if _stem(name) in wanted]


def _stem(name: str) -> str:
    return name.removesuffix(".json")


def listing(files: Files) -> list[str]:
    """A line per file: how many tests, valid and invalid, and their types; the totals last."""
    out = []
    for name, cases in files:
        types = ", ".join(dict.fromkeys(case.type for case in cases))
        out.append(f"{_stem(name):<20} {_counts(cases)}  {types}")
    return [*out, f"{f'{len(files)} files':<20} {_counts([case for _, cases in files for case in cases])}"]


def _counts(cases: list[Case]) -> str:
    valid = sum(case.valid for case in cases)
    return f"{len(cases):>5} tests {valid:>5} valid {len(cases) - valid:>5} invalid"


def main(
    paths: Iterable[str | Path] | None = None,
    suites: Sequence[str] = (),
    *,
    command: str | None = None,
    seconds: float = SECONDS,
    scorecard: str | None = None,
) -> int:
    """Run and print the selected files; the exit status, 1 where a test failed.

    ``command`` is the implementation that answers, None for this library; ``seconds`` the time it has for a test.
    ``scorecard``: a file for the report as JSON, "-" for standard output, which then has nothing else.
    """
    files = select(paths, suites)
    with _json_file(scorecard) as out:
        print_line = (lambda line: None) if out is sys.stdout else _print
        report = Report([])
        for file in _run(files, command, seconds):
            report.files.append(file)
            print_line(file.line())
        print_line("\n".join(report.summary()))
        if out is not None:
            json.dump({"command": command, **report.as_json()}, out, indent=1)
            out.write("\n")
    return report.exit_code


def _print(line: str) -> None:
    print(line, flush=True)


def _json_file(name: str | None) -> nullcontext[TextIO | None] | TextIO:
    if name is None or name == "-":
        return nullcontext(sys.stdout if name else None)
    try:
        return Path(name).open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {printable(name)}: {error.strerror}") from None


def _run(files: Files, command: str | None, seconds: float) -> Iterator[FileReport]:
    if command is None:
        for name, cases in files:
            yield runner.run_file(name, cases)
        return
    with Command(command, seconds) as implementation:
        for name, cases in files:
            yield foreign.run_file(name, cases, implementation)
