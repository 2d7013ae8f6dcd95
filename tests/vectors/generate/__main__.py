"""``python -m tests.vectors.generate [--check]``: write the files, or fail where one is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.vectors.generate import faulty_exchanges, http, sessions, tl_objects, websocket
from tests.vectors.generate.form import VectorFile

DATA = Path(__file__).parents[3] / "mtproto" / "vectors" / "data"

FILES: tuple[Callable[[], VectorFile], ...] = (
    tl_objects.build,
    faulty_exchanges.build,
    sessions.build,
    websocket.build,
    http.build,
)


def main(check: bool) -> int:
    """The exit code: 1 where ``check`` finds a file that is not what would be written."""
    stale = 0
    for build in FILES:
        file = build()
        path, text = DATA / f"{file.name}.json", file.text()
        fresh = path.exists() and path.read_text("ascii") == text
        if not check:
            path.write_text(text, "ascii")
        refused = text.count('"result": "invalid"')
        print(f"{path.name}: {file.count} tests, {refused} refused" + (", stale" if check and not fresh else ""))
        stale += not fresh
    return int(check and stale > 0)


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: python -m tests.vectors.generate [--check]")
    sys.exit(main("--check" in sys.argv))
