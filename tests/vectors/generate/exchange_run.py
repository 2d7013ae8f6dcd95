"""One key exchange with all its entropy, from which every message of it follows; a fault changes one of its parts."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.vectors.generate import exchange_math as m
from tests.vectors.generate.form import blocks

_FILE = Path(__file__).parents[3] / "mtproto" / "vectors" / "data" / "auth_key_exchange.json"
RSA = next(
    group["params"]["rsa"] for group in json.loads(_FILE.read_text("ascii"))["groups"] if "rsa" in group["params"]
)
N, E, D = (int(RSA[name], 16) for name in "ned")
"""The RSA key of the generated exchanges in auth_key_exchange.json."""

PRIMES = 1229739323, 1402015859
NOW = 1_700_000_000
MSG_ID = NOW << 32


class Run:
    """``label`` makes its entropy; every other argument stands for a part of the run that is as it should be."""

    def __init__(
        self, label: str, *, dc: int = 2, expires_in: int | None = None, g: int = 3, nonce: bytes = b""
    ) -> None:
        self.label, self.dc, self.expires_in, self.g = label, dc, expires_in, g
        self.nonce = nonce or blocks(label + " nonce", 16)
        self.server_nonce = blocks(label + " server_nonce", 16)
        self.new_nonce = blocks(label + " new_nonce", 32)
        self.a = int.from_bytes(blocks(label + " a", 256), "big")
        self.server_time = NOW + 5
        self.fingerprint = m.fingerprint(N, E)
        self.p, self.q = PRIMES

    @property
    def pq(self) -> bytes:
        return m.big(self.p * self.q)

    def exponent(self, attempt: int = 0) -> bytes:
        """The client's b of this attempt."""
        return blocks(f"{self.label} b{attempt or ''}", 256)

    # ---- what the client sends

    @property
    def req_pq(self) -> bytes:
        return m.head("req_pq_multi") + self.nonce

    def inner_data(self, **changed: Any) -> bytes:
        """p_q_inner_data_dc or, for a temporary key, p_q_inner_data_temp_dc."""
        part = {"pq": self.pq, "p": m.big(self.p), "q": m.big(self.q), "nonce": self.nonce, "dc": self.dc}
        part |= {"server_nonce": self.server_nonce, "expires_in": self.expires_in, **changed}
        name = (
            "p_q_inner_data" + ("" if part["expires_in"] is None else "_temp") + ("" if part["dc"] is None else "_dc")
        )
        numbers = b"".join(m.packed_string(part[name]) for name in ("pq", "p", "q"))
        tail = b"".join(m.integer(part[name]) for name in ("dc", "expires_in") if part[name] is not None)
        return m.head(name) + numbers + part["nonce"] + part["server_nonce"] + self.new_nonce + tail

    @cached_property
    def padding(self) -> bytes:
        return blocks(self.label + " padding", 192 - len(self.inner_data()))

    @cached_property
    def temp_keys(self) -> list[bytes]:
        """As many as this run needs."""
        for count in range(1, 20):
            keys = [blocks(f"{self.label} temp_key {index}", 32) for index in range(count)]
            try:
                m.rsa_pad(self.inner_data(), N, E, self.padding, keys)
            except ValueError:
                continue
            return keys
        raise ValueError("no temp_key fits")

    def req_dh_params(self, encrypted: bytes | None = None, **changed: Any) -> bytes:
        """``changed``: fields of the message itself."""
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce, "p": m.big(self.p), "q": m.big(self.q)}
        part |= {"fingerprint": self.fingerprint, **changed}
        if encrypted is None:
            encrypted = m.rsa_pad(self.inner_data(), N, E, self.padding, self.temp_keys)
        numbers = m.packed_string(part["p"]) + m.packed_string(part["q"]) + part["fingerprint"]
        return m.head("req_DH_params") + part["nonce"] + part["server_nonce"] + numbers + m.packed_string(encrypted)

    def rsa_padded(self, inner: bytes) -> bytes:
        """RSA_PAD of any inner data, with padding and temp_key of its own."""
        padding = blocks(self.label + " other padding", 192 - len(inner))
        for index in range(20):
            try:
                return m.rsa_pad(inner, N, E, padding, [blocks(f"{self.label} other temp_key {index}", 32)])
            except ValueError:
                continue
        raise ValueError("no temp_key fits")

    def client_inner(self, attempt: int = 0, **changed: Any) -> bytes:
        g_b = pow(self.g, int.from_bytes(self.exponent(attempt), "big"), m.PRIME)
        retry_id = bytes(8) if not attempt else m.sha1(self.auth_key(attempt - 1)).digest()[:8]
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce, "retry_id": retry_id, "g_b": m.big(g_b, 256)}
        part |= changed
        fixed = part["nonce"] + part["server_nonce"] + part["retry_id"]
        return m.head("client_DH_inner_data") + fixed + m.packed_string(part["g_b"])

    def client_padding(self, attempt: int = 0) -> bytes:
        return blocks(f"{self.label} client padding {attempt}", -(20 + len(self.client_inner(attempt))) % 16)

    def set_client_dh_params(self, attempt: int = 0, plain: bytes | None = None, **changed: Any) -> bytes:
        """``plain``: what is encrypted; ``changed``: fields of the message, ``encrypted`` among them."""
        if plain is None:
            plain = m.hashed(self.client_inner(attempt), self.client_padding(attempt))
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce, **changed}
        encrypted = part.get("encrypted", m.ige(plain, *m.tmp_aes(self.new_nonce, self.server_nonce)))
        return m.head("set_client_DH_params") + part["nonce"] + part["server_nonce"] + m.packed_string(encrypted)

    # ---- what the server sends

    def res_pq(self, **changed: Any) -> bytes:
        part = {
            "nonce": self.nonce,
            "server_nonce": self.server_nonce,
            "pq": self.pq,
            "fingerprints": [self.fingerprint],
        }
        part |= changed
        return m.res_pq(part["nonce"], part["server_nonce"], part["pq"], part["fingerprints"])

    def answer(self, **changed: Any) -> bytes:
        """server_DH_inner_data."""
        g_a = pow(self.g, self.a, m.PRIME)
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce, "g": self.g, "dh_prime": m.big(m.PRIME)}
        part |= {"g_a": m.big(g_a, 256), "server_time": self.server_time, **changed}
        numbers = m.integer(part["g"]) + m.packed_string(part["dh_prime"]) + m.packed_string(part["g_a"])
        fixed = m.head("server_DH_inner_data") + part["nonce"] + part["server_nonce"]
        return fixed + numbers + m.integer(part["server_time"])

    def answer_padding(self, answer: bytes) -> bytes:
        return blocks(self.label + " answer padding", -(20 + len(answer)) % 16)

    def server_dh_params(self, answer: bytes | None = None, plain: bytes | None = None, **changed: Any) -> bytes:
        """``answer``: another inner object; ``plain``: all that is encrypted; ``changed``: fields of the message."""
        answer = self.answer() if answer is None else answer
        plain = m.hashed(answer, self.answer_padding(answer)) if plain is None else plain
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce, **changed}
        encrypted = part.get("encrypted", m.ige(plain, *m.tmp_aes(self.new_nonce, self.server_nonce)))
        return m.head("server_DH_params_ok") + part["nonce"] + part["server_nonce"] + m.packed_string(encrypted)

    def server_dh_fail(self, new_nonce_hash: bytes = b"") -> bytes:
        right = m.sha1(self.new_nonce).digest()[4:20]
        return m.head("server_DH_params_fail") + self.nonce + self.server_nonce + (new_nonce_hash or right)

    def auth_key(self, attempt: int = 0) -> bytes:
        b = int.from_bytes(self.exponent(attempt), "big")
        return m.big(pow(pow(self.g, self.a, m.PRIME), b, m.PRIME), 256)

    def dh_gen(self, kind: str = "ok", number: int = 0, attempt: int = 0, **changed: Any) -> bytes:
        """dh_gen_ok, _retry or _fail; ``number``: that of the hash, where it is not the right one."""
        number = number or ("ok", "retry", "fail").index(kind) + 1
        part = {"nonce": self.nonce, "server_nonce": self.server_nonce}
        part |= {"hash": m.new_nonce_hash(self.new_nonce, number, self.auth_key(attempt)), **changed}
        return m.head("dh_gen_" + kind) + part["nonce"] + part["server_nonce"] + part["hash"]

    @property
    def salt(self) -> bytes:
        return m.xor(self.new_nonce[:8], self.server_nonce[:8])


def named(**items: bytes | list[bytes]) -> list[dict[str, Any]]:
    """The entropy of a step: names and bytes in the order of use; a list stands for several of one name."""
    out = []
    for name, data in items.items():
        out += [{name: piece.hex()} for piece in (data if isinstance(data, list) else [data])]
    return out
