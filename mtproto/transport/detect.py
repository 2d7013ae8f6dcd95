"""Detect: the server's side of a new stream, which chooses the transport from the first bytes (TR-20 to TR-22)."""

from __future__ import annotations

from mtproto.environment import Environment
from mtproto.roles import Role
from mtproto.transport.abridged import Abridged
from mtproto.transport.base import Codec, Transport
from mtproto.transport.faketls import MAX_RECORD, MIN_HELLO, fake_tls_server
from mtproto.transport.full import Full
from mtproto.transport.http import http_server
from mtproto.transport.intermediate import Intermediate, Padded
from mtproto.transport.layer import Deferred
from mtproto.transport.mtproxy import ProxyServer
from mtproto.transport.obfuscated import ObfuscatedServer
from mtproto.transport.websocket import websocket_server

CLIENT_HELLO = b"\x16\x03\x01"
HTTP = frozenset({b"POST", b"HEAD", b"OPTI"})


def choose_codec(head: bytes) -> type[Codec] | None:
    """The codec whose start bytes ``head`` has, or whose first frame it is (TR-20)."""
    if head[:1] == Abridged.start:
        return Abridged
    for codec in (Intermediate, Padded):
        if head[:4] == codec.start:
            return codec
    return Full if len(head) >= 8 and not any(head[4:8]) else None


class Detect(Deferred):
    """A server's transport for a stream of which nothing is known yet.

    ``proxy``: whose secrets are accepted besides direct connections, and without which there is no fake TLS.
    """

    __slots__ = ("_env", "_obfuscated", "_proxy")

    def __init__(self, env: Environment, proxy: ProxyServer | None = None) -> None:
        super().__init__()
        self._env = env
        self._proxy = proxy
        self._obfuscated = ObfuscatedServer(env, (b"",) if proxy is None else (*proxy.keys, b""), proxy)

    def choose(self, head: bytes) -> tuple[Transport, int] | None:
        """See ``Deferred.choose``. Waits for no more bytes than each row of TR-20 needs."""
        if self._proxy is not None and head[:3] == CLIENT_HELLO:
            length = int.from_bytes(head[3:5], "big")
            if len(head) < 5 or MIN_HELLO <= length <= MAX_RECORD:  # TR-73: a shorter record is no fake TLS
                size = 5 + length
                return (
                    None if len(head) < max(size, 6) else (fake_tls_server(head[:size], self._env, self._proxy), size)
                )
        codec = choose_codec(head)
        if codec is not None:
            return codec(Role.SERVER, self._env), len(codec.start)
        if head[:4] == b"GET ":
            return websocket_server(self._env), 0
        if head[:4] in HTTP:
            return http_server(), 0
        return self._obfuscated.choose(head)
