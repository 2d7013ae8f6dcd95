"""The command: ``python -m bench [NAME …] [--cache DIR] [--rounds N] [--plot FILE] [--json] [--check]``."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.codec import decode, encode
from bench.context import Context
from bench.environments import REQUIREMENTS, default_cache
from bench.idle import idle
from bench.interleave import ROUNDS
from bench.length import length
from bench.loopback import loopback
from bench.peer import BenchError, note
from bench.pq import pq
from bench.report import Row, as_json, table
from bench.seal_open import seal_open
from bench.startup import startup
from bench.throughput import disguise, throughput

BENCHMARKS: Final[dict[str, Callable[[Context], list[Row]]]] = {
    "decode": decode,
    "encode": encode,
    "import": startup,
    "seal_open": seal_open,
    "pq": pq,
    "loopback": loopback,
    "throughput": throughput,
    "disguise": disguise,
    "idle": idle,
    "length": length,
}


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    context = Context(options.cache, options.rounds, options.plot)
    rows: list[Row] = []
    for name in options.names or BENCHMARKS:
        note(f"{name} …")
        try:
            rows += BENCHMARKS[name](context)
        except BenchError as error:
            note(f"{name}: {error}")
            return 2
    print(as_json(rows, _conditions(options.rounds)) if options.json else table(rows))
    return int(options.check and any(row.verdict == "MISSED" for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, allow_abbrev=False)
    known = ", ".join(BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help=f"of {known}; default all")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where the environments are kept")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of runs behind each median")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="length: draw its curve as SVG")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    return parser


def _conditions(rounds: int) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "rounds": rounds,
        "compared_with": REQUIREMENTS,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
