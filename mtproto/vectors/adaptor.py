"""``python -m mtproto.vectors.adaptor``: this library as a command for ``mtproto vectors --exec``.

It knows no more of a test than its line says: what is expected stays with the one who asks.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mtproto.errors import PeerError, UsageError
from mtproto.vectors.case import Case
from mtproto.vectors.checks import check_of
from mtproto.vectors.outcome import Mismatch, Refused
from mtproto.vectors.runner import FUNCTIONS


def main() -> None:
    """Answer each line of standard input by one of standard output."""
    for text in sys.stdin:
        line = json.loads(text)
        print(json.dumps({"id": line["id"], **_answer(line)}), flush=True)


def _answer(line: dict[str, Any]) -> dict[str, Any]:
    function = FUNCTIONS.get(line["type"])
    if function is None:
        return {"skipped": True}
    try:
        result = function(_case(line))
    except (PeerError, UsageError) as error:
        return {"refused": check_of(error)}
    except Mismatch as error:
        return {"output": {"mismatch": str(error)}}
    return {"refused": result.check} if isinstance(result, Refused) else {"output": result}


def _case(line: dict[str, Any]) -> Case:
    """The test, without the output that its file has for it."""
    unknown: dict[str, Any] = {"output": {}, "result": "valid", "flags": []}
    run = line.get("run", {"tests": []})
    others = [Case(line["type"], run["params"], {**unknown, **test}, []) for test in run["tests"]]
    return Case(line["type"], line["params"], {**unknown, "id": line["id"], "input": line["input"]}, others)


if __name__ == "__main__":
    main()
