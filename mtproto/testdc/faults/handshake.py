"""Faults of the key exchange: SEC-01 to SEC-09, SEC-13 to SEC-15, SEC-17, SEC-18. Its numbers: ``parameters``."""

from __future__ import annotations

from collections.abc import Callable

from mtproto.crypto import kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.dh import DH_PRIME
from mtproto.errors import SecurityError
from mtproto.handshake.protect import PQInner, draw_exponent
from mtproto.handshake.states import Offer
from mtproto.schema.mtproto import (
    DhGenFail,
    DhGenOk,
    DhGenRetry,
    PQInnerData,
    PQInnerDataTemp,
    ResPQ,
    ServerDHParamsFail,
    ServerDHParamsOk,
)
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.exchange import Answer
from mtproto.testdc.faults.fault import KEY_EXCHANGE, Fault, Reaction, acting
from mtproto.testdc.faults.tools import flipped
from mtproto.tl.objects import TLObject

R2, CARRY_ON = (Reaction.R2,), (Reaction.CARRY_ON,)
ABORTS = "gives up the run and closes; another one has fresh nonces"
UNUSED = "gives up the run; nothing that the answer says is used, the clock is not touched"


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str = ABORTS,
    reactions: tuple[Reaction, ...] = R2,
    non_strict: tuple[Reaction, ...] = (),
) -> Fault:
    """A fault of the key exchange, by default answered by R2."""
    return Fault(name, (rule,), KEY_EXCHANGE, breaks, expects, reactions, non_strict)


# ---- nonces: SEC-01 to SEC-04


@acting(
    "res_pq",
    fault("respq_nonce_flip", "SEC-01", "resPQ has a bit of the nonce changed; ARG: the byte, 0 to 15"),
    highest=15,
)
def respq_nonce_flip(act: Act, answer: ResPQ) -> TLObject:
    answer.nonce = flipped(answer.nonce, act.number)
    return answer


@acting(
    "dh_params",
    fault("dhparams_nonce_flip", "SEC-02", "server_DH_params_ok has a bit of the nonce changed"),
    highest=15,
)
def dhparams_nonce_flip(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    message.nonce = flipped(message.nonce, act.number)
    return message


@acting(
    "dh_params",
    fault("dhparams_server_nonce_flip", "SEC-02", "server_DH_params_ok has a bit of the server_nonce changed"),
    highest=15,
)
def dhparams_server_nonce_flip(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    message.server_nonce = flipped(message.server_nonce, act.number)
    return message


@acting(
    "answer",
    fault("inner_nonce_flip", "SEC-03", "the encrypted answer has another nonce than the message", UNUSED),
    highest=15,
)
def inner_nonce_flip(act: Act, answer: Answer) -> None:
    answer.nonce = flipped(answer.nonce, act.number)


@acting(
    "answer",
    fault(
        "inner_server_nonce_flip", "SEC-03", "the encrypted answer has another server_nonce than the message", UNUSED
    ),
    highest=15,
)
def inner_server_nonce_flip(act: Act, answer: Answer) -> None:
    answer.server_nonce = flipped(answer.server_nonce, act.number)


NOT_STORED = "gives up the run; the key is neither used nor stored"


@acting(
    "dh_gen", fault("dhgen_nonce_flip", "SEC-04", "dh_gen_ok has a bit of the nonce changed", NOT_STORED), highest=15
)
def dhgen_nonce_flip(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
    message.nonce = flipped(message.nonce, act.number)
    return message


@acting(
    "dh_gen",
    fault("dhgen_server_nonce_flip", "SEC-04", "dh_gen_ok has a bit of the server_nonce changed", NOT_STORED),
    highest=15,
)
def dhgen_server_nonce_flip(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
    message.server_nonce = flipped(message.server_nonce, act.number)
    return message


# ---- fingerprints: SEC-05

TELEGRAM_TEST = 0xB25898DF208D2603 - (1 << 64)
"""The fingerprint of the published RSA key of Telegram's test datacenters (AUTH-61)."""

FINGERPRINTS: dict[str, tuple[str, Callable[[int], list[int]]]] = {
    "fp_unknown": ("offers only RSA keys that nobody knows", lambda own: [own ^ 1, own ^ 2]),
    "fp_empty": ("offers no RSA key at all", lambda own: []),
    "fp_flood": ("offers a million RSA keys, of which the last is its own", lambda own: [1] * 999_999 + [own]),
    "fp_test_key": ("offers the key of Telegram's test datacenters alone", lambda own: [TELEGRAM_TEST]),
}


def _fingerprints(name: str, breaks: str, offered: Callable[[int], list[int]]) -> None:
    expects = "gives up the run and sends no request; a list of more than 64 is refused"

    @acting("res_pq", fault(name, "SEC-05", f"resPQ {breaks}", expects))
    def res_pq(act: Act, answer: ResPQ) -> TLObject:
        answer.server_public_key_fingerprints = offered(act.dc.public_key.fingerprint)
        return answer


for _name, (_breaks, _offered) in FINGERPRINTS.items():
    _fingerprints(_name, _breaks, _offered)


# ---- pq: SEC-06

PQ: dict[str, tuple[str, str]] = {
    "pq_empty": ("no bytes at all", ""),
    "pq_zero": ("0", "00"),
    "pq_one": ("1", "01"),
    "pq_four": ("4", "04"),
    "pq_even": ("even: twice a prime", "20ccbc16b052d032"),
    "pq_prime": ("a prime of 63 bits", "70bcace73f1f65a9"),
    "pq_square": ("the square of a prime", "2e747f153a118b89"),
    "pq_three_primes": ("the product of three primes", "14f8c072afeeab95"),
    "pq_long": ("9 bytes long, the product of two primes of 36 bits", "c904bfdb55dd306719"),
    "pq_hard": ("16 bytes long, the product of two primes of 64 bits", "b62fc3e0012d21e9d1f43f44f46c6529"),
}
"""Name → what pq is, and its bytes in hexadecimal."""


def _pq(name: str, what: str, value: str) -> None:
    @acting(
        "res_pq", fault(name, "SEC-06", f"pq is {what}", "gives up the run within 5 s of processor time; never hangs")
    )
    def res_pq(act: Act, answer: ResPQ) -> TLObject:
        answer.pq = bytes.fromhex(value)
        return answer


for _name, (_what, _value) in PQ.items():
    _pq(_name, _what, _value)


# ---- the encrypted answer: SEC-07 to SEC-09

ANSWERS: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
    "answer_len_empty": ("SEC-07", "encrypted_answer is empty", lambda data: b""),
    "answer_len_16": ("SEC-07", "encrypted_answer has 16 bytes", lambda data: data[:16]),
    "answer_len_odd": ("SEC-07", "encrypted_answer is no multiple of 16 bytes", lambda data: data[:-4]),
    "answer_len_huge": ("SEC-07", "encrypted_answer has nearly 16 MiB", lambda data: data.ljust((1 << 24) - 16, b"\0")),
}
"""Name → the rule, what is broken, and what becomes of the ciphertext."""


def _answer(name: str, rule: str, breaks: str, cut: Callable[[bytes], bytes]) -> None:
    @acting("answer", fault(name, rule, breaks, UNUSED))
    def answer(act: Act, answer: Answer) -> None:
        answer.cut = cut


for _name, (_rule, _breaks, _cut) in ANSWERS.items():
    _answer(_name, _rule, _breaks, _cut)


@acting("answer", fault("answer_sha1_flip", "SEC-08", "the SHA-1 in the encrypted answer is wrong", UNUSED))
def answer_sha1_flip(act: Act, answer: Answer) -> None:
    answer.spoil = flipped


@acting(
    "answer",
    fault("answer_bitflip", "SEC-08", "a bit of encrypted_answer is changed on the way; ARG: which, from 0", UNUSED),
    highest=4000,
    default=100,
)
def answer_bitflip(act: Act, answer: Answer) -> None:
    bit = act.number
    answer.cut = lambda data: flipped(data, bit // 8, bit % 8)


PADDED = "gives up the run: at most 15 bytes follow the inner data"


@acting("answer", fault("answer_pad_16", "SEC-09", "16 bytes more than needed follow the inner data", PADDED))
def answer_pad_16(act: Act, answer: Answer) -> None:
    answer.padding = 16


@acting("answer", fault("answer_pad_255", "SEC-09", "240 bytes more than needed follow the inner data", PADDED))
def answer_pad_255(act: Act, answer: Answer) -> None:
    answer.padding = 240


@acting(
    "answer",
    fault("answer_trailing", "SEC-09", "the SHA-1 covers four bytes behind the inner data", "gives up the run"),
)
def answer_trailing(act: Act, answer: Answer) -> None:
    answer.trailing = bytes(4)


# ---- dh_gen_*: SEC-13, SEC-14

HASHED = "gives up the run; the key is not used: new_nonce_hash N goes with one answer only"


@acting("dh_gen", fault("hash1_flip", "SEC-13", "dh_gen_ok has a wrong new_nonce_hash1", HASHED))
def hash1_flip(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
    message.new_nonce_hash1 = flipped(message.new_nonce_hash1)
    return message


SWAPS: dict[str, tuple[type[DhGenOk] | type[DhGenRetry] | type[DhGenFail], int, str]] = {
    "hash_swap_12": (DhGenOk, 2, "dh_gen_ok has the hash of dh_gen_retry"),
    "hash_swap_13": (DhGenOk, 3, "dh_gen_ok has the hash of dh_gen_fail"),
    "hash_swap_21": (DhGenRetry, 1, "dh_gen_ok is turned into dh_gen_retry and keeps its hash"),
    "hash_swap_23": (DhGenRetry, 3, "dh_gen_retry has the hash of dh_gen_fail"),
    "hash_swap_31": (DhGenFail, 1, "dh_gen_ok is turned into dh_gen_fail and keeps its hash"),
}
"""Name → the answer, the number of its hash, and what that breaks."""


def _gen(kind: type[DhGenOk] | type[DhGenRetry] | type[DhGenFail], n: int, offer: Offer, key: AuthKey) -> TLObject:
    """The answer ``kind`` with new_nonce_hash ``n``."""
    digest = kdf.new_nonce_hash(offer.new_nonce, n, key)
    if kind is DhGenOk:
        return DhGenOk(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash1=digest)
    if kind is DhGenRetry:
        return DhGenRetry(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash2=digest)
    return DhGenFail(nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce_hash3=digest)


def _swap(name: str, kind: type[DhGenOk] | type[DhGenRetry] | type[DhGenFail], n: int, breaks: str) -> None:
    @acting("dh_gen", fault(name, "SEC-13", breaks, HASHED))
    def dh_gen(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
        return _gen(kind, n, offer, auth_key)


for _name, (_kind, _n, _breaks) in SWAPS.items():
    _swap(_name, _kind, _n, _breaks)


@acting(
    "dh_gen",
    fault(
        "retry_forever",
        "SEC-14",
        "every answer is dh_gen_retry, however often",
        "tries at most 5 times again and then begins a new run; after 3 runs it reports",
        (Reaction.R2, Reaction.ERROR),
    ),
    times=None,
    lenient=5,
)
def retry_forever(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
    return _gen(DhGenRetry, 2, offer, auth_key)


@acting(
    "dh_gen",
    fault(
        "fail_forever",
        "SEC-14",
        "every key exchange ends with dh_gen_fail",
        "begins a new run each time; after 3 runs it reports",
        (Reaction.R2, Reaction.ERROR),
    ),
    times=None,
)
def fail_forever(act: Act, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
    return _gen(DhGenFail, 3, offer, auth_key)


# ---- server_time: SEC-15

YEAR = 365 * 86400
TIMES: dict[str, tuple[str, Callable[[int], int]]] = {
    "server_time_zero": ("0", lambda now: 0),
    "server_time_max": ("2^31 - 1", lambda now: 2**31 - 1),
    "server_time_negative": ("negative", lambda now: -5),
    "server_time_year_ahead": ("a year ahead", lambda now: now + YEAR),
    "server_time_year_behind": ("a year behind", lambda now: now - YEAR),
}


def _time(name: str, what: str, told: Callable[[int], int]) -> None:
    expects = "makes the key; its msg_ids stay legal, and it learns the right time from bad_msg_notification"

    @acting("answer", fault(name, "SEC-15", f"server_time is {what}", expects, CARRY_ON, R2))
    def answer(act: Act, answer: Answer) -> None:
        answer.server_time = told(answer.server_time)


for _name, (_what, _told) in TIMES.items():
    _time(_name, _what, _told)


# ---- other runs, other forms: SEC-17, SEC-18


@acting(
    "dh_params",
    fault("replay_previous_run", "SEC-17", "server_DH_params_ok is that of an earlier run, with that run's nonces"),
)
def replay_previous_run(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    return _earlier(act, inner)


@acting(
    "dh_params",
    fault(
        "replay_previous_answer", "SEC-17", "encrypted_answer is that of an earlier run, under the nonces of this one"
    ),
)
def replay_previous_answer(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    message.encrypted_answer = _earlier(act, inner).encrypted_answer
    return message


def _earlier(act: Act, inner: PQInner) -> ServerDHParamsOk:
    """server_DH_params_ok of a run that somebody else began."""
    random = act.dc.env.random_bytes
    inner.nonce, inner.server_nonce, inner.new_nonce = random(16), random(16), random(32)
    prime = int.from_bytes(DH_PRIME, "big")
    answer = Answer(inner, 3, prime, draw_exponent(3, prime, act.dc.env), int(act.dc.env.unix_time()))
    return ServerDHParamsOk(
        nonce=inner.nonce, server_nonce=inner.server_nonce, encrypted_answer=answer.protect(inner, random)
    )


@acting(
    "dh_params",
    fault(
        "force_fail_answer",
        "SEC-18",
        "req_DH_params is answered with server_DH_params_fail, whose hash is right",
        "begins a new run without falling back to the older padding, to forms without dc, or to version 1.0",
    ),
)
def force_fail_answer(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    return ServerDHParamsFail(
        nonce=message.nonce,
        server_nonce=message.server_nonce,
        new_nonce_hash=kdf.new_nonce_hash_fail(inner.new_nonce),
    )


@acting(
    "dh_params",
    fault(
        "legacy_only",
        "SEC-18",
        "the first two key exchanges are refused with -404 unless they have the older form without dc",
        "begins a new run without falling back to the older padding, to forms without dc, or to version 1.0",
    ),
    times=2,
)
def legacy_only(act: Act, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
    if not isinstance(inner, PQInnerData | PQInnerDataTemp):
        act.dc.inject("-404 for a form with dc")
        raise SecurityError("step", inner.NAME)
    return message
