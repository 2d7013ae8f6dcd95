"""The table of faults: what can happen, by name. Each does its harm now and says whether there was anything to harm.

The misuses of a relay are faults too; they happen payload by payload, in ``relay.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mtproto.schema import mtproto as schema
from mtproto.session.keys import SALT_LIFE, SaltSchedule
from mtproto.session.session import Outgoing
from mtproto.testdc.state import ServedSession
from tests.simulation.network import Wire
from tests.simulation.replay import replay_payload, replay_stream
from tests.simulation.server import Kept

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

MAX_OTHERS = 3
NOTHING_KNOWN = 1


# ---- the network


def _on_a_wire(harm: Callable[[Simulation, Wire], None]) -> Callable[[Simulation], bool]:
    """A fault of one of the wires that are in use, between client and relay or relay and server."""

    def fault(sim: Simulation) -> bool:
        wires = [wire for wire in sim.wires if wire.alive]
        if wires:
            harm(sim, sim.world.chance.choice(wires))
        return bool(wires)

    return fault


def cut(sim: Simulation, wire: Wire) -> None:
    """The connection ends; what is under way is lost."""
    wire.cut()


def cut_in_frame(sim: Simulation, wire: Wire) -> None:
    """The connection ends some bytes later, wherever in a frame that is."""
    direction = sim.world.chance.choice([wire.up, wire.down])
    direction.left = int(sim.world.chance.expovariate(1 / 300)) + 1


def stall(sim: Simulation, wire: Wire) -> None:
    """Nothing arrives for a while, then all of it."""
    direction = sim.world.chance.choice([wire.up, wire.down])
    direction.stalled_until = sim.world.now + sim.world.chance.uniform(1.0, 40.0)


def late_bytes(sim: Simulation, wire: Wire) -> None:
    """The client gives the connection up while its bytes are under way; they arrive much later."""
    chance = sim.world.chance
    wire.up.stalled_until = sim.world.now + chance.uniform(5.0, 60.0)
    sim.world.after(chance.uniform(0.1, 5.0), lambda: wire.cut_for_client(chance.uniform(0.0, 60.0)))


def fall_silent(sim: Simulation, wire: Wire) -> None:
    """The connection is dead, and nobody is told."""
    wire.fall_silent()


def refuse(sim: Simulation) -> bool:
    """Nobody can connect for a while; some attempts are never answered."""
    sim.refusing_until = sim.world.now + sim.world.chance.uniform(1.0, 30.0)
    return True


def forged_fault(sim: Simulation) -> bool:
    """A transport error that the server never sent (TR-57)."""
    relay = sim.relay
    if relay is not None:
        relay.say(sim.world.chance.choice([-404, -404, -429]))
    return relay is not None


# ---- the server


def restart(sim: Simulation) -> bool:
    """The server's process ends and comes back: keys are kept, sessions are not."""
    chance = sim.world.chance
    if not sim.host.up:
        return False
    sim.host.stop()
    salts, clients, sessions = (chance.random() < 0.5 for _ in range(3))
    kept = Kept(keys=True, salts=salts, clients=clients, sessions=sessions or sim.replays)
    sim.world.after(chance.uniform(0.0, 20.0), lambda: sim.host.boot(kept))
    return True


def lose_keys(sim: Simulation) -> bool:
    """The same, and the keys are gone: only where this seed makes keys, for new ones have to be made."""
    if not sim.host.up or not sim.makes_keys:
        return False
    sim.host.stop()
    sim.host.boot(Kept(keys=False, salts=False, clients=False, sessions=False))
    return True


def lose_temporary_keys(sim: Simulation) -> bool:
    """The server forgets all temporary keys, without a word; permanent ones it keeps (AUTH-80)."""
    keys = [key for key in sim.host.dc._keys.values() if key.expires_at is not None]
    for key in keys:
        sim.host.dc.forget_key(key)
    return bool(keys)


def drop_sessions(sim: Simulation) -> bool:
    """MSG-63: the server forgets sessions without a word, the connections stay."""
    sessions = [session for key in sim.host.dc._keys.values() for session in key.sessions.values()]
    for session in sessions:
        sim.host.dc._drop(session)
    return bool(sessions)


def change_salts(sim: Simulation) -> bool:
    """All salts of all keys are others from now on."""
    now = sim.host.dc.time.now()
    for key in sim.host.dc._keys.values():
        key.salts = SaltSchedule(_draw(sim), now, sim.host.clock)
    return True


def expire_salts(sim: Simulation) -> bool:
    """The salts go on to the next one within seconds, and the one before ends with it."""
    host = sim.host
    for key in host.dc._keys.values():
        since = host.dc.time.now() - SALT_LIFE + sim.world.chance.uniform(0.0, 10.0)
        salts = key.salts
        if isinstance(salts, SaltSchedule):
            key.salts = SaltSchedule(salts.current(host.dc.time.now()), since, host.clock)
    return True


def step_server_clock(sim: Simulation) -> bool:
    """The server restarts with another clock: a running one follows no wall clock."""
    if not restart(sim):
        return False
    sim.host.clock.skew += _step(sim)
    return True


def ask_and_tell(sim: Simulation) -> bool:
    """The server asks for messages that it has or may still get, or says unasked what became of them.

    It does not ask for what a session that it lost may have executed: it knows none of it, and would execute it again.
    """
    current = sim.front.link.current
    keys = sim.host.dc.key_state(current.keys.auth_key.auth_key_id) if current is not None else None
    session = keys.sessions.get(current.session_id) if keys is not None and current is not None else None
    if current is None or not isinstance(session, ServedSession) or not sim.host.up:
        return False
    msg_ids = [request.msg_ids[-1] for request in current.requests() if request.msg_ids]
    asks = sim.world.chance.random() < 0.5
    if asks:
        msg_ids = [msg_id for msg_id in msg_ids if session.state_of(msg_id) != NOTHING_KNOWN]
    if not msg_ids:
        return False
    if asks:
        session.enqueue(Outgoing(schema.MsgResendReq(msg_ids=msg_ids).to_bytes(), content=False))
    else:
        session.tell_states(msg_ids)
    for via in session.vias:
        sim.host.dc.wake(via)
    return True


# ---- the client


def step_client_clock(sim: Simulation) -> bool:
    """The client's wall clock is put forward or back."""
    sim.clock.skew += _step(sim)
    return True


def suspend(sim: Simulation) -> bool:
    """The client's machine sleeps; its monotonic clock stands still meanwhile."""
    seconds = sim.world.chance.choice([5.0, 80.0, 400.0])
    return sim.sleep(seconds, counted=False)


def freeze(sim: Simulation) -> bool:
    """The client's process gets no processor for a while; its clocks go on."""
    return sim.sleep(sim.world.chance.uniform(1.0, 60.0), counted=True)


def kill(sim: Simulation) -> bool:
    """The client program ends without a word and starts again with the key it stored."""
    sim.front.kill()
    return True


def start_another(sim: Simulation) -> bool:
    """The program is started a second time, with the same key; the first goes on with the calls it has.

    Not with temporary keys: a program that has renewed its own ends those of the other (MSG-115), for as long as both
    run. A key file is locked against that.
    """
    if not sim.usable or sim.pfs or len(sim.others) >= MAX_OTHERS:
        return False
    sim.start_another()
    return True


def _step(sim: Simulation) -> float:
    chance = sim.world.chance
    return chance.choice([-1, 1]) * chance.choice([chance.uniform(0, 20), chance.uniform(20, 400), 4000.0])


def _draw(sim: Simulation) -> int:
    return int.from_bytes(sim.world.chance.randbytes(8), "little", signed=True)


FAULTS: dict[str, Callable[[Simulation], bool]] = {
    "cut": _on_a_wire(cut),
    "cut in a frame": _on_a_wire(cut_in_frame),
    "stall": _on_a_wire(stall),
    "late bytes": _on_a_wire(late_bytes),
    "silent connection": _on_a_wire(fall_silent),
    "no connection": refuse,
    "forged transport error": forged_fault,
    "payload replayed": replay_payload,
    "stream replayed": replay_stream,
    "server restarted": restart,
    "keys lost": lose_keys,
    "temporary keys lost": lose_temporary_keys,
    "sessions dropped": drop_sessions,
    "salts changed": change_salts,
    "salts expired": expire_salts,
    "server clock stepped": step_server_clock,
    "server asks and tells": ask_and_tell,
    "client clock stepped": step_client_clock,
    "client suspended": suspend,
    "client frozen": freeze,
    "client killed": kill,
    "another client": start_another,
}
