"""Faults of the session: SEC-25, SEC-27 to SEC-30, SEC-37 to SEC-39: replays, times, order, silence about messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mtproto.message.container import Message, join
from mtproto.message.envelope import Inner
from mtproto.message.gzip import constructor_of
from mtproto.schema import mtproto as schema
from mtproto.testdc.call import Call, Reply
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import SESSION, Fault, Reaction, define, on_call
from mtproto.testdc.faults.line import Line
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.served import FaultySession
from mtproto.testdc.updates import connect_update

if TYPE_CHECKING:
    from mtproto.testdc.faults.datacenter import FaultyDataCenter

R1, R3, CARRY_ON = (Reaction.R1,), (Reaction.R3, Reaction.CARRY_ON), (Reaction.CARRY_ON,)
CLOSES = "discards the payload, closes the connection, connects again and repeats what is pending"
IGNORES = "does not process it a second time, acknowledges it again and goes on"


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str,
    reactions: tuple[Reaction, ...],
    non_strict: tuple[Reaction, ...] = (),
    *,
    plants: bool = True,
    slow: bool = False,
    needs: str = "",
) -> Fault:
    """A fault of the session."""
    return Fault(name, tuple(rule.split()), SESSION, breaks, expects, reactions, non_strict, plants, slow, needs=needs)


@on_call(
    fault(
        "session_flip",
        "SEC-25",
        "a payload is for another session of the same key",
        "never processes it: ignores it, or closes the connection at most once a minute",
        (Reaction.R3, Reaction.CARRY_ON, Reaction.R1),
    )
)
def session_flip(scene: Scene) -> Reply | None:
    draft = scene.draft()
    draft.session_id ^= 1
    scene.plant(draft)
    return scene.honest()


# ---- times: SEC-29, SEC-30

TIMES: dict[str, tuple[str, float]] = {
    "msg_id_old": ("301 s old", -301.0),
    "msg_id_future": ("31 s ahead, and a little for the way", 33.0),
}


def _time(name: str, what: str, ahead: float) -> None:
    expects = "ignores the payload, and may close the connection to learn the time anew"

    @on_call(fault(name, "SEC-30", f"the msg_id of a payload is {what}", expects, (Reaction.R1, *R3)))
    def act(scene: Scene) -> Reply | None:
        scene.plant(scene.draft(scene.message(scene.result(), msg_id=scene.msg_id(ahead))))
        return scene.honest()


for _name, (_what, _ahead) in TIMES.items():
    _time(_name, _what, _ahead)

WINDOW = 1000


@on_call(
    fault(
        "delay_past_window",
        "SEC-29",
        "a payload is held back until more than 1000 newer messages have arrived",
        "ignores it and goes on in a new session",
        (Reaction.R3, Reaction.CARRY_ON, Reaction.R1),
    )
)
def delay_past_window(scene: Scene) -> Reply | None:
    held = scene.draft()
    pong = schema.Pong(msg_id=0, ping_id=0).to_bytes()

    def flood() -> None:
        for _ in range(3):
            messages = [Message(scene.msg_id(), scene.session.seqno(False), pong) for _ in range(WINDOW // 2)]
            scene.plant(scene.draft(scene.message(join(messages), content=False)))
        scene.plant(held)

    scene.later(0.3, flood)  # behind the honest answer
    return scene.honest()


# ---- replays: SEC-27, SEC-28


class Replay(Act):
    """Records the payload of the answer to the first call, in which there is a ping: whoever answers that twice has
    processed the payload twice. ``taken`` is the payload; ``ponged`` the pings that were
    answered."""

    counts = False

    def __init__(self, dc: FaultyDataCenter, argument: str | None) -> None:
        super().__init__(dc, argument)
        self.armed = False
        self.taken = b""
        self.ponged: set[int] = set()

    def call(self, scene: Scene) -> Reply | None:
        scene.send(schema.Ping(ping_id=scene.msg_id()), content=True, answer=False)
        self.armed = True
        return scene.honest()

    def payload(self, line: Line, payload: bytes) -> list[bytes]:
        if not self.armed:
            return [payload]
        self.armed, self.taken = False, payload
        return self.recorded(line, payload)

    def recorded(self, line: Line, payload: bytes) -> list[bytes]:
        """What leaves in place of the payload that was recorded."""
        return [payload]

    def message(self, session: FaultySession, message: Message, via: object) -> bool:
        if constructor_of(message.body) == schema.Pong.ID and len(message.body) == 20:
            ping_id = int.from_bytes(message.body[12:20], "little", signed=True)
            if ping_id in self.ponged:
                self.dc.observe("accepted", "a replayed ping is answered again", via)
            self.ponged.add(ping_id)
        return False


@define(fault("replay_same_conn", "SEC-27", "a payload comes a second time, byte for byte", IGNORES, R3, plants=False))
class ReplaySameConn(Replay):
    def recorded(self, line: Line, payload: bytes) -> list[bytes]:
        self.dc.inject("the payload twice", line)
        return [payload, payload]


@define(
    fault(
        "replay_new_conn",
        "SEC-28",
        "the connection ends, and a payload that it carried comes again on the next one",
        IGNORES + ": what was received is remembered across connections",
        (*R3, Reaction.R1),
        plants=False,
    )
)
class ReplayNewConn(Replay):
    first = 0

    def call(self, scene: Scene) -> Reply | None:
        self.first = scene.line.number
        scene.later(0.3, scene.line.hang_up)
        return super().call(scene)

    def packet(self, line: Line, payload: bytes) -> bool:
        if self.taken and any(payload[:8]) and line.number != self.first:
            self.dc.inject("a payload of the last connection", line)
            line.plant(self.taken)
            self.taken = b""
        return True


@define(
    fault(
        "replay_after_restart",
        "SEC-28",
        "a payload of an earlier session of the key comes in the next one, as after a restart with a saved key",
        "never processes it: it is for another session_id",
        (*R3, Reaction.R1),
        plants=False,
        needs="a second start with the auth key of the first",
    )
)
class ReplayAfterRestart(Replay):
    session_id = 0

    def call(self, scene: Scene) -> Reply | None:
        self.session_id = scene.session.session_id
        return super().call(scene)

    def message(self, session: FaultySession, message: Message, via: object) -> bool:
        if self.taken and session.session_id != self.session_id:
            line = self.dc.line_of(via)
            if line is not None:
                self.dc.inject("a payload of the last session", line)
                line.plant(self.taken)
                self.taken = b""
        return super().message(session, message, via)


# ---- resending, order, loss: SEC-37 to SEC-39


@define(
    fault(
        "never_ack",
        "SEC-37",
        "a call is neither answered nor acknowledged, and the connection ends after 3 s; asked for it, the server says "
        "that it has not come",
        "sends it again under a new msg_id: never the same header and body twice",
        (Reaction.CARRY_ON, Reaction.R1, Reaction.ERROR),
        plants=False,
    )
)
class NeverAck(Act):
    def call(self, scene: Scene) -> Reply | None:
        scene.session.deny(scene.call.msg_id)
        scene.later(3.0, scene.line.hang_up)
        return None

    def seen_again(self, session: FaultySession, inner: Inner) -> None:
        self.dc.observe("accepted", "a payload with the same msg_id and another encryption")


@on_call(
    fault(
        "shuffle_results",
        "SEC-38",
        "the answer arrives behind a message with a higher msg_id",
        "goes on: nothing depends on the order of arrival",
        CARRY_ON,
        plants=False,
    )
)
def shuffle_results(scene: Scene) -> Reply | None:
    reply = scene.honest()
    body = scene.result(scene.encode(reply) if reply is not None else b"")
    late = Message(scene.msg_id(), scene.session.seqno(True), body)
    early = Message(scene.msg_id(), scene.session.seqno(False), schema.Pong(msg_id=0, ping_id=0).to_bytes())
    scene.plant(scene.draft(early))
    scene.plant(scene.draft(late))
    scene.settle()
    return None


@on_call(
    fault(
        "shuffle_updates",
        "SEC-38",
        "two updates arrive in the wrong order",
        "goes on: updates are put in order by their own numbers",
        CARRY_ON,
        plants=False,
    )
)
def shuffle_updates(scene: Scene) -> Reply | None:
    bot = scene.call.bot
    connection = scene.dc.accounts.connections["demo"]
    first, second = (connect_update(scene.dc, bot, connection, bot.note(connection)) for _ in range(2))
    for update in (second, first):
        scene.call.push(update)
    return scene.honest()


@define(
    fault(
        "drop_every_nth",
        "SEC-39",
        "the first payload after the login is lost without a word, and every third from there on; ARG: every how many",
        "asks what became of its requests and sends again what did not come",
        (Reaction.CARRY_ON, Reaction.R1, Reaction.ERROR),
        plants=False,
        slow=True,
    )
)
class DropEveryNth(Act):
    highest: ClassVar[int | None] = 1000
    default: ClassVar[int] = 3
    count = -1

    def other_call(self, call: Call, name: str) -> Reply | None:
        if self.count < 0 and name.startswith("auth.import"):
            self.count = max(self.number, 2) - 1  # the first call is lost
        return None

    def packet(self, line: Line, payload: bytes) -> bool:
        if self.count < 0:
            return True
        self.count += 1
        if self.count % max(self.number, 2):
            return True
        self.dc.inject("a payload is lost", line)
        return False
