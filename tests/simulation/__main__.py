"""python -m tests.simulation --runs N --seed S [--workers W]: runs from S on; exit 1 where an invariant does not hold.

Prints events per kind of fault and how calls ended; of the first violations the seed and the end of the log.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from multiprocessing import Pool
from time import perf_counter

from tests.simulation.run import EVERY_FAULT, Report, simulate

SHOWN = 3
"""Violations shown with their log; of more only the seeds."""
LINES = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="the seed of the first run; the next has S + 1"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="W", help="processes")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    started = perf_counter()
    if options.workers > 1:
        with Pool(options.workers) as pool:
            violations = _gather(pool.imap(simulate, seeds, chunksize=20))
    else:
        violations = _gather(map(simulate, seeds))
    seconds = perf_counter() - started
    print(f"{options.runs} runs in {seconds:.1f} s, {1000 * seconds / max(options.runs, 1):.1f} ms a run")
    return 1 if violations else 0


def _gather(reports: Iterable[Report]) -> int:
    faults: Counter[str] = Counter(dict.fromkeys(EVERY_FAULT, 0))
    outcomes: Counter[str] = Counter()
    violations: list[Report] = []
    steps = 0
    for report in reports:
        faults.update(report.faults)
        outcomes.update(report.outcomes)
        steps += report.steps
        if report.violation:
            violations.append(report)
            _show(report, len(violations) <= SHOWN)
    _table("faults", faults)
    _table("calls ended with", outcomes)
    print(f"{steps:,} events, {len(violations)} violations")
    return len(violations)


def _show(report: Report, whole: bool) -> None:
    print(f"seed {report.seed}: {report.violation}", flush=True)
    if whole:
        print("".join(f"  {line}\n" for line in report.tail[-LINES:]))


def _table(title: str, counts: dict[str, int]) -> None:
    print(title)
    for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {number:>10,}  {name}")


if __name__ == "__main__":
    sys.exit(main())
