"""Faults of the encrypted envelope (SEC-20 to SEC-24, SEC-26, SEC-35)."""

from __future__ import annotations

from mtproto.testdc.call import Reply
from mtproto.testdc.faults.fault import ENVELOPE, Fault, Reaction, on_call
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.tools import flipped, number

R1 = (Reaction.R1,)
CLOSES = "discards the payload, closes the connection, connects again and repeats what is pending"


def fault(name: str, rule: str, breaks: str, expects: str = CLOSES, **options: object) -> Fault:
    """A fault of the envelope, answered by R1, that plants a canary."""
    merged: dict[str, object] = {"plants": True, **options}
    return Fault(name, tuple(rule.split()), ENVELOPE, breaks, expects, R1, **merged)  # type: ignore[arg-type]


@on_call(fault("cipher_bitflip", "SEC-21", "one bit of the ciphertext is changed on the way; ARG: which, from 0"))
def cipher_bitflip(scene: Scene) -> Reply | None:
    payload = scene.draft().seal(scene.key)
    bit = number(scene.argument, 0, 8 * (len(payload) - 24) - 1)
    scene.plant(flipped(payload, 24 + bit // 8, bit % 8))
    return scene.honest()
