"""Log: what happened at the datacenter, in numbers and names: for tests, and for whoever runs it (SEC-83)."""

from __future__ import annotations

from collections import Counter, deque

from mtproto.errors import MTProtoError

MAX_FAULTS = 100


class Log:
    """``exchanges`` and ``logins`` are counts; ``calls`` counts by TL name, ``services`` service queries found inside
    invoke wrappers, ``errors`` the rpc_errors sent by name, ``transports`` ended connections by transport; ``faults``
    are the reasons of the latest 100 connections that ended with one.
    """

    __slots__ = ("calls", "errors", "exchanges", "faults", "logins", "services", "transports")

    def __init__(self) -> None:
        self.exchanges = 0
        self.logins = 0
        self.calls: Counter[str] = Counter()
        self.services: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.transports: Counter[str] = Counter()
        self.faults: deque[str] = deque(maxlen=MAX_FAULTS)

    def __repr__(self) -> str:
        calls = ", ".join(f"{name} × {count}" for name, count in self.calls.items())
        return f"<Log: {self.exchanges} exchanges, {self.logins} logins, calls: {calls or 'none'}>"

    def closed(self, transport: str, error: MTProtoError | None) -> None:
        """A connection is over."""
        self.transports[transport or "none"] += 1
        if error is not None:
            self.faults.append(str(error))
