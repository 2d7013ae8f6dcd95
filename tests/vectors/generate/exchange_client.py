"""The client's part of faulty_exchanges.json: what a server may send, step by step, and what must end the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vectors.generate import exchange_math as m
from tests.vectors.generate.exchange_run import MSG_ID, NOW, PRIMES, RSA, Run, named
from tests.vectors.generate.form import VectorFile, blocks
from tests.vectors.generate.tl_pack import pack

P = m.PRIME
MARGIN = 1 << 1984
_DH_FILE = Path(__file__).parents[3] / "mtproto" / "vectors" / "data" / "dh_params.json"


def server_message(index: int, body: bytes) -> bytes:
    """The unencrypted message of the server at this place."""
    return m.plain(MSG_ID + (index << 32) + 1, body)


def entropy_of(run: Run) -> list[list[dict[str, str]]]:
    """The client's entropy, step by step."""
    first = named(nonce=run.nonce)
    second = named(newNonce=run.new_nonce, padding=run.padding, tempKey=run.temp_keys)
    return [first, second, named(b=run.exponent(), clientPadding=run.client_padding()), []]


def key_of(run: Run, attempt: int = 0) -> dict[str, Any]:
    """What a client knows at the end."""
    key = run.auth_key(attempt)
    output: dict[str, Any] = {"authKey": key.hex(), "authKeyId": m.sha1(key).digest()[12:20].hex()}
    output |= {"serverSalt": run.salt.hex(), "timeOffset": run.server_time - NOW}
    return output if run.expires_in is None else {**output, "expiresAt": run.server_time + run.expires_in}


class Client:
    """One group: a genuine run, and tests that bend it."""

    def __init__(self, file: VectorFile, run: Run, name: str) -> None:
        self.file, self.run = file, run
        self.genuine = [run.res_pq(), run.server_dh_params(), run.dh_gen()]
        self.sent = [run.req_pq, run.req_dh_params(), run.set_client_dh_params()]
        messages = [server_message(index, body).hex() for index, body in enumerate(self.genuine)]
        params = {"name": name, "rsa": RSA, "dc": run.dc, "expiresIn": run.expires_in, "now": NOW}
        bodies = [body.hex() for body in self.sent]
        file.group("KeyExchangeClient", **params, entropy=entropy_of(run), messages=messages, sent=bodies)

    def given(self, messages: list[bytes | int], raw: bool = False) -> dict[str, Any]:
        shown = [
            item if isinstance(item, int) else (item if raw else server_message(index, item)).hex()
            for index, item in enumerate(messages)
        ]
        return {"messages": shown}

    def accepted(self, comment: str, messages: list[bytes | int], *flags: str, run: Run | None = None) -> None:
        """A run that ends with the key of ``run``, the client's queries being the genuine ones."""
        output = {"sent": [0, 1, 2], **key_of(run or self.run)}
        self.file.valid(comment, self.given(messages), output, *flags)

    def refused(self, comment: str, message: bytes, step: int, error: str, *flags: str, raw: bool = False) -> None:
        """The message of this step is bent; the ones before are genuine."""
        messages: list[bytes | int] = [*range(step), message]
        output = {"refusedAt": step, "sent": list(range(step + 1))}
        given = self.given(messages)
        if raw:
            given["messages"][-1] = message.hex()
        self.file.invalid(comment, given, error, *flags, **output)


def add_to(file: VectorFile, others: Callable[[Client], None]) -> None:
    """The groups of the client; ``others`` adds to the first one."""
    permanent = Client(file, Run("faulty permanent"), "permanent key, g = 3")
    permanent.accepted("the genuine exchange", [0, 1, 2], "Genuine")
    for step in (_res_pq, _dh_params, _dh_numbers, _dh_gen, _order, _plain):
        step(permanent)
    others(permanent)
    temporary = Client(
        file, Run("faulty temporary", dc=-10002, expires_in=86400, g=7), "temporary key, test media DC, g = 7"
    )
    temporary.accepted("the genuine exchange", [0, 1, 2], "Genuine")
    run = temporary.run
    temporary.refused("dh_gen_ok of another key", run.dh_gen(attempt=1), 2, "hash", "BadNewNonceHash")
    temporary.refused(
        "g = 2 with a prime for which 7 fits", run.server_dh_params(run.answer(g=2)), 1, "g", "BadDhParams"
    )


def _res_pq(client: Client) -> None:
    run = client.run
    for at in (0, 7, 15):
        body = run.res_pq(nonce=m.flipped(run.nonce, at))
        client.refused(f"resPQ, byte {at} of nonce changed", body, 0, "nonce", "NonceMismatch")
    swapped = run.res_pq(nonce=run.server_nonce, server_nonce=run.nonce)
    client.refused("resPQ, nonces exchanged", swapped, 0, "nonce", "NonceMismatch")
    unknown = [blocks(f"fingerprint {index}", 8) for index in range(64)]
    for comment, prints in (
        ("no fingerprint", []),
        ("unknown fingerprints only", unknown[:3]),
        ("65 fingerprints, the known one last", [*unknown, run.fingerprint]),
        ("the fingerprint in the other byte order", [run.fingerprint[::-1]]),
        ("the fingerprint of a key from before RSA_PAD", [bytes.fromhex("216be86c022bb4c3")]),
    ):
        client.refused(f"resPQ, {comment}", run.res_pq(fingerprints=prints), 0, "fingerprint", "UnknownKey")
    client.accepted(
        "64 fingerprints, the known one last",
        [run.res_pq(fingerprints=[*unknown[:63], run.fingerprint]), 1, 2],
        "Tolerated",
    )
    client.accepted("resPQ followed by 88 bytes", [run.res_pq() + blocks("tail", 88), 1, 2], "Tolerated")
    p, q = PRIMES
    for comment, number in (
        ("1", 1),
        ("4", 4),
        ("even", 2 * q),
        ("a prime", 2305843009213693951),
        ("a square of a prime", p * p),
        ("three primes", 1000003 * 1000033 * 1000037),
        ("72 bits", (1 << 71) + 5),
        ("128 bits that are hard to factor", 18446744073709551557 * 18446744073709551533),
        ("p·q of 2^64 and more", 4294967311 * 4294967357),
    ):
        client.refused(f"pq: {comment}", run.res_pq(pq=m.big(number)), 0, "pq", "BadPq")
    for comment, data in (("empty", b""), ("eight zero bytes", bytes(8)), ("40 bytes", bytes(32) + run.pq)):
        client.refused(f"pq: {comment}", run.res_pq(pq=data), 0, "pq", "BadPq")
    client.refused("resPQ cut", run.res_pq()[:-4], 0, "cut", "Truncated")


def _dh_params(client: Client) -> None:
    run = client.run
    for at in (0, 15):
        body = run.server_dh_params(nonce=m.flipped(run.nonce, at))
        client.refused(f"server_DH_params_ok, byte {at} of nonce changed", body, 1, "nonce", "NonceMismatch")
        body = run.server_dh_params(server_nonce=m.flipped(run.server_nonce, at))
        client.refused(
            f"server_DH_params_ok, byte {at} of server_nonce changed", body, 1, "nonce", "ServerNonceMismatch"
        )
        body = run.server_dh_params(run.answer(nonce=m.flipped(run.nonce, at)))
        client.refused(f"byte {at} of the inner nonce changed", body, 1, "nonce", "InnerNonce")
        body = run.server_dh_params(run.answer(server_nonce=m.flipped(run.server_nonce, at)))
        client.refused(f"byte {at} of the inner server_nonce changed", body, 1, "nonce", "InnerNonce")
    tmp, answer = m.tmp_aes(run.new_nonce, run.server_nonce), run.answer()
    plain = m.hashed(answer, run.answer_padding(answer))
    whole = m.ige(plain, *tmp)
    for comment, data in (
        ("empty", b""),
        ("16 bytes", whole[:16]),
        ("48 bytes", whole[:48]),
        ("8 bytes too many", whole + bytes(8)),
        ("1040 bytes", whole + bytes(1040 - len(whole))),
    ):
        client.refused(
            f"encrypted_answer: {comment}", run.server_dh_params(encrypted=data), 1, "length", "BadAnswerLength"
        )
    other = blocks("other new_nonce", 32)
    for comment, data in (
        ("one bit of the first block changed", m.flipped(whole, 0)),
        ("one bit in the middle changed", m.flipped(whole, len(whole) // 2)),
        ("one bit of the last block changed", m.flipped(whole, -1)),
        ("last block missing", whole[:-16]),
        ("encrypted for another new_nonce", m.ige(plain, *m.tmp_aes(other, run.server_nonce))),
        ("encrypted with the nonces exchanged", m.ige(plain, *m.tmp_aes(run.new_nonce, run.nonce))),
        ("encrypted in CBC instead of IGE", _cbc(plain, *tmp)),
    ):
        client.refused(f"encrypted_answer: {comment}", run.server_dh_params(encrypted=data), 1, "hash", "BadAnswerHash")
    for comment, data in (
        ("one bit of the hash changed", m.flipped(plain, 19)),
        ("hash over answer and padding", m.sha1(plain[20:]).digest() + plain[20:]),
        ("zero hash", bytes(20) + plain[20:]),
        (
            "hash over the object and 4 bytes behind it",
            m.hashed(answer + b"\1\2\3\4", run.answer_padding(answer + b"\1\2\3\4")),
        ),
    ):
        client.refused(comment, run.server_dh_params(plain=data), 1, "hash", "BadAnswerHash")
    for extra in (16, 256):
        data = m.hashed(answer, run.answer_padding(answer) + bytes(extra))
        client.refused(
            f"{extra} bytes of padding too many", run.server_dh_params(plain=data), 1, "padding", "AnswerPadding"
        )
    inner = run.client_inner()
    client.refused("client_DH_inner_data as the answer", run.server_dh_params(inner), 1, "constructor", "WrongStep")
    client.refused("the answer without server_time", run.server_dh_params(answer[:-4]), 1, "cut", "Truncated")
    client.refused(
        "server_DH_params_fail with a wrong hash", run.server_dh_fail(bytes(16)), 1, "hash", "BadNewNonceHash"
    )


def _cbc(plain: bytes, key: bytes, iv: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CBC(iv[:16])).encryptor().update(plain)


def _dh_numbers(client: Client) -> None:
    run = client.run
    tests = json.loads(_DH_FILE.read_text("ascii"))["groups"]
    known = {test["id"]: test for group in tests for test in group["tests"]}
    primes = [
        (known[f"dh_params-{number:03d}"]["comment"], bytes.fromhex(known[f"dh_params-{number:03d}"]["input"]["p"]))
        for number in (57, 60, 62, 64, 68, 74, 82)
    ]
    primes += [("empty", b""), ("1", b"\1"), ("the prime with one bit changed", m.flipped(m.big(P), 100))]
    for comment, prime in primes:
        client.refused(
            f"dh_prime: {comment}", run.server_dh_params(run.answer(dh_prime=prime)), 1, "dh_prime", "BadDhParams"
        )
    client.accepted(
        "dh_prime with a leading zero byte",
        [0, run.server_dh_params(run.answer(dh_prime=b"\0" + m.big(P))), 2],
        "Tolerated",
    )
    for g in (0, 1, 2, 5, 6, 8, -1, -3, 2**31 - 1):
        client.refused(f"g = {g}", run.server_dh_params(run.answer(g=g)), 1, "g", "BadDhParams")
    for comment, value in (
        ("0", m.big(0, 1)),
        ("1", m.big(1)),
        ("p - 1", m.big(P - 1)),
        ("p", m.big(P)),
        ("p + 1", m.big(P + 1)),
        ("2^1984 - 1", m.big(MARGIN - 1)),
        ("p - 2^1984 + 1", m.big(P - MARGIN + 1)),
        ("257 bytes", bytes(1) + m.big(pow(3, run.a, P), 256)),
        ("empty", b""),
    ):
        flags = ["BadPublicValue", "Hardening"] if comment == "257 bytes" else ["BadPublicValue"]
        client.refused(f"g_a: {comment}", run.server_dh_params(run.answer(g_a=value)), 1, "g_a", *flags)


def _dh_gen(client: Client) -> None:
    run = client.run
    for kind in ("ok", "retry", "fail"):
        body = run.dh_gen(kind, nonce=m.flipped(run.nonce, 3))
        client.refused(f"dh_gen_{kind} with another nonce", body, 2, "nonce", "NonceMismatch")
        body = run.dh_gen(kind, server_nonce=m.flipped(run.server_nonce, 12))
        client.refused(f"dh_gen_{kind} with another server_nonce", body, 2, "nonce", "ServerNonceMismatch")
    for kind, number in (("ok", 2), ("ok", 3), ("retry", 1), ("retry", 3), ("fail", 1), ("fail", 2)):
        client.refused(f"dh_gen_{kind} with hash {number}", run.dh_gen(kind, number), 2, "hash", "BadNewNonceHash")
    right = m.new_nonce_hash(run.new_nonce, 1, run.auth_key())
    for comment, value in (
        ("one bit changed", m.flipped(right, 15, 128)),
        ("bytes reversed", right[::-1]),
        ("the first bytes of SHA1 instead of the last", _hash_start(run)),
        ("for a key that is 255 bytes long", m.new_nonce_hash(run.new_nonce, 1, run.auth_key()[1:])),
    ):
        client.refused(f"new_nonce_hash1: {comment}", run.dh_gen(hash=value), 2, "hash", "BadNewNonceHash")
    client.refused("dh_gen_ok cut", run.dh_gen()[:-8], 2, "cut", "Truncated")


def _hash_start(run: Run) -> bytes:
    aux = m.sha1(run.auth_key()).digest()[:8]
    return m.sha1(run.new_nonce + b"\1" + aux).digest()[:16]


def _order(client: Client) -> None:
    run = client.run
    names = ["resPQ", "server_DH_params_ok", "dh_gen_ok"]
    for step in range(3):
        for other in range(3):
            if other != step:
                comment = f"{names[other]} where {names[step]} is expected"
                client.refused(comment, client.genuine[other], step, "step", "WrongStep")
    client.refused("a query of a client", run.req_dh_params(), 0, "step", "WrongStep")
    client.refused("set_client_DH_params sent back", run.set_client_dh_params(), 2, "step", "WrongStep")
    output = {"refusedAt": 3, "sent": [0, 1, 2]}
    client.file.invalid(
        "dh_gen_ok again, after the key is there", client.given([0, 1, 2, 2]), "step", "WrongStep", **output
    )
    given = client.given([run.res_pq(nonce=bytes(16)), 0])
    output = {"refusedAt": 0, "sent": [0]}
    client.file.invalid(
        "a wrong resPQ, then the genuine one: the run is over", given, "nonce", "NonceMismatch", **output
    )
    given = client.given([0, run.server_dh_params(run.answer(g=2)), 1, 2])
    output = {"refusedAt": 1, "sent": [0, 1]}
    client.file.invalid("a wrong answer, then the genuine one: the run is over", given, "g", "BadDhParams", **output)


def _plain(client: Client) -> None:
    number = "7"
    objects = [
        ("updatesTooLong", {"_": "updatesTooLong"}, "Updates"),
        (
            "rpc_result",
            {"_": "mtproto:rpc_result", "req_msg_id": number, "result": {"_": "updatesTooLong"}},
            "RpcResult",
        ),
        (
            "new_session_created",
            {"_": "mtproto:new_session_created", "first_msg_id": number, "unique_id": number, "server_salt": number},
            "NewSession",
        ),
        (
            "bad_server_salt",
            {
                "_": "mtproto:bad_server_salt",
                "bad_msg_id": number,
                "bad_msg_seqno": 1,
                "error_code": 48,
                "new_server_salt": number,
            },
            "BadMsgNotification",
        ),
        ("msgs_ack", {"_": "mtproto:msgs_ack", "msg_ids": [number]}, "MsgsAck"),
        ("pong", {"_": "mtproto:pong", "msg_id": number, "ping_id": number}, "Pong"),
    ]
    for index, (name, value, kind) in enumerate(objects):
        client.refused(f"{name} in plain text", pack(value, kind), index % 3, "step", "PlainData")
    body = client.run.res_pq()
    good = server_message(0, body)
    for comment, payload, *flags in (
        ("auth_key_id is not 0", b"\1" + good[1:]),
        ("length 4 more than there is", good[:16] + m.integer(len(body) + 4) + body),
        ("length 0", good[:16] + m.integer(0) + body),
        ("negative length", good[:16] + m.integer(-4) + body),
        ("the header cut", good[:19]),
        ("msg_id of a client", m.plain(MSG_ID, body), "Hardening"),
        ("msg_id of a message that answers nothing", m.plain(MSG_ID + 3, body), "Hardening"),
    ):
        client.refused(comment, payload, 0, "header", "PlainHeader", *flags, raw=True)
