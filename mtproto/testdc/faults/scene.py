"""Scene: one call on which a fault acts, with all that it may reach for: canaries, ids, drafts of payloads."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import TYPE_CHECKING, Any

from mtproto.crypto.auth_key import AuthKey
from mtproto.message.container import Message
from mtproto.message.envelope import padding_length, seal_plaintext
from mtproto.message.msg_id import signed
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.session import Outgoing
from mtproto.testdc import objects
from mtproto.testdc.accounts import BusinessConnection
from mtproto.testdc.call import Call, Reply, encode_reply
from mtproto.testdc.connections import get_bot_business_connection
from mtproto.testdc.faults.line import Line
from mtproto.testdc.faults.served import FaultySession
from mtproto.testdc.updates import envelope
from mtproto.tl.objects import TLObject

if TYPE_CHECKING:
    from mtproto.schema.api import types
    from mtproto.testdc.faults.datacenter import FaultyDataCenter

RESULT = schema.RpcResult.ID.to_bytes(4, "little")


class Draft:
    """A payload that is being made. ``length``: what its header says, None for the truth; ``padding``: None for the
    usual; ``sender``: whose keys encrypt it."""

    __slots__ = ("body", "length", "msg_id", "padding", "salt", "sender", "seqno", "session_id")

    def __init__(self, salt: int, session_id: int, message: Message) -> None:
        self.salt = salt
        self.session_id = session_id
        self.msg_id = message.msg_id
        self.seqno = message.seqno
        self.body = message.body
        self.length: int | None = None
        self.padding: bytes | None = None
        self.sender = Role.SERVER

    def plaintext(self) -> bytes:
        """Header, body and padding, as they are."""
        length = len(self.body) if self.length is None else self.length
        head = pack("<qqqii", self.salt, self.session_id, self.msg_id, self.seqno, length)
        padding = bytes(padding_length(32 + len(self.body))) if self.padding is None else self.padding
        return head + self.body + padding

    def seal(self, key: AuthKey) -> bytes:
        """The payload."""
        return seal_plaintext(key, self.plaintext(), self.sender)[0]


class Scene:
    """A call of account.getBotBusinessConnection, and the fault that acts on it."""

    def __init__(self, dc: FaultyDataCenter, call: Call, line: Line, session: FaultySession) -> None:
        self.dc = dc
        self.call = call
        self.line = line
        self.session = session
        self.number = dc.act.number

    # ---- answers

    def honest(self) -> Reply | None:
        """What the honest server answers."""
        return get_bot_business_connection(self.call)

    def canary(self, filler: int = 0) -> types.Updates:
        """An answer to the call whose connection has the date that nobody may believe; ``filler`` makes it longer."""
        return canary(self.dc, self.call, filler)

    def canary_body(self, filler: int = 0) -> bytes:
        """The canary, serialised for the client's layer."""
        return self.encode(self.canary(filler))

    def encode(self, reply: Reply) -> bytes:
        """A reply, serialised for the client's layer."""
        return encode_reply(reply, self.call.key.layer)

    def result(self, body: bytes | None = None, msg_id: int | None = None) -> bytes:
        """rpc_result for the call with ``body``, by default the canary."""
        req_msg_id = self.call.msg_id if msg_id is None else msg_id
        return RESULT + pack("<q", req_msg_id) + (self.canary_body() if body is None else body)

    # ---- messages

    def msg_id(self, ahead: float = 0.0, *, answer: bool = True) -> int:
        """A msg_id that the server could give now; one of ``ahead`` seconds from now is nobody's."""
        now = self.dc.time.now()
        if ahead:
            return signed(int((now + ahead) * 4294967296) & ~3 | (1 if answer else 3))
        return signed(self.session.keys.msg_ids.next(now, answer=answer))

    def message(self, body: bytes, *, content: bool = True, msg_id: int | None = None) -> Message:
        """A message with a fresh seqno that must not be accepted: its acknowledgement is noticed."""
        made = Message(self.msg_id() if msg_id is None else msg_id, self.session.seqno(content), body)
        if content:
            self.session.watched.add(made.msg_id)
        return made

    def draft(self, message: Message | None = None) -> Draft:
        """A payload with ``message``, by default the canary as the answer to the call."""
        made = message if message is not None else self.message(self.result())
        return Draft(self.session.keys.salts.current(self.dc.time.now()), self.session.session_id, made)

    def plant(self, payload: Draft | bytes) -> None:
        """Let a payload that must not be accepted leave before the honest answer."""
        self.line.plant(payload if isinstance(payload, bytes) else payload.seal(self.key))

    def send(self, body: bytes | TLObject, *, content: bool = True, answer: bool = True) -> None:
        """Let a message leave in the way of the honest server, among others perhaps."""
        data = body if isinstance(body, bytes) else body.to_bytes()
        self.session.enqueue(Outgoing(data, content=content, answer=answer))

    def answered(self) -> None:
        """Let the honest answer stand before what is sent from here on; the fault's own reply is then None."""
        reply = self.honest()
        if reply is not None:
            self.call.answer(reply)

    def settle(self) -> None:
        """The call is over: the fault has answered it in its own way, or never will."""
        self.call.answered = True
        self.session.settle(self.call.msg_id)
        self.dc.settle(self.call, True)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something a little later."""
        self.dc.after(seconds, action)

    @property
    def key(self) -> AuthKey:
        """The auth key of the call."""
        return self.session.keys.auth_key


def canary(dc: FaultyDataCenter, call: Call, filler: int = 0) -> types.Updates:
    """A business connection as nobody told it: its date is ``canary_date``. ``filler``: letters in a user's name."""
    answer = update_of(dc, call.query.connection_id)
    person: Any = answer.users[0]
    person.last_name = "x" * filler or None
    return answer


def update_of(dc: FaultyDataCenter, connection_id: str = "demo") -> types.Updates:
    """The same for whoever asks."""
    from mtproto.schema.api import types

    fixture = BusinessConnection(connection_id, date=dc.canary_date)
    bot = next(iter(dc.accounts.bots.values()))
    update = types.UpdateBotBusinessConnect(connection=objects.connection(fixture, dc.dc_id), qts=bot.qts)
    return envelope(dc, bot, [update], [fixture.user_id])
