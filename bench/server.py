"""A server in a process of its own, whose first line of output is a JSON object that says how to reach it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.peer import ROOT, BenchError


@contextmanager
def serving(*arguments: str) -> Iterator[dict[str, Any]]:
    """``python -m arguments…`` while the block runs; gives what its first line says."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT
    )
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise BenchError(f"python -m {' '.join(arguments)} did not start; its error is above")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
