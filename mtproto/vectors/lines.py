"""The lines of ``--exec``: a test as one line of JSON, and what an implementation may answer. See data/README.md.

A test that is a step of a run (a key exchange) also gets ``run``: what the run shares and the steps before it, so that
no implementation has to keep anything from one line to the next.
"""

from __future__ import annotations

import json
from itertools import takewhile
from typing import Any

from mtproto.errors import printable
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, Refused

MAX_SHOWN = 80
"""Characters of an answer that an error repeats."""


class Skipped:
    """The implementation has nothing that this test could be put to."""

    __slots__ = ()


SKIPPED = Skipped()


class Garbage(Exception):
    """The line is no answer to this test: why. What the command writes next cannot be trusted either."""


class Malformed(Exception):
    """The line names this test, but says nothing that an answer may say: why."""


def request(test: Case) -> bytes:
    """The line that puts ``test``."""
    line: dict[str, Any] = {"id": test.id, "type": test.type, "params": test.params, "input": test.input}
    run = _run(test)
    return json.dumps(line if run is None else {**line, "run": run}).encode() + b"\n"


def _run(test: Case) -> dict[str, Any] | None:
    if "transcript" in test.params:
        tests = [other for other in test.others if other.params.get("name") == test.params["transcript"]]
        return _shared(tests[0].params if tests else {}, tests)
    if "step" in test.input:
        group = [other for other in test.others if other.params == test.params]
        return _shared(test.params, list(takewhile(lambda other: other.id != test.id, group)))
    return None


def _shared(params: dict[str, Any], tests: list[Case]) -> dict[str, Any]:
    return {
        "params": params,
        "tests": [{"id": test.id, "input": test.input, "output": test.output} for test in tests],
    }


def answer(test_id: str, line: bytes) -> Output | Refused | Skipped:
    """What ``line`` answers to the test of this id. Raises ``Garbage`` or ``Malformed``."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise Garbage(f"the answer is not JSON: {_shown(line)}") from None
    if not isinstance(value, dict) or "id" not in value:
        raise Garbage(f'the answer is no object with "id": {_shown(line)}')
    if value["id"] != test_id:
        raise Garbage(f"the answer is to {printable(str(value['id']), MAX_SHOWN)}, not to this test")
    return _outcome(value)


def _outcome(value: dict[str, Any]) -> Output | Refused | Skipped:
    match {name: value[name] for name in ("output", "refused", "skipped") if name in value}:
        case {"output": dict(output), **rest} if not rest:
            return output
        case {"refused": str(reason), **rest} if not rest:
            return Refused(printable(reason, MAX_SHOWN))
        case {"skipped": True, **rest} if not rest:
            return SKIPPED
    raise Malformed('the answer has not one of "output" (an object), "refused" (a text) and "skipped" (true)')


def _shown(line: bytes) -> str:
    return printable(line[: 4 * MAX_SHOWN].decode("utf-8", "replace").rstrip("\n"), MAX_SHOWN)
