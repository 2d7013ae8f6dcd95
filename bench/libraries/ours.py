"""This library's side of every benchmark. Decoding is ``tl.registry.decode``, with every check of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from struct import Struct
from typing import Any

from bench import corpus
from bench.libraries import ours_idle, ours_length, ours_loopback
from bench.tree import tree
from mtproto.crypto.aes import BACKEND
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.environment import SystemEnvironment
from mtproto.message.envelope import Inner, open, seal
from mtproto.roles import Role
from mtproto.schema.api import read_object
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode

Job = Callable[[int], object]
_RESULT_HEAD = Struct("<Iq").unpack_from
_RPC_RESULT = 0xF35C6D01


def _fields(value: TLObject) -> tuple[int, list[str]]:
    known = [name for name in value.__slots__ if not name.startswith("extra_") or getattr(value, name)]
    return value.ID, known


def _codec(data: str) -> dict[str, Any]:
    value: TLObject = decode(bytes.fromhex(data), read_object)
    return {"tree": tree(value, _fields), "bytes": value.to_bytes().hex()}


def _decode(data: str) -> Job:
    raw = bytes.fromhex(data)

    def run(times: int) -> None:
        for _ in range(times):
            decode(raw, read_object)

    return run


def _encode(data: str) -> Job:
    value: TLObject = decode(bytes.fromhex(data), read_object)

    def run(times: int) -> None:
        for _ in range(times):
            value.to_bytes()

    return run


def _server_payload(of: dict[str, str]) -> str:
    """A message of the server, for every library to open."""
    body = bytes.fromhex(of["body"])
    inner = Inner(0, int(of["session_id"]), int(of["msg_id"]), 1, body)
    return seal(AuthKey(bytes.fromhex(of["auth_key"])), inner, Role.SERVER, SystemEnvironment())[0].hex()


def _seal_open(of: dict[str, str]) -> Job:
    """Seal the client's message, open the server's, check what Telethon checks behind msg_key, split the result."""
    key, env = AuthKey(bytes.fromhex(of["auth_key"])), SystemEnvironment()
    body, payload = bytes.fromhex(of["body"]), bytes.fromhex(of["payload"])
    session_id, msg_id = int(of["session_id"]), int(of["msg_id"]) & -4
    client, server = Role.CLIENT, Role.SERVER

    def run(times: int) -> None:
        for _ in range(times):
            seal(key, Inner(0, session_id, msg_id, 1, body), client, env)
            inner, _token = open(key, payload, server)
            constructor_id, _req_msg_id = _RESULT_HEAD(inner.body)
            inner.body[12:]
            age = time.time() - (inner.msg_id >> 32)
            if inner.session_id != session_id or not inner.msg_id & 1 or not -30 < age < 300:
                raise ValueError("not the message that was sealed")
            if constructor_id != _RPC_RESULT:
                raise ValueError("not a result")

    return run


def _pq(numbers: list[int]) -> Job:
    values = [number.to_bytes(8, "big") for number in numbers]

    def run(times: int) -> None:
        for _ in range(times):
            for value in values:
                factorize(value)

    return run


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "aes": lambda _: BACKEND,
    "corpus": lambda _: {name: make().to_bytes().hex() for name, make in corpus.OBJECTS.items()},
    "codec": _codec,
    "server_payload": _server_payload,
    "factors": lambda number: [int.from_bytes(f, "big") for f in factorize(number.to_bytes(8, "big"))],
    "public_key_pkcs1": ours_loopback.pkcs1,
    "idle": ours_idle.idle,
    "length": ours_length.length,
}
JOBS: dict[str, Callable[[Any], Job]] = {
    "decode": _decode,
    "encode": _encode,
    "seal_open": _seal_open,
    "pq": _pq,
    "calls": ours_loopback.calls,
    "downloads": ours_loopback.downloads,
    "echo": ours_loopback.echo,
}
