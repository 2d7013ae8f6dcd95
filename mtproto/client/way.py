"""Way: by which transport, and through which proxies, a client's socket reaches its datacenter. No I/O yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mtproto.client.datacenters import DC
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import UsageError
from mtproto.transport import client_transport, proxy_transport
from mtproto.transport.base import Transport
from mtproto.transport.mtproxy import Proxy

if TYPE_CHECKING:
    from ssl import SSLContext

    from mtproto.client.tunnel import Tunnel

ProxyLink: TypeAlias = "Proxy | str | None"
TunnelLink: TypeAlias = "Tunnel | str | None"
Tls: TypeAlias = "SSLContext | None"
DEFAULT_TRANSPORT = "intermediate"


class Way:
    """The options of ``connect`` that concern the socket, checked.

    ``host`` and ``port``: where the socket leads, to the MTProxy ``proxy`` where there is one; ``tunnel``: through
    what; ``ssl``: inside which TLS.
    """

    __slots__ = ("host", "port", "proxy", "tunnel", "ssl", "quick_ack", "_dc", "_transport")

    def __init__(
        self,
        dc: DC,
        *,
        transport: str | None,
        proxy: ProxyLink,
        tunnel: TunnelLink,
        ssl: Tls,
        quick_ack: bool,
    ) -> None:
        """Raises UsageError for a link, URL or context that is none, and for a tunnel whose package is missing."""
        self.proxy = Proxy.parse(proxy) if isinstance(proxy, str) else proxy
        self.host, self.port = (dc.host, dc.port) if self.proxy is None else (self.proxy.host, self.proxy.port)
        self.tunnel = as_tunnel(tunnel)
        self.ssl = check_tls(ssl)
        self.quick_ack = quick_ack
        self._dc = dc
        self._transport = transport

    def codec(self, env: Environment) -> Transport:
        """The transport that was named, by default intermediate; to a proxy the one its secret wants.

        Raises UsageError: no such transport; a tunnel with a scripted ``env``, as nobody sees whether it leads to
        Telegram (SEC-16).
        """
        if self.tunnel is not None and type(env) is not SystemEnvironment:
            raise UsageError("a tunnel goes with the system's clock and generator only")
        dc, name = self._dc, self._transport
        if self.proxy is not None:
            return proxy_transport(self.proxy.secret, env, dc=dc.number, name=name)
        return client_transport(name or DEFAULT_TRANSPORT, env, dc=dc.number, host=authority(dc.host, dc.port))


def as_tunnel(tunnel: TunnelLink) -> Tunnel | None:
    """The tunnel that is meant. Raises UsageError."""
    if tunnel is None:
        return None
    from mtproto.client.tunnel import Tunnel

    made = Tunnel.parse(tunnel) if isinstance(tunnel, str) else tunnel
    made.check()
    return made


def check_tls(ssl: Tls) -> Tls:
    """``ssl`` itself. Raises UsageError for anything but a context."""
    if ssl is not None:
        from ssl import SSLContext

        if not isinstance(ssl, SSLContext):
            raise UsageError(f"ssl is an SSLContext, not {type(ssl).__name__}")
    return ssl


def authority(host: str, port: int) -> str:
    """What a Host header calls this address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
