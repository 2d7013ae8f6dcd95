"""The types of transports, put to ``mtproto.transport``."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from mtproto.environment import Environment
from mtproto.errors import FramingError, TransportFault
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Codec, Detect, Full, Intermediate, Item, Packet, Padded, QuickAck
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, TypeFunction, require

CODECS: dict[str, type[Codec]] = {
    "abridged": Abridged,
    "intermediate": Intermediate,
    "padded_intermediate": Padded,
    "full": Full,
}


def codec(case: Case, role: Role, env: Environment | None = None) -> Codec:
    """A new stream of the transport that the test, or its group, names."""
    name = case.input.get("transport") or case.params["transport"]
    return CODECS[name](role, env or ScriptedEnvironment())


def transport_init(case: Case) -> Output:
    """What the first frame has before it and the second has not; the server tells the transport from it."""
    client = codec(case, Role.CLIENT, ScriptedEnvironment(entropy=[bytes(16)] * 2))
    first, second = client.pack(bytes(8)), client.pack(bytes(8))
    server = Detect(ScriptedEnvironment())
    require(server.feed(first + second) == [Packet(bytes(8), False)] * 2, "the server's detection")
    return {"clientInit": first[: len(first) - len(second)].hex()}


def transport_packet(case: Case) -> Output:
    payload = case.bytes("payload")
    quick_ack = case.input.get("quickAck", False)
    client, server = codec(case, Role.CLIENT, padding_of(case)), codec(case, Role.SERVER)
    if isinstance(client, Full) and isinstance(server, Full):
        client.sent = server.received = case.input["seqNo"]
    wire = client.pack(payload, quick_ack=quick_ack).removeprefix(client.start)
    require([*map(fitted(case), server.feed(wire))] == [Packet(payload, quick_ack)], "decoding")
    if "payload" in case.input:
        return {"wire": wire.hex()}
    header = wire[: len(wire) - len(payload)]
    return {"header": header.hex(), "wireLength": len(wire), "wireSha256": sha256(wire).hexdigest()}


def fitted(case: Case) -> Callable[[Item], Item]:
    """A received packet without what the receiver could not tell from the payload: the first bytes of the padding.

    A receiver cuts to the length of an encrypted message (TR-05); some payloads of the file have no such length.
    """
    payload, padding = case.bytes("payload"), bytes.fromhex(case.input.get("padding", ""))

    def fit(item: Item) -> Item:
        if isinstance(item, Packet) and item.payload.startswith(payload) and padding:
            require((payload + padding).startswith(item.payload), "what follows the payload")
            return Packet(payload, item.wants_ack)
        return item

    return fit


def padding_of(case: Case) -> Environment:
    """Randomness from which the padded transport draws the padding of the test: a length, then the bytes."""
    padding = bytes.fromhex(case.input.get("padding", ""))
    return ScriptedEnvironment(entropy=[(bytes((len(padding),)) + padding).ljust(16, b"\0")])


def transport_stream(case: Case) -> Output:
    server = codec(case, Role.SERVER)
    items = [item for chunk in case.input["chunks"] for item in server.feed(bytes.fromhex(chunk))]
    return {"payloads": [payload_of(item) for item in items]}


def payload_of(item: Item) -> str:
    """The payload of a packet; what else a transport reports is raised or refused."""
    if isinstance(item, Exception):
        raise item
    if not isinstance(item, Packet):
        raise Mismatch(f"{type(item).__name__} in place of a packet")
    return item.payload.hex()


def transport_server_message(case: Case) -> Output:
    items = [described(item) for item in codec(case, Role.CLIENT).feed(bytes.fromhex(case.input["wire"]))]
    return items[0] if len(items) == 1 else {"items": items}


def described(item: Item) -> Output:
    """What a client reads, as the file writes it: codes without sign, tokens as a number."""
    if isinstance(item, TransportFault):
        return {"error": -item.code}
    if isinstance(item, QuickAck):
        return {"quickAckToken": f"{item.token:08x}"}
    return {"payload": payload_of(item)}


def transport_reject(case: Case) -> Output:
    codec(case, Role.CLIENT).pack(case.bytes("payload"))
    return {}


def transport_reject_receive(case: Case) -> Output:
    wire, delivered = case.bytes("wire"), case.output.get("deliveredBefore", [])
    error = FramingError("none")
    for role in (Role.CLIENT, Role.SERVER):
        stream = codec(case, role)
        *before, last = stream.feed(wire)
        if case.output:  # a line of --exec does not say what is expected
            require([payload_of(item) for item in before] == delivered, f"what the {role.value} delivers before")
        if not isinstance(last, FramingError):
            return {}
        require(stream.feed(wire) == [], f"silence of the {role.value} after the error")
        error = last
    raise error


FUNCTIONS: dict[str, TypeFunction] = {
    "TransportInit": transport_init,
    "TransportPacket": transport_packet,
    "TransportStream": transport_stream,
    "TransportServerMessage": transport_server_message,
    "TransportReject": transport_reject,
    "TransportRejectReceive": transport_reject_receive,
    "TransportIncomplete": transport_stream,
}
"""Type -> the function that puts a test of this type to the core."""
