"""FaultyRuns: the server's key exchange in its pure steps, with a fault's hands between them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from mtproto.crypto import aes, dh, kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import SecurityError
from mtproto.handshake import server
from mtproto.handshake.protect import PQInner, open_client_data, open_pq_inner_data
from mtproto.handshake.runs import Run, Runs
from mtproto.handshake.states import AwaitReqDHParams, AwaitSetClientDHParams, Created, Offer
from mtproto.schema.mtproto import (
    DhGenFail,
    DhGenRetry,
    ReqDHParams,
    ReqPq,
    ReqPqMulti,
    ServerDHInnerData,
    ServerDHParamsOk,
    SetClientDHParams,
)

if TYPE_CHECKING:
    from mtproto.crypto.rsa import PrivateKey
    from mtproto.environment import Environment
    from mtproto.testdc.faults.datacenter import FaultyDataCenter
    from mtproto.tl.objects import TLObject


class Answer:
    """server_DH_inner_data and how it is protected, to be changed in place.

    ``g``, ``dh_prime`` and ``g_a`` are numbers that the server goes on with; ``prime_bytes`` and ``public_bytes`` are
    how the last two are written, None for 256 bytes. ``padding``: how many bytes more than needed follow the hashed
    data; ``trailing``: bytes that the hash covers behind the object. ``spoil``: what becomes of the plaintext;
    ``cut``: what becomes of the ciphertext.
    """

    def __init__(self, inner: PQInner, g: int, dh_prime: int, secret: tuple[int, int], server_time: int) -> None:
        self.nonce, self.server_nonce = inner.nonce, inner.server_nonce
        self.g, self.dh_prime, self.g_a = g, dh_prime, secret[1]
        self.a = secret[0]
        self.server_time = server_time
        self.prime_bytes: bytes | None = None
        self.public_bytes: bytes | None = None
        self.padding = 0
        self.trailing = b""
        self.spoil: Callable[[bytes], bytes] = _same
        self.cut: Callable[[bytes], bytes] = _same

    def offer(self, inner: PQInner, fingerprint: int) -> Offer:
        """What the server goes on with."""
        dc, expires_in = server.asked(inner)
        return Offer(
            nonce=inner.nonce,
            server_nonce=inner.server_nonce,
            new_nonce=inner.new_nonce,
            dc=dc,
            expires_in=expires_in,
            fingerprint=fingerprint,
            dh_prime=self.dh_prime,
            a=self.a,
            server_time=self.server_time,
        )

    def protect(self, inner: PQInner, random: Callable[[int], bytes]) -> bytes:
        """encrypted_answer."""
        data = ServerDHInnerData(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            g=self.g,
            dh_prime=_bytes(self.dh_prime) if self.prime_bytes is None else self.prime_bytes,
            g_a=_bytes(self.g_a) if self.public_bytes is None else self.public_bytes,
            server_time=self.server_time,
        ).to_bytes()
        data += self.trailing
        hashed = sha1(data).digest() + data
        padding = -len(hashed) % 16 + self.padding
        plain = self.spoil(hashed + random(padding))
        return self.cut(aes.ige_encrypt(plain, *kdf.tmp_aes_key_iv(inner.new_nonce, inner.server_nonce)))


def _same(data: bytes) -> bytes:
    return data


def _bytes(number: int) -> bytes:
    """Big-endian, 256 bytes or as many as it needs."""
    return number.to_bytes(max(256, (number.bit_length() + 7) // 8), "big")


class FaultyRuns(Runs):
    """Runs whose answers a fault may change. ``begun``: how many runs there were.

    A run that is bent is served more leniently from there on, so that a client that accepts what it must not gets to
    the end.
    """

    __slots__ = ("_bent", "_dc", "_injected", "_modern", "begun")

    def __init__(self, dc: FaultyDataCenter, keys: list[PrivateKey], env: Environment, **options: Any) -> None:
        super().__init__(keys, env, **options)
        self._dc = dc
        self.begun = 0
        self._modern = False
        self._bent: set[bytes] = set()
        self._injected: dict[bytes, int] = {}  # by nonce: how often the client may still go on

    def _begin(self, query: ReqPqMulti | ReqPq, digest: bytes) -> bytes:
        if query.nonce in self._runs:
            return super()._begin(query, digest)
        self.begun += 1
        self._dc.observe("req_pq", query.NAME)
        honest, state = server.on_req_pq(query, self._terms, self._env)
        answer: TLObject = honest
        times = self._dc.act.times
        if times is None or self.begun <= times:
            self._bent.add(query.nonce)
            before = honest.to_bytes()
            answer = self._dc.act.res_pq(honest)
            self._note(query.nonce, answer, before)
        run = self._runs[query.nonce] = Run(state, self._env.monotonic() + self._lifetime)
        return self._remember(run, digest, answer)

    def _note(self, nonce: bytes, answer: TLObject, honest: bytes) -> None:
        """Note what was bent, where it was."""
        if answer.to_bytes() != honest:
            self._injected.setdefault(nonce, self._dc.act.lenient)
            self._dc.inject(answer.NAME)

    def _step(
        self, state: AwaitReqDHParams | AwaitSetClientDHParams | None, query: ReqDHParams | SetClientDHParams
    ) -> tuple[TLObject, AwaitSetClientDHParams | Created | None]:
        if query.nonce in self._injected:
            self._injected[query.nonce] -= 1
            if self._injected[query.nonce] < 0:
                self._dc.accepted(f"{query.NAME} in the bent key exchange")
        if query.nonce in self._bent and isinstance(state, AwaitReqDHParams) and isinstance(query, ReqDHParams):
            return self._answer(query)
        if query.nonce in self._bent and isinstance(state, AwaitSetClientDHParams):
            return self._finish(state, query)
        return super()._step(state, query)

    def _answer(self, query: ReqDHParams) -> tuple[TLObject, AwaitSetClientDHParams]:
        key = self._terms.keys.get(query.public_key_fingerprint)
        if key is None:
            raise SecurityError("unknown_public_key")
        inner = self._open(query, key)
        answer = Answer(inner, self._terms.g, self._terms.dh_prime, self._secret(), int(self._env.unix_time()))
        before = dict(vars(answer))
        self._dc.act.answer(answer)
        if vars(answer) != before:
            self._injected.setdefault(query.nonce, self._dc.act.lenient)
            self._dc.inject("server_DH_inner_data")
        encrypted = answer.protect(inner, self._env.random_bytes)
        message = ServerDHParamsOk(nonce=inner.nonce, server_nonce=inner.server_nonce, encrypted_answer=encrypted)
        honest = message.to_bytes()
        bent = self._dc.act.dh_params(message, inner)
        self._note(query.nonce, bent, honest)
        return bent, AwaitSetClientDHParams(answer.offer(inner, query.public_key_fingerprint))

    def _open(self, query: ReqDHParams, key: PrivateKey) -> PQInner:
        """What the client asks with; that it falls back to the older forms is noted (SEC-18)."""
        try:
            inner = open_pq_inner_data(query.encrypted_data, key, self._env, accept_legacy=False)
        except SecurityError:
            inner = open_pq_inner_data(query.encrypted_data, key, self._env, accept_legacy=True)
            if self._modern:
                self._dc.accepted("the client falls back to the older padding or form")
        else:
            self._modern = True
        return inner

    def _finish(
        self, state: AwaitSetClientDHParams, query: ReqDHParams | SetClientDHParams
    ) -> tuple[TLObject, AwaitSetClientDHParams | Created | None]:
        if not isinstance(query, SetClientDHParams):
            raise SecurityError("step", query.NAME)
        offer = state.offer
        inner = open_client_data(query.encrypted_data, kdf.tmp_aes_key_iv(offer.new_nonce, offer.server_nonce))
        shared = pow(int.from_bytes(inner.g_b, "big"), offer.a, offer.dh_prime)
        auth_key = AuthKey(dh.to_256(shared % (1 << 2048)))
        message = server.dh_gen_ok(offer, auth_key)
        honest = message.to_bytes()
        answer = self._dc.act.dh_gen(message, offer, auth_key)
        self._note(query.nonce, answer, honest)
        if isinstance(answer, DhGenRetry) and state.retries >= 0:
            return answer, AwaitSetClientDHParams(offer, auth_key.aux_hash, state.retries + 1)
        if isinstance(answer, DhGenFail):
            return answer, None
        if answer.to_bytes() != honest:
            self._dc.bent_keys.add(auth_key.auth_key_id)
        return answer, server.created(offer, auth_key)
