"""The server's part of faulty_exchanges.json: what a client may send, step by step, and what must end the run."""

from __future__ import annotations

from typing import Any

from tests.vectors.generate import exchange_math as m
from tests.vectors.generate.exchange_run import MSG_ID, NOW, RSA, E, N, Run, named
from tests.vectors.generate.form import VectorFile, blocks
from tests.vectors.generate.tl_pack import pack

P = m.PRIME
DCS = [2, -2, 10002, -10002]


def client_message(index: int, body: bytes) -> bytes:
    """The unencrypted message of the client at this place."""
    return m.plain(MSG_ID + (index << 32) + 4, body)


def entropy_of(run: Run) -> list[list[dict[str, str]]]:
    """The server's entropy, step by step; it needs none before the first message."""
    first = named(serverNonce=run.server_nonce, p=m.big(run.p, 4), q=m.big(run.q, 4))
    blinding, answer = blocks(run.label + " blinding", 256), run.answer()
    second = named(rsaBlinding=blinding, a=m.big(run.a, 256), answerPadding=run.answer_padding(answer))
    return [[], first, second, []]


def key_of(run: Run, attempt: int = 0) -> dict[str, Any]:
    """What a server knows at the end."""
    key = run.auth_key(attempt)
    output = {"authKey": key.hex(), "authKeyId": m.sha1(key).digest()[12:20].hex(), "serverSalt": run.salt.hex()}
    return output if run.expires_in is None else {**output, "expiresAt": run.server_time + run.expires_in}


class Server:
    """One group: a genuine run, and tests that bend it."""

    def __init__(self, file: VectorFile, run: Run, name: str, legacy: bool = False) -> None:
        self.file, self.run = file, run
        run.server_time = NOW
        self.genuine = [run.req_pq, run.req_dh_params(), run.set_client_dh_params()]
        messages = [client_message(index, body).hex() for index, body in enumerate(self.genuine)]
        sent = [body.hex() for body in (run.res_pq(), run.server_dh_params(), run.dh_gen())]
        params = {"name": name, "rsa": RSA, "dcs": DCS, "g": 3, "dhPrime": m.big(P).hex(), "acceptLegacy": legacy}
        file.group("KeyExchangeServer", **params, now=NOW, entropy=entropy_of(run), messages=messages, sent=sent)

    def given(self, messages: list[bytes | int]) -> dict[str, Any]:
        shown = [
            item if isinstance(item, int) else client_message(index, item).hex() for index, item in enumerate(messages)
        ]
        return {"messages": shown}

    def accepted(self, comment: str, messages: list[bytes | int], sent: list[Any], *flags: str) -> None:
        self.file.valid(comment, self.given(messages), {"sent": sent, **key_of(self.run)}, *flags)

    def refused(self, comment: str, message: bytes | int, step: int, error: str, *flags: str) -> None:
        """The message of this step is bent; the ones before are genuine, and so is one behind it."""
        messages: list[bytes | int] = [*range(step), message]
        if step and not isinstance(message, int):
            messages.append(step)
        output = {"refusedAt": step, "sent": list(range(step))}
        self.file.invalid(comment, self.given(messages), error, *flags, **output)


def add_to(file: VectorFile) -> None:
    """The groups of the server."""
    server = Server(file, Run("faulty server"), "permanent key, strict")
    server.accepted("the genuine exchange", [0, 1, 2], [0, 1, 2], "Genuine")
    for step in (_first, _req_dh_params, _rsa, _set_client, _order, _repeated):
        step(server)
    _lifetimes(file)
    _legacy(file)


def _first(server: Server) -> None:
    run = server.run
    server.accepted("req_pq instead of req_pq_multi", [m.head("req_pq") + run.nonce, 1, 2], [0, 1, 2], "Tolerated")
    server.accepted(
        "queries followed by 40 bytes", [body + blocks("pad", 40) for body in server.genuine], [0, 1, 2], "Tolerated"
    )
    server.refused("req_pq_multi cut", run.req_pq[:-4], 0, "cut", "Truncated")
    ping = pack({"_": "mtproto:ping", "ping_id": "7"}, "Pong")
    config = pack({"_": "help.getConfig"}, "Function")
    for name, body in (("ping", ping), ("help.getConfig", config)):
        server.refused(f"{name} in plain text", body, 0, "step", "PlainData")
    server.refused("resPQ sent by a client", run.res_pq(), 0, "step", "WrongStep")


def _req_dh_params(server: Server) -> None:
    run = server.run
    p, q = m.big(run.p), m.big(run.q)
    for comment, changed, flag in (
        ("p and q exchanged", {"p": q, "q": p}, "WrongFactors"),
        ("p is 1 and q is pq", {"p": b"\1", "q": run.pq}, "WrongFactors"),
        ("another p", {"p": m.big(run.p + 2)}, "WrongFactors"),
        ("a fingerprint that was not offered", {"fingerprint": blocks("foreign", 8)}, "UnknownKey"),
        ("another server_nonce", {"server_nonce": m.flipped(run.server_nonce, 5)}, "ServerNonceMismatch"),
        ("the nonce of no run", {"nonce": m.flipped(run.nonce, 5)}, "NonceMismatch"),
    ):
        body = run.req_dh_params(**changed)
        if flag in ("NonceMismatch", "ServerNonceMismatch"):  # it belongs to no run, and ends none
            output = {"refusedAt": 1, "sent": [0]}
            server.file.invalid(f"req_DH_params: {comment}", server.given([0, body]), "unknown run", flag, **output)
        else:
            server.refused(f"req_DH_params: {comment}", body, 1, "refused", flag)
    for comment, changed, flag in (
        ("nonce", {"nonce": m.flipped(run.nonce, 0)}, "InnerNonce"),
        ("server_nonce", {"server_nonce": m.flipped(run.server_nonce, 15)}, "InnerNonce"),
        ("pq", {"pq": m.flipped(run.pq, -1, 2)}, "WrongFactors"),
        ("p", {"p": m.flipped(p, -1, 2)}, "WrongFactors"),
        ("q", {"q": m.flipped(q, -1, 2)}, "WrongFactors"),
    ):
        inner = run.rsa_padded(run.inner_data(**changed))
        server.refused(f"another {comment} inside the RSA block", run.req_dh_params(inner), 1, "refused", flag)
    for dc in (1, 3, 10001, 0, 2**31 - 1):
        inner = run.rsa_padded(run.inner_data(dc=dc))
        server.refused(f"dc {dc}, which is not served", run.req_dh_params(inner), 1, "-444", "WrongDc")


def _rsa(server: Server) -> None:
    run = server.run
    good = m.rsa_pad(run.inner_data(), N, E, run.padding, run.temp_keys)
    for comment, data in (
        ("one bit changed", m.flipped(good, 100)),
        ("zero", bytes(256)),
        ("one", bytes(255) + b"\1"),
        ("the modulus itself", m.big(N)),
        ("not reduced by the modulus", m.big(int.from_bytes(good, "big") % (2**2048 - N) + N, 256)),
        ("255 bytes", good[:-1]),
        ("257 bytes", b"\0" + good),
        ("empty", b""),
    ):
        server.refused(f"encrypted_data: {comment}", run.req_dh_params(data), 1, "RSA_PAD", "BadRsa")
    legacy = m.legacy_pad(run.inner_data(dc=None), N, E, blocks("legacy", 255))
    server.refused("SHA1 padding and a form without dc", run.req_dh_params(legacy), 1, "legacy", "Legacy")
    legacy = m.legacy_pad(run.inner_data(), N, E, blocks("legacy", 255))
    server.refused("SHA1 padding and the form with dc", run.req_dh_params(legacy), 1, "legacy", "Legacy")
    inner = run.rsa_padded(run.inner_data(dc=None))
    server.refused("RSA_PAD and a form without dc", run.req_dh_params(inner), 1, "legacy", "Legacy")
    inner = run.rsa_padded(run.dh_gen())
    server.refused("another object in RSA_PAD", run.req_dh_params(inner), 1, "constructor", "WrongStep")


def _set_client(server: Server) -> None:
    run = server.run
    inner, tmp = run.client_inner(), m.tmp_aes(run.new_nonce, run.server_nonce)
    plain = m.hashed(inner, run.client_padding())
    whole = m.ige(plain, *tmp)
    for comment, changed, flag in (
        ("one bit changed", {"encrypted": m.flipped(whole, 40)}, "BadClientHash"),
        ("last block missing", {"encrypted": whole[:-16]}, "BadClientHash"),
        ("not a multiple of 16 bytes", {"encrypted": whole + bytes(4)}, "BadClientHash"),
        ("empty", {"encrypted": b""}, "BadClientHash"),
        ("one bit of the hash changed", {"plain": m.flipped(plain, 3)}, "BadClientHash"),
        ("32 bytes of padding", {"plain": plain + bytes(32)}, "BadClientHash"),
        (
            "with the IV that the answer ended with",
            {"encrypted": m.ige(plain, tmp[0], _running_iv(run))},
            "BadClientHash",
        ),
    ):
        body = run.set_client_dh_params(**changed)
        server.refused(f"encrypted_data of set_client_DH_params: {comment}", body, 2, "hash", flag)
    for comment, changed, flag in (
        ("another nonce", {"nonce": m.flipped(run.nonce, 9)}, "InnerNonce"),
        ("another server_nonce", {"server_nonce": m.flipped(run.server_nonce, 9)}, "InnerNonce"),
        ("retry_id 1 in the first attempt", {"retry_id": m.long(1)}, "RetryId"),
        ("g_b = 0", {"g_b": b"\0"}, "BadPublicValue"),
        ("g_b = 1", {"g_b": b"\1"}, "BadPublicValue"),
        ("g_b = p - 1", {"g_b": m.big(P - 1)}, "BadPublicValue"),
        ("g_b = p", {"g_b": m.big(P)}, "BadPublicValue"),
        ("g_b = 2^1984 - 1", {"g_b": m.big((1 << 1984) - 1)}, "BadPublicValue"),
        ("g_b = p - 2^1984 + 1", {"g_b": m.big(P - (1 << 1984) + 1)}, "BadPublicValue"),
    ):
        data = run.client_inner(**changed)
        body = run.set_client_dh_params(plain=m.hashed(data, bytes(-(20 + len(data)) % 16)))
        server.refused(f"client_DH_inner_data: {comment}", body, 2, "refused", flag)


def _running_iv(run: Run) -> bytes:
    """The last blocks of the server's answer: what a cipher that keeps its state goes on with."""
    answer, tmp = run.answer(), m.tmp_aes(run.new_nonce, run.server_nonce)
    plain = m.hashed(answer, run.answer_padding(answer))
    return m.ige(plain, *tmp)[-16:] + plain[-16:]


def _order(server: Server) -> None:
    run = server.run
    for name, body in (("req_DH_params", run.req_dh_params()), ("set_client_DH_params", run.set_client_dh_params())):
        server.refused(f"{name} first: the nonce of no run", body, 0, "step", "WrongStep", "NonceMismatch")
    server.refused("set_client_DH_params without req_DH_params", run.set_client_dh_params(), 1, "step", "WrongStep")
    output = {"refusedAt": 1, "sent": [0]}
    for name, body in (("server_DH_params_ok", run.server_dh_params()), ("dh_gen_ok", run.dh_gen())):
        server.file.invalid(f"{name} sent by a client", server.given([0, body]), "step", "WrongStep", **output)


def _repeated(server: Server) -> None:
    run = server.run
    answers = [run.res_pq().hex(), run.server_dh_params().hex(), run.dh_gen().hex()]
    sent = [0, answers[0], answers[1], answers[1], answers[2], answers[2]]
    server.accepted("every query twice: the same answers again", [0, 0, 1, 1, 2, 2], sent, "Repeated")
    other = run.req_dh_params(run.rsa_padded(run.inner_data()))
    output = {"refusedAt": 2, "sent": [0, 1]}
    server.file.invalid(
        "another req_DH_params after the answer", server.given([0, 1, other, 2]), "step", "Repeated", **output
    )
    data = run.client_inner(1, retry_id=bytes(8))
    body = run.set_client_dh_params(plain=m.hashed(data, bytes(-(20 + len(data)) % 16)))
    output = {"refusedAt": 3, "sent": [0, 1, 2]}
    server.file.invalid(
        "another set_client_DH_params after the key", server.given([0, 1, 2, body]), "step", "Repeated", **output
    )
    taken = {"takenKeyIds": [m.sha1(run.auth_key()).digest()[12:20].hex()]}
    messages: list[Any] = [0, 1, 2, run.set_client_dh_params(1)]
    sent = [0, 1, run.dh_gen("retry").hex(), run.dh_gen(attempt=1).hex()]
    given = {**server.given(messages), **taken}
    server.file.valid(
        "the key's id is taken: dh_gen_retry, then a key", given, {"sent": sent, **key_of(run, 1)}, "Retry"
    )
    data = run.client_inner(1, retry_id=bytes(8))
    body = run.set_client_dh_params(plain=m.hashed(data, bytes(-(20 + len(data)) % 16)))
    given = {**server.given([0, 1, 2, body]), **taken}
    output = {"refusedAt": 3, "sent": sent[:3]}
    server.file.invalid("dh_gen_retry, then retry_id 0 again", given, "retry_id", "RetryId", "Retry", **output)


def _lifetimes(file: VectorFile) -> None:
    server = Server(file, Run("faulty server temporary", expires_in=86400), "temporary key, strict")
    server.accepted("the genuine exchange", [0, 1, 2], [0, 1, 2], "Genuine")
    run = server.run
    for seconds in (0, 59, -1, 2 * 86400 + 1, 2**31 - 1):
        inner = run.rsa_padded(run.inner_data(expires_in=seconds))
        server.refused(f"expires_in {seconds}", run.req_dh_params(inner), 1, "expires_in", "Lifetime", "Hardening")


def _legacy(file: VectorFile) -> None:
    server = Server(file, Run("faulty server legacy"), "permanent key, legacy forms admitted", legacy=True)
    run = server.run
    for dc, comment in ((None, "a form without dc"), (2, "the form with dc")):
        body = run.req_dh_params(m.legacy_pad(run.inner_data(dc=dc), N, E, blocks("legacy", 255)))
        server.accepted(f"SHA1 padding and {comment}", [0, body, 2], [0, 1, 2], "Legacy", "Tolerated")
    inner = run.inner_data(dc=None)
    block = bytes(1) + m.flipped(m.sha1(inner).digest(), 0) + inner + blocks("legacy", 235 - len(inner))
    data = m.big(pow(int.from_bytes(block, "big"), E, N), 256)
    server.refused("SHA1 padding with a wrong hash", run.req_dh_params(data), 1, "hash", "BadRsa", "Legacy")
