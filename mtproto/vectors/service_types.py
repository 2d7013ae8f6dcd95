"""The types of service_messages, put to ``mtproto.message``, the generated schema and the sessions."""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import Any

from mtproto.errors import RpcError
from mtproto.message import gzip
from mtproto.message.container import Message, join, split
from mtproto.message.envelope import Inner
from mtproto.message.msg_id import MsgIds
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Event, LinkEvent, RequestFailed
from mtproto.session.session import Session
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode
from mtproto.tl.wire import pack_bytes, pack_I
from mtproto.vectors import rig
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, Refused, TypeFunction, require


def shown(case: Case, name: str, data: bytes) -> Output:
    """``data`` under ``name``, or, where the file gives only length and digest, those."""
    if "sha256" in case.output:
        return {"length": len(data), "sha256": sha256(data).hexdigest()}
    return {name: data.hex()}


# gzip_packed and containers


def gzip_packed(case: Case) -> Output:
    if "bytesSpec" in case.input:
        return {"data": gzip.unpack(zeros(case.input["bytesSpec"]["gzipOfZeros"]), case.input["limit"]).hex()}
    data = gzip.unpack(case.bytes("bytes"))
    packed = gzip.pack(data)
    require(packed == data or gzip.unpack(packed) == data, "packing")
    return shown(case, "data", data)


def zeros(count: int) -> bytes:
    """A gzip_packed body that expands to ``count`` zero bytes."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [deflater.compress(block) for _ in range(count >> 20)]
    return pack_I(gzip.GZIP_PACKED) + pack_bytes(b"".join((*parts, deflater.flush())))


def messages(case: Case) -> list[Message]:
    """The messages that the test lists or describes."""
    if "messagesSpec" in case.input:
        spec = case.input["messagesSpec"]
        first, step, body = int(spec["firstMsgId"]), spec["msgIdStep"], bytes.fromhex(spec["body"])
        return [Message(first + i * step, spec["seqNo"], body) for i in range(spec["count"])]
    return [Message(int(m["msgId"]), m["seqNo"], bytes.fromhex(m["body"])) for m in case.input["messages"]]


def msg_container(case: Case) -> Output:
    inner = messages(case)
    container = join(inner)
    require(split(container, max((m.msg_id for m in inner), default=0) + 4, Role.CLIENT) == inner, "splitting")
    return shown(case, "bytes", container)


def msg_container_receive(case: Case) -> Output:
    container = join(messages(case)) if "messagesSpec" in case.input else case.bytes("bytes")
    split(container, int(case.params["outerMsgId"]), Role.SERVER)
    return {}


# service messages


def service_message(case: Case) -> Output:
    name = case.input["_"]
    if name == schema.RpcResult.NAME:  # its result is any object, which the session never parses
        return rpc_result(case)
    cls = schema.registry.find(name)
    fields = {key: value for key, value in case.input.items() if key != "_"}
    value = build(cls, fields)
    data = value.to_bytes()
    require(decode(data, schema.read_object) == value, "decoding")
    return {"bytes": data.hex()}


def build(cls: type[TLObject], fields: dict[str, Any]) -> TLObject:
    """The object of this class from the fields as the file writes them."""
    types = cls.__init__.__annotations__
    return cls(**{name: converted(value, types[name]) for name, value in fields.items()})


def converted(value: Any, annotation: str) -> Any:
    """A value of the file as the Python value of this annotation: bytes are hexadecimal, long numbers are text."""
    if annotation.startswith("list["):
        return [converted(item, annotation[5:-1]) for item in value]
    if annotation == "bytes":
        return bytes.fromhex(value)
    if annotation == "int":
        return int(value)
    return build(getattr(schema, annotation), value)


def rpc_result(case: Case) -> Output:
    """The server's session makes it, the client's takes it."""
    msg_id, result = int(case.input["req_msg_id"]), case.bytes("result")
    server = rig.server_session(ScriptedEnvironment())
    server.result(msg_id, result, None)
    (body,) = rig.bodies(server)
    client = rig.client_session(ScriptedEnvironment(unix_time=0))
    request_id = rig.send_under(client, msg_id, schema.GetFutureSalts(num=1).to_bytes())
    require(outcome(received(client, body), request_id) == expected(result), "what the client makes of it")
    return {"bytes": body.hex()}


def received(session: Session, body: bytes) -> list[Event]:
    """The events of a message with this body."""
    sender = session.role.opposite
    msg_id = MsgIds(sender).next(session.time.now() + 1)
    events = session.receive(Inner(0, rig.SESSION_ID, msg_id, 1 if sender is Role.SERVER else 0, body), None)
    for event in events:
        if isinstance(event, LinkEvent) and event.fault is not None:
            raise event.fault
    return events


def outcome(events: list[Event], request_id: int) -> bytes | tuple[int, str]:
    """How the request ended: with these bytes, or with this error of the server."""
    (event,) = events
    if isinstance(event, Answered) and event.request_id == request_id:
        return event.body
    if isinstance(event, RequestFailed) and event.request_id == request_id and isinstance(event.error, RpcError):
        return event.error.code, event.error.message
    raise Mismatch(f"the client reports {type(event).__name__}")


def expected(result: bytes) -> bytes | tuple[int, str]:
    """How a request with this result has to end."""
    if gzip.constructor_of(result) == gzip.GZIP_PACKED:
        return gzip.unpack(result)
    if gzip.constructor_of(result) == schema.RpcError.ID:
        error = decode(result, schema.read_object)
        if isinstance(error, schema.RpcError):
            return error.error_code, error.error_message
    return result


def service_message_receive(case: Case) -> Output | Refused:
    """A client with one request under way gets a message that must leave it as it is."""
    client = rig.client_session(ScriptedEnvironment(unix_time=0))
    (msg_id,) = map(int, case.params["clientSent"])
    request_id = rig.send_under(client, msg_id, schema.GetFutureSalts(num=1).to_bytes())
    before = client.keys.salts.current(0)
    rig.raise_refusal(received(client, case.bytes("bytes")))
    unchanged = client.unfinished() == [request_id] and client.keys.salts.current(0) == before
    return Refused("ignored") if unchanged and not client.wants_write(None) else {}


def msgs_ack_limit(case: Case) -> Output:
    if "receivedCount" in case.input:
        ack = schema.MsgsAck(msg_ids=list(range(case.input["receivedCount"]))).to_bytes()
        rig.raise_refusal(received(rig.server_session(ScriptedEnvironment()), ack))
        return {}
    client = rig.client_session(ScriptedEnvironment())
    for msg_id in range(case.input["count"]):
        client.acknowledge(msg_id)
    sizes = []
    while acks := rig.bodies(client):
        objects = [decode(body, schema.read_object) for body in acks]
        sizes += [len(ack.msg_ids) for ack in objects if isinstance(ack, schema.MsgsAck)]
    return {"messages": sizes}


FUNCTIONS: dict[str, TypeFunction] = {
    "GzipPacked": gzip_packed,
    "MsgContainer": msg_container,
    "MsgContainerReceive": msg_container_receive,
    "ServiceMessage": service_message,
    "ServiceMessageReceive": service_message_receive,
    "MsgsAckLimit": msgs_ack_limit,
}
"""Type -> the function that puts a test of this type to the core."""
