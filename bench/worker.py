"""The process of one library: JSON commands on standard input, JSON answers on standard output.

``{"ask": name, "of": value}`` answers a question, ``{"prepare": name, "of": value}`` readies a job, ``{"run": n}``
runs it n times and answers the CPU time of this process and the wall time, both in seconds.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from importlib import import_module
from time import perf_counter, process_time
from typing import Any


def measure(run: Callable[[int], object], times: int) -> dict[str, float]:
    """What ``run(times)`` takes. The garbage collector works as it does in a program, from a clean start."""
    gc.collect()
    cpu, wall = process_time(), perf_counter()
    run(times)
    return {"cpu": process_time() - cpu, "wall": perf_counter() - wall}


def main(library: str) -> None:
    module = import_module(f"bench.libraries.{library}")
    job: Callable[[int], object] | None = None
    answers = sys.stdout
    sys.stdout = sys.stderr  # a library that prints does not disturb the answers
    for line in sys.stdin:
        command = json.loads(line)
        answer: Any = None
        if "ask" in command:
            answer = module.QUESTIONS[command["ask"]](command["of"])
        elif "prepare" in command:
            job = module.JOBS[command["prepare"]](command["of"])
        elif job is not None:
            answer = measure(job, command["run"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
