"""Exchange: the client's side of one key exchange, as bytes in and bytes out.

It holds the state between two steps and maps it to the step. After an authentic refusal it starts over, at most
three runs in all (AUTH-31); any other fault ends it (AUTH-34). Time limits belong to its owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import HandshakeRefused, SecurityError
from mtproto.handshake import client
from mtproto.handshake.states import AwaitDHGen, AwaitDHParams, AwaitResPQ, Created
from mtproto.schema.mtproto import (
    DhGenFail,
    DhGenOk,
    DhGenRetry,
    ReqDHParams,
    ResPQ,
    ServerDHParamsFail,
    ServerDHParamsOk,
    SetClientDHParams,
    read_object,
)
from mtproto.tl import registry

if TYPE_CHECKING:
    from mtproto.crypto.rsa import PublicKeys
    from mtproto.environment import Environment
    from mtproto.tl.objects import TLObject

ClientState = AwaitResPQ | AwaitDHParams | AwaitDHGen
Step = tuple[ReqDHParams | SetClientDHParams, AwaitDHParams | AwaitDHGen]

MAX_RUNS = 3
"""Runs of one exchange that may end in an authentic refusal (AUTH-31, SEC-14)."""


class Exchange:
    """One key exchange with the datacenter ``dc`` (numbered as in AUTH-15); ``expires_in`` makes the key temporary.

    ``start`` gives the body of the first unencrypted message, ``receive`` takes the body of each answer and gives
    that of the next query or, at the end, the ``Created``. After an error or the end nothing more is accepted.
    """

    __slots__ = ("_dc", "_env", "_expires_in", "_keys", "_runs_left", "_state")

    def __init__(self, keys: PublicKeys, env: Environment, *, dc: int, expires_in: int | None = None) -> None:
        self._keys = keys
        self._env = env
        self._dc = dc
        self._expires_in = expires_in
        self._runs_left = MAX_RUNS
        self._state: ClientState | None = None

    def start(self) -> bytes:
        """The body of req_pq_multi: a new run with fresh nonces (AUTH-10); whatever went before is forgotten."""
        self._runs_left -= 1
        query, self._state = client.start(self._env, self._dc, self._expires_in)
        return query.to_bytes()

    def receive(self, body: bytes) -> bytes | Created:
        """The body of the next query, or the new key. A ``PeerError`` ends the exchange: close the connection.

        ``body`` may have bytes after its object (AUTH-08). ``HandshakeRefused``: the third run was refused too.
        """
        state, self._state = self._state, None  # AUTH-34, AUTH-37: nothing of it survives an error or the end
        try:
            answer, _ = registry.decode_prefix(body, read_object)
            result = advance(state, answer, self._keys, self._env)
        except HandshakeRefused:
            if self._runs_left <= 0:
                raise
            return self.start()  # AUTH-31, AUTH-32
        if isinstance(result, Created):
            return result
        query, self._state = result
        return query.to_bytes()


def advance(state: ClientState | None, answer: TLObject, keys: PublicKeys, env: Environment) -> Step | Created:
    """The step for this state and answer; any other pair is out of order, ``SecurityError("step")`` (AUTH-36, 39)."""
    if isinstance(state, AwaitResPQ) and isinstance(answer, ResPQ):
        return client.on_res_pq(state, answer, keys, env)
    if isinstance(state, AwaitDHParams) and isinstance(answer, ServerDHParamsOk | ServerDHParamsFail):
        return client.on_server_dh_params(state, answer, env)
    if isinstance(state, AwaitDHGen) and isinstance(answer, DhGenOk | DhGenRetry | DhGenFail):
        return client.on_dh_gen(state, answer, env)
    raise SecurityError("step", answer.NAME, None if state is None else type(state).__name__)
