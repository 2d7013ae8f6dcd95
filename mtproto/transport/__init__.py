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
from mtproto.transport.obfuscated import TAGS, Obfuscated, obfuscate

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
    "Obfuscated",
    "Packet",
    "Padded",
    "QuickAck",
    "Transport",
    "client_transport",
    "obfuscate",
]

_CODECS: dict[str, type[Codec]] = {codec.name: codec for codec in (Abridged, Intermediate, Padded, Full)}
_OBFUSCATED = {f"obfuscated-{codec.name}": codec for codec in TAGS.values()}

TRANSPORTS = (*_CODECS, *_OBFUSCATED)
"""The names ``client_transport`` takes (TR-11)."""


def client_transport(name: str, env: Environment, *, dc: int | None = None) -> Transport:
    """A new client's transport by name.

    ``dc``: the number of the datacenter, which obfuscation writes (TR-34, ``DC.number``). Raises ``UsageError`` for a
    name that is not in ``TRANSPORTS`` and for a number that no datacenter has.
    """
    if name in _CODECS:
        return _CODECS[name](Role.CLIENT, env)
    if name in _OBFUSCATED:
        return obfuscate(_OBFUSCATED[name], env, dc=dc)
    raise UsageError(f"unknown transport {name!a}: expected one of {', '.join(TRANSPORTS)}")
