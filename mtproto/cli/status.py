"""Which exit status an error has, and its one line.

0 done; 2 usage, before anything is sent; 3 the server answered with an error; 4 no connection, time-out, connection
lost, transport error; 5 the peer broke the protocol, and the line names the check; 6 the call may or may not have
been executed; 130 interrupted; 141 the reader of the output has gone.
"""

from __future__ import annotations

from mtproto.errors import (
    ConnectionLost,
    DecodeError,
    MTProtoError,
    OutcomeUnknown,
    PeerError,
    RequestTimeout,
    RpcError,
    TransportFault,
    UsageError,
)

USAGE, REFUSED, NO_CONNECTION, BROKEN_PROTOCOL, UNKNOWN = 2, 3, 4, 5, 6
MAX_LINE = 2000

_STATUS: tuple[tuple[type[MTProtoError], int], ...] = (
    (UsageError, USAGE),
    (RpcError, REFUSED),
    (TransportFault, NO_CONNECTION),
    (PeerError, BROKEN_PROTOCOL),
    (OutcomeUnknown, UNKNOWN),
    (ConnectionLost, NO_CONNECTION),
    (RequestTimeout, NO_CONNECTION),
)
_FAULTS = {
    -403: "forbidden",
    -404: "auth key unknown or query malformed",
    -429: "too many connections or messages",
    -444: "invalid datacenter",
}  # TR-56


def explain(error: MTProtoError) -> tuple[int, str]:
    """The exit status and the one line of ``error``. A call that its connection took along ends as that did."""
    origin = root(error)
    if isinstance(origin, PeerError) and origin is not error:
        line = _text(origin) + ("; " + str(OutcomeUnknown()) if isinstance(error, OutcomeUnknown) else "")
    else:
        origin, line = error, _text(error)
    status = next((status for kind, status in _STATUS if isinstance(origin, kind)), BROKEN_PROTOCOL)
    return status, one_line(line)


def root(error: BaseException) -> BaseException:
    """What ``error`` goes back to: the end of its chain of causes."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def one_line(text: str) -> str:
    """``text`` without anything that cannot be printed on a line, and of bounded length (SEC-56)."""
    safe = text if text.isprintable() else ascii(text)[1:-1]
    return safe if len(safe) <= MAX_LINE else safe[:MAX_LINE] + "..."


def _text(error: BaseException) -> str:
    if isinstance(error, DecodeError):
        return f"the answer cannot be decoded: {error}"
    if isinstance(error, TransportFault) and error.code in _FAULTS:
        return f"{error} ({_FAULTS[error.code]})"
    return str(error)
