"""FaultySession: a session that lets a fault see each message of the client first, and notes what the core refuses."""

from __future__ import annotations

from struct import iter_unpack
from typing import TYPE_CHECKING

from mtproto.environment import Environment
from mtproto.message.container import Message, is_container
from mtproto.message.envelope import Inner
from mtproto.message.gzip import constructor_of
from mtproto.message.server_time import ServerTime
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event
from mtproto.session.keys import KeyState
from mtproto.testdc.state import ServedSession

if TYPE_CHECKING:
    from mtproto.testdc.faults.datacenter import FaultyDataCenter


class FaultySession(ServedSession):
    """``watched``: msg_ids of planted messages, whose acknowledgement shows that they were accepted. ``salts``: salts
    that nobody may use; ``denied``: requests that the server says not to have received.
    """

    __slots__ = ("dc", "denied", "salts", "watched")

    def __init__(
        self, keys: KeyState, session_id: int, env: Environment, time: ServerTime, dc: FaultyDataCenter
    ) -> None:
        super().__init__(keys, session_id, env, time)
        self.dc = dc
        self.watched: set[int] = set()
        self.salts: set[int] = set()
        self.denied: set[int] = set()

    def seqno(self, content: bool) -> int:
        """The next seqno of the server."""
        return self._seqnos.next(content)

    def check(self, inner: Inner, via: object) -> bool:
        if inner.salt in self.salts:
            self.dc.observe("accepted", "a planted salt is used", via)
        if inner.msg_id in self.window and not is_container(inner.body):
            self.dc.act.seen_again(self, inner)
        return super().check(inner, via)

    def settle(self, msg_id: int) -> None:
        """The request needs no acknowledgement, and gets no answer from the honest server."""
        self._settle(msg_id)

    def deny(self, msg_id: int) -> None:
        """Answer nothing to this request, and say that it has not come."""
        self._settle(msg_id)
        self._disown(msg_id)
        self.denied.add(msg_id)

    def state_of(self, msg_id: int) -> int:
        return 2 if msg_id in self.denied else super().state_of(msg_id)

    def _receive_message(self, message: Message, via: object, events: list[Event]) -> None:
        if constructor_of(message.body) == schema.MsgsAck.ID and len(message.body) % 8 == 4:
            for (msg_id,) in iter_unpack("<q", message.body[12:]):
                if msg_id in self.watched:
                    self.dc.observe("acked", f"msg_id {msg_id}", via)
        if not self.dc.act.message(self, message, via):
            super()._receive_message(message, via, events)

    def _refuse(self, msg_id: int, seqno: int, code: int, via: object) -> None:
        self.dc.observe("refused", f"bad_msg_notification {code}", via)
        super()._refuse(msg_id, seqno, code, via)

    def bad_server_salt(self, msg_id: int, via: object, seqno: int | None = None) -> None:
        self.dc.observe("refused", "bad_server_salt", via)
        super().bad_server_salt(msg_id, via, seqno)
