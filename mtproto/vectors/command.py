"""Another implementation as a command: one line to its standard input, one line from its standard output.

Whatever it does, the caller goes on: a command that dies, hangs or floods costs one line and is started again, though
not without end. What it writes to standard error is not touched.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self

from mtproto.errors import UsageError, printable
from mtproto.vectors.report import NOT_RUN

SECONDS = 5.0
"""How long one answer may take, the start of the command included."""

RESTARTS = 20
"""How often a command is started again during one file."""

MAX_LINE = 1 << 26
"""Bytes of the longest line that is read: the longest string of TL in hexadecimal fits twice."""

_PATIENCE = 2.0
"""Seconds for a command to end by itself, or after it was killed."""


class Broken(Exception):
    """There is no answer: why. The command is started again for the next line."""


class Command:
    """The command of ``--exec``, split as a shell would, run without one. A context manager that ends it.

    ``seconds`` is the time for one answer. Raises ``UsageError`` where there is no such program.
    """

    def __init__(self, text: str, seconds: float = SECONDS, restarts: int = RESTARTS) -> None:
        try:
            self._argv = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--exec: {error}") from None
        if not self._argv or shutil.which(self._argv[0]) is None:
            raise UsageError(f"--exec: no such program: {printable(''.join(self._argv[:1]), 100)}")
        self._seconds = seconds
        self._restarts = restarts
        self._starts_left = restarts + 1
        self._answered = False
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.stdin is not None and kind is None:
            with suppress(OSError):
                self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        self.stop()

    def ask(self, line: bytes) -> bytes:
        """The line with which the command answers ``line``; both end with a line feed. Raises ``Broken``."""
        process = self._process or self._start()
        lines: list[bytes] = []
        thread = Thread(target=_exchange, args=(process, line, lines), daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            self.stop()
            raise Broken(f"no answer within {self._seconds:g} s")
        if lines and lines[0].endswith(b"\n"):
            self._answered = True
            return lines[0]
        reason = f"a line of more than {MAX_LINE} bytes" if lines and len(lines[0]) >= MAX_LINE else _end(process)
        self.stop()
        raise Broken(reason)

    def renew(self) -> None:
        """Another file begins: all restarts again, or a last start where nothing was answered since the last one."""
        self._starts_left = self._restarts + 1 if self._answered else max(self._starts_left, 1)
        self._answered = False

    def stop(self) -> None:
        """End the command, and what it started; ``ask`` starts it again."""
        process, self._process = self._process, None
        if process is None:
            return
        if os.name == "posix":
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)

    def _start(self) -> subprocess.Popen[bytes]:
        if not self._starts_left:
            raise Broken(NOT_RUN)
        self._starts_left -= 1
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(self._argv, stdin=pipe, stdout=pipe, start_new_session=True)
        except OSError as error:
            raise Broken(f"the command cannot be started: {error.strerror}") from None
        return self._process


def _exchange(process: subprocess.Popen[bytes], line: bytes, lines: list[bytes]) -> None:
    """Write and read, in a thread: either may wait for ever."""
    if process.stdin is None or process.stdout is None:
        return
    with suppress(OSError, ValueError):  # it has ended, or is being stopped
        process.stdin.write(line)
        process.stdin.flush()
        lines.append(process.stdout.readline(MAX_LINE))


def _end(process: subprocess.Popen[bytes]) -> str:
    """How a command that gives no more lines ended."""
    try:
        status = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return "the command closed its standard output"
    return f"the command was ended by signal {-status}" if status < 0 else f"the command ended with status {status}"
