"""Raw MTProto 2.0: TL codec, transports, key exchange, encrypted session, and a test datacenter.

The names below load what they need at first use: ``import mtproto`` itself costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    "connect": "mtproto.client.asyncio",
    "Client": "mtproto.client.asyncio",
    "App": "mtproto.client.link",
    "DC": "mtproto.client.datacenters",
    "KeyStore": "mtproto.client.key_store",
    "Raw": "mtproto.client.raw",
    "Connection": "mtproto.connection",
    "Endpoint": "mtproto.endpoint",
    "Session": "mtproto.session.session",
    "Environment": "mtproto.environment",
    "SystemEnvironment": "mtproto.environment",
    "AuthKey": "mtproto.crypto.auth_key",
    "PublicKey": "mtproto.crypto.rsa",
    "Role": "mtproto.roles",
    "decode": "mtproto.tl.registry",
    "encode": "mtproto.tl.registry",
}
_MODULES = frozenset({"blocking", "client", "errors", "schema", "testdc", "testing", "tl", "transport", "vectors"})

if TYPE_CHECKING:
    from mtproto import blocking as blocking
    from mtproto import errors as errors
    from mtproto.client.asyncio import Client as Client
    from mtproto.client.asyncio import connect as connect
    from mtproto.client.datacenters import DC as DC
    from mtproto.client.key_store import KeyStore as KeyStore
    from mtproto.client.link import App as App
    from mtproto.client.raw import Raw as Raw
    from mtproto.connection import Connection as Connection
    from mtproto.crypto.auth_key import AuthKey as AuthKey
    from mtproto.crypto.rsa import PublicKey as PublicKey
    from mtproto.endpoint import Endpoint as Endpoint
    from mtproto.environment import Environment as Environment
    from mtproto.environment import SystemEnvironment as SystemEnvironment
    from mtproto.roles import Role as Role
    from mtproto.session.session import Session as Session
    from mtproto.tl.registry import decode as decode
    from mtproto.tl.registry import encode as encode


def __getattr__(name: str) -> object:
    """PEP 562: the public names, loaded at first use (TLS, asyncio and cryptography stay out until then)."""
    if name in _HOME:
        module = __import__(_HOME[name], fromlist=[name])
        value = globals()[name] = getattr(module, name)
        return value
    if name in _MODULES:
        return __import__(f"mtproto.{name}", fromlist=[name])
    raise AttributeError(f"module 'mtproto' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, *_MODULES])
