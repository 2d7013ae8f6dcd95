"""Fault: one way in which a datacenter breaks a rule, which rule that is, and which reactions of a client are right.

Every knob of docs/spec/security.md, sections 1 to 4, is one. What a fault does is its ``Act``; ``define`` and
``on_call`` put both into the table.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from mtproto.record import Record
from mtproto.testdc.faults.act import Act

if TYPE_CHECKING:
    from mtproto.testdc.call import Reply
    from mtproto.testdc.faults.scene import Scene

KEY_EXCHANGE, ENVELOPE, SESSION, SERVICE, RPC, TRANSPORT = LAYERS = (
    "key exchange",
    "envelope",
    "session",
    "service",
    "rpc",
    "transport",
)
"""The layers of the honest server that a fault bends one of."""


class Reaction(Enum):
    """What a client does about a fault (docs/spec/security.md, "Reading the tables")."""

    R1 = "closes the connection, connects again and repeats what is pending"
    R2 = "gives up the key exchange, closes, and begins another with fresh nonces"
    R3 = "ignores the one message and goes on"
    ERROR = "ends the one request with a typed error"
    CARRY_ON = "goes on as if nothing had happened"


class Fault(Record):
    """One fault.

    ``name``: the knob. ``rule``: the requirements that the server breaks. ``layer``: one of ``LAYERS``. ``breaks``:
    what the server does that it must not. ``expects``: what a right client does. ``reactions``: the right ones;
    ``non_strict``: those accepted where the rule is advice. ``plants``: something with a canary is planted, which must
    not be accepted. ``slow``: takes more than about 15 s. ``transports``: those it concerns, by their names for
    ``--transport``, and "faketls" for an MTProxy with an ``ee`` secret; empty for any.
    ``needs``: what a client has to do, beside logging in and calling twice, for the fault to act at all; empty for
    nothing.
    """

    __slots__ = ("name", "rule", "layer", "breaks", "expects", "reactions", "non_strict", "plants", "slow",
                 "transports", "needs")  # fmt: skip

    def __init__(
        self,
        name: str,
        rule: tuple[str, ...],
        layer: str,
        breaks: str,
        expects: str,
        reactions: tuple[Reaction, ...],
        non_strict: tuple[Reaction, ...] = (),
        plants: bool = False,
        slow: bool = False,
        transports: tuple[str, ...] = (),
        needs: str = "",
    ) -> None:
        self.name = name
        self.rule = rule
        self.layer = layer
        self.breaks = breaks
        self.expects = expects
        self.reactions = reactions
        self.non_strict = non_strict
        self.plants = plants
        self.slow = slow
        self.transports = transports
        self.needs = needs


class Observation(Record):
    """What the client did, as the server saw it (SEC-91).

    ``at``: the server's monotonic clock, in seconds. ``connection``: its number, from 1; 0 where none is meant.
    ``kind``: one of ``KINDS``.
    """

    __slots__ = ("at", "connection", "kind", "detail")

    def __init__(self, at: float, connection: int, kind: str, detail: str) -> None:
        self.at = at
        self.connection = connection
        self.kind = kind
        self.detail = detail


KINDS = {
    "opened": "a connection was opened",
    "closed": "the client closed a connection",
    "req_pq": "a key exchange began",
    "key_created": "a key exchange was completed",
    "session": "a session_id that was not seen before",
    "call": "an API call, by its TL name",
    "acked": "a planted message was acknowledged",
    "accepted": "the client acted on what it must not accept",
    "injected": "the fault acted",
    "refused": "the server's core refused something of the client",
}
"""What an ``Observation`` can say."""

Table = dict[str, tuple[Fault, type[Act]]]
REGISTERED: Table = {}
"""Name → the fault and what it does, filled by the module of each layer."""

AnyAct = TypeVar("AnyAct", bound=type[Act])
OnCall = Callable[["Scene"], "Reply | None"]
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])


def define(fault: Fault) -> Callable[[AnyAct], AnyAct]:
    """Put a fault into the table, with the class below as what it does."""

    def register(act: AnyAct) -> AnyAct:
        REGISTERED[fault.name] = fault, act
        return act

    return register


def acting(method: str, fault: Fault, **fields: float | None) -> Callable[[AnyFunction], AnyFunction]:
    """Put a fault into the table, with the function below as that ``method`` of its Act; ``fields`` as there."""

    def register(function: AnyFunction) -> AnyFunction:
        REGISTERED[fault.name] = fault, type(fault.name, (Act,), {method: function, **fields})
        return function

    return register


def on_call(fault: Fault, **fields: float | None) -> Callable[[OnCall], OnCall]:
    """Put a fault into the table that acts on calls as the function below says; ``fields`` as of its Act."""

    def register(function: OnCall) -> OnCall:
        acting("call", fault, **fields)(staticmethod(function))
        return function

    return register
