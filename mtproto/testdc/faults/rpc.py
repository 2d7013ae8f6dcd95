"""Faults of what calls are answered with (SEC-43, SEC-53 to SEC-57, SEC-59)."""

from __future__ import annotations

from mtproto.testdc.call import Reply
from mtproto.testdc.faults.fault import RPC, Fault, Reaction, on_call
from mtproto.testdc.faults.scene import Scene

CARRY_ON = (Reaction.CARRY_ON,)


@on_call(
    Fault(
        "result_twice",
        ("SEC-43",),
        RPC,
        "a call is answered twice, the second time with something else",
        "takes the first answer; the second is acknowledged and ignored",
        (Reaction.CARRY_ON, Reaction.R3),
        plants=True,
    )
)
def result_twice(scene: Scene) -> Reply | None:
    scene.answered()
    scene.send(scene.result())
    return None
