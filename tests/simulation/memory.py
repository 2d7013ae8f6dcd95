"""What is remembered, and how much of it there may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.client.pfs import TemporaryLink
from mtproto.message.msg_id import WINDOW_SIZE
from mtproto.session.client import ClientSession
from mtproto.session.kept import MAX_COUNT
from mtproto.session.keys import MAX_GONE
from mtproto.session.session import MAX_IDS
from mtproto.testdc.state import ServedSession
from tests.simulation.ledger import BOUNDED, Violation
from tests.simulation.user import CALLS_EVERY

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

OWN = 1
"""Requests of a link with temporary keys that no caller made: a binding, a proof, or one to drop old keys."""
IDLE = 4
"""Queries that may be left in a client that nobody uses: a ping, future salts, a destroyed session. To them come those
that wait for what a relay has swallowed."""
ASKED = 1200
"""Queries in a client that makes a call every 2.5 s, or 40 at once now and then, and asks about each every 10 s, until
it notices after 120 s that nobody answers."""
ASTRAY = 20
"""Answers that, with a third of the calls, may wait to be acknowledged: a connection took them or the acknowledgement
along, and the server says them again on the next one."""
MAX_SOCKETS = 50
MAX_QUEUE = 200


def check_memory(sim: Simulation, *, idle: bool) -> None:
    """Raises Violation where a table is longer than the load explains; ``idle``: nothing is under way any more."""
    sizes = {**_client(sim, idle), **_server(sim, idle)}
    for name, (size, most) in sizes.items():
        if size > most:
            raise Violation(BOUNDED, f"{name} holds {size}, at most {most} are explained")


def _client(sim: Simulation, idle: bool) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = {}
    link = sim.front.link
    if isinstance(link, TemporaryLink):
        over = [session for session in (link.ending, link.proving) if session is not None]
        sizes["client sessions of keys that are over or in doubt"] = len(over), 0 if idle else 2
    for number, session in enumerate([] if sim.front.gone else link.sessions(), 1):
        sizes |= {f"{name} of session {number}": size for name, size in _client_session(sim, session, idle).items()}
    return sizes


def _client_session(sim: Simulation, session: ClientSession, idle: bool) -> dict[str, tuple[int, int]]:
    waiting = len(sim.front.waiters) + OWN * sim.pfs
    lost = sim.swallowed.queries(session)
    queries = IDLE + lost if idle else round(ASKED * CALLS_EVERY / sim.user.calls_every)
    return {
        "client requests": (len(session._requests), waiting),
        "client functions": (len(sim.front.calls._functions), len(sim.front.waiters)),
        "client queries": (len(session._queries), queries),
        "client msg_ids": (len(session._by_msg_id), 4 * (waiting + queries)),
        "client containers": (len(session._containers), waiting + queries),
        "client queue": (len(session._queue), waiting + queries),
        "client acks": (len(session._acks), 20 if idle else 200),
        "client fetched": (len(session.fetched), waiting),
        "client window": (len(session.window), WINDOW_SIZE),
        "client bare ids": (len(session._bare), 2000),
        "client vias": (len(session._vias), 1),
    }


def _server(sim: Simulation, idle: bool) -> dict[str, tuple[int, int]]:
    sockets = len(sim.host.sockets)
    sizes = {"server sockets": (sockets, 1 + len(sim.others) if idle else MAX_SOCKETS)}
    current = sim.front.link.current
    for key in sim.host.dc._keys.values() if sim.host.up else ():
        sizes["server sessions"] = len(key.sessions), 64
        sizes["what is left of server sessions"] = len(key.gone), MAX_GONE
        for session in key.sessions.values():
            if isinstance(session, ServedSession):
                rest = idle and current is not None and session.session_id == current.session_id
                kept = ASTRAY + len(sim.ledger.entries) // 3 if rest else MAX_COUNT
                sizes |= _session(session, sockets, kept, rest=rest)
    return sizes


def _session(session: ServedSession, sockets: int, kept: int, *, rest: bool) -> dict[str, tuple[int, int]]:
    """``rest``: no call is under way, and the client has acknowledged what it got."""
    return {
        "server window": (len(session.window), WINDOW_SIZE),
        "server answers": (len(session._answers), kept),
        "server unacked": (len(session._unacked), kept),
        "server queue": (len(session._queue), 0 if rest else MAX_QUEUE),
        "server acks to come": (len(session._ack_at), 0 if rest else MAX_COUNT),
        "server calls behind others": (len(session.waiting), 0 if rest else MAX_COUNT),
        "server disowned": (len(session._disowned), MAX_IDS),
        "server vias": (len(session._vias), sockets),
    }
