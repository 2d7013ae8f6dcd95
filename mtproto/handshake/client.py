"""The client's steps of the key exchange (docs/spec/auth_key.md, sections 2 and 4).

Each step takes the state, the server's answer and ``env``, and returns the next query with the next state. It raises
a ``PeerError`` at the first check that fails; the run is then over and nothing of it may be used again (AUTH-34).
Two 2048-bit powers and the factorisation are computed at once, without yielding: about 60 ms for a whole run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.crypto import dh, kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.errors import HandshakeRefused, SecurityError
from mtproto.handshake.checks import check_equal, check_fingerprints, check_nonces, check_pq_length
from mtproto.handshake.protect import draw_exponent, open_answer, protect_client_data, protect_pq_inner_data
from mtproto.handshake.states import MAX_RETRIES, Agreed, AwaitDHGen, AwaitDHParams, AwaitResPQ, Created
from mtproto.schema.mtproto import (
    ClientDHInnerData,
    DhGenFail,
    DhGenOk,
    DhGenRetry,
    PQInnerDataDc,
    PQInnerDataTempDc,
    ReqDHParams,
    ReqPqMulti,
    ResPQ,
    ServerDHParamsFail,
    ServerDHParamsOk,
    SetClientDHParams,
)

if TYPE_CHECKING:
    from mtproto.crypto.rsa import PublicKey, PublicKeys
    from mtproto.environment import Environment


# req_pq_multi#be7e8ef1 nonce:int128 = ResPQ
def start(env: Environment, dc: int, expires_in: int | None = None) -> tuple[ReqPqMulti, AwaitResPQ]:
    """Begin a run. ``dc`` as in AUTH-15 (+10000 test, negated media); ``expires_in`` seconds for a temporary key."""
    nonce = env.random_bytes(16)  # AUTH-10
    return ReqPqMulti(nonce=nonce), AwaitResPQ(nonce, dc, expires_in)


# resPQ#05162463 nonce:int128 server_nonce:int128 pq:bytes server_public_key_fingerprints:Vector<long> = ResPQ
def on_res_pq(
    state: AwaitResPQ, answer: ResPQ, keys: PublicKeys, env: Environment
) -> tuple[ReqDHParams, AwaitDHParams]:
    """AUTH-11..18: choose a trusted key, factor pq, send new_nonce under RSA."""
    check_equal("nonce_mismatch", state.nonce, answer.nonce)
    key = choose_key(answer.server_public_key_fingerprints, keys)
    check_pq_length(answer.pq)
    p, q = factorize(answer.pq)  # AUTH-13
    new_nonce = env.random_bytes(32)  # AUTH-14
    inner = pq_inner_data(state, answer, p, q, new_nonce)
    query = ReqDHParams(
        nonce=state.nonce,
        server_nonce=answer.server_nonce,
        p=p,
        q=q,
        public_key_fingerprint=key.fingerprint,
        encrypted_data=protect_pq_inner_data(inner, key, env),
    )
    return query, AwaitDHParams(
        nonce=state.nonce,
        server_nonce=answer.server_nonce,
        new_nonce=new_nonce,
        dc=state.dc,
        expires_in=state.expires_in,
        fingerprint=key.fingerprint,
    )


def choose_key(fingerprints: list[int], keys: PublicKeys) -> PublicKey:
    """The first listed key that is trusted; ``SecurityError("unknown_public_key")`` where none is (AUTH-11, 12)."""
    check_fingerprints(fingerprints)
    key = keys.choose(fingerprints)
    if key is None:
        got, expected = (
            ", ".join(f"{value & 2**64 - 1:016x}" for value in group)
            for group in (fingerprints, [key.fingerprint for key in keys])
        )
        raise SecurityError("unknown_public_key", got, expected)
    return key


# p_q_inner_data_dc#a9f55f95 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 dc:int
# p_q_inner_data_temp_dc#56fddf88 … dc:int expires_in:int
def pq_inner_data(
    state: AwaitResPQ, answer: ResPQ, p: bytes, q: bytes, new_nonce: bytes
) -> PQInnerDataDc | PQInnerDataTempDc:
    """The inner data of req_DH_params; always a form with dc (AUTH-15), pq copied byte for byte (AUTH-17)."""
    if state.expires_in is None:
        return PQInnerDataDc(
            pq=answer.pq,
            p=p,
            q=q,
            nonce=state.nonce,
            server_nonce=answer.server_nonce,
            new_nonce=new_nonce,
            dc=state.dc,
        )
    return PQInnerDataTempDc(
        pq=answer.pq,
        p=p,
        q=q,
        nonce=state.nonce,
        server_nonce=answer.server_nonce,
        new_nonce=new_nonce,
        dc=state.dc,
        expires_in=state.expires_in,
    )


# server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:bytes = Server_DH_Params
# server_DH_params_fail#79cb045d nonce:int128 server_nonce:int128 new_nonce_hash:int128 = Server_DH_Params
# server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:bytes g_a:bytes server_time:int
def on_server_dh_params(
    state: AwaitDHParams, answer: ServerDHParamsOk | ServerDHParamsFail, env: Environment
) -> tuple[SetClientDHParams, AwaitDHGen]:
    """AUTH-19..26: open the answer, check the DH parameters, answer with g_b.

    server_DH_params_fail, once its hash is right, is ``HandshakeRefused`` (AUTH-32).
    """
    check_nonces(state, answer)
    if isinstance(answer, ServerDHParamsFail):
        check_equal("new_nonce_hash", kdf.new_nonce_hash_fail(state.new_nonce), answer.new_nonce_hash)
        raise HandshakeRefused(answer.NAME)
    received_at = env.unix_time()
    inner = open_answer(answer.encrypted_answer, kdf.tmp_aes_key_iv(state.new_nonce, state.server_nonce))
    check_nonces(state, inner)  # AUTH-22: inside the answer too
    dh_prime = dh.check_dh_params(inner.dh_prime, inner.g, env)  # AUTH-23: used only from here on
    g_a = dh.check_public_value(inner.g_a, dh_prime)
    agreed = Agreed(inner.g, dh_prime, g_a, inner.server_time, inner.server_time - received_at)
    return set_client_dh_params(state, agreed, 0, 0, env)


# client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:bytes = Client_DH_Inner_Data
# set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:bytes = Set_client_DH_params_answer
def set_client_dh_params(
    run: AwaitDHParams, agreed: Agreed, retry_id: int, retries: int, env: Environment
) -> tuple[SetClientDHParams, AwaitDHGen]:
    """One attempt with a fresh b (AUTH-24..26); ``retry_id`` is 0 first, then the aux hash of the refused key."""
    b, g_b = draw_exponent(agreed.g, agreed.dh_prime, env)
    inner = ClientDHInnerData(nonce=run.nonce, server_nonce=run.server_nonce, retry_id=retry_id, g_b=dh.to_256(g_b))
    # AUTH-25: the original key and iv, not the running iv of the answer's decryption.
    encrypted = protect_client_data(inner, kdf.tmp_aes_key_iv(run.new_nonce, run.server_nonce), env)
    auth_key = AuthKey(dh.to_256(pow(agreed.g_a, b, agreed.dh_prime)))  # AUTH-26
    query = SetClientDHParams(nonce=run.nonce, server_nonce=run.server_nonce, encrypted_data=encrypted)
    return query, AwaitDHGen(run, agreed, auth_key, retries)


# dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 = Set_client_DH_params_answer
# dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 = Set_client_DH_params_answer
# dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 = Set_client_DH_params_answer
def on_dh_gen(
    state: AwaitDHGen, answer: DhGenOk | DhGenRetry | DhGenFail, env: Environment
) -> Created | tuple[SetClientDHParams, AwaitDHGen]:
    """AUTH-29..31: adopt the key, or try again with a new b; ``HandshakeRefused`` for dh_gen_fail and a 6th retry."""
    check_nonces(state.run, answer)
    check_new_nonce_hash(state, answer)
    if isinstance(answer, DhGenOk):
        return created(state)
    if isinstance(answer, DhGenRetry) and state.retries < MAX_RETRIES:  # AUTH-30
        return set_client_dh_params(state.run, state.agreed, state.auth_key.aux_hash, state.retries + 1, env)
    raise HandshakeRefused(answer.NAME)


def check_new_nonce_hash(state: AwaitDHGen, answer: DhGenOk | DhGenRetry | DhGenFail) -> None:
    """new_nonce_hashN proves that the server computed the same key; N is 1, 2 or 3 by the answer (AUTH-28)."""
    if isinstance(answer, DhGenOk):
        number, got = 1, answer.new_nonce_hash1
    elif isinstance(answer, DhGenRetry):
        number, got = 2, answer.new_nonce_hash2
    else:
        number, got = 3, answer.new_nonce_hash3
    check_equal("new_nonce_hash", kdf.new_nonce_hash(state.run.new_nonce, number, state.auth_key), got)


def created(state: AwaitDHGen) -> Created:
    """The result of a run that ended with dh_gen_ok (AUTH-16, AUTH-23, AUTH-33)."""
    run, agreed = state.run, state.agreed
    return Created(
        auth_key=state.auth_key,
        server_salt=kdf.initial_salt(run.new_nonce, run.server_nonce),
        server_time=agreed.server_time,
        time_offset=agreed.time_offset,
        expires_at=None if run.expires_in is None else agreed.server_time + run.expires_in,
        fingerprint=run.fingerprint,
        dc=run.dc,
    )
