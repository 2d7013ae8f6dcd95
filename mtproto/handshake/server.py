"""The server's steps of the key exchange (docs/spec/auth_key.md, section 8), the mirror of ``client``.

Each step takes the state, the client's query and ``env``, and returns the answer with the next state. It raises a
``PeerError`` at the first check that fails: the run is then destroyed, and whatever failed, the client sees −404
(SEC-70) or, for a dc that is not served, −444.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from hmac import compare_digest
from typing import TYPE_CHECKING

from mtproto.crypto import dh, kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import make_pq
from mtproto.errors import SecurityError, TransportFault, UsageError
from mtproto.handshake.checks import MAX_FINGERPRINTS, check_all, check_equal, check_nonces
from mtproto.handshake.protect import PQInner, open_client_data, open_pq_inner_data, protect_answer
from mtproto.handshake.states import MAX_RETRIES, AwaitReqDHParams, AwaitSetClientDHParams, Created, Offer
from mtproto.record import Record
from mtproto.schema.mtproto import (
    ClientDHInnerData,
    DhGenFail,
    DhGenOk,
    DhGenRetry,
    PQInnerData,
    PQInnerDataTemp,
    PQInnerDataTempDc,
    ReqDHParams,
    ReqPq,
    ReqPqMulti,
    ResPQ,
    ServerDHInnerData,
    ServerDHParamsOk,
    SetClientDHParams,
)

if TYPE_CHECKING:
    from mtproto.crypto.rsa import PrivateKey
    from mtproto.environment import Environment

MIN_EXPIRES_IN = 60
MAX_EXPIRES_IN = 2 * 86400
"""Seconds that a client may ask a temporary key to live (AUTH-93)."""

WRONG_DC = -444
"""The transport error for a dc that this server does not serve (AUTH-93, TR-55)."""


class Terms(Record):
    """What a server offers and accepts.

    ``keys`` by signed fingerprint, in the order they are offered; ``dcs`` holds every legal dc number (AUTH-15);
    ``accept_legacy`` admits the SHA-1 padding and the forms without dc (AUTH-42).
    """

    __slots__ = ("accept_legacy", "dcs", "dh_prime", "g", "keys")

    def __init__(
        self,
        keys: Iterable[PrivateKey],
        *,
        dcs: Container[int],
        accept_legacy: bool = False,
        dh_prime: bytes = dh.DH_PRIME,
        g: int = 3,
    ) -> None:
        self.keys = {key.public.fingerprint: key for key in keys}
        self.dcs = dcs
        self.accept_legacy = accept_legacy
        self.dh_prime = int.from_bytes(dh_prime, "big")
        self.g = g


def check_terms(terms: Terms, env: Environment) -> None:
    """``UsageError`` for keys, a dh_prime or a g that every client would refuse (AUTH-95)."""
    if not 1 <= len(terms.keys) <= MAX_FINGERPRINTS:
        raise UsageError(f"a server needs 1..{MAX_FINGERPRINTS} RSA keys, not {len(terms.keys)}")
    try:
        dh.check_dh_params(dh.to_256(terms.dh_prime), terms.g, env)
    except SecurityError as error:
        raise UsageError(f"clients would refuse this dh_prime or g: {error.check}") from None


# req_pq_multi#be7e8ef1 nonce:int128 = ResPQ
# req_pq#60469778 nonce:int128 = ResPQ
def on_req_pq(query: ReqPqMulti | ReqPq, terms: Terms, env: Environment) -> tuple[ResPQ, AwaitReqDHParams]:
    """Open a run: a fresh server_nonce and pq, and the fingerprints of all keys (AUTH-91)."""
    server_nonce = env.random_bytes(16)
    pq, p, q = make_pq(env)
    answer = ResPQ(nonce=query.nonce, server_nonce=server_nonce, pq=pq, server_public_key_fingerprints=list(terms.keys))
    return answer, AwaitReqDHParams(query.nonce, server_nonce, pq, p, q)


# req_DH_params#d712e4be nonce:int128 server_nonce:int128 p:bytes q:bytes public_key_fingerprint:long
#   encrypted_data:bytes = Server_DH_Params
def open_req_dh_params(state: AwaitReqDHParams, query: ReqDHParams, terms: Terms, env: Environment) -> PQInner:
    """The inner data, after every check of AUTH-93; ``TransportFault(-444)`` for a dc that is not served."""
    check_nonces(state, query)
    check_equal("pq", state.p, query.p)
    check_equal("pq", state.q, query.q)
    key = terms.keys.get(query.public_key_fingerprint)
    if key is None:
        raise SecurityError("unknown_public_key", f"{query.public_key_fingerprint & 2**64 - 1:016x}")
    inner = open_pq_inner_data(query.encrypted_data, key, env, accept_legacy=terms.accept_legacy)
    check_all(
        ("nonce_mismatch", compare_digest(state.nonce, inner.nonce)),
        ("server_nonce_mismatch", compare_digest(state.server_nonce, inner.server_nonce)),
        ("pq", compare_digest(state.pq, inner.pq)),
        ("pq", compare_digest(state.p, inner.p)),
        ("pq", compare_digest(state.q, inner.q)),
    )
    dc, expires_in = asked(inner)
    if dc is not None and dc not in terms.dcs:
        raise TransportFault(WRONG_DC)
    if expires_in is not None and not MIN_EXPIRES_IN <= expires_in <= MAX_EXPIRES_IN:
        raise SecurityError("step", expires_in, f"expires_in of {MIN_EXPIRES_IN}..{MAX_EXPIRES_IN} s")
    return inner


def asked(inner: PQInner) -> tuple[int | None, int | None]:
    """dc, None in a legacy form, and expires_in, None for a permanent key (AUTH-15, AUTH-16)."""
    dc = None if isinstance(inner, PQInnerData | PQInnerDataTemp) else inner.dc
    expires_in = inner.expires_in if isinstance(inner, PQInnerDataTempDc | PQInnerDataTemp) else None
    return dc, expires_in


# server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:bytes = Server_DH_Params
# server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:bytes g_a:bytes server_time:int
def server_dh_params(
    inner: PQInner, fingerprint: int, secret: tuple[int, int], terms: Terms, env: Environment
) -> tuple[ServerDHParamsOk, AwaitSetClientDHParams]:
    """Answer req_DH_params with ``secret`` = (a, g_a), drawn for this run alone (AUTH-95, SEC-76)."""
    a, g_a = secret
    server_time = int(env.unix_time())
    answer = ServerDHInnerData(
        nonce=inner.nonce,
        server_nonce=inner.server_nonce,
        g=terms.g,
        dh_prime=dh.to_256(terms.dh_prime),
        g_a=dh.to_256(g_a),
        server_time=server_time,
    )
    encrypted = protect_answer(answer, kdf.tmp_aes_key_iv(inner.new_nonce, inner.server_nonce), env)
    dc, expires_in = asked(inner)
    offer = Offer(
        nonce=inner.nonce,
        server_nonce=inner.server_nonce,
        new_nonce=inner.new_nonce,
        dc=dc,
        expires_in=expires_in,
        fingerprint=fingerprint,
        dh_prime=terms.dh_prime,
        a=a,
        server_time=server_time,
    )
    message = ServerDHParamsOk(nonce=inner.nonce, server_nonce=inner.server_nonce, encrypted_answer=encrypted)
    return message, AwaitSetClientDHParams(offer)


# set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:bytes = Set_client_DH_params_answer
# client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:bytes = Client_DH_Inner_Data
def on_set_client_dh_params(
    state: AwaitSetClientDHParams, query: SetClientDHParams, key_exists: Callable[[AuthKey], bool]
) -> tuple[DhGenOk, Created] | tuple[DhGenRetry, AwaitSetClientDHParams] | tuple[DhGenFail, None]:
    """The key, or dh_gen_retry when its id is 0 or taken, at most 5 times, then dh_gen_fail (AUTH-97, SEC-75)."""
    offer = state.offer
    check_nonces(offer, query)
    inner = open_client_data(query.encrypted_data, kdf.tmp_aes_key_iv(offer.new_nonce, offer.server_nonce))
    auth_key = shared_key(state, inner)
    if auth_key.auth_key_id != 0 and not key_exists(auth_key):
        return dh_gen_ok(offer, auth_key), created(offer, auth_key)
    if state.retries < MAX_RETRIES:
        return dh_gen_retry(offer, auth_key), AwaitSetClientDHParams(offer, auth_key.aux_hash, state.retries + 1)
    return dh_gen_fail(offer, auth_key), None


def shared_key(state: AwaitSetClientDHParams, inner: ClientDHInnerData) -> AuthKey:
    """auth_key = g_b^a mod dh_prime as 256 bytes, after the checks of AUTH-96."""
    offer = state.offer
    check_nonces(offer, inner)
    expected, got = (number.to_bytes(8, "little", signed=True) for number in (state.retry_id, inner.retry_id))
    check_equal("step", expected, got)
    g_b = dh.check_public_value(inner.g_b, offer.dh_prime)
    return AuthKey(dh.to_256(pow(g_b, offer.a, offer.dh_prime)))


# dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 = Set_client_DH_params_answer
def dh_gen_ok(offer: Offer, auth_key: AuthKey) -> DhGenOk:
    """The key is accepted (AUTH-28)."""
    new_nonce_hash = kdf.new_nonce_hash(offer.new_nonce, 1, auth_key)
    return DhGenOk(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash1=new_nonce_hash)


# dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 = Set_client_DH_params_answer
def dh_gen_retry(offer: Offer, auth_key: AuthKey) -> DhGenRetry:
    """Another b, please (AUTH-28, AUTH-97)."""
    new_nonce_hash = kdf.new_nonce_hash(offer.new_nonce, 2, auth_key)
    return DhGenRetry(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash2=new_nonce_hash)


# dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 = Set_client_DH_params_answer
def dh_gen_fail(offer: Offer, auth_key: AuthKey) -> DhGenFail:
    """The run is refused (AUTH-28, AUTH-97)."""
    new_nonce_hash = kdf.new_nonce_hash(offer.new_nonce, 3, auth_key)
    return DhGenFail(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash3=new_nonce_hash)


def created(offer: Offer, auth_key: AuthKey) -> Created:
    """What is stored with the key (AUTH-98)."""
    return Created(
        auth_key=auth_key,
        server_salt=kdf.initial_salt(offer.new_nonce, offer.server_nonce),
        server_time=offer.server_time,
        time_offset=0.0,
        expires_at=None if offer.expires_in is None else offer.server_time + offer.expires_in,
        fingerprint=offer.fingerprint,
        dc=offer.dc,
    )
