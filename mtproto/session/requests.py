"""ClientRequest: one request of a client and where it is in its life (spec: MSG-80, MSG-96)."""

from __future__ import annotations

from enum import Enum

from mtproto.message.gzip import constructor_of
from mtproto.session.session import Body, Outgoing


class State(Enum):
    """Where a request is in its life."""

    QUEUED = "queued"
    SENT = "sent"
    ACKED = "acked"


class ClientRequest(Outgoing):
    """A request that is not over yet. ``after``: the request_ids of those that have to be sent before it.

    ``request_id``: the caller's handle, 0 for a query of the session's own. ``api``: an API call, which takes the
    preamble and may be packed. ``msg_ids``: all it ever had, ``seqno`` that of the last. ``written``: a service query
    as it was sent, empty for API calls. ``sent_at`` and ``asked_at``: when it was last sent, and when its state was
    last asked for. ``carrier``: the connection that it was last sent by, or that the server has confirmed it on; None
    where a session of the server that is lost may have had it. ``again``: its last repetition under the id it has.
    """

    __slots__ = ("request_id", "api", "repeatable", "state", "msg_ids", "seqno", "container", "resends", "preambled",
                 "sent_at", "asked_at", "written", "carrier", "after", "again")  # fmt: skip

    def __init__(
        self,
        request_id: int,
        body: Body,
        *,
        content: bool,
        api: bool,
        repeatable: bool,
        via: object = None,
        after: tuple[int, ...] = (),
    ) -> None:
        super().__init__(body, content=content, via=via)
        self.request_id = request_id
        self.api = api
        self.repeatable = repeatable
        self.state = State.QUEUED
        self.msg_ids: list[int] = []
        self.seqno = 0
        self.container: int | None = None
        self.resends = 0
        self.preambled = False
        self.sent_at = 0.0
        self.asked_at = 0.0
        self.written = b""
        self.carrier: object = None
        self.after = after
        self.again: Outgoing | None = None

    @property
    def asking(self) -> bool:
        """Whether the server was asked about it and has not said anything yet."""
        return self.state is State.SENT and self.asked_at > self.sent_at

    def is_query(self, *constructors: int) -> bool:
        """Whether it was sent and is a service query of one of these constructors."""
        return bool(self.written) and constructor_of(self.written) in constructors
