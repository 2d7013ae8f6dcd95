"""Vector types of the key exchange: AuthKeyExchangeSteps, Opening, Transcript, ClientReceive and ServerReceive.

A test of a step is put to the very step of ``mtproto.handshake``, its randomness scripted in the order in which the
step draws it. ``handshake_run`` holds what a test needs of the run it belongs to.
"""

from __future__ import annotations

from typing import Any

from mtproto.crypto import aes, dh
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.crypto.rsa import PrivateKey, PublicKeys
from mtproto.errors import SecurityError
from mtproto.handshake import client, server
from mtproto.handshake.checks import check_nonces
from mtproto.handshake.exchange import advance
from mtproto.handshake.protect import draw_exponent, open_answer, open_client_data, protect_client_data
from mtproto.handshake.states import (
    Agreed,
    AwaitDHGen,
    AwaitDHParams,
    AwaitResPQ,
    Created,
)
from mtproto.message.plain import read_header
from mtproto.roles import Role
from mtproto.schema.mtproto import (
    ClientDHInnerData,
    DhGenRetry,
    PQInnerData,
    ReqDHParams,
    ReqPq,
    ResPQ,
    SetClientDHParams,
    read_object,
)
from mtproto.tl import registry
from mtproto.tl.objects import TLObject
from mtproto.vectors.case import Case
from mtproto.vectors.handshake_run import (
    ANY_DC,
    Shared,
    from_long,
    long,
    number,
    packed,
    read,
    scripted,
    shared,
    transcript,
)
from mtproto.vectors.outcome import Output, TypeFunction, require

# --- documented runs, step by step


def _steps(case: Case) -> Output:
    return _STEPS[case.input["step"]](case, shared(case))


def _step_req_pq(case: Case, run: Shared) -> Output:
    query: TLObject = client.start(scripted(run.nonce), 2)[0]
    if "req_pq_multi" not in run.params["revision"]:
        query = ReqPq(nonce=run.nonce)  # the client does not send the old form; the server reads it
    return {"payload": packed(case, query), "constructor": f"{query.ID:08x}"}


def _step_res_pq(case: Case, run: Shared) -> Output:
    # One revision prints lengths beyond the bytes it shows, so the header is read without comparing them.
    answer, lengths = _printed(case)
    check_nonces(run, answer)
    return {"serverNonce": answer.server_nonce.hex(), **_pq_and_fingerprints(answer), **lengths}


def _printed(case: Case) -> tuple[Any, Output]:
    payload = case.bytes("payload")
    _, length = read_header(payload)
    answer, end = registry.decode_prefix(payload[20:], read_object)
    return answer, {"printedLength": length, "objectLength": end}


def _pq_and_fingerprints(answer: ResPQ) -> Output:
    return {"pq": answer.pq.hex(), "fingerprints": [long(value) for value in answer.server_public_key_fingerprints]}


def _step_factorize(case: Case, run: Shared) -> Output:
    p, q = factorize(case.bytes("pq"))
    return {"p": p.hex(), "q": q.hex()}


def _step_inner_data(case: Case, run: Shared) -> Output:
    pq, p, q = (case.bytes(name) for name in ("pq", "p", "q"))
    new_nonce = run.param("newNonce")
    if "dc" in case.input:
        answer = ResPQ(nonce=run.nonce, server_nonce=run.server_nonce, pq=pq, server_public_key_fingerprints=[])
        state = AwaitResPQ(run.nonce, case.input["dc"], None)
        return {"data": client.pq_inner_data(state, answer, p, q, new_nonce).to_bytes().hex()}
    data = PQInnerData(pq=pq, p=p, q=q, nonce=run.nonce, server_nonce=run.server_nonce, new_nonce=new_nonce).to_bytes()
    return {"data": data.hex(), "sha1": _sha1(data)}


def _sha1(data: bytes) -> str:
    from hashlib import sha1

    return sha1(data).hexdigest()


def _step_req_dh_params(case: Case, run: Shared) -> Output:
    p, q = factorize(run.step("factorize").bytes("pq"))
    query = ReqDHParams(
        nonce=run.nonce,
        server_nonce=run.server_nonce,
        p=p,
        q=q,
        public_key_fingerprint=from_long(case.input["fingerprint"]),
        encrypted_data=case.bytes("encryptedData"),
    )
    return {"payload": packed(case, query)}


def _step_tmp_aes(case: Case, run: Shared) -> Output:
    key, iv = run.tmp_aes
    return {"tmpAesKey": key.hex(), "tmpAesIv": iv.hex()}


def _step_answer(case: Case, run: Shared) -> Output:
    encrypted = case.bytes("encryptedAnswer")
    inner = open_answer(encrypted, run.tmp_aes)
    check_nonces(run, inner)
    data = inner.to_bytes()
    plain = aes.ige_decrypt(encrypted, *run.tmp_aes)
    return {
        "sha1": plain[:20].hex(),
        "answer": data.hex(),
        "padding": plain[20 + len(data) :].hex(),
        "g": inner.g,
        "dhPrime": inner.dh_prime.hex(),
        "gA": inner.g_a.hex(),
        "serverTime": inner.server_time,
    }


def _step_g_b(case: Case, run: Shared) -> Output:
    _, g_b = draw_exponent(case.input["g"], number(case.input["dhPrime"]), scripted(run.param("b")))
    return {"gB": dh.to_256(g_b).hex()}


def _step_client_data(case: Case, run: Shared) -> Output:
    inner = ClientDHInnerData(
        nonce=run.nonce, server_nonce=run.server_nonce, retry_id=int(case.input["retryId"]), g_b=case.bytes("gB")
    )
    encrypted = protect_client_data(inner, run.tmp_aes, scripted(case.bytes("padding")))
    return {"data": inner.to_bytes().hex(), "encryptedData": encrypted.hex()}


def _step_set_client_dh_params(case: Case, run: Shared) -> Output:
    query = SetClientDHParams(
        nonce=run.nonce, server_nonce=run.server_nonce, encrypted_data=case.bytes("encryptedData")
    )
    return {"payload": packed(case, query)}


def _step_auth_key(case: Case, run: Shared) -> Output:
    # g takes no part in the key and is not in the test: the client's step computes its g_b with 3 and we drop it.
    agreed = Agreed(3, number(case.input["dhPrime"]), number(case.input["gA"]), 0, 0.0)
    _, state = client.set_client_dh_params(run.client_2(), agreed, 0, 0, scripted(run.param("b")))
    return _key_output(client.created(state))


def _key_output(created: Created) -> Output:
    key = created.auth_key
    return {
        "authKey": key.data.hex(),
        "authKeyId": long(key.auth_key_id),
        "auxHash": long(key.aux_hash),
        "serverSalt": long(created.server_salt),
    }


def _step_dh_gen_ok(case: Case, run: Shared) -> Output:
    answer, lengths = _printed(case)
    state = AwaitDHGen(run.client_2(), Agreed(3, 0, 0, 0, 0.0), AuthKey(case.bytes("authKey")), 0)
    require(isinstance(advance(state, answer, PublicKeys([]), scripted()), Created), "the client did not adopt the key")
    return {"newNonceHash1": answer.new_nonce_hash1.hex(), **lengths}


_STEPS = {
    "req_pq": _step_req_pq,
    "resPQ": _step_res_pq,
    "factorize": _step_factorize,
    "p_q_inner_data": _step_inner_data,
    "req_DH_params": _step_req_dh_params,
    "tmp_aes": _step_tmp_aes,
    "server_DH_inner_data": _step_answer,
    "g_b": _step_g_b,
    "client_DH_inner_data": _step_client_data,
    "set_client_DH_params": _step_set_client_dh_params,
    "auth_key": _step_auth_key,
    "dh_gen_ok": _step_dh_gen_ok,
}


def _opening(case: Case) -> Output:
    query, answer = read(case.bytes("request"), Role.CLIENT), read(case.bytes("response"), Role.SERVER)
    # The client that sent this query accepts this answer: all but the choice of a key, which the file leaves open.
    require(query.to_bytes() == client.start(scripted(query.nonce), 2)[0].to_bytes(), "the query is not ours")
    require(query.nonce == answer.nonce, "the answer belongs to another run")
    return {"nonce": query.nonce.hex(), "serverNonce": answer.server_nonce.hex(), **_pq_and_fingerprints(answer)}


# --- generated transcripts, both sides


def _transcripts(case: Case) -> Output:
    return _TRANSCRIPT[case.input["step"]](case, shared(case))


def _made_req_pq(case: Case, run: Shared) -> Output:
    return {"payload": packed(case, client.start(scripted(run.nonce), 2)[0])}


def _made_res_pq(case: Case, run: Shared) -> Output:
    answer = read(case.bytes("payload"), Role.SERVER)
    query, _ = client.on_res_pq(AwaitResPQ(run.nonce, 2, None), answer, PublicKeys([run.key().public]), scripted())
    fingerprint = long(query.public_key_fingerprint)
    pq = {"pq": answer.pq.hex(), "p": query.p.hex(), "q": query.q.hex()}
    return {"serverNonce": query.server_nonce.hex(), **pq, "fingerprint": fingerprint}


def _made_req_dh_params(case: Case, run: Shared) -> Output:
    state = AwaitResPQ(run.nonce, case.input["dc"], case.input.get("expiresIn"))
    answer = run.res_pq()
    temp_keys = [bytes.fromhex(text) for text in run.params["tempKeys"]]
    env = scripted(run.param("newNonce"), run.param("randomPadding"), *temp_keys)
    query, _ = client.on_res_pq(state, answer, PublicKeys([run.key().public]), env)
    inner = client.pq_inner_data(state, answer, query.p, query.q, run.param("newNonce"))
    encrypted = query.encrypted_data.hex()
    return {"innerData": inner.to_bytes().hex(), "encryptedData": encrypted, "payload": packed(case, query)}


def _made_server_inner(case: Case, run: Shared) -> Output:
    return {"innerData": run.pq_inner(case.bytes("payload"), run.key()).to_bytes().hex()}


def _made_server_dh_params(case: Case, run: Shared) -> Output:
    inner = run.pq_inner(run.step("server_decrypt_inner").bytes("payload"), run.key())
    terms = server.Terms([], dcs=ANY_DC, dh_prime=case.bytes("dhPrime"), g=case.input["g"])
    secret = draw_exponent(terms.g, terms.dh_prime, scripted(run.param("serverExponentA")))
    env = scripted(case.bytes("answerPadding"), unix_time=case.input["serverTime"])
    message, _ = server.server_dh_params(inner, 0, secret, terms, env)
    tmp_aes_key, tmp_aes_iv = run.tmp_aes
    answer = open_answer(message.encrypted_answer, run.tmp_aes)
    return {
        "tmpAesKey": tmp_aes_key.hex(),
        "tmpAesIv": tmp_aes_iv.hex(),
        "gA": answer.g_a.hex(),
        "answer": answer.to_bytes().hex(),
        "encryptedAnswer": message.encrypted_answer.hex(),
        "payload": packed(case, message),
    }


def _made_set_client_dh_params(case: Case, run: Shared) -> Output:
    query, _ = run.set_client_dh_params(case)
    inner = open_client_data(query.encrypted_data, run.tmp_aes)
    return {
        "gB": inner.g_b.hex(),
        "clientInnerData": inner.to_bytes().hex(),
        "payload": packed(case, query),
    }


def _made_answer(case: Case, run: Shared) -> Output:
    """The server makes this answer to the client's query before it, and the client makes the same key of it."""
    answer = read(case.bytes("payload"), Role.SERVER)
    query, state = run.set_client_dh_params(run.step("set_client_DH_params", before=case.id))
    server_state = run.server_2(open_client_data(query.encrypted_data, run.tmp_aes).retry_id)
    made, outcome = server.on_set_client_dh_params(server_state, query, lambda key: isinstance(answer, DhGenRetry))
    require(made.to_bytes() == answer.to_bytes(), "the server answers otherwise")
    adopted = advance(state, answer, PublicKeys([]), scripted())
    require(isinstance(outcome, Created) == isinstance(adopted, Created), "one side has a key, the other has none")
    if isinstance(outcome, Created):
        require(outcome.auth_key == state.auth_key, "the two sides have different keys")
    return _key_output(client.created(state))


_TRANSCRIPT = {
    "req_pq_multi": _made_req_pq,
    "resPQ": _made_res_pq,
    "req_DH_params": _made_req_dh_params,
    "server_decrypt_inner": _made_server_inner,
    "server_DH_params_ok": _made_server_dh_params,
    "set_client_DH_params": _made_set_client_dh_params,
    "set_client_DH_params_answer": _made_answer,
}


# --- one received message, genuine or not


def _client_receive(case: Case) -> Output:
    run = transcript(case)
    key = run.key().public
    known = [from_long(text) for text in case.params["clientState"]["knownFingerprints"]]
    keys = PublicKeys([key] if key.fingerprint in known else [])
    answer = read(case.bytes("payload"), Role.SERVER)
    result = advance(_client_state(case, run), answer, keys, scripted())
    if isinstance(result, Created):
        return {"authKey": result.auth_key.data.hex()}
    query, _ = result
    if isinstance(answer, DhGenRetry) and isinstance(query, SetClientDHParams):
        return {"retryId": long(open_client_data(query.encrypted_data, run.tmp_aes).retry_id)}
    return {"accept": True}


def _client_state(case: Case, run: Shared) -> AwaitResPQ | AwaitDHParams | AwaitDHGen:
    if case.params["afterStep"] == "req_pq_multi":
        return AwaitResPQ(run.nonce, 2, None)
    if case.params["afterStep"] == "req_DH_params":
        return run.client_2()
    return run.set_client_dh_params(run.step("set_client_DH_params"))[1]


def _server_receive(case: Case) -> Output:
    run = transcript(case)
    if case.params["afterStep"] == "resPQ":
        rsa = case.params["rsa"]
        run.pq_inner(case.bytes("payload"), PrivateKey.from_exponents(number(rsa["n"]), 65537, number(rsa["d"])))
        return {"accept": True}
    query = read(case.bytes("payload"), Role.CLIENT)
    if not isinstance(query, SetClientDHParams):
        raise SecurityError("step", query.NAME)
    server.on_set_client_dh_params(run.server_2(), query, lambda key: False)
    return {"accept": True}


FUNCTIONS: dict[str, TypeFunction] = {
    "AuthKeyExchangeSteps": _steps,
    "AuthKeyExchangeOpening": _opening,
    "AuthKeyExchangeTranscript": _transcripts,
    "AuthKeyExchangeClientReceive": _client_receive,
    "AuthKeyExchangeServerReceive": _server_receive,
}
"""Type -> the function that puts a test of this type to the core."""
