"""The measuring side of a worker: starts it, sends it commands, reads its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


class Spent(NamedTuple):
    """Seconds of ``cpu`` in the worker's process and of ``wall`` clock."""

    cpu: float
    wall: float


class Worker:
    """A process that runs ``library`` with the interpreter ``python``. A context manager that ends it."""

    def __init__(self, library: str, python: Path) -> None:
        self.library = library
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(
            [python, "-m", "bench.worker", library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=ROOT,
        )

    def ask(self, question: str, of: object = None) -> Any:
        """The answer to one of the library's QUESTIONS."""
        return self._command({"ask": question, "of": of})

    def prepare(self, job: str, of: object = None) -> None:
        """Ready one of the library's JOBS."""
        self._command({"prepare": job, "of": of})

    def run(self, times: int) -> Spent:
        """Do the prepared job so many times."""
        return Spent(**self._command({"run": times}))

    def _command(self, command: dict[str, object]) -> Any:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise BenchError("no pipes")
        try:
            print(json.dumps(command), file=process.stdin, flush=True)
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise BenchError(f"the process of {self.library} ended; its error is above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def note(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)
