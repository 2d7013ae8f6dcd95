"""Runs vectors on another implementation, a command that answers line by line, and judges its answers.

A valid test passes with the output of the file, an invalid one with a refusal for any reason: reasons are free text for
others. Accepting what ``Hardening`` asks to refuse is not strict; everything else that differs is a failure.
"""

from __future__ import annotations

from mtproto.vectors.case import Case
from mtproto.vectors.command import Broken, Command
from mtproto.vectors.compare import differences
from mtproto.vectors.lines import Garbage, Malformed, Skipped, answer, request
from mtproto.vectors.outcome import Output, Refused
from mtproto.vectors.report import FileReport

HARDENING = "Hardening"
"""The flag of refusals that the protocol's documentation does not demand."""


def run_file(name: str, cases: list[Case], command: Command) -> FileReport:
    """Put the tests of one file to the command."""
    report = FileReport(name)
    command.renew()
    for test in cases:
        try:
            result = _ask(command, test)
        except (Broken, Malformed) as error:
            report.failures.append((test.id, str(error)))
        else:
            _count(report, test, result)
    return report


def _ask(command: Command, test: Case) -> Output | Refused | Skipped:
    line = command.ask(request(test))
    try:
        return answer(test.id, line)
    except Garbage as error:
        command.stop()
        raise Broken(str(error)) from None


def _count(report: FileReport, test: Case, result: Output | Refused | Skipped) -> None:
    if isinstance(result, Skipped):
        report.skipped[test.type] = report.skipped.get(test.type, 0) + 1
        return
    reason = judge(test, result)
    if reason is None:
        report.passed += 1
    elif HARDENING in test.flags and not isinstance(result, Refused):
        report.non_strict.append((test.id, reason))
    else:
        report.failures.append((test.id, reason))


def judge(test: Case, result: Output | Refused) -> str | None:
    """What is wrong with the answer, or None."""
    if isinstance(result, Refused):
        return f"refused what has to be accepted: {result.check}" if test.valid else None
    if not test.valid:
        return f"accepted what has to be refused ({test.comment})"
    wrong = differences(test, result)
    return "wrong output: " + ", ".join(wrong) if wrong else None
