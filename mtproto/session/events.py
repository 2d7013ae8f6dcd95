"""What the core reports. Events are values; ``Connection.next_event`` hands them out in the order they happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import MTProtoError, PeerError, TransportFault
from mtproto.record import Record

if TYPE_CHECKING:
    from mtproto.handshake.states import Created
    from mtproto.session.session import Session


class Event(Record):
    """Base of all events. Bodies may hold secrets: a repr says how long they are (SEC-58)."""

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = [f"{name}={_shown(getattr(self, name))}" for name in self.__slots__]
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else repr(value)


class KeyCreated(Event):
    """A key exchange ended well, on either side."""

    __slots__ = ("created",)

    def __init__(self, created: Created) -> None:
        self.created = created


class Answered(Event):
    """Client: the answer to a request. ``body``: the serialised result, never gzip_packed."""

    __slots__ = ("request_id", "body")

    def __init__(self, request_id: int, body: bytes) -> None:
        self.request_id = request_id
        self.body = body


class RequestFailed(Event):
    """Client: a request ended without a result: RpcError, DecodeError, BadMessage, OutcomeUnknown, ConnectionLost."""

    __slots__ = ("request_id", "error")

    def __init__(self, request_id: int, error: MTProtoError) -> None:
        self.request_id = request_id
        self.error = error


class Acknowledged(Event):
    """Client: the server has received a request; its answer is still to come."""

    __slots__ = ("request_id",)

    def __init__(self, request_id: int) -> None:
        self.request_id = request_id


class Update(Event):
    """Client: a message that is no answer and no service message. ``body``: one serialised object, unpacked.

    ``content``: whether it was sent as content-related; if not, it is ignored where it cannot be decoded (MSG-142).
    """

    __slots__ = ("msg_id", "body", "content")

    def __init__(self, msg_id: int, body: bytes, *, content: bool = True) -> None:
        self.msg_id = msg_id
        self.body = body
        self.content = content


class Undecoded(Event):
    """A message that could not be decoded; the others of its container were processed (TL-84, MSG-142)."""

    __slots__ = ("msg_id", "body", "error")

    def __init__(self, msg_id: int, body: bytes, error: PeerError) -> None:
        self.msg_id = msg_id
        self.body = body
        self.error = error


class Ignored(Event):
    """A message without effect, and the rule that says so: duplicates, unknown ids, other sessions (SEC R3)."""

    __slots__ = ("msg_id", "error")

    def __init__(self, msg_id: int, error: PeerError) -> None:
        self.msg_id = msg_id
        self.error = error


class NewSession(Event):
    """Client: the server made a new session; updates since the last one may be lost (MSG-64)."""

    __slots__ = ("first_msg_id", "unique_id")

    def __init__(self, first_msg_id: int, unique_id: int) -> None:
        self.first_msg_id = first_msg_id
        self.unique_id = unique_id


class SessionOver(Event):
    """The session cannot go on; the endpoint replaces it. ``code``: the bad_msg code, 0 for a too old msg_id."""

    __slots__ = ("session", "code")

    def __init__(self, session: Session, code: int) -> None:
        self.session = session
        self.code = code


class KeyDestroyed(Event):
    """Client: the server has destroyed the auth key, as it was asked to; nobody can use it any more (MSG-106)."""

    __slots__ = ("auth_key_id",)

    def __init__(self, auth_key_id: int) -> None:
        self.auth_key_id = auth_key_id

    def __repr__(self) -> str:
        return "KeyDestroyed()"


class KeyBound(Event):
    """Client: a temporary key is bound, and serves from now on. ``expires_at``: server time in seconds (MSG-107)."""

    __slots__ = ("auth_key_id", "expires_at")

    def __init__(self, auth_key_id: int, expires_at: float) -> None:
        self.auth_key_id = auth_key_id
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"KeyBound(expires_at={self.expires_at})"


class KeyLost(Event):
    """Client: the server no longer knows the permanent key, and has said so twice; nobody is logged in (MSG-114)."""

    __slots__ = ("auth_key_id",)

    def __init__(self, auth_key_id: int) -> None:
        self.auth_key_id = auth_key_id

    def __repr__(self) -> str:
        return "KeyLost()"


class KeyUnbound(Event):
    """Client: the server says that the temporary key is bound to no permanent one (MSG-111)."""

    __slots__ = ("auth_key_id",)

    def __init__(self, auth_key_id: int) -> None:
        self.auth_key_id = auth_key_id

    def __repr__(self) -> str:
        return "KeyUnbound()"


class LinkEvent(Event):
    """Something the connection itself has to do, not its user: ``disconnect_delay`` in seconds (MSG-105), or
    ``http_wait``: how long a response may be held, as max_delay, wait_after and max_wait in seconds (TR-103), or
    ``fault``: why it ends.
    """

    __slots__ = ("disconnect_delay", "http_wait", "fault")

    def __init__(
        self,
        disconnect_delay: float | None = None,
        http_wait: tuple[float, float, float] | None = None,
        fault: TransportFault | None = None,
    ) -> None:
        self.disconnect_delay = disconnect_delay
        self.http_wait = http_wait
        self.fault = fault


class Request(Event):
    """Server: an API call. ``body``: one serialised function, unpacked. Answer with ``session.result``."""

    __slots__ = ("session", "msg_id", "body", "via")

    def __init__(self, session: Session, msg_id: int, body: bytes, via: object) -> None:
        self.session = session
        self.msg_id = msg_id
        self.body = body
        self.via = via


class Traced(Event):
    """One message in or out, for whoever watches. ``container``: the msg_id of its container, or None.

    ``direction`` is "in" or "out"; ``seqno`` is None for an unencrypted message; ``time`` is when it was received or
    packed, on the environment's monotonic clock, since the event itself may be read later.
    """

    __slots__ = ("direction", "msg_id", "seqno", "body", "container", "time")

    def __init__(
        self, direction: str, msg_id: int, seqno: int | None, body: bytes, container: int | None, time: float
    ) -> None:
        self.direction = direction
        self.msg_id = msg_id
        self.seqno = seqno
        self.body = body
        self.container = container
        self.time = time


class Closed(Event):
    """The last event. ``error`` is None where the peer closed the connection without one."""

    __slots__ = ("error",)

    def __init__(self, error: MTProtoError | None) -> None:
        self.error = error
