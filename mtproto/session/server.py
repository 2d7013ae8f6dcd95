"""The server's half of a session: the checks of MSG-131 in their order, results, repetitions.

Spec: messages.md, sections 2, 4, 7, 8 and 13.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from mtproto.environment import Environment
from mtproto.errors import DecodeError, SecurityError, UsageError
from mtproto.message.container import Message, is_container, split
from mtproto.message.envelope import Inner
from mtproto.message.gzip import pack
from mtproto.message.msg_id import MAX_AGE, MAX_FUTURE, SeqnoOrder, seconds
from mtproto.message.seqno import judge_parity
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Event, Request, Undecoded
from mtproto.session.kept import MAX_COUNT, Kept
from mtproto.session.keys import KeyState, SaltSchedule
from mtproto.session.server_handlers import SERVER_HANDLERS
from mtproto.session.session import HIDDEN_CONTAINER, MAX_IDS, Outgoing, Session, check_body, pack_acks

ACK_AFTER, MAX_OPEN, MAX_ASKED = 0.5, 10_000, 64
LARGE = 1024
"""Bytes above which an answer is mentioned instead of repeated (MSG-90)."""
_RUNNING = schema.RpcAnswerDroppedRunning().to_bytes()
_RESULT_HEAD = schema.RpcResult.ID.to_bytes(4, "little")


class ServerSession(Session):
    """The server's end of (auth_key_id, session_id). ``asked``: what it asked the client for, by the query's msg_id.

    What the server refused, or said not to have received, the client sends again under another id. So that it runs only
    once, the first id counts no more, however late it comes: the latest 8192 are ``_disowned``, with the salt for which
    one was refused, or None.
    """

    __slots__ = ("first_msg_id", "asked", "_order", "_open", "_dropped", "_ack_at", "_answers", "_unacked",
                 "_gone", "_known_from", "_disowned")  # fmt: skip
    role = Role.SERVER
    handlers = SERVER_HANDLERS

    def __init__(self, keys: KeyState, session_id: int, env: Environment, time: ServerTime) -> None:
        super().__init__(keys, session_id, env, time)
        self.first_msg_id = 0
        self._gone = keys.gone.get(session_id)  # up to here an earlier session of this name has received
        self._known_from = 0  # of ids below this one nothing is known
        self._disowned: dict[int, int | None] = {}
        self._order = SeqnoOrder()
        self._open: dict[int, None] = {}  # requests without an answer
        self._ack_at: dict[int, float] = {}  # those of them that are not acknowledged yet, and when they will be
        self._dropped: dict[int, None] = {}  # requests that rpc_drop_answer ended while they ran
        self.asked: dict[int, list[int]] = {}
        self._answers = Kept()  # by the msg_id of the request, with their own msg_id, 0 while they are queued
        self._unacked = Kept()  # by their own msg_id, with their seqno

    # ---- sending

    def result(self, msg_id: int, body: bytes, via: object) -> object | None:
        """Answer the request ``msg_id`` with a serialised result; once per request (MSG-103).

        Returns the connection to flush: ``via`` where it still carries this session, else another, else None.
        """
        check_body(body)
        if msg_id in self._dropped:
            return None
        self._settle(msg_id)
        answer = _RESULT_HEAD + msg_id.to_bytes(8, "little", signed=True) + pack(body)
        self._answers.keep(msg_id, 0, answer)
        return self._enqueue_content(answer, via, answer=True)

    def _trusts(self, via: object) -> bool:
        """SEC-73: a connection on which nothing new came may be that of somebody who replays."""
        return self.carried_by(via)

    def wants_write(self, via: object) -> bool:
        return super().wants_write(via) if self.carried_by(via) else any(item.via is via for item in self._queue)

    def pending(self, via: object) -> int:
        return super().pending(via) if self.carried_by(via) else sum(item.via is via for item in self._queue)

    def push(self, body: bytes) -> object | None:
        """Send an update. Returns the connection to flush, or None where the session has none now.

        Without a connection at most 1000 messages wait for the next one, and 10,000 for one that nobody reads; what is
        lost the client gets as a difference.
        """
        check_body(body)
        if len(self._queue) >= (MAX_OPEN if self._vias else MAX_COUNT):
            return None
        return self._enqueue_content(pack(body), None, answer=False)

    def bad_server_salt(self, msg_id: int, via: object, seqno: int | None = None) -> None:
        """MSG-55: refuse the message for its salt and say which is right."""
        notice = schema.BadServerSalt(
            bad_msg_id=msg_id,
            bad_msg_seqno=self._order.seqno_of(msg_id) if seqno is None else seqno,
            error_code=48,
            new_server_salt=self._schedule.current(self.time.now()),
        )
        self._settle(msg_id)
        self.enqueue(Outgoing(notice.to_bytes(), content=False, answer=True, via=via))

    def attach(self, via: object, *, alternates: bool = False) -> None:
        """MSG-75: a new connection gets again what was not acknowledged; what is large is only mentioned."""
        news = via not in self._vias
        super().attach(via, alternates=alternates)
        if news and self._unacked:
            for msg_id, (_, body) in self._unacked.items():
                if len(body) > LARGE:
                    self._mention(msg_id, body, via)
            self.repeat([msg_id for msg_id, (_, body) in self._unacked.items() if len(body) <= LARGE], None)

    def forget(self, msg_ids: list[int]) -> None:
        """The client has these messages (MSG-72, MSG-76)."""
        for msg_id in msg_ids:
            sent = self._unacked.drop(msg_id)
            if sent is not None and sent[1][:4] == _RESULT_HEAD:
                self._answers.drop(int.from_bytes(sent[1][4:12], "little", signed=True))

    def repeat(self, msg_ids: Iterable[int], via: object) -> bool:
        """MSG-94, SEC-80: the same messages under their own ids, each once, in a container with a fresh one."""
        wanted = dict.fromkeys(msg_ids)
        if not all(msg_id in self._unacked for msg_id in wanted):
            return False
        queued = {item.stamp[0] for item in self._queue if item.stamp is not None}
        for msg_id in wanted:
            seqno, body = self._unacked[msg_id]
            if msg_id not in queued:
                self.enqueue(Outgoing(body, content=True, via=via, stamp=(msg_id, seqno)))
        return True

    def answer_again(self, msg_ids: list[int], via: object) -> bool:
        """MSG-94: the answers to these requests, as they were sent; False where one has none that was."""
        answers = [self._answers[msg_id][0] for msg_id in msg_ids if msg_id in self._answers]
        return len(answers) == len(msg_ids) and self.repeat(answers, via)

    def drop_answer(
        self, msg_id: int
    ) -> schema.RpcAnswerUnknown | schema.RpcAnswerDroppedRunning | schema.RpcAnswerDropped:
        """MSG-102: what rpc_drop_answer for the request ``msg_id`` is answered with, after doing it."""
        if msg_id in self._open:
            self.result(msg_id, _RUNNING, None)
            self._dropped[msg_id] = None
            if len(self._dropped) > MAX_OPEN:
                del self._dropped[next(iter(self._dropped))]
            return schema.RpcAnswerDroppedRunning()
        number, answer = self._answers.get(msg_id, (0, b""))
        if not answer or msg_id in self._dropped:
            return schema.RpcAnswerUnknown()
        self._answers.drop(msg_id)
        seqno, _ = self._unacked.drop(number) or (0, b"")
        self._queue = deque(item for item in self._queue if item.body is not answer)
        return schema.RpcAnswerDropped(msg_id=number, seq_no=seqno, bytes=len(answer))

    def ask_states(self, msg_ids: list[int], via: object = None) -> None:
        """Ask the client which of these messages it has (MSG-91); ``note_states`` acts on the answer."""
        if not 0 < len(msg_ids) <= MAX_IDS:
            raise UsageError(f"msgs_state_req asks for 1 to {MAX_IDS} ids")

        def body(msg_id: int, session: Session) -> bytes:
            self.asked[msg_id] = msg_ids
            if len(self.asked) > MAX_ASKED:
                del self.asked[next(iter(self.asked))]
            return schema.MsgsStateReq(msg_ids=msg_ids).to_bytes()

        self.enqueue(Outgoing(body, content=False, via=via))

    def tell_states(self, msg_ids: list[int], via: object = None) -> None:
        """Tell the client, unasked, what became of these messages of its own: msgs_all_info (MSG-91)."""
        info = schema.MsgsAllInfo(msg_ids=msg_ids, info=self.tell(msg_ids))
        self.enqueue(Outgoing(info.to_bytes(), content=False, via=via))

    def note_states(self, msg_ids: list[int], info: bytes) -> None:
        """MSG-92: what the client has is done with, what it has not goes again; other lengths count for nothing."""
        if len(msg_ids) == len(info):
            states = {msg_id: state & 7 for msg_id, state in zip(msg_ids, info, strict=True)}
            self.forget([msg_id for msg_id, state in states.items() if state == 4])
            self.repeat([m for m, state in states.items() if state in (1, 2, 3) and m in self._unacked], None)

    def next_deadline(self, via: object = None) -> float | None:
        """The monotonic time at which a running request has to be acknowledged (MSG-74)."""
        if via is not None and not self.carried_by(via):
            return None
        return next(iter(self._ack_at.values()), None)

    def _settle(self, msg_id: int) -> None:
        """The request is over; it needs no acknowledgement any more."""
        self._open.pop(msg_id, None)
        self._ack_at.pop(msg_id, None)

    def _enqueue_content(self, body: bytes, via: object, *, answer: bool) -> object | None:
        self.enqueue(Outgoing(body, content=True, answer=answer))
        if via in self._vias:
            return via
        return self._vias[-1] if self._vias else None

    def _acks_are_due(self) -> bool:
        now = self.env.monotonic()
        while self._ack_at and next(iter(self._ack_at.values())) <= now:
            msg_id = next(iter(self._ack_at))
            del self._ack_at[msg_id]
            self._acks.append(msg_id)
        return bool(self._acks)

    def _sent(self, outer: Message, messages: list[Message], items: list[Outgoing], via: object) -> None:
        for message in messages:
            if message.seqno & 1:
                self._unacked.keep(message.msg_id, message.seqno, message.body)
            if message.body[:4] == _RESULT_HEAD:
                req_msg_id = int.from_bytes(message.body[4:12], "little", signed=True)
                if req_msg_id in self._answers:
                    self._answers.keep(req_msg_id, message.msg_id, message.body)

    # ---- receiving

    @property
    def _schedule(self) -> SaltSchedule:
        salts = self.keys.salts
        if not isinstance(salts, SaltSchedule):
            raise UsageError("a server session needs the server's SaltSchedule")
        return salts

    def check(self, inner: Inner, via: object) -> bool:
        """MSG-131 up to the salt; False where the payload was answered with an error instead."""
        if inner.msg_id in self._disowned and self._disowned[inner.msg_id] in (None, inner.salt):
            return False
        code = self._judge_msg_id(inner)
        if code:
            self._disown(inner.msg_id)
            self._refuse(inner.msg_id, inner.seqno, code, via)
            return False
        if inner.msg_id in self.window:
            self._repeated(inner, via)
            return False
        if not self._schedule.accepts(inner.salt, self.time.now()):  # MSG-55
            self._disown(inner.msg_id, inner.salt)
            self.bad_server_salt(inner.msg_id, via, inner.seqno)
            return False
        self.window.add(inner.msg_id)
        self._announce(inner.msg_id)
        return True

    def _judge_msg_id(self, inner: Inner) -> int:
        """16 and 17 have the client send it again: not for what may have been executed, whatever its time is now."""
        if inner.msg_id & 3:
            return 18
        if inner.msg_id in self.window or self._is_too_old(inner.msg_id):
            return 0 if inner.msg_id in self.window else 20
        ahead = seconds(inner.msg_id) - self.time.now()
        return 16 if ahead < -MAX_AGE else 17 if ahead > MAX_FUTURE else 0

    def _is_too_old(self, msg_id: int) -> bool:
        """Whether nobody can say any more if this message was received before, here or in a session that is gone."""
        floor = self.window.floor
        return (floor is not None and msg_id < floor) or (self._gone is not None and msg_id <= self._gone)

    def _repeated(self, inner: Inner, via: object) -> None:
        """A msg_id received before: code 19 for a container, else the answer again, never the execution."""
        if is_container(inner.body):
            self._refuse(inner.msg_id, inner.seqno, 19, via)
        else:
            self._answer_again(inner.msg_id, via)

    def _answer_again(self, msg_id: int, via: object) -> None:
        """MSG-90: the answer if it exists, by name if it is large; msgs_ack while it does not or none is needed."""
        number, answer = self._answers.get(msg_id, (0, b""))
        if not answer:
            self.enqueue(Outgoing(pack_acks([msg_id]), content=False, via=via))
        elif number in self._unacked and len(answer) > LARGE:
            self._mention(number, answer, via)
        elif number and not self.repeat([number], via):  # 0: it is queued
            self.enqueue(Outgoing(answer, content=True, answer=True, via=via))

    def _mention(self, msg_id: int, body: bytes, via: object) -> None:
        """msg_detailed_info for an answer, msg_new_detailed_info for anything else (MSG-75, MSG-90)."""
        size = len(body)
        if body[:4] == _RESULT_HEAD:
            request = int.from_bytes(body[4:12], "little", signed=True)
            mention = schema.MsgDetailedInfo(msg_id=request, answer_msg_id=msg_id, bytes=size, status=0).to_bytes()
        else:
            mention = schema.MsgNewDetailedInfo(answer_msg_id=msg_id, bytes=size, status=0).to_bytes()
        self.enqueue(Outgoing(mention, content=False, answer=body[:4] == _RESULT_HEAD, via=via))

    def _announce(self, msg_id: int) -> None:
        """MSG-62: new_session_created for the first message or container, and again for an earlier one."""
        if self.first_msg_id and msg_id >= self.first_msg_id:
            return
        if not self.first_msg_id:
            self._known_from = msg_id if self._gone is None else self._gone + 1
        self.first_msg_id = msg_id
        created = schema.NewSessionCreated(
            first_msg_id=msg_id,
            unique_id=int.from_bytes(self.env.random_bytes(8), "little", signed=True),
            server_salt=self._schedule.current(self.time.now()),
        )
        self.enqueue(Outgoing(created.to_bytes(), content=True))

    def _refuse(self, msg_id: int, seqno: int, code: int, via: object) -> None:
        notice = schema.BadMsgNotification(bad_msg_id=msg_id, bad_msg_seqno=seqno, error_code=code)
        self.enqueue(Outgoing(notice.to_bytes(), content=False, answer=True, via=via))

    def _split(self, inner: Inner, via: object) -> list[Message]:
        """MSG-66: a container is refused as a whole: 64 for a malformed one, then its seqno (MSG-131)."""
        try:
            messages = split(inner.body, inner.msg_id, Role.CLIENT)
        except SecurityError:
            code = 64
        else:
            code = 34 if inner.seqno & 1 else self._order.judge(inner.msg_id, inner.seqno)
        if code:
            self._refuse(inner.msg_id, inner.seqno, code, via)
            return []
        return messages

    def _accept_inner(self, message: Message, via: object, events: list[Event]) -> bool:
        """MSG-68: seen before is answered again; below the stored range is code 20."""
        if message.msg_id in self._disowned:
            return False
        if message.msg_id in self.window:
            self._answer_again(message.msg_id, via)
            return False
        if self._is_too_old(message.msg_id):
            self._refuse(message.msg_id, message.seqno, 20, via)
            return False
        self.window.add(message.msg_id)
        return True

    def _accept_message(self, message: Message, body: bytes, via: object) -> bool:
        """MSG-81: codes 34, 35 for the parity of the seqno, 32, 33 for its order, 64 for a hidden container."""
        code = judge_parity(body, message.seqno) or self._order.judge(message.msg_id, message.seqno)
        if code:
            self._refuse(message.msg_id, message.seqno, code, via)
        return not code

    def _receive_message(self, message: Message, via: object, events: list[Event]) -> None:
        before = len(events)
        super()._receive_message(message, via, events)
        if len(events) > before and isinstance(events[-1], Undecoded):
            self._answer_undecodable(message, events[-1], via)

    def _answer_undecodable(self, message: Message, event: Undecoded, via: object) -> None:
        """TL-62: code 64 for a container in gzip_packed; TL-89: 400 for a query that cannot be unpacked."""
        if isinstance(event.error, DecodeError) and event.error.detail == HIDDEN_CONTAINER:
            self._refuse(message.msg_id, message.seqno, 64, via)
        elif message.seqno & 1:
            error = schema.RpcError(error_code=400, error_message="INPUT_FETCH_ERROR")
            self.result(message.msg_id, error.to_bytes(), via)

    def _receive_other(self, message: Message, body: bytes, via: object, events: list[Event]) -> None:
        """Everything that is no service message is a request; it is acknowledged if it takes long (MSG-74)."""
        self._open[message.msg_id] = None
        if len(self._open) > MAX_OPEN:
            self._settle(next(iter(self._open)))
        self._ack_at[message.msg_id] = self.env.monotonic() + ACK_AFTER
        events.append(Request(self, message.msg_id, body, via))

    def service(self, msg_id: int, body: bytes, via: object) -> list[Event] | None:
        events = super().service(msg_id, body, via)
        if events is not None:  # it is no request after all, and no answer will end it
            self._settle(msg_id)
        return events

    def state_of(self, msg_id: int) -> int:
        """MSG-91 with the flags for running and answered requests.

        What is older than the session itself may belong to one that was lost: nothing is known of it.
        """
        state = super().state_of(msg_id)
        if state in (2, 3) and (not self.first_msg_id or msg_id < self._known_from):
            return 1
        if state == 4 and msg_id in self._open:
            state |= 32
        elif state == 4 and msg_id in self._answers:
            state |= 32 | 64
        return state

    def tell(self, msg_ids: Iterable[int]) -> bytes:
        """MSG-92: what is said not to be received is sent again."""
        states = super().tell(msg_ids)
        for msg_id, state in zip(msg_ids, states, strict=True):
            if state in (2, 3):
                self._disown(msg_id)
        return states

    def _disown(self, msg_id: int, salt: int | None = None) -> None:
        self._disowned[msg_id] = salt
        if len(self._disowned) > MAX_IDS:
            del self._disowned[next(iter(self._disowned))]

    @property
    def horizon(self) -> int | None:
        ids = (super().horizon, self._gone, *self._disowned)
        return max((msg_id for msg_id in ids if msg_id is not None), default=None)
