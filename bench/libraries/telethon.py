"""Telethon's side of every benchmark, through the functions that its own client uses."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from struct import pack
from typing import Any

from telethon.crypto import AuthKey
from telethon.crypto import aes as telethon_aes
from telethon.crypto.factorization import Factorization
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState

from bench.libraries import telethon_loopback
from bench.tree import tree

Job = Callable[[int], object]


def _fields(value: Any) -> tuple[int, list[str]]:
    return value.CONSTRUCTOR_ID, [name for name in value.to_dict() if name != "_"]


def _codec(data: str) -> dict[str, Any]:
    value = BinaryReader(bytes.fromhex(data)).tgread_object()
    return {"tree": tree(value, _fields), "bytes": bytes(value).hex()}


def _decode(data: str) -> Job:
    raw = bytes.fromhex(data)

    def run(times: int) -> None:
        for _ in range(times):
            BinaryReader(raw).tgread_object()

    return run


def _encode(data: str) -> Job:
    value = BinaryReader(bytes.fromhex(data)).tgread_object()

    def run(times: int) -> None:
        for _ in range(times):
            bytes(value)

    return run


def _seal_open(of: dict[str, str]) -> Job:
    """MTProtoState both ways. It reads a whole object behind the header: an rpc_result costs it the least."""
    state = MTProtoState(AuthKey(bytes.fromhex(of["auth_key"])), defaultdict(lambda: logging.getLogger("bench")))
    state.id = int(of["session_id"])
    body, payload = bytes.fromhex(of["body"]), bytes.fromhex(of["payload"])
    msg_id = int(of["msg_id"]) & -4

    def run(times: int) -> None:
        for _ in range(times):
            state.encrypt_message_data(pack("<qii", msg_id, 1, len(body)) + body)
            state._highest_remote_id = 0  # the same payload again
            if state.decrypt_message_data(payload) is None:
                raise ValueError("the message was ignored")

    return run


def _pq(numbers: list[int]) -> Job:
    def run(times: int) -> None:
        for _ in range(times):
            for number in numbers:
                Factorization.factorize(number)

    return run


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "aes": lambda _: "cryptg" if telethon_aes.cryptg else "libssl or pyaes",
    "codec": _codec,
    "factors": lambda number: list(Factorization.factorize(number)),
}
JOBS: dict[str, Callable[[Any], Job]] = {
    "decode": _decode,
    "encode": _encode,
    "seal_open": _seal_open,
    "pq": _pq,
    "calls": telethon_loopback.calls,
    "downloads": telethon_loopback.downloads,
}
