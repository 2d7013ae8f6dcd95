"""Report: what happened and how long it took, on standard error; with -v every message, with -vv its fields.

Never a field value with -v, never a secret with -vv (SEC-58).
"""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

from mtproto.cli.messages import Describer
from mtproto.cli.status import one_line
from mtproto.cli.streams import STDERR, to_nowhere
from mtproto.client.key_store import shown
from mtproto.handshake.states import Created
from mtproto.session.events import Closed, Event, Ignored, KeyBound, KeyCreated, Traced

MAX_FIELDS = 10_000
"""Characters of fields that -vv prints of one message."""

_CLEAR = "\r\x1b[K"


class Report:
    """Lines on standard error. Steps follow each other: ``begin``, then ``end``.

    On a terminal the running step stands in the last line; a context manager that clears it in the end. ``created``
    is the permanent auth key that was made while ``watch`` was told of it.
    """

    def __init__(self, verbose: int = 0) -> None:
        self.created: Created | None = None
        self._verbose = verbose
        self._stream: TextIO | None = sys.stderr
        self._terminal = self._stream is not None and self._stream.isatty()
        self._start = self._began = monotonic()
        self._running = self._connected = ""
        self._describer = Describer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = ""
        self._write("")

    def begin(self, text: str) -> None:
        """A step begins."""
        self._began = monotonic()
        self._running = text
        self._write("")

    def end(self, text: str, at: float | None = None) -> None:
        """The step is done, since the monotonic time ``at``; it may be followed by another that begins there."""
        now = monotonic() if at is None else at
        self._running = ""
        self._write(f"{(now - self._began) * 1000:8.1f} ms  {text}\n")
        self._began = now

    def connect(self, host: str, port: int, transport: str) -> None:
        """The next step is to connect; ``watch`` or ``connected`` tells that it is done."""
        self._connected = shown(f"connected to {host} port {port}, {transport} transport")
        self.begin(f"connecting to {shown(host)} port {port}")

    def connected(self, at: float | None = None) -> None:
        """The connection is there, since ``at``; to be said once or more."""
        if self._connected:
            self.end(self._connected, at)
            self._connected = ""

    def watch(self, event: Event) -> None:
        """What ``connect(watch=…)`` tells."""
        if isinstance(event, Traced):
            if self._connected:  # the first message, before any call: a key exchange
                self.connected(event.time)
                self._running = "making an auth key"
                self._write("")
            if self._verbose:
                self._message(event)
        elif isinstance(event, KeyCreated):
            self._made(event.created)
        elif isinstance(event, KeyBound):
            self.end(f"temporary key made and bound, auth_key_id {event.auth_key_id & 2**64 - 1:016x}")
        elif isinstance(event, Ignored) and self._verbose:
            self._line(monotonic(), f"ignored msg_id {event.msg_id}: {event.error}")
        elif isinstance(event, Closed) and self._verbose:
            self._line(monotonic(), f"closed{'' if event.error is None else f': {event.error}'}")

    def _made(self, created: Created) -> None:
        """A temporary key counts when it is bound."""
        if created.temporary:
            self._running = "binding the temporary key"
            self._write("")
        else:
            self.created = created
            self.end(f"auth key made, auth_key_id {created.auth_key.auth_key_id & 2**64 - 1:016x}")

    def warn(self, text: str) -> None:
        """One line that is no error."""
        self._write(f"warning: {text}\n")

    def _message(self, event: Traced) -> None:
        name, fields = self._describer.describe(event)
        seqno = "-" if event.seqno is None else event.seqno
        line = f"{event.direction:<3} {name}  msg_id {event.msg_id} seqno {seqno} {len(event.body)} bytes"
        if event.container is not None:
            line += f" in container {event.container}"
        if self._verbose > 1 and fields:
            line += "  " + (fields if len(fields) <= MAX_FIELDS else fields[:MAX_FIELDS] + "...")
        self._write(f"{event.time - self._start:9.3f} s  {line}\n")

    def _line(self, at: float, text: str) -> None:
        self._write(f"{at - self._start:9.3f} s  {one_line(text)}\n")

    def _write(self, text: str) -> None:
        """Print ``text`` above the running step. Whether anybody reads it makes no difference to the call."""
        if self._terminal:
            text = _CLEAR + text + (f"{self._running} ..." if self._running else "")
        if not text or self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            to_nowhere(STDERR)
            self._stream = None
