"""Transports: payloads to bytes of a stream and back (docs/spec/transports.md)."""

from __future__ import annotations

from mtproto.environment import Environment
from mtproto.errors import UsageError
from mtproto.roles import Role
from mtproto.transport.abridged import Abridged
from mtproto.transport.base import MAX_FRAME, MAX_PAYLOAD, Codec, Item, Packet, QuickAck, Transport
from mtproto.transport.detect import Detect
from mtproto.transport.full import Full
from mtproto.transport.intermediate import Intermediate, Padded

__all__ = [
    "MAX_FRAME",
    "MAX_PAYLOAD",
    "TRANSPORTS",
    "Abridged",
    "Codec",
    "Detect",
    "Full",
    "Intermediate",
    "Item",
    "Packet",
    "Padded",
    "QuickAck",
    "Transport",
    "client_transport",
]

_CODECS: dict[str, type[Codec]] = {codec.name: codec for codec in (Abridged, Intermediate, Padded, Full)}

TRANSPORTS = tuple(_CODECS)
"""The names ``client_transport`` takes (TR-11)."""


def client_transport(name: str, env: Environment) -> Transport:
    """A new client's transport by name. Raises ``UsageError`` for a name that is not in ``TRANSPORTS``."""
    codec = _CODECS.get(name)
    if codec is None:
        raise UsageError(f"unknown transport {name!a}: expected one of {', '.join(TRANSPORTS)}")
    return codec(Role.CLIENT, env)
