"""Runs vectors: maps each type to its function, judges what comes back, counts.

A valid test passes when the function returns the file's output. An invalid one passes only when the core refuses it
for a reason that fits the test's flags (``checks``). Everything else fails: acceptance (of ``Hardening`` tests too),
another exception, more than ``TIME_LIMIT`` of computing. A type without a function is skipped, never passed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread

from mtproto.errors import MTProtoError, PeerError, UsageError
from mtproto.vectors import (
    binding_types,
    case,
    crypto_types,
    handshake_types,
    message_types,
    obfuscation_types,
    service_types,
    srp_types,
    tl_types,
    transport_types,
)
from mtproto.vectors.case import Case
from mtproto.vectors.checks import allowed_checks, check_of
from mtproto.vectors.compare import differences
from mtproto.vectors.outcome import Mismatch, Output, Refused, TypeFunction
from mtproto.vectors.report import FileReport, Report

TIME_LIMIT = 20.0
"""Seconds of processor time for one test: endless loops are to end, slow machines are to pass.

The longest test proves a prime that was not seen before (AUTH-50): 1.3 s on an idle core, over 4 s on a crowded one.
"""

PATIENCE = 4
"""A test may take this many time limits on the wall clock, on a machine that is busy with other things."""

FUNCTIONS: dict[str, TypeFunction] = {
    **crypto_types.FUNCTIONS,
    **tl_types.FUNCTIONS,
    **transport_types.FUNCTIONS,
    **obfuscation_types.FUNCTIONS,
    **message_types.FUNCTIONS,
    **service_types.FUNCTIONS,
    **handshake_types.FUNCTIONS,
    **binding_types.FUNCTIONS,
    **srp_types.FUNCTIONS,
}
"""Type -> the function that puts a test of this type to the core."""


def run(
    paths: Iterable[str | Path] | str | Path | None = None, functions: Mapping[str, TypeFunction] = FUNCTIONS
) -> Report:
    """Run the vector files and folders in ``paths``, without them the ones that ship with the library.

    ``functions`` maps types to functions; by default it is the library's own. ``UsageError``: a path that does not
    exist, or a file that is not a vector file; no test was run then.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    files = case.load_all([case.SHIPPED] if paths is None else paths)
    return Report([run_file(name, cases, functions) for name, cases in files])


def run_file(name: str, cases: list[Case], functions: Mapping[str, TypeFunction] = FUNCTIONS) -> FileReport:
    """Run the tests of one file."""
    report = FileReport(name)
    for test in cases:
        function = functions.get(test.type)
        if function is None:
            report.skipped[test.type] = report.skipped.get(test.type, 0) + 1
            continue
        reason = judge(test, *_attempt(function, test))
        if reason is None:
            report.passed += 1
        else:
            report.failures.append((test.id, reason))
    return report


def judge(test: Case, result: Output | Refused | BaseException | None, seconds: float) -> str | None:
    """Why the test failed, or None; ``result`` is None where nothing came back in time."""
    if result is None or seconds > TIME_LIMIT:
        return f"took more than {TIME_LIMIT:g} s"
    if isinstance(result, Mismatch):
        return f"wrong result: {result}"
    if isinstance(result, PeerError | UsageError | Refused):
        return _judge_refusal(test, check_of(result))
    if isinstance(result, BaseException):
        kind = "an error of another kind" if isinstance(result, MTProtoError) else "a crash"
        return f"{kind}: {type(result).__name__}: {result}"
    if not test.valid:
        return f"accepted what has to be refused ({test.comment})"
    wrong = differences(test, result)
    return "wrong output: " + ", ".join(wrong) if wrong else None


def _judge_refusal(test: Case, check: str) -> str | None:
    if test.valid:
        return f"refused what has to be accepted: {check}"
    allowed = allowed_checks(test)
    if check not in allowed:
        return f"refused as {check}, which is not the reason: {', '.join(sorted(allowed))}"
    return None


def _attempt(function: TypeFunction, test: Case) -> tuple[Output | Refused | BaseException | None, float]:
    """The result of the function, or what it raised, or None; and the seconds of processor time it took.

    The test runs in a thread that is given up when it does not end: some inputs exist to provoke endless loops.
    """
    results: list[Output | Refused | BaseException] = []

    def work() -> None:
        try:
            results.append(function(test))
        except BaseException as error:  # whatever it is, it is the outcome of this test
            results.append(error)

    started = time.process_time()
    thread = Thread(target=work, daemon=True)
    thread.start()
    for _ in range(PATIENCE):
        thread.join(TIME_LIMIT)
        if not thread.is_alive() or time.process_time() - started > TIME_LIMIT:
            break
    return results[0] if results else None, time.process_time() - started
