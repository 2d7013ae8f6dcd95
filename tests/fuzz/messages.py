"""Bodies as only somebody with the auth key can send them: service messages about known ids, packed, in containers."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from functools import cache

from mtproto.message.container import Message, join
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.tl.objects import TLObject
from mtproto.tl.wire import pack_bytes, pack_I
from tests.fuzz import corpus
from tests.fuzz.harness import aligned, mutated, noise

CODES = (16, 17, 18, 19, 20, 32, 33, 34, 35, 48, 64, 0, -1, 99)
SIZES = (0, 1, 2, 3, 16, 64, 300)
FLOODS = (
    schema.MsgsAck(msg_ids=[]).to_bytes()[:8] + (1_900_000).to_bytes(4, "little"),
    schema.FutureSalts(req_msg_id=0, now=0, salts=[]).to_bytes()[:16] + (900_000).to_bytes(4, "little"),
    schema.MsgContainer(messages=[]).to_bytes()[:4] + (500_000).to_bytes(4, "little"),
    schema.RpcResult.ID.to_bytes(4, "little"),
    b"\x01\x02\x03\x04",
)
"""How bombs begin."""


class Author:
    """Writes messages of ``sender``. ``ids`` are those that the receiver knows, ``fresh`` gives new ones."""

    def __init__(self, rng: random.Random, sender: Role, ids: list[int], fresh: Callable[[], int]) -> None:
        self.rng = rng
        self.sender = sender
        self.ids = ids
        self.fresh = fresh
        self.used: list[int] = []

    # ---- one message

    def id(self) -> int:
        choice = self.rng.randrange(8)
        if choice == 0:
            return self.rng.getrandbits(63) - self.rng.getrandbits(63)
        return self.fresh() if choice == 1 else self.rng.choice(self.ids)

    def id_list(self) -> list[int]:
        size = self.rng.choice(SIZES) if self.rng.randrange(100) else self.rng.choice((8000, 8192, 8193))
        return [self.id()] * size if self.rng.randrange(2) else [self.id() for _ in range(min(size, 64))]

    def body(self) -> bytes:
        rng = self.rng
        choice = rng.randrange(12)
        if choice < 7:
            body = self.service().to_bytes()
        elif choice == 7 and self.sender is Role.SERVER:
            body = pack_I(schema.RpcResult.ID) + self.id().to_bytes(8, "little", signed=True) + self.result()
        elif choice == 8:
            body = rng.choice(corpus.everything())
        elif choice == 9:
            body = noise(rng, rng.choice(corpus.objects("mtproto", "type"))[: rng.choice((4, 12))])
        else:
            body = rng.choice(corpus.objects("api", "function"))
        if rng.randrange(3) == 0:
            body = mutated(rng, body, corpus.everything())
        return aligned(self.wrapped(aligned(body)))

    def wrapped(self, body: bytes) -> bytes:
        choice = self.rng.randrange(16)
        if choice == 0:
            return packed(body)
        if choice == 1:
            return pack_I(schema.MsgCopy.ID) + pack_I(0x5BB8E511) + bytes(12) + len(body).to_bytes(4, "little") + body
        if choice == 2 and self.rng.randrange(100) == 0:
            return bomb(self.rng.choice(FLOODS), self.rng.choice((15_200_000, 17_000_000)))
        return body

    def result(self) -> bytes:
        rng = self.rng
        choice = rng.randrange(5)
        if choice == 0:
            return schema.RpcError(error_code=rng.choice(CODES), error_message="CONNECTION_NOT_INITED").to_bytes()
        if choice == 1:
            return packed(rng.choice(corpus.everything()))
        return b"" if choice == 2 else rng.choice(corpus.objects("api", "type"))

    def service(self) -> TLObject:
        rng, one, many = self.rng, self.id(), self.id_list()
        number = rng.getrandbits(31) - rng.getrandbits(31)
        info = rng.randbytes(rng.choice(SIZES))
        made: list[TLObject] = [
            schema.MsgsAck(msg_ids=many),
            schema.MsgsStateReq(msg_ids=many),
            schema.MsgResendReq(msg_ids=many),
            schema.MsgsStateInfo(req_msg_id=one, info=info),
            schema.MsgsAllInfo(msg_ids=many, info=info),
            schema.Ping(ping_id=one),
            schema.Pong(msg_id=one, ping_id=rng.choice((5, one))),
        ]
        if self.sender is Role.SERVER:
            salts = [schema.FutureSalt(valid_since=number, valid_until=number + 9, salt=one)] * rng.choice((0, 1, 70))
            made += [
                schema.BadMsgNotification(bad_msg_id=one, bad_msg_seqno=number, error_code=rng.choice(CODES)),
                schema.BadMsgNotification(bad_msg_id=one, bad_msg_seqno=number, error_code=rng.choice(CODES)),
                schema.BadServerSalt(bad_msg_id=one, bad_msg_seqno=1, error_code=48, new_server_salt=number),
                schema.NewSessionCreated(first_msg_id=one, unique_id=number, server_salt=number),
                schema.FutureSalts(req_msg_id=one, now=number, salts=salts),
                schema.MsgDetailedInfo(msg_id=one, answer_msg_id=self.id(), bytes=number, status=0),
                schema.MsgNewDetailedInfo(answer_msg_id=one, bytes=number, status=0),
                schema.DestroySessionOk(session_id=5),
                schema.DestroySessionNone(session_id=one),
            ]
        else:
            made += [
                schema.PingDelayDisconnect(ping_id=one, disconnect_delay=number),
                schema.GetFutureSalts(num=number),
                schema.DestroySession(session_id=rng.choice((5, one))),
                schema.DestroyAuthKey(),
                schema.RpcDropAnswer(req_msg_id=one),
                schema.MsgResendAnsReq(msg_ids=many),
                schema.HttpWait(max_delay=number, wait_after=number, max_wait=number),
            ]
        return rng.choice(made)

    # ---- one payload

    def message(self) -> Message:
        msg_id = self.fresh()
        choice = self.rng.randrange(24)
        if choice == 0:
            msg_id = self.rng.choice(self.ids)
        elif choice == 1:
            msg_id += self.rng.randint(1, 3)
        elif choice == 2:  # another century
            msg_id = (self.rng.getrandbits(64) - (1 << 63)) & ~3 | (msg_id & 3)
        return Message(msg_id, self.rng.choice((0, 1, 2, 3, 9, 1001)), self.body())

    def payload(self) -> Message:
        """What one payload carries: a message, or a container of some."""
        rng = self.rng
        if rng.randrange(2):
            return self.message()
        count = rng.choice((0, 1, 2, 3, 8)) if rng.randrange(50) else rng.choice((100, 1020, 1021))
        messages = [self.message() for _ in range(min(count, 8))]
        messages += [Message(self.fresh(), 1, messages[0].body[:40]) for _ in range(count - len(messages))]
        body = join(messages)
        if rng.randrange(4) == 0:
            body = mutated(rng, body, [body])
        return Message(self.fresh(), rng.choice((0, 2, 1002, 1)), aligned(body))


def packed(body: bytes) -> bytes:
    return pack_I(schema.GzipPacked.ID) + pack_bytes(gzip.compress(body, 1))


@cache
def bomb(head: bytes, size: int) -> bytes:
    """``head`` and so many zeros, packed into a few kilobytes."""
    return packed(head + bytes(size))
