"""Faults of containers: SEC-31, SEC-32, TL-62, TL-66 to TL-68. Each that is malformed itself carries a canary."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from mtproto.message.container import CONTAINER, Message, join
from mtproto.schema import mtproto as schema
from mtproto.testdc.call import Reply
from mtproto.testdc.faults.fault import SESSION, Fault, Reaction, define, on_call
from mtproto.testdc.faults.line import Line
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.session import Replay

R1 = (Reaction.R1,)
REFUSES = "refuses the whole container within its bounds of memory, closes, connects again and repeats what is pending"


def _fault(name: str, rule: str, breaks: str) -> Fault:
    return Fault(name, (rule,), SESSION, breaks, REFUSES, R1, plants=True)


def _pack(messages: list[Message], count: int) -> bytes:
    """A container that says it has ``count`` messages."""
    return pack("<Ii", CONTAINER, count) + join(messages)[8:]


def _sized(message: Message, length: int) -> bytes:
    """A container with one message that says it has ``length`` bytes."""
    return pack("<Iiqii", CONTAINER, 1, message.msg_id, message.seqno, length) + message.body


def _nested(scene: Scene, message: Message) -> bytes:
    inner = scene.message(join([message]), content=False)
    return join([inner])


Bend = Callable[[Scene, Message, Message], bytes]
BENT: dict[str, tuple[str, Bend]] = {
    "container_nested": ("a container is inside a container", lambda scene, canary, other: _nested(scene, canary)),
    "container_count_max": (
        "a container says it has 2^31 - 1 messages",
        lambda scene, canary, other: _pack([canary, other], 2**31 - 1),
    ),
    "container_count_negative": (
        "a container says it has -1 messages",
        lambda scene, canary, other: _pack([canary, other], -1),
    ),
    "container_count_small": (
        "a container of two messages says it has one",
        lambda scene, canary, other: _pack([canary, other], 1),
    ),
    "container_count_large": (
        "a container of two messages says it has three",
        lambda scene, canary, other: _pack([canary, other], 3),
    ),
    "container_too_many": (
        "a container has 1021 messages",
        lambda scene, canary, other: join([canary, *_others(scene, 1020)]),
    ),
    "container_length_zero": (
        "a message in a container has no bytes",
        lambda scene, canary, other: join([canary, Message(other.msg_id, other.seqno, b"")]),
    ),
    "container_length_odd": (
        "the length of a message in a container is no multiple of 4",
        lambda scene, canary, other: _sized(canary, len(canary.body) - 2),
    ),
    "container_length_over": (
        "a message in a container is longer than what is left",
        lambda scene, canary, other: _sized(canary, len(canary.body) + 4),
    ),
    "container_length_negative": (
        "a message in a container has a negative length",
        lambda scene, canary, other: _sized(canary, -4),
    ),
    "container_trailing": (
        "four bytes follow the last message of a container",
        lambda scene, canary, other: join([canary]) + bytes(4),
    ),
}
"""Name → what is wrong, and the container of a canary and another message (SEC-32)."""


def _others(scene: Scene, count: int) -> list[Message]:
    pong = schema.Pong(msg_id=0, ping_id=0).to_bytes()
    return [scene.message(pong, content=False) for _ in range(count)]


def _bent(name: str, breaks: str, bend: Bend) -> None:
    @on_call(_fault(name, "SEC-32", breaks))
    def act(scene: Scene) -> Reply | None:
        canary = scene.message(scene.result())
        body = bend(scene, canary, *_others(scene, 1))
        scene.plant(scene.draft(scene.message(body, content=False)))
        return scene.honest()


for _name, (_breaks, _bend) in BENT.items():
    _bent(_name, _breaks, _bend)

# ---- ids inside: SEC-31


@on_call(_fault("container_inner_even", "SEC-31", "a message in a container has an even msg_id"))
def container_inner_even(scene: Scene) -> Reply | None:
    canary = scene.message(scene.result(), msg_id=scene.msg_id() & ~3)
    scene.plant(scene.draft(scene.message(join([canary]), content=False)))
    return scene.honest()


@on_call(_fault("container_inner_high", "SEC-31", "a message in a container has a higher msg_id than the container"))
def container_inner_high(scene: Scene) -> Reply | None:
    outer = scene.msg_id()
    canary = scene.message(scene.result())
    scene.plant(scene.draft(scene.message(join([canary]), content=False, msg_id=outer)))
    return scene.honest()


@on_call(_fault("container_inner_twice", "SEC-31", "two messages in a container have the same msg_id"))
def container_inner_twice(scene: Scene) -> Reply | None:
    canary = scene.message(scene.result())
    scene.plant(scene.draft(scene.message(join([canary, canary]), content=False)))
    return scene.honest()


@define(
    Fault(
        "container_dup_inner",
        ("SEC-31",),
        SESSION,
        "a message comes in two containers; the second one also has the answer to the call",
        "ignores the repeat, which costs only itself: the answer counts",
        (Reaction.R3, Reaction.CARRY_ON),
    )
)
class ContainerDupInner(Replay):
    counts = True

    def call(self, scene: Scene) -> Reply | None:
        reply = scene.honest()
        ping_id = scene.msg_id()
        ping = Message(scene.msg_id(), scene.session.seqno(False), schema.Ping(ping_id=ping_id).to_bytes())
        scene.plant(scene.draft(scene.message(join([ping]), content=False)))
        body = scene.result(scene.encode(reply) if reply is not None else b"")
        answer = Message(scene.msg_id(), scene.session.seqno(True), body)
        scene.plant(scene.draft(scene.message(join([ping, answer]), content=False)))
        scene.settle()
        return None

    def payload(self, line: Line, payload: bytes) -> list[bytes]:
        return [payload]
