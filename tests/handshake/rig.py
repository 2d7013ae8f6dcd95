"""Both sides of the key exchange in memory, and one genuine run taken apart into its states and messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

import pytest

from mtproto.crypto.rsa import PrivateKey, PublicKeys
from mtproto.errors import SecurityError
from mtproto.handshake import client, protect, server
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.protect import draw_exponent
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import (
    AwaitDHGen,
    AwaitDHParams,
    AwaitReqDHParams,
    AwaitResPQ,
    AwaitSetClientDHParams,
    Created,
)
from mtproto.schema.mtproto import (
    DhGenOk,
    ReqDHParams,
    ReqPqMulti,
    ResPQ,
    ServerDHParamsOk,
    SetClientDHParams,
    read_object,
)
from mtproto.testing import ScriptedEnvironment
from mtproto.tl import registry

VECTORS = json.loads((files("mtproto") / "vectors/data/auth_key_exchange.json").read_text())
_RSA = next(group["params"]["rsa"] for group in VECTORS["groups"] if "rsa" in group["params"])

KEY = PrivateKey.from_exponents(*(int(_RSA[name], 16) for name in "ned"))
KEYS = PublicKeys([KEY.public])
OTHER_KEY = PrivateKey.generate()

NOW = 1_761_607_682.0
"""The server's clock."""

T = TypeVar("T")


def client_env(seed: bytes = b"client", **options: Any) -> ScriptedEnvironment:
    """A client whose clock is 1000.5 seconds behind the server's."""
    return ScriptedEnvironment(unix_time=NOW - 1000.5, seed=seed, **options)


def server_env(seed: bytes = b"server", **options: Any) -> ScriptedEnvironment:
    return ScriptedEnvironment(unix_time=NOW, seed=seed, **options)


def new_exchange(**options: Any) -> Exchange:
    return Exchange(options.pop("keys", KEYS), options.pop("env", None) or client_env(), **{"dc": 2, **options})


def new_runs(**options: Any) -> Runs:
    env = options.pop("env", None) or server_env()
    return Runs(options.pop("private_keys", [KEY]), env, **{"dcs": {2}, "key_exists": lambda key: False, **options})


class Talk(NamedTuple):
    """A whole exchange: both results and every body, queries and answers in turn."""

    client: Created
    server: Created
    bodies: list[bytes]


def converse(exchange: Exchange, runs: Runs) -> Talk:
    """Let both sides talk until the client has a key."""
    bodies = [exchange.start()]
    made: list[Created] = []
    while True:
        answer, created = runs.plain(bodies[-1])
        bodies.append(answer)
        made += [created] if created else []
        received = exchange.receive(answer)
        if isinstance(received, Created):
            assert len(made) == 1
            return Talk(received, made[0], bodies)
        bodies.append(received)


class Walk(NamedTuple):
    """A genuine run of dc 2: what each side holds *before* an answer or query, and that message."""

    terms: server.Terms
    req_pq: ReqPqMulti
    server_1: AwaitReqDHParams
    client_1: AwaitResPQ
    res_pq: ResPQ
    client_2: AwaitDHParams
    req_dh: ReqDHParams
    pq_inner: protect.PQInner
    server_2: AwaitSetClientDHParams
    dh_ok: ServerDHParamsOk
    client_3: AwaitDHGen
    set_dh: SetClientDHParams
    dh_gen: DhGenOk
    created: Created


@cache
def walk(expires_in: int | None = None) -> Walk:
    env_c, env_s = client_env(), server_env()
    terms = server.Terms([KEY], dcs={2})
    req_pq, client_1 = client.start(env_c, 2, expires_in)
    res_pq, server_1 = server.on_req_pq(req_pq, terms, env_s)
    req_dh, client_2 = client.on_res_pq(client_1, res_pq, KEYS, env_c)
    inner = server.open_req_dh_params(server_1, req_dh, terms, env_s)
    secret = draw_exponent(terms.g, terms.dh_prime, env_s)
    dh_ok, server_2 = server.server_dh_params(inner, req_dh.public_key_fingerprint, secret, terms, env_s)
    set_dh, client_3 = client.on_server_dh_params(client_2, dh_ok, env_c)
    dh_gen, created = server.on_set_client_dh_params(server_2, set_dh, lambda key: False)
    assert isinstance(dh_gen, DhGenOk)
    assert isinstance(created, Created)
    return Walk(
        terms, req_pq, server_1, client_1, res_pq, client_2, req_dh, inner, server_2, dh_ok, client_3, set_dh, dh_gen,
        created,
    )  # fmt: skip


def read(body: bytes) -> Any:
    """The object at the start of the body of an unencrypted message."""
    return registry.decode_prefix(body, read_object)[0]


def changed(value: T, **fields: object) -> T:
    """A copy of a TL object or state with other values in some fields."""
    names = type(value).__slots__  # type: ignore[attr-defined]
    return type(value)(**{name: getattr(value, name) for name in names} | fields)


def flipped(data: bytes, index: int, bit: int = 1) -> bytes:
    return data[:index] + bytes((data[index] ^ bit,)) + data[index + 1 :]


def refused(check: str, call: Callable[..., object], *arguments: object) -> SecurityError:
    """The call must fail with exactly this check, and say nothing secret about it."""
    with pytest.raises(SecurityError) as caught:
        call(*arguments)
    assert caught.value.check == check
    if check in {"nonce_mismatch", "server_nonce_mismatch", "new_nonce_hash", "answer_hash", "dh_public_value"}:
        assert (caught.value.got, caught.value.expected) == (None, None)
    return caught.value
