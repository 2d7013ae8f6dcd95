"""Vector types of the key exchange: AuthKeyExchangeSteps, Opening, Transcript, ClientReceive and ServerReceive.

A test of a step is put to the very step of ``mtproto.handshake``, its randomness scripted in the order in which the
step draws it. What a step needs of the same run and its own test does not repeat (pq, the genuine messages of a
transcript that a receiving test names) is taken from the inputs of the shipped file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from mtproto.crypto import aes, dh, kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.crypto.rsa import PrivateKey, PublicKeys
from mtproto.errors import SecurityError
from mtproto.handshake import client, server
from mtproto.handshake.checks import check_nonces
from mtproto.handshake.exchange import advance
from mtproto.handshake.protect import PQInner, draw_exponent, open_answer, open_client_data, protect_client_data
from mtproto.handshake.states import (
    Agreed,
    AwaitDHGen,
    AwaitDHParams,
    AwaitReqDHParams,
    AwaitResPQ,
    AwaitSetClientDHParams,
    Created,
    Offer,
)
from mtproto.message.plain import open_plain, pack_plain, read_header
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
from mtproto.testing import ScriptedEnvironment
from mtproto.tl import registry
from mtproto.tl.objects import TLObject
from mtproto.vectors import case as cases
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, TypeFunction, require

ANY_DC = range(-(1 << 31), 1 << 31)


def _env(*entropy: bytes, unix_time: float = 0.0) -> ScriptedEnvironment:
    return ScriptedEnvironment(unix_time=unix_time, entropy=list(entropy))


def _long(number: int) -> str:
    return number.to_bytes(8, "little", signed=True).hex()


def _from_long(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little", signed=True)


def _number(text: str) -> int:
    return int(text, 16)


def _read(payload: bytes, sender: Role) -> Any:
    """The object of an unencrypted message, through the checks of the receiver."""
    _, body = open_plain(payload, sender)
    return registry.decode_prefix(body, read_object)[0]


def _payload(case: Case, query: TLObject) -> str:
    return pack_plain(int(case.input["messageId"]), query.to_bytes()).hex()


class Shared:
    """The run that a test belongs to: its parameters, and the other tests of its group in the shipped file."""

    __slots__ = ("nonce", "params", "server_nonce", "tests")

    def __init__(self, params: dict[str, Any], tests: list[Case]) -> None:
        self.params = params
        self.tests = tests
        self.nonce = bytes.fromhex(params["nonce"])
        self.server_nonce = bytes.fromhex(params["serverNonce"])

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.params[name])

    def step(self, name: str, before: str | None = None) -> Case:
        """The test of a step; with ``before``, the last one that stands before the test of that id."""
        found = [test for test in self.tests if test.input["step"] == name and (before is None or test.id < before)]
        if not found:
            raise Mismatch(f"the run has no test of the step {name}")
        return found[0] if before is None else found[-1]

    @property
    def tmp_aes(self) -> tuple[bytes, bytes]:
        return kdf.tmp_aes_key_iv(self.bytes("newNonce"), self.server_nonce)

    def client_2(self, fingerprint: int = 0) -> AwaitDHParams:
        """The client's state after req_DH_params."""
        return AwaitDHParams(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            new_nonce=self.bytes("newNonce"),
            dc=2,
            expires_in=None,
            fingerprint=fingerprint,
        )

    def res_pq(self) -> Any:
        return _read(self.step("resPQ").bytes("payload"), Role.SERVER)

    def key(self) -> PrivateKey:
        return PrivateKey.from_exponents(*(_number(self.params["rsa"][name]) for name in "ned"))

    def agreed(self) -> Agreed:
        """What server_DH_params_ok said, g and dh_prime not checked here: that is the type DhParams."""
        answer = _read(bytes.fromhex(self.step("server_DH_params_ok").output["payload"]), Role.SERVER)
        inner = open_answer(answer.encrypted_answer, self.tmp_aes)
        check_nonces(self, inner)
        numbers = (int.from_bytes(value, "big") for value in (inner.dh_prime, inner.g_a))
        return Agreed(inner.g, *numbers, server_time=inner.server_time, time_offset=0.0)

    def set_client_dh_params(self, test: Case) -> tuple[SetClientDHParams, AwaitDHGen]:
        """The client's query of this test, and its state after it."""
        retry_id = _from_long(test.input["retryId"])
        env = _env(test.bytes("b"), test.bytes("padding"))
        return client.set_client_dh_params(self.client_2(), self.agreed(), retry_id, int(retry_id != 0), env)

    def server_1(self) -> AwaitReqDHParams:
        """The server's state after resPQ."""
        pq = self.res_pq().pq
        return AwaitReqDHParams(self.nonce, self.server_nonce, pq, *factorize(pq))

    def server_2(self, retry_id: int = 0) -> AwaitSetClientDHParams:
        """The server's state after server_DH_params_ok."""
        offered = self.step("server_DH_params_ok")
        offer = Offer(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            new_nonce=self.bytes("newNonce"),
            dc=2,
            expires_in=None,
            fingerprint=0,
            dh_prime=_number(offered.input["dhPrime"]),
            a=_number(self.params["serverExponentA"]),
            server_time=offered.input["serverTime"],
        )
        return AwaitSetClientDHParams(offer, retry_id, int(retry_id != 0))

    def pq_inner(self, payload: bytes, key: PrivateKey) -> PQInner:
        """What the server finds in req_DH_params."""
        query = _read(payload, Role.CLIENT)
        if not isinstance(query, ReqDHParams):
            raise SecurityError("step", query.NAME)
        return server.open_req_dh_params(self.server_1(), query, server.Terms([key], dcs=ANY_DC), _env())


@cache
def _shipped() -> list[Case]:
    return cases.load(cases.SHIPPED / "auth_key_exchange.json")


def _shared(case: Case) -> Shared:
    """The run of this test's own group, told by its nonces."""
    return Shared(case.params, [test for test in _shipped() if test.params == case.params])


@cache
def _transcript(name: str) -> Shared:
    """The transcript that a receiving test names."""
    tests = [test for test in _shipped() if test.params.get("name") == name]
    if not tests:
        raise Mismatch(f"there is no transcript {name!r}")
    return Shared(tests[0].params, tests)


# --- documented runs, step by step


def _steps(case: Case) -> Output:
    return _STEPS[case.input["step"]](case, _shared(case))


def _step_req_pq(case: Case, run: Shared) -> Output:
    query: TLObject = client.start(_env(run.nonce), 2)[0]
    if "req_pq_multi" not in run.params["revision"]:
        query = ReqPq(nonce=run.nonce)  # the client does not send the old form; the server reads it
    return {"payload": _payload(case, query), "constructor": f"{query.ID:08x}"}


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
    return {"pq": answer.pq.hex(), "fingerprints": [_long(value) for value in answer.server_public_key_fingerprints]}


def _step_factorize(case: Case, run: Shared) -> Output:
    p, q = factorize(case.bytes("pq"))
    return {"p": p.hex(), "q": q.hex()}


def _step_inner_data(case: Case, run: Shared) -> Output:
    pq, p, q = (case.bytes(name) for name in ("pq", "p", "q"))
    new_nonce = run.bytes("newNonce")
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
        public_key_fingerprint=_from_long(case.input["fingerprint"]),
        encrypted_data=case.bytes("encryptedData"),
    )
    return {"payload": _payload(case, query)}


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
    _, g_b = draw_exponent(case.input["g"], _number(case.input["dhPrime"]), _env(run.bytes("b")))
    return {"gB": dh.to_256(g_b).hex()}


def _step_client_data(case: Case, run: Shared) -> Output:
    inner = ClientDHInnerData(
        nonce=run.nonce, server_nonce=run.server_nonce, retry_id=int(case.input["retryId"]), g_b=case.bytes("gB")
    )
    encrypted = protect_client_data(inner, run.tmp_aes, _env(case.bytes("padding")))
    return {"data": inner.to_bytes().hex(), "encryptedData": encrypted.hex()}


def _step_set_client_dh_params(case: Case, run: Shared) -> Output:
    query = SetClientDHParams(
        nonce=run.nonce, server_nonce=run.server_nonce, encrypted_data=case.bytes("encryptedData")
    )
    return {"payload": _payload(case, query)}


def _step_auth_key(case: Case, run: Shared) -> Output:
    # g takes no part in the key and is not in the test: the client's step computes its g_b with 3 and we drop it.
    agreed = Agreed(3, _number(case.input["dhPrime"]), _number(case.input["gA"]), 0, 0.0)
    _, state = client.set_client_dh_params(run.client_2(), agreed, 0, 0, _env(run.bytes("b")))
    return _key_output(client.created(state))


def _key_output(created: Created) -> Output:
    key = created.auth_key
    return {
        "authKey": key.data.hex(),
        "authKeyId": _long(key.auth_key_id),
        "auxHash": _long(key.aux_hash),
        "serverSalt": _long(created.server_salt),
    }


def _step_dh_gen_ok(case: Case, run: Shared) -> Output:
    answer, lengths = _printed(case)
    state = AwaitDHGen(run.client_2(), Agreed(3, 0, 0, 0, 0.0), AuthKey(case.bytes("authKey")), 0)
    require(isinstance(advance(state, answer, PublicKeys([]), _env()), Created), "the client did not adopt the key")
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
    query, answer = _read(case.bytes("request"), Role.CLIENT), _read(case.bytes("response"), Role.SERVER)
    # The client that sent this query accepts this answer: all but the choice of a key, which the file leaves open.
    require(query.to_bytes() == client.start(_env(query.nonce), 2)[0].to_bytes(), "the query is not ours")
    require(query.nonce == answer.nonce, "the answer belongs to another run")
    return {"nonce": query.nonce.hex(), "serverNonce": answer.server_nonce.hex(), **_pq_and_fingerprints(answer)}


# --- generated transcripts, both sides


def _transcripts(case: Case) -> Output:
    return _TRANSCRIPT[case.input["step"]](case, _shared(case))


def _made_req_pq(case: Case, run: Shared) -> Output:
    return {"payload": _payload(case, client.start(_env(run.nonce), 2)[0])}


def _made_res_pq(case: Case, run: Shared) -> Output:
    answer = _read(case.bytes("payload"), Role.SERVER)
    query, _ = client.on_res_pq(AwaitResPQ(run.nonce, 2, None), answer, PublicKeys([run.key().public]), _env())
    fingerprint = _long(query.public_key_fingerprint)
    pq = {"pq": answer.pq.hex(), "p": query.p.hex(), "q": query.q.hex()}
    return {"serverNonce": query.server_nonce.hex(), **pq, "fingerprint": fingerprint}


def _made_req_dh_params(case: Case, run: Shared) -> Output:
    state = AwaitResPQ(run.nonce, case.input["dc"], case.input.get("expiresIn"))
    answer = run.res_pq()
    temp_keys = [bytes.fromhex(text) for text in run.params["tempKeys"]]
    env = _env(run.bytes("newNonce"), run.bytes("randomPadding"), *temp_keys)
    query, _ = client.on_res_pq(state, answer, PublicKeys([run.key().public]), env)
    inner = client.pq_inner_data(state, answer, query.p, query.q, run.bytes("newNonce"))
    encrypted = query.encrypted_data.hex()
    return {"innerData": inner.to_bytes().hex(), "encryptedData": encrypted, "payload": _payload(case, query)}


def _made_server_inner(case: Case, run: Shared) -> Output:
    return {"innerData": run.pq_inner(case.bytes("payload"), run.key()).to_bytes().hex()}


def _made_server_dh_params(case: Case, run: Shared) -> Output:
    inner = run.pq_inner(run.step("server_decrypt_inner").bytes("payload"), run.key())
    terms = server.Terms([], dcs=ANY_DC, dh_prime=case.bytes("dhPrime"), g=case.input["g"])
    secret = draw_exponent(terms.g, terms.dh_prime, _env(run.bytes("serverExponentA")))
    env = _env(case.bytes("answerPadding"), unix_time=case.input["serverTime"])
    message, _ = server.server_dh_params(inner, 0, secret, terms, env)
    tmp_aes_key, tmp_aes_iv = run.tmp_aes
    answer = open_answer(message.encrypted_answer, run.tmp_aes)
    return {
        "tmpAesKey": tmp_aes_key.hex(),
        "tmpAesIv": tmp_aes_iv.hex(),
        "gA": answer.g_a.hex(),
        "answer": answer.to_bytes().hex(),
        "encryptedAnswer": message.encrypted_answer.hex(),
        "payload": _payload(case, message),
    }


def _made_set_client_dh_params(case: Case, run: Shared) -> Output:
    query, _ = run.set_client_dh_params(case)
    inner = open_client_data(query.encrypted_data, run.tmp_aes)
    return {
        "gB": inner.g_b.hex(),
        "clientInnerData": inner.to_bytes().hex(),
        "payload": _payload(case, query),
    }


def _made_answer(case: Case, run: Shared) -> Output:
    """The server makes this answer to the client's query before it, and the client makes the same key of it."""
    answer = _read(case.bytes("payload"), Role.SERVER)
    query, state = run.set_client_dh_params(run.step("set_client_DH_params", before=case.id))
    server_state = run.server_2(open_client_data(query.encrypted_data, run.tmp_aes).retry_id)
    made, outcome = server.on_set_client_dh_params(server_state, query, lambda key: isinstance(answer, DhGenRetry))
    require(made.to_bytes() == answer.to_bytes(), "the server answers otherwise")
    adopted = advance(state, answer, PublicKeys([]), _env())
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
    run = _transcript(case.params["transcript"])
    key = run.key().public
    known = [_from_long(text) for text in case.params["clientState"]["knownFingerprints"]]
    keys = PublicKeys([key] if key.fingerprint in known else [])
    answer = _read(case.bytes("payload"), Role.SERVER)
    result = advance(_client_state(case, run), answer, keys, _env())
    if isinstance(result, Created):
        return {"authKey": result.auth_key.data.hex()}
    query, _ = result
    if isinstance(answer, DhGenRetry) and isinstance(query, SetClientDHParams):
        return {"retryId": _long(open_client_data(query.encrypted_data, run.tmp_aes).retry_id)}
    return {"accept": True}


def _client_state(case: Case, run: Shared) -> AwaitResPQ | AwaitDHParams | AwaitDHGen:
    if case.params["afterStep"] == "req_pq_multi":
        return AwaitResPQ(run.nonce, 2, None)
    if case.params["afterStep"] == "req_DH_params":
        return run.client_2()
    return run.set_client_dh_params(run.step("set_client_DH_params"))[1]


def _server_receive(case: Case) -> Output:
    run = _transcript(case.params["transcript"])
    if case.params["afterStep"] == "resPQ":
        rsa = case.params["rsa"]
        run.pq_inner(case.bytes("payload"), PrivateKey.from_exponents(_number(rsa["n"]), 65537, _number(rsa["d"])))
        return {"accept": True}
    query = _read(case.bytes("payload"), Role.CLIENT)
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
