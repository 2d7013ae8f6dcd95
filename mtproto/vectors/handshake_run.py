"""The run that a vector of the key exchange belongs to, and how its tests spell bytes and numbers.

What a step needs of the same run and its own test does not repeat (pq, the genuine messages of a transcript that a
receiving test names) is taken from the other tests of its file.
"""

from __future__ import annotations

from typing import Any

from mtproto.crypto import kdf
from mtproto.crypto.factor import factorize
from mtproto.crypto.rsa import PrivateKey
from mtproto.errors import SecurityError
from mtproto.handshake import client, server
from mtproto.handshake.checks import check_nonces
from mtproto.handshake.protect import PQInner, open_answer
from mtproto.handshake.states import (
    Agreed,
    AwaitDHGen,
    AwaitDHParams,
    AwaitReqDHParams,
    AwaitSetClientDHParams,
    Offer,
)
from mtproto.message.plain import open_plain, pack_plain
from mtproto.roles import Role
from mtproto.schema.mtproto import ReqDHParams, SetClientDHParams, read_object
from mtproto.testing import ScriptedEnvironment
from mtproto.tl import registry
from mtproto.tl.objects import TLObject
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch

ANY_DC = range(-(1 << 31), 1 << 31)


def scripted(*entropy: bytes, unix_time: float = 0.0) -> ScriptedEnvironment:
    return ScriptedEnvironment(unix_time=unix_time, entropy=list(entropy))


def long(number: int) -> str:
    return number.to_bytes(8, "little", signed=True).hex()


def from_long(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little", signed=True)


def number(text: str) -> int:
    return int(text, 16)


def read(payload: bytes, sender: Role) -> Any:
    """The object of an unencrypted message, through the checks of the receiver."""
    _, body = open_plain(payload, sender)
    return registry.decode_prefix(body, read_object)[0]


def packed(case: Case, query: TLObject) -> str:
    return pack_plain(int(case.input["messageId"]), query.to_bytes()).hex()


class Shared:
    """The run that a test belongs to: its parameters, and the tests of its group."""

    __slots__ = ("nonce", "params", "server_nonce", "tests")

    def __init__(self, params: dict[str, Any], tests: list[Case]) -> None:
        self.params = params
        self.tests = tests
        self.nonce = bytes.fromhex(params["nonce"])
        self.server_nonce = bytes.fromhex(params["serverNonce"])

    def param(self, name: str) -> bytes:
        return bytes.fromhex(self.params[name])

    def step(self, name: str, before: str | None = None) -> Case:
        """The test of a step; with ``before``, the last one that stands before the test of that id."""
        found = [test for test in self.tests if test.input["step"] == name and (before is None or test.id < before)]
        if not found:
            raise Mismatch(f"the run has no test of the step {name}")
        return found[0] if before is None else found[-1]

    @property
    def tmp_aes(self) -> tuple[bytes, bytes]:
        return kdf.tmp_aes_key_iv(self.param("newNonce"), self.server_nonce)

    def client_2(self) -> AwaitDHParams:
        """The client's state after req_DH_params."""
        return AwaitDHParams(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            new_nonce=self.param("newNonce"),
            dc=2,
            expires_in=None,
            fingerprint=0,
        )

    def res_pq(self) -> Any:
        return read(self.step("resPQ").bytes("payload"), Role.SERVER)

    def key(self) -> PrivateKey:
        return PrivateKey.from_exponents(*(number(self.params["rsa"][name]) for name in "ned"))

    def agreed(self) -> Agreed:
        """What server_DH_params_ok said, g and dh_prime not checked here: that is the type DhParams."""
        answer = read(bytes.fromhex(self.step("server_DH_params_ok").output["payload"]), Role.SERVER)
        inner = open_answer(answer.encrypted_answer, self.tmp_aes)
        check_nonces(self, inner)
        dh_prime, g_a = (int.from_bytes(value, "big") for value in (inner.dh_prime, inner.g_a))
        return Agreed(inner.g, dh_prime, g_a, inner.server_time, 0.0)

    def set_client_dh_params(self, test: Case) -> tuple[SetClientDHParams, AwaitDHGen]:
        """The client's query of this test, and its state after it."""
        retry_id = from_long(test.input["retryId"])
        env = scripted(test.bytes("b"), test.bytes("padding"))
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
            new_nonce=self.param("newNonce"),
            dc=2,
            expires_in=None,
            fingerprint=0,
            dh_prime=number(offered.input["dhPrime"]),
            a=number(self.params["serverExponentA"]),
            server_time=offered.input["serverTime"],
        )
        return AwaitSetClientDHParams(offer, retry_id, int(retry_id != 0))

    def pq_inner(self, payload: bytes, key: PrivateKey) -> PQInner:
        """What the server finds in req_DH_params."""
        query = read(payload, Role.CLIENT)
        if not isinstance(query, ReqDHParams):
            raise SecurityError("step", query.NAME)
        return server.open_req_dh_params(self.server_1(), query, server.Terms([key], dcs=ANY_DC), scripted())


def shared(case: Case) -> Shared:
    """The run of this test's own group: the tests with the same params."""
    return Shared(case.params, [test for test in case.others if test.params == case.params])


def transcript(case: Case) -> Shared:
    """The transcript that a receiving test names, in the same file."""
    tests = [test for test in case.others if test.params.get("name") == case.params["transcript"]]
    if not tests:
        raise Mismatch(f"there is no transcript {case.params['transcript']!r}")
    return Shared(tests[0].params, tests)
