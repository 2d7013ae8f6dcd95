"""Runs: the server's table of open key exchanges, as bytes in and bytes out (AUTH-90, AUTH-92).

A run belongs to its nonce and server_nonce, not to a connection. It remembers its answers, so that a query repeated
because an answer got lost is answered alike; it dies at its first fault, so that an attacker has one guess (SEC-72).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from mtproto.crypto.dh import DH_PRIME
from mtproto.errors import PeerError, SecurityError
from mtproto.handshake import server
from mtproto.handshake.checks import check_equal
from mtproto.handshake.protect import draw_exponent
from mtproto.handshake.states import AwaitReqDHParams, AwaitSetClientDHParams, Created
from mtproto.schema.mtproto import ReqDHParams, ReqPq, ReqPqMulti, SetClientDHParams, read_object
from mtproto.tl import registry

if TYPE_CHECKING:
    from mtproto.crypto.auth_key import AuthKey
    from mtproto.crypto.rsa import PrivateKey
    from mtproto.environment import Environment
    from mtproto.tl.objects import TLObject

LIFETIME = 600.0
"""Seconds from req_pq until a run is forgotten (AUTH-90)."""

MAX_OPEN_RUNS = 100_000
"""Runs kept at once; the oldest is dropped for one more (AUTH-90)."""

POOL_SIZE = 4
"""Pairs (a, g_a) that ``prepare`` keeps ready."""


class Run:
    """One open run. ``answers`` maps the SHA-256 of each answered query to the answer; ``state`` is None at the end."""

    __slots__ = ("answers", "expires", "server_nonce", "state")

    def __init__(self, state: AwaitReqDHParams, expires: float) -> None:
        self.state: AwaitReqDHParams | AwaitSetClientDHParams | None = state
        self.server_nonce = state.server_nonce
        self.expires = expires
        self.answers: dict[bytes, bytes] = {}


class Runs:
    """The key exchanges of one datacenter.

    ``private_keys`` are all offered; ``dcs`` holds the dc numbers that clients may name (AUTH-15), others get −444;
    ``key_exists`` says whether the id of a new key is taken (AUTH-97). ``accept_legacy``, ``dh_prime`` and ``g`` as
    in ``server.Terms``. ``trailing`` appends random bytes to answers, as production servers do (AUTH-08).
    """

    __slots__ = ("_env", "_key_exists", "_lifetime", "_limit", "_pool", "_runs", "_terms", "_trailing")

    def __init__(
        self,
        private_keys: Iterable[PrivateKey],
        env: Environment,
        *,
        dcs: Container[int],
        key_exists: Callable[[AuthKey], bool],
        accept_legacy: bool = False,
        dh_prime: bytes = DH_PRIME,
        g: int = 3,
        trailing: bool = False,
        limit: int = MAX_OPEN_RUNS,
        lifetime: float = LIFETIME,
    ) -> None:
        self._terms = server.Terms(private_keys, dcs=dcs, accept_legacy=accept_legacy, dh_prime=dh_prime, g=g)
        server.check_terms(self._terms, env)
        self._env = env
        self._key_exists = key_exists
        self._trailing = trailing
        self._limit = limit
        self._lifetime = lifetime
        self._runs: OrderedDict[bytes, Run] = OrderedDict()  # by nonce; all live equally long, so the oldest is first
        self._pool: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._runs)

    def plain(self, body: bytes) -> tuple[bytes, Created | None]:
        """The answer to the body of an unencrypted message, and the new key with the answer that completes one.

        ``body`` may have bytes after its object (AUTH-08). ``TransportFault(-444)``: a dc that is not served. Any
        other ``PeerError``: send −404; in both cases close the connection (AUTH-93, SEC-70).
        """
        query, end = registry.decode_prefix(body, read_object)
        digest = sha256(body[:end]).digest()
        self.expire()
        if isinstance(query, ReqPqMulti | ReqPq):
            return self._begin(query, digest), None
        if isinstance(query, ReqDHParams | SetClientDHParams):
            return self._continue(query, digest)
        raise SecurityError("step", query.NAME)  # AUTH-03

    def _begin(self, query: ReqPqMulti | ReqPq, digest: bytes) -> bytes:
        run = self._runs.get(query.nonce)
        if run is not None:
            return self._repeat(run, query.nonce, digest)
        answer, state = server.on_req_pq(query, self._terms, self._env)
        if len(self._runs) >= self._limit:
            self._runs.popitem(last=False)
        run = self._runs[query.nonce] = Run(state, self._env.monotonic() + self._lifetime)
        return self._remember(run, digest, answer)

    def _repeat(self, run: Run, nonce: bytes, digest: bytes) -> bytes:
        """The answer given before; AUTH-92: another query for a step already answered destroys the run."""
        answer = run.answers.get(digest)
        if answer is None:
            del self._runs[nonce]
            raise SecurityError("step")
        return answer

    def _continue(self, query: ReqDHParams | SetClientDHParams, digest: bytes) -> tuple[bytes, Created | None]:
        run = self._runs.get(query.nonce)
        if run is None:
            raise SecurityError("nonce_mismatch")
        check_equal("server_nonce_mismatch", run.server_nonce, query.server_nonce)
        if digest in run.answers:
            return run.answers[digest], None
        try:
            answer, outcome = self._step(run.state, query)
        except PeerError:
            del self._runs[query.nonce]
            raise
        run.state = outcome if isinstance(outcome, AwaitSetClientDHParams) else None  # SEC-76: a goes with the state
        return self._remember(run, digest, answer), outcome if isinstance(outcome, Created) else None

    def _step(
        self, state: AwaitReqDHParams | AwaitSetClientDHParams | None, query: ReqDHParams | SetClientDHParams
    ) -> tuple[TLObject, AwaitSetClientDHParams | Created | None]:
        if isinstance(state, AwaitReqDHParams) and isinstance(query, ReqDHParams):
            inner = server.open_req_dh_params(state, query, self._terms, self._env)
            return server.server_dh_params(inner, query.public_key_fingerprint, self._secret(), self._terms, self._env)
        if isinstance(state, AwaitSetClientDHParams) and isinstance(query, SetClientDHParams):
            return server.on_set_client_dh_params(state, query, self._key_exists)
        raise SecurityError("step", query.NAME)

    def _remember(self, run: Run, digest: bytes, answer: TLObject) -> bytes:
        body = answer.to_bytes()
        if self._trailing:
            body += self._env.random_bytes(self._env.random_bytes(1)[0] % 23 * 4)  # up to 88 bytes, as published
        run.answers[digest] = body
        return body

    def _secret(self) -> tuple[int, int]:
        return self._pool.pop() if self._pool else self._draw()

    def _draw(self) -> tuple[int, int]:
        return draw_exponent(self._terms.g, self._terms.dh_prime, self._env)

    def prepare(self) -> bool:
        """Compute one pair (a, g_a) ahead, about 22 ms; to be called when idle. False when enough are ready."""
        if len(self._pool) >= POOL_SIZE:
            return False
        self._pool.append(self._draw())
        return True

    def next_deadline(self) -> float | None:
        """When the oldest run expires, on the monotonic clock; None without runs."""
        return next(iter(self._runs.values())).expires if self._runs else None

    def expire(self) -> None:
        """Forget the runs whose time is over (AUTH-90)."""
        now = self._env.monotonic()
        while self._runs and next(iter(self._runs.values())).expires <= now:
            self._runs.popitem(last=False)
