"""``python -m tests.requirements [--table | --prove ID … | --prove-all | --prove-some N --seed COMMIT]``."""

from __future__ import annotations

import argparse
import sys
import time

from .proof import prove, some
from .spec import ROOT, Problem
from .status import TABLE, Status


def parser() -> argparse.ArgumentParser:
    """The options, of which one may be given."""
    parser = argparse.ArgumentParser(prog="python -m tests.requirements", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--table", action="store_true", help=f"write {TABLE.as_posix()}")
    what.add_argument("--prove", nargs="+", metavar="ID", help="break what these ids demand and show their tests fail")
    what.add_argument("--prove-all", action="store_true", help="the same for every id with a stored patch")
    what.add_argument("--prove-some", type=int, metavar="N", help="the same for N ids chosen by --seed")
    parser.add_argument("--seed", default="", help="what chooses the ids, such as a commit")
    return parser


def show_proofs(ids: list[str], status: Status) -> int:
    """Proves ids and prints one line each; 1 where a proof does not hold."""
    start = time.monotonic()
    proofs = prove(ids, status)
    for id, (holds, words) in proofs.items():
        print(f"{id}  {'fails with the patch, passes without:' if holds else 'NOT PROVED:'} {words}")
    held = sum(holds for holds, _ in proofs.values())
    print(f"{held} of {len(ids)} proved in {time.monotonic() - start:.0f} s")
    return int(held != len(ids))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and gives its exit status."""
    options = parser().parse_args(arguments)
    try:
        status = Status()
        if options.prove or options.prove_all:
            return show_proofs(options.prove or list(status.patches), status)
        if options.prove_some:
            return show_proofs(some(options.prove_some, options.seed, status), status)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.table:
        (ROOT / TABLE).write_text(status.table(), encoding="utf-8")
    print("\n".join([status.total()] if options.table else status.lines()))
    if status.missing:
        print(f"neither a test nor a reason: {', '.join(status.missing)}", file=sys.stderr)
    return int(bool(status.missing))


if __name__ == "__main__":
    sys.exit(main())
