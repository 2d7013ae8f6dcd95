"""Faults of service messages: SEC-40, SEC-42, SEC-44 to SEC-48."""

from __future__ import annotations

from collections import Counter
from struct import iter_unpack
from typing import TYPE_CHECKING

from mtproto.message.container import MAX_MESSAGES, Message, join
from mtproto.message.gzip import constructor_of
from mtproto.schema import mtproto as schema
from mtproto.session.session import Outgoing
from mtproto.testdc.call import Reply
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import SERVICE, Fault, Reaction, acting, define, on_call
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.served import FaultySession
from mtproto.tl.objects import TLObject

if TYPE_CHECKING:
    from mtproto.testdc.faults.datacenter import FaultyDataCenter

R3 = (Reaction.R3, Reaction.CARRY_ON)
RECOVERS = (Reaction.CARRY_ON, Reaction.ERROR, Reaction.R1)
IGNORES = "ignores it and goes on"
YEAR = 365 * 86400.0
UNSENT = 0x0123456789ABCDEC
"""A msg_id that no client of today has sent."""


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str = IGNORES,
    reactions: tuple[Reaction, ...] = R3,
    *,
    plants: bool = False,
    slow: bool = False,
) -> Fault:
    """A fault of service messages, by default to be ignored."""
    return Fault(name, tuple(rule.split()), SERVICE, breaks, expects, reactions, (), plants, slow)


def notify(scene: Scene, notice: TLObject, ahead: float = 0.0) -> None:
    """Let a notification leave before anything else, under a msg_id of ``ahead`` seconds from now."""
    message = Message(scene.msg_id(ahead), scene.session.seqno(False), notice.to_bytes())
    scene.plant(scene.draft(message))


def planted_salt(scene: Scene) -> int:
    """A salt that the client must not use: that it does is noticed."""
    salt = int.from_bytes(scene.dc.env.random_bytes(8), "little", signed=True)
    scene.session.salts.add(salt)
    return salt


# ---- bad_server_salt, bad_msg_notification: SEC-40, SEC-42


@on_call(fault("bad_salt_unknown", "SEC-40", "bad_server_salt, with a wrong salt, names a message that was never sent"))
def bad_salt_unknown(scene: Scene) -> Reply | None:
    salt = planted_salt(scene)
    notify(scene, schema.BadServerSalt(bad_msg_id=UNSENT, bad_msg_seqno=1, error_code=48, new_server_salt=salt))
    return scene.honest()


LOOP = 1.5
"""Seconds for which an endless fault goes on, so that the next call of a client is answered."""
MAX_SENT = 4


@define(
    fault(
        "bad_salt_loop",
        "SEC-40",
        "a call is refused with bad_server_salt again and again, although its salt is the right one",
        "sends it again at most 3 times and then ends it with a typed error",
        (Reaction.ERROR, Reaction.R1),
    )
)
class BadSaltLoop(Act):
    times = None
    span = LOOP
    count = 0

    def call(self, scene: Scene) -> Reply | None:
        self.count += 1
        if self.count == MAX_SENT + 1:
            self.dc.observe("accepted", "the call was sent again more than 3 times", scene.line)
        scene.session.deny(scene.call.msg_id)
        scene.session.bad_server_salt(scene.call.msg_id, scene.call.via, 1)
        return None


CODES = {
    16: "its msg_id is too low",
    17: "its msg_id is too high",
    18: "its msg_id is no multiple of 4",
    19: "its container has a msg_id that was used before",
    20: "it is too old to say whether it was received",
    32: "its seqno is too low",
    33: "its seqno is too high",
    34: "its seqno is odd where it should be even",
    35: "its seqno is even where it should be odd",
    48: "its salt is wrong, without saying which is right",
    64: "its container is malformed",
    99: "of something that has no meaning",
}
"""Code of bad_msg_notification → what it says about the message (MSG-81)."""


def _code(code: int, what: str) -> None:
    expects = "does what the code asks for, or ends the call with a typed error; never sends it more than 3 times again"

    @on_call(
        fault(f"bad_msg_{code}", "SEC-40", f"a right call is refused because {what}: code {code}", expects, RECOVERS)
    )
    def act(scene: Scene) -> Reply | None:
        refuse(scene, code)
        return None


def refuse(scene: Scene, code: int, ahead: float = 0.0) -> None:
    """Refuse the call with bad_msg_notification; it will not be executed."""
    scene.session.deny(scene.call.msg_id)
    notice = schema.BadMsgNotification(bad_msg_id=scene.call.msg_id, bad_msg_seqno=1, error_code=code)
    notify(scene, notice, ahead)


for _number, _what in CODES.items():
    _code(_number, _what)

SHIFTS = {16: YEAR, 17: -YEAR}


def _shift(code: int, ahead: float) -> None:
    when = "a year ahead" if ahead > 0 else "a year behind"
    known = "corrects its clock, or ends the call with a typed error; its msg_ids go on increasing, or a session begins"

    @on_call(
        fault(f"bad_msg_{code}_time", "SEC-42", f"a call is refused with code {code} at a time {when}", known, RECOVERS)
    )
    def act(scene: Scene) -> Reply | None:
        refuse(scene, code, ahead)
        return None

    breaks = f"code {code}, at a time {when}, names a message that was never sent"
    expects = "does not touch its clock: ignores it, or closes the connection"

    @on_call(fault(f"bad_msg_{code}_unknown", "SEC-40 SEC-42", breaks, expects, (*R3, Reaction.R1)))
    def unknown(scene: Scene) -> Reply | None:
        notify(scene, schema.BadMsgNotification(bad_msg_id=UNSENT, bad_msg_seqno=1, error_code=code), ahead)
        return scene.honest()


for _number, _ahead in SHIFTS.items():
    _shift(_number, _ahead)

# ---- future_salts: SEC-44

LIFE = 1800
SALTS = {
    "future_salts_unsolicited": ("for a question that was never asked, a salt for now", 0, LIFE, 1),
    "future_salts_wrong_req": ("in answer to an API call, a salt for now", 0, LIFE, 1),
    "future_salts_overlapping": ("unasked, salts whose times overlap", -100, LIFE, 20),
    "future_salts_past": ("unasked, salts whose time is over", -2 * LIFE, -LIFE, 20),
    "future_salts_flood": ("unasked, a million salts for now", 0, LIFE, 1_000_000),
}
"""Name → what future_salts brings, from when to when in seconds from now, and how many."""


def _salts(name: str, what: str, since: int, until: int, count: int) -> None:
    @on_call(fault(name, "SEC-44", f"future_salts brings, {what}", "ignores it and keeps its salt"))
    def act(scene: Scene) -> Reply | None:
        now = int(scene.dc.time.now())
        salt = planted_salt(scene)
        entries = [schema.FutureSalt(valid_since=now + since, valid_until=now + until, salt=salt)] * count
        asked = scene.call.msg_id if name == "future_salts_wrong_req" else UNSENT
        notify(scene, schema.FutureSalts(req_msg_id=asked, now=now, salts=entries))
        return scene.honest()


for _name, (_what, _since, _until, _count) in SALTS.items():
    _salts(_name, _what, _since, _until, _count)

# ---- pong: SEC-45

_PINGS = (schema.Ping.ID, schema.PingDelayDisconnect.ID)
DEAD = "does not count it as a sign of life: closes the connection when the time for a right pong is over"


@on_call(fault("pong_wrong", "SEC-45", "a pong answers no ping: its ping_id and msg_id are wrong"))
def pong_wrong(scene: Scene) -> Reply | None:
    notify(scene, schema.Pong(msg_id=scene.call.msg_id, ping_id=UNSENT))
    return scene.honest()


@acting(
    "message",
    fault("pong_wrong_id", "SEC-45", "every ping is answered with another ping_id", DEAD, (Reaction.R1,), slow=True),
)
def pong_wrong_id(act: Act, session: FaultySession, message: Message, via: object) -> bool:
    if constructor_of(message.body) not in _PINGS:
        return False
    ping_id = int.from_bytes(message.body[4:12], "little", signed=True)
    pong = schema.Pong(msg_id=message.msg_id, ping_id=ping_id ^ 1)
    session.enqueue(Outgoing(pong.to_bytes(), content=False, answer=True, via=via))
    act.dc.inject("a pong with another ping_id", via)
    return True


@acting("message", fault("pong_never", "SEC-45", "no ping is answered", DEAD, (Reaction.R1,), slow=True))
def pong_never(act: Act, session: FaultySession, message: Message, via: object) -> bool:
    if constructor_of(message.body) not in _PINGS:
        return False
    act.dc.inject("a ping without an answer", via)
    return True


# ---- msgs_state_info: SEC-46

STATES = {
    "state_info_unknown": ("for a question that was never asked", False, b"\x01"),
    "state_info_short": ("in answer to an API call, without a byte", True, b""),
    "state_info_long": ("in answer to an API call, with 1000 bytes", True, b"\x01" * 1000),
    "state_info_ones": ("in answer to an API call, all ones", True, b"\xff"),
}


def _state(name: str, what: str, known: bool, info: bytes) -> None:
    @on_call(fault(name, "SEC-46", f"msgs_state_info comes {what}"))
    def act(scene: Scene) -> Reply | None:
        notify(scene, schema.MsgsStateInfo(req_msg_id=scene.call.msg_id if known else UNSENT, info=info))
        return scene.honest()


for _name, (_what, _known, _info) in STATES.items():
    _state(_name, _what, _known, _info)

# ---- msg_detailed_info: SEC-47

MAX_ASKED = 8192


class Detailed(Act):
    """Mentions answers that do not exist, and counts how often each is asked for. ``sizes``: what they are said to
    have, ``distinct`` answers ``count`` times in all; ``known``: they answer the call."""

    size = 100
    count = 1
    distinct = 1
    known = True

    def __init__(self, dc: FaultyDataCenter, argument: str | None) -> None:
        super().__init__(dc, argument)
        self.mentioned: set[int] = set()
        self.asked: Counter[int] = Counter()

    def call(self, scene: Scene) -> Reply | None:
        ids = [scene.msg_id() for _ in range(self.distinct)]
        self.mentioned.update(ids)
        msg_id = scene.call.msg_id if self.known else UNSENT
        bodies = [
            schema.MsgDetailedInfo(
                msg_id=msg_id, answer_msg_id=ids[i % self.distinct], bytes=self.size, status=0
            ).to_bytes()
            for i in range(self.count)
        ]
        for start in range(0, len(bodies), MAX_MESSAGES):
            part = bodies[start : start + MAX_MESSAGES]
            messages = [Message(scene.msg_id(), scene.session.seqno(False), body) for body in part]
            scene.plant(scene.draft(Message(scene.msg_id(), scene.session.seqno(False), join(messages))))
        return scene.honest()

    def message(self, session: FaultySession, message: Message, via: object) -> bool:
        if constructor_of(message.body) == schema.MsgResendReq.ID and len(message.body) % 8 == 4:
            asked = [msg_id for (msg_id,) in iter_unpack("<q", message.body[12:]) if msg_id in self.mentioned]
            self.asked.update(asked)
            if asked and (self.excessive or self.size > 1 << 24 or not self.known):
                self.dc.observe("accepted", f"{len(asked)} answers asked for that it should not ask for", via)
        return False

    @property
    def excessive(self) -> bool:
        """Whether the client asks more than once for an answer, or for more than 8192."""
        return len(self.asked) > MAX_ASKED or max(self.asked.values()) > 1


@define(
    fault(
        "detailed_info_flood",
        "SEC-47",
        "10,000 answers to the call are mentioned that do not exist",
        "asks for each at most once, and for at most 8192; the call is answered or ends with a typed error",
        (*R3, Reaction.ERROR),
    )
)
class DetailedFlood(Detailed):
    count = distinct = 10_000


@define(
    fault(
        "detailed_info_repeated",
        "SEC-47",
        "an answer to the call that does not exist is mentioned 100 times",
        "asks for it at most once",
        (*R3, Reaction.ERROR),
    )
)
class DetailedRepeated(Detailed):
    count = 100


@define(fault("detailed_info_unknown", "SEC-47", "an answer is mentioned to a request that was never sent"))
class DetailedUnknown(Detailed):
    known = False


@define(
    fault(
        "detailed_info_huge",
        "SEC-47",
        "the answer to the call is said to have 2^31 - 1 bytes",
        "does not ask for it; the call is answered or ends with a typed error",
        (*R3, Reaction.ERROR),
    )
)
class DetailedHuge(Detailed):
    size = 2**31 - 1


# ---- new_session_created: SEC-48

SESSIONS = {
    "new_session_same": ("comes twice with the same unique_id", "first", 2, False),
    "new_session_other": ("comes again with another unique_id", "first", 1, True),
    "new_session_first_zero": ("says that the first message was 0", "zero", 1, True),
    "new_session_first_max": ("says that the first message was 2^63 - 1", "max", 1, True),
    "new_session_flood": ("comes 20 times, each time as if all messages were lost", "max", 20, True),
}


def _session(name: str, what: str, first: str, count: int, fresh: bool) -> None:
    expects = "ignores a known unique_id; sends nothing again more than 3 times, and the call is answered"

    @on_call(fault(name, "SEC-48", f"new_session_created {what}", expects, (Reaction.CARRY_ON, Reaction.ERROR)))
    def act(scene: Scene) -> Reply | None:
        salt = scene.session.keys.salts.current(scene.dc.time.now())
        first_msg_id = {"first": scene.session.first_msg_id, "zero": 0, "max": 2**63 - 1}[first]
        unique_id = scene.msg_id()
        for number in range(count):
            created = schema.NewSessionCreated(
                first_msg_id=first_msg_id, unique_id=unique_id + number * fresh, server_salt=salt
            )
            scene.plant(scene.draft(Message(scene.msg_id(), scene.session.seqno(True), created.to_bytes())))
        return scene.honest()


for _name, (_what, _first, _count, _fresh) in SESSIONS.items():
    _session(_name, _what, _first, _count, _fresh)
