"""Replays: an attacker who recorded what a client sent says it again, by a connection of his own (SEC-27, SEC-73)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mtproto.transport import client_transport
from tests.simulation.network import End, Manners
from tests.simulation.relay import CODECS

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

LISTENING = 20.0
"""Seconds that the attacker keeps a connection open."""


class Attacker(End):
    """Hears the answers and can read none of them."""

    def receive(self, data: bytes) -> None:
        pass

    def lost(self) -> None:
        pass


def replay_payload(sim: Simulation) -> bool:
    """Some recorded payloads again, in another order, by a connection of another transport."""
    chance = sim.world.chance
    heard = list(sim.heard)
    if not heard or not sim.host.up:
        return False
    codec = client_transport(chance.choice(CODECS), sim.relay_clock, dc=2)
    _say(sim, [codec.pack(payload) for payload in chance.sample(heard, min(len(heard), chance.randint(1, 5)))])
    return True


def replay_stream(sim: Simulation) -> bool:
    """All that a client wrote to the server by a connection, again from its first byte."""
    streams = [wire.record for wire in sim.wires if wire.record]
    if not streams or not sim.host.up:
        return False
    _say(sim, [bytes(sim.world.chance.choice(streams))])
    return True


def _say(sim: Simulation, parts: list[bytes]) -> None:
    wire = sim.connect_to_host(Attacker(), Manners(sim.latency, sim.latency, sim.pieces), recorded=False)
    for delay, part in enumerate(parts):
        sim.world.after(delay * sim.world.chance.random(), partial(wire.up.send, part))
    sim.world.after(LISTENING, lambda: wire.shut(wire.down))
