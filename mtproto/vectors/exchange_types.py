"""The types of faulty_exchanges: whole key exchanges, put to ``handshake.exchange`` and ``handshake.runs``.

A message is hexadecimal, an unencrypted message as it travels, or the number of a genuine one in the params of its
group. ``entropy`` has a list for each step, the first of them for the start: every item an object of one name and its
bytes, in the order of use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from mtproto.crypto.rsa import PrivateKey, PublicKey, PublicKeys
from mtproto.errors import PeerError
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import Created
from mtproto.message.plain import open_plain
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.vectors.case import Case
from mtproto.vectors.handshake_run import long, number
from mtproto.vectors.outcome import Mismatch, Output, TypeFunction, require

Step = Callable[[bytes], "tuple[bytes | None, Created | None]"]
"""Takes the body of a message; gives that of the answer, if any, and the key where there is one."""


private_key = cache(PrivateKey.from_exponents)
"""n, e, d -> the key: its primes are searched for once in a run."""


def rsa(case: Case, names: str) -> list[int]:
    """Numbers of the RSA key of the group."""
    return [number(case.params["rsa"][name]) for name in names]


def drawn(item: dict[str, str]) -> bytes:
    """The random bytes from which the library makes this item: a prime of pq is drawn one bit longer."""
    ((name, value),) = item.items()
    data = bytes.fromhex(value)
    return (int.from_bytes(data, "big") << 1).to_bytes(4, "big") if name in ("p", "q") else data


class Entropy(ScriptedEnvironment):
    """Hands out the ``items`` of a step in their order. What a check needs for itself, the bases of a primality proof,
    has other lengths than any of them and is derived."""

    __slots__ = ("items",)

    def __init__(self, now: float) -> None:
        super().__init__(unix_time=now)
        self.items: list[bytes] = []

    def random_bytes(self, count: int) -> bytes:
        if self.items and len(self.items[0]) == count:
            return self.items.pop(0)
        return super().random_bytes(count)


class Transcript:
    """The messages of the test one after the other, each with its entropy, and what was answered so far."""

    def __init__(self, case: Case, env: Entropy, receiver: Role) -> None:
        self.case = case
        self.env = env
        self.sender = receiver.opposite
        self.sent: list[str | int] = []

    def script(self, step: int) -> None:
        """Hand the entropy of the step to the environment."""
        entropy = self.case.input.get("entropy") or self.case.params["entropy"]
        if step < len(entropy):
            self.env.items += [drawn(item) for item in entropy[step]]

    def note(self, body: bytes) -> None:
        """A body that was sent: by its number where it is the genuine one of its place."""
        genuine, place = self.case.params["sent"], len(self.sent)
        same = place < len(genuine) and genuine[place] == body.hex()
        self.sent.append(place if same else body.hex())

    def run(self, step: Step) -> Created | None:
        """The key, if there is one. Raises the refusal, once it came at its place and all that follows is refused."""
        created = None
        for index, message in enumerate(self.case.input["messages"]):
            payload = bytes.fromhex(self.case.params["messages"][message] if isinstance(message, int) else message)
            self.script(index + 1)
            try:
                answer, key = step(open_plain(payload, self.sender)[1])
            except PeerError as error:
                self._check_refusal(index, step)
                raise error
            created = key or created
            if answer is not None:
                self.note(answer)
        return created

    def _check_refusal(self, index: int, step: Step) -> None:
        place = self.case.output.get("refusedAt")
        require(place in (None, index), f"message {index} is refused, {place} should be")
        require(self.sent == self.case.output.get("sent", self.sent), "what was sent before the refusal")
        for message in self.case.input["messages"][index + 1 :]:
            payload = bytes.fromhex(self.case.params["messages"][message] if isinstance(message, int) else message)
            try:
                step(open_plain(payload, self.sender)[1])
            except PeerError:
                continue
            raise Mismatch("what follows a refusal is accepted")


def key_exchange_client(case: Case) -> Output:
    env = Entropy(case.params["now"])
    keys = PublicKeys([PublicKey(*rsa(case, "ne"))])
    exchange = Exchange(keys, env, dc=case.params["dc"], expires_in=case.params.get("expiresIn"))
    transcript = Transcript(case, env, Role.CLIENT)
    transcript.script(0)
    transcript.note(exchange.start())

    def step(body: bytes) -> tuple[bytes | None, Created | None]:
        result = exchange.receive(body)
        return (None, result) if isinstance(result, Created) else (result, None)

    created = transcript.run(step)
    output: Output = {"sent": transcript.sent}
    return output if created is None else {**output, **described(created), "timeOffset": int(created.time_offset)}


def key_exchange_server(case: Case) -> Output:
    env = Entropy(case.params["now"])
    taken = set(case.input.get("takenKeyIds", []))
    runs = Runs(
        [private_key(*rsa(case, "ned"))],
        env,
        dcs=case.params["dcs"],
        key_exists=lambda key: long(key.auth_key_id) in taken,
        accept_legacy=case.params["acceptLegacy"],
    )
    transcript = Transcript(case, env, Role.SERVER)
    created = transcript.run(runs.plain)
    return {"sent": transcript.sent} if created is None else {"sent": transcript.sent, **described(created)}


def described(created: Created) -> dict[str, Any]:
    """A new key, as the file writes it."""
    key = created.auth_key
    output: dict[str, Any] = {"authKey": key.data.hex(), "authKeyId": long(key.auth_key_id)}
    output["serverSalt"] = long(created.server_salt)
    return output if created.expires_at is None else {**output, "expiresAt": created.expires_at}


FUNCTIONS: dict[str, TypeFunction] = {
    "KeyExchangeClient": key_exchange_client,
    "KeyExchangeServer": key_exchange_server,
}
"""Type -> the function that puts a test of this type to the core."""
