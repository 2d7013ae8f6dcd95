"""Transports: payloads to bytes of a stream and back (docs/spec/transports.md)."""

from __future__ import annotations

from mtproto.environment import Environment
from mtproto.errors import UsageError
from mtproto.roles import Role
from mtproto.transport import http, websocket
from mtproto.transport.abridged import Abridged
from mtproto.transport.base import MAX_FRAME, MAX_PAYLOAD, Codec, Item, Packet, QuickAck, Transport
from mtproto.transport.detect import Detect
from mtproto.transport.faketls import fake_tls_client
from mtproto.transport.full import Full
from mtproto.transport.http import http_client
from mtproto.transport.intermediate import Intermediate, Padded
from mtproto.transport.mtproxy import FAKE_TLS, PLAIN, Secret
from mtproto.transport.obfuscated import TAGS, Obfuscated, obfuscate
from mtproto.transport.websocket import websocket_client

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
    "installed",
    "obfuscate",
    "proxy_transport",
]

_CODECS: dict[str, type[Codec]] = {codec.name: codec for codec in (Abridged, Intermediate, Padded, Full)}
_OBFUSCATED = {f"obfuscated-{codec.name}": codec for codec in TAGS.values()}
_PACKAGES = {"websocket": websocket.is_installed, "http": http.is_installed}

TRANSPORTS = (*_CODECS, *_OBFUSCATED, "websocket", "http")
"""The names ``client_transport`` takes (TR-11). The last two need packages of their own (extras of the same names)."""


def installed() -> tuple[str, ...]:
    """The transports whose packages are there."""
    return tuple(name for name in TRANSPORTS if name not in _PACKAGES or _PACKAGES[name]())


def client_transport(name: str, env: Environment, *, dc: int | None = None, host: str = "localhost") -> Transport:
    """A new client's transport by name.

    ``dc``: the number of the datacenter, which obfuscation writes (TR-34, ``DC.number``). ``host``: what HTTP and
    WebSocket call the server, with its port where it is not the usual one. Raises ``UsageError`` for a name that is
    not in ``TRANSPORTS``, a number that no datacenter has, and a package that is not installed.
    """
    if name in _CODECS:
        return _CODECS[name](Role.CLIENT, env)
    if name in _OBFUSCATED:
        return obfuscate(_OBFUSCATED[name], env, dc=dc)
    if name == "websocket":
        return websocket_client(env, host=host, dc=dc)
    if name == "http":
        return http_client(host=host, dc=dc)
    raise UsageError(f"unknown transport {name!a}: expected one of {', '.join(TRANSPORTS)}")


def proxy_transport(secret: Secret, env: Environment, *, dc: int, name: str | None = None) -> Transport:
    """A new client's transport to an MTProxy with ``secret``, which leads to the datacenter ``dc`` (TR-60, TR-11).

    ``name``: the obfuscated transport that a plain secret leaves open, ``obfuscated-intermediate`` by default. Raises
    UsageError for another one, and for any but ``obfuscated-padded`` with the other kinds of secret.
    """
    allowed = tuple(_OBFUSCATED) if secret.kind == PLAIN else ("obfuscated-padded",)
    if name is None:
        name = "obfuscated-intermediate" if secret.kind == PLAIN else "obfuscated-padded"
    if name not in allowed:
        raise UsageError(f"a {secret.kind} proxy secret goes with the transport {' or '.join(allowed)}: not {name!a}")
    if secret.kind == FAKE_TLS:
        return fake_tls_client(secret, env, dc=dc)
    return obfuscate(_OBFUSCATED[name], env, dc=dc, secret=secret.key)
