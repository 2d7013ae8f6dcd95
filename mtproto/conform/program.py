"""The client under test: a process of its own, its lines with the time at which each came, its end, its peak memory.

A client is given 15 seconds for its first line, for the next one, and for its end; then it is killed. It is killed
too where its memory passes a limit. Peak memory is read from /proc, so it is known on Linux only.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from mtproto.errors import UsageError
from mtproto.record import Record

ANSWERS = 2
"""Lines that a client has to print: one per call."""

TICK = 0.02
MAX_LINE = 65536
MAX_LINES = 200
_PROC = Path("/proc")


class Line(Record):
    """A line on standard output: ``text``, and ``at`` which monotonic time it came. ``answer``: the JSON object that it
    is, with ``ok``; None for any other line."""

    __slots__ = ("answer", "at", "text")

    def __init__(self, at: float, text: str) -> None:
        self.at = at
        self.text = text
        self.answer = _answer(text)


class Ended(Record):
    """How a client ended. ``began`` and ``at``: monotonic seconds. ``status``: its exit status, negative for a signal,
    None where it was killed here because of ``reason`` ("time", "memory", "stop"). ``peak``: bytes, None where unknown.
    ``complaints``: the last lines on standard error."""

    __slots__ = ("at", "began", "complaints", "lines", "peak", "reason", "status")

    def __init__(
        self,
        began: float,
        at: float,
        lines: Sequence[Line],
        status: int | None = 0,
        reason: str = "",
        peak: int | None = None,
        complaints: Sequence[str] = (),
    ) -> None:
        self.began = began
        self.at = at
        self.lines = tuple(lines)
        self.status = status
        self.reason = reason
        self.peak = peak
        self.complaints = tuple(complaints)

    @property
    def answers(self) -> list[Line]:
        """The lines that say how the calls ended."""
        return [line for line in self.lines if line.answer is not None][:ANSWERS]

    @property
    def introduction(self) -> tuple[str, str]:
        """Name and version, which a client may print before the first call: ``{"client": …, "version": …}``."""
        for line in self.lines:
            said = _json(line.text)
            if isinstance(said, dict) and "client" in said:
                return str(said["client"])[:100], str(said.get("version", ""))[:100]
        return "", ""


def words(command: str, values: Mapping[str, str]) -> list[str]:
    """The words of ``command``, as a shell splits them, with each ``{name}`` replaced. Raises UsageError."""
    try:
        split = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--client: {error}") from None
    if not split:
        raise UsageError("--client expects a command")
    for index, word in enumerate(split):
        for name, value in values.items():
            word = word.replace(f"{{{name}}}", value)
        split[index] = word
    return split


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    deadline: float,
    memory: float = inf,
    stop: threading.Event | None = None,
) -> Ended:
    """Run a client to its end. ``deadline``: seconds for each line; ``memory``: bytes at which it is killed; ``stop``:
    set from elsewhere, it is killed too.

    Raises UsageError where the command cannot be started.
    """
    began = monotonic()
    try:
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the client {command[0]!a} cannot be started: {reason}") from None
    with process:
        try:
            return _Watched(process, began).wait(deadline, memory, stop or threading.Event())
        finally:  # also where this is interrupted
            _kill(process)


class _Watched:
    """A running client."""

    def __init__(self, process: subprocess.Popen[bytes], began: float) -> None:
        self.process = process
        self.began = began
        self.lines: list[Line] = []
        self.complaints: deque[str] = deque(maxlen=20)
        self.peak = 0
        self.readers = [
            threading.Thread(target=self._read, args=(process.stdout, self._line), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, self.complaints.append), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def wait(self, deadline: float, memory: float, stop: threading.Event) -> Ended:
        """Until it ends, or has to be ended."""
        reason = ""
        while not reason and not self._over():
            self.peak = max(self.peak, _memory(self.process.pid))
            latest = max((line.at for line in list(self.lines) if line.answer), default=self.began)
            if self.peak > memory:
                reason = "memory"
            elif stop.is_set():
                reason = "stop"
            elif monotonic() - latest > deadline:
                reason = "time"
        at = monotonic()
        _kill(self.process)  # and what it started
        for reader in self.readers:
            reader.join(1.0)
        status = None if reason else self.process.returncode
        return Ended(self.began, at, self.lines, status, reason, self.peak or None, list(self.complaints))

    def _over(self) -> bool:
        """Whether it has ended. It is not reaped before its group is killed: its number could be another's by then."""
        sleep(TICK)
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        return self.process.poll() is not None

    def _line(self, text: str) -> None:
        if len(self.lines) < MAX_LINES:
            self.lines.append(Line(monotonic(), text))

    @staticmethod
    def _read(stream: IO[bytes] | None, take: Callable[[str], None]) -> None:
        while stream is not None:
            with suppress(OSError, ValueError):  # closed when the client has ended
                line = stream.readline(MAX_LINE)
                if line:
                    take(line.decode(errors="replace").rstrip("\r\n"))
                    continue
            return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group, unless that is done."""
    if process.returncode is not None:
        return
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _memory(pid: int) -> int:
    """The peak resident memory, in bytes, of a process and of those that it started; 0 where it is not known."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        status = _PROC.joinpath(str(pid), "status").read_text()
        total = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        for child in _PROC.joinpath(str(pid), "task", str(pid), "children").read_text().split():
            total += _memory(int(child))
    return total


def _answer(text: str) -> dict[str, object] | None:
    said = _json(text)
    return said if isinstance(said, dict) and isinstance(said.get("ok"), bool) else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
