"""One run: a client program and a datacenter live through a stretch of faults, then through a quiet time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from traceback import format_exc

from mtproto.client.key_store import StoredKey
from mtproto.client.link import Link
from mtproto.client.pfs import TemporaryLink
from mtproto.client.way import Way
from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import Environment
from mtproto.handshake.states import Created
from mtproto.record import Record
from mtproto.transport import installed
from mtproto.transport.mtproxy import FAKE_TLS, PADDED, PLAIN, Proxy, Secret
from tests.handshake.rig import KEY
from tests.simulation.client import DATACENTER, PREAMBLE, Front, Socket
from tests.simulation.faults import FAULTS
from tests.simulation.ledger import SOUND, Ledger, Violation
from tests.simulation.memory import check_memory
from tests.simulation.network import End, Manners, Wire
from tests.simulation.relay import CODECS, LATER, MISUSES, TWICE, Relay
from tests.simulation.server import PROXY_KEY, Host
from tests.simulation.swallowed import Swallowed
from tests.simulation.temporary import LIVES, SuppliedLink
from tests.simulation.user import User
from tests.simulation.world import Clock, Livelock, World

MAKES_KEYS = 50
"""One seed in so many begins with a key exchange, and may lose its keys."""
WITH_PFS = 0.25
"""The part of all runs in which messages travel under temporary keys."""
FAULTS_EVERY = 6.0
"""Seconds between two faults, on average."""
MISUSED = 0.1
"""The part of all payloads that a relay misuses, where it does."""
HEARD = 300
"""Payloads that an attacker remembers."""
LAST = 250.0
"""Seconds after the last call, until which everything has come to rest."""

TRANSPORTS = (*(name for name in installed() if name != "websocket"), "mtproxy")
"""Not WebSocket: the masks of its frames come from the system's generator, so that no seed reproduces them."""


REPLAYS = {TWICE, LATER, "payload replayed", "stream replayed"}
CLOCKS = {"client clock stepped", "server clock stepped"}
EVERY_FAULT = (*FAULTS, *MISUSES, "split anywhere", "call cancelled")


class Report(Record):
    """What a run came to. ``violation``: None, or which invariant does not hold, and why."""

    __slots__ = ("digest", "faults", "invariant", "outcomes", "seed", "steps", "tail", "violation")

    def __init__(self, world: World, ledger: Ledger, invariant: str, violation: str | None) -> None:
        self.seed = world.seed
        self.steps = world.steps
        self.digest = world.digest()
        self.faults: Counter[str] = world.faults
        self.outcomes: Counter[str] = ledger.outcomes
        self.invariant = invariant
        self.violation = violation
        self.tail = [repr(entry) for entry in world.tail] if violation else []


class Simulation:
    """Everything of one seed. ``quiet``: faults have stopped; ``heard``: payloads that an attacker has recorded;
    ``swallowed``: what a relay did not pass on; ``pfs``: the client uses temporary keys, which it only makes itself
    where it ``makes_keys``; ``others``: programs that still run beside ``front``."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        chance = world.chance
        self.ledger = Ledger(world)
        self.quiet = False
        self.makes_keys = seed % MAKES_KEYS == 0
        self.pfs = chance.random() < WITH_PFS
        self.wires: list[Wire] = []
        self.relay: Relay | None = None
        self.relay_clock = Clock(world, "relay")
        self.heard: deque[bytes] = deque(maxlen=HEARD)
        self.swallowed = Swallowed()
        self.refusing_until = 0.0
        self.duration = chance.uniform(20.0, 150.0)
        self.latency = chance.choice([0.001, 0.05, 0.05, 0.4])
        self.pieces = chance.choice([0, 0, 1500, 40])
        self.relayed = chance.random() < 0.5
        self._faults = chance.sample(sorted(FAULTS), chance.randint(1, len(FAULTS)))
        self._misuses = chance.sample(MISUSES, chance.randint(0, len(MISUSES)))
        self._life = chance.choice(LIVES)
        self._numbers = 0
        self.host = Host(world, Clock(world, "server"), self.ledger)
        self.clock = Clock(world, "client", chance.choice([0.0, 0.0, chance.uniform(-400, 400), -3e8]))
        self._stored = None if self.makes_keys else self._first_key()
        self.user = User(self)
        self.others: list[Front] = []
        self.front = self._program()

    def _first_key(self) -> StoredKey:
        """A key that both sides have from an earlier time; the client's salt may be out of date."""
        auth_key = AuthKey(self.world.chance.randbytes(256))
        self.host.add_key(auth_key, 1)
        return StoredKey(
            environment="production",
            dc_id=2,
            fingerprint=KEY.public.fingerprint,
            auth_key=auth_key,
            server_salt=self.world.chance.choice([1, 2]),
            time_offset=0.0,
            created=0,
        )

    # ---- programs

    def _program(self) -> Front:
        """A client program, started now; it begins with the key that the last one stored, if the server has it."""
        stored = self._stored
        if stored is not None and stored.auth_key.auth_key_id not in self.host.dc._keys:
            stored = None
        name = self.world.chance.choice([name for name in TRANSPORTS if not self.relayed or name != "http"])
        front = Front(self.world, self.clock, self.ledger, self._dial, self._way(name), self._link(stored))
        self.world.note("program", name, stored is not None)
        front.start()
        return front

    def _link(self, stored: StoredKey | None) -> Link:
        """``stored``: the auth key it starts with, or None to make one."""
        if not self.pfs:
            link = Link(DATACENTER, self.clock, preamble=PREAMBLE)
        elif self.makes_keys:
            link = TemporaryLink(DATACENTER, self.clock, preamble=PREAMBLE)
        else:
            link = SuppliedLink(self.clock, self._temporary_key)
        if stored is not None:
            link.restore(stored)
        return link

    def _temporary_key(self, client: Environment) -> Created:
        """As if a key exchange had been made."""
        auth_key = AuthKey(self.world.chance.randbytes(256))
        offset = self.host.clock.unix_time() - client.unix_time()
        self.world.note("temporary key")
        return self.host.add_key(auth_key, 1, time_offset=offset, life=self._life)

    def _way(self, name: str) -> Way:
        chance = self.world.chance
        proxy = None
        if name == "mtproxy":
            right = self.clock.skew == 0.0 and not CLOCKS.intersection(self._faults)  # as fake TLS wants it (TR-74)
            kind = chance.choice([PLAIN, PADDED, FAKE_TLS] if right and not self.relayed else [PLAIN, PADDED])
            proxy = Proxy("127.0.0.1", 443, Secret(PROXY_KEY, kind, "example.org" if kind == FAKE_TLS else ""))
        transport = None if proxy is not None else name
        quick_ack = chance.random() < 0.3
        return Way(DATACENTER, transport=transport, proxy=proxy, tunnel=None, ssl=None, quick_ack=quick_ack)

    def start_another(self) -> None:
        """Another program on another machine takes over; the one that runs has its calls to finish."""
        self.others.append(self.front)
        self._stored = self.front.link.stored()
        self.clock = Clock(self.world, f"client {len(self.others)}", self.clock.skew)
        self.front = self._program()

    def _look_after(self) -> None:
        """Whoever runs the program starts it again where it has ended, or makes no key within its time."""
        front = self.front
        if front.gone or front.calls.ended or front.fails_to_make_a_key:
            if front.link.permanent is not None:
                self._stored = front.link.stored()
            if not front.gone:
                front.kill()
            self.front = self._program()
        self.world.after(3.0, self._look_after)

    @property
    def usable(self) -> bool:
        """Whether the program could make a call now."""
        return self.front.ready and not self.asleep

    @property
    def asleep(self) -> bool:
        return self.world.now < self.front.asleep_until

    def sleep(self, seconds: float, *, counted: bool) -> bool:
        """The client does nothing for a while; ``counted``: its monotonic clock goes on."""
        if self.asleep or self.front.gone:
            return False
        self.front.asleep_until = self.world.now + int(seconds)
        if not counted:
            self.clock.lost += int(seconds)
        for entry, _ in self.front.waiters.values():
            entry.deadline = max(entry.deadline, self.clock.monotonic() + int(seconds))
        return True

    # ---- the network

    def _dial(self, socket: Socket, made: Callable[[Wire | None], None]) -> None:
        """The network's side of connect()."""
        self.world.after(2 * self.latency * (1 + self.world.chance.random()), lambda: self._connect(socket, made))

    def _connect(self, socket: Socket, made: Callable[[Wire | None], None]) -> None:
        chance = self.world.chance
        if self.world.now < self.refusing_until and chance.random() < 0.5:
            return  # never answered
        if self.world.now < self.refusing_until or not self.host.up:
            made(None)
            return
        manners = Manners(self.latency, self.latency, self.pieces)
        if not self.relayed:
            wire = self.connect_to_host(socket, manners, recorded=True)
        else:
            relay = self.relay = Relay(self, self.relay_clock, chance.choice(CODECS), self.heard)
            relay.far.wire = self.connect_to_host(relay.far, manners, recorded=False)
            wire = relay.near.wire = self._wire(socket, relay.near, manners)
        made(wire)

    def connect_to_host(self, end: End, manners: Manners, *, recorded: bool) -> Wire:
        """A wire to the server."""
        socket = self.host.accept()
        wire = self._wire(end, socket, manners)
        if recorded:
            wire.record = bytearray()
        self.host.opened(socket, wire)
        return wire

    def _wire(self, client: End, server: End, manners: Manners) -> Wire:
        self._numbers += 1
        wire = Wire(self.world, self._numbers, client, server, manners)
        self.wires.append(wire)
        if manners.pieces:
            self.world.faults["split anywhere"] += 1
        return wire

    def misuse(self) -> str:
        """What a relay does to the next payload: one of MISUSES, or nothing."""
        chance = self.world.chance
        if self.quiet or not self._misuses or chance.random() >= MISUSED:
            return ""
        name = chance.choice(self._misuses)
        self.world.faults[name] += 1
        self.world.note("fault", name)
        return name

    @property
    def replays(self) -> bool:
        """Whether old payloads may come to the server again; one that kept nothing of its sessions executes them."""
        return bool(REPLAYS.intersection(self._faults) or REPLAYS.intersection(self._misuses))

    # ---- the run

    def live(self) -> None:
        """The whole run. Raises Violation."""
        world = self.world
        self.user.busy()
        self._trouble()
        self._look_after()
        self._check()
        world.run(self.duration)
        self._heal()
        self.user.insist()
        world.run(world.now + LAST)
        self.ledger.close()
        check_memory(self, idle=True)

    def _trouble(self) -> None:
        if not self.quiet:
            name = self.world.chance.choice(self._faults)
            if FAULTS[name](self):
                self.world.faults[name] += 1
                self.world.note("fault", name)
            self.world.after(self.world.chance.expovariate(1 / FAULTS_EVERY), self._trouble)

    def _heal(self) -> None:
        """Faults stop. What was done is not undone: a dead wire stays dead until somebody notices."""
        self.world.note("quiet")
        self.quiet = True
        self.pieces = 0
        self.latency = 0.02
        self.refusing_until = 0.0

    def _check(self) -> None:
        check_memory(self, idle=False)
        self.world.after(5.0, self._check)


def simulate(seed: int) -> Report:
    """One run from its seed. Raises nothing that the run is to blame for."""
    simulation = Simulation(seed)
    invariant, violation = "", None
    try:
        simulation.live()
    except Violation as found:
        invariant, violation = found.invariant, str(found)
    except Livelock:
        invariant, violation = SOUND, f"{SOUND}: {simulation.world.steps} events and no end"
    except Exception:
        invariant, violation = SOUND, f"{SOUND}:\n{format_exc()}"
    return Report(simulation.world, simulation.ledger, invariant, violation)
