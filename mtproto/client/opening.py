"""What a front end does before its socket is open: options → Link, Connection, Calls; and the limits they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC, is_telegram_address
from mtproto.client.key_store import KeyStore
from mtproto.client.link import App, Link, preamble
from mtproto.connection import Connection
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import ConnectionLost, MTProtoError, PeerError, RequestTimeout, UsageError
from mtproto.roles import Role
from mtproto.session.events import Event
from mtproto.transport import client_transport, proxy_transport
from mtproto.transport.base import Transport
from mtproto.transport.mtproxy import Proxy

if TYPE_CHECKING:
    from mtproto.client.tunnel import Tunnel

CONNECT_TIMEOUT = 10.0
KEY_EXCHANGE_TIMEOUT = 30.0
CALL_TIMEOUT = 30.0
CLOSE_TIMEOUT = 1.0
"""Seconds (TR-125)."""

DEFAULT_TRANSPORT = "intermediate"
_CLOSED = {
    False: "the server closed the connection during the key exchange",
    True: "the proxy closed the connection, as it does for a wrong secret",
}

Watch = Callable[[Event], None]
KeyFile = KeyStore | str | os.PathLike[str] | None


class Opening:
    """Everything of a client but its socket. ``calls`` is ready for the first byte; ``store`` keeps its auth key.

    ``created_key``: the auth key is made on this connection rather than taken from the file. ``host`` and ``port``:
    where the socket leads, to the proxy where there is one; ``tunnel``: through what.
    """

    __slots__ = ("calls", "store", "created_key", "host", "port", "tunnel", "_owns_store", "_proxied")

    def __init__(
        self,
        dc: DC,
        app: App,
        *,
        transport: str | None,
        proxy: Proxy | str | None,
        tunnel: Tunnel | str | None,
        quick_ack: bool,
        key_store: KeyFile,
        new_key: bool,
        env: Environment | None,
        watch: Watch | None,
    ) -> None:
        """Raises UsageError for an unusable key file, transport name or proxy link, before anything is sent."""
        env = env or SystemEnvironment()
        check_address(dc.host, env)
        link = Link(dc, env, preamble=preamble(app))
        proxy = Proxy.parse(proxy) if isinstance(proxy, str) else proxy
        self.host, self.port = (dc.host, dc.port) if proxy is None else (proxy.host, proxy.port)
        self._proxied = proxy is not None
        self.tunnel = as_tunnel(tunnel, env)
        codec = new_transport(dc, transport, proxy, env)
        self._owns_store = not isinstance(key_store, KeyStore)
        self.store = key_store if isinstance(key_store, KeyStore) or key_store is None else KeyStore(key_store, dc)
        stored = self.store.load() if self.store is not None and not new_key else None
        self.created_key = stored is None
        if stored is not None:
            link.restore(stored)
        self.calls = Calls(
            link, Connection(Role.CLIENT, codec, link, env, trace=watch is not None, quick_ack=quick_ack), watch
        )

    def begin(self) -> None:
        """The socket is open: start the key exchange, or use the stored key."""
        if self.calls.link.keys is None:
            self.calls.connection.start_key_exchange(self.calls.link.exchange())
        else:
            self.calls.attach()

    @property
    def done(self) -> bool:
        """Whether calls can be made. Raises what ended the connection where it ended first."""
        connection = self.calls.connection
        if connection.closed:
            raise connection.error or ConnectionLost(_CLOSED[self._proxied])
        return self.calls.link.keys is not None

    def save(self) -> None:
        """Write the key file, where there is one."""
        if self.store is not None and self.calls.link.keys is not None:
            self.store.save(self.calls.link.stored())

    def save_last(self) -> None:
        """Write the key file with what was learnt of salt and clock; never after a fault, such as −404 (TR-57)."""
        if not isinstance(self.calls.connection.error, PeerError):
            self.save()

    def close(self) -> None:
        """Give the key file back, where it was opened here."""
        if self.store is not None and self._owns_store:
            self.store.close()
        self.store = None


def as_tunnel(tunnel: Tunnel | str | None, env: Environment) -> Tunnel | None:
    """The tunnel that is meant. Raises UsageError: nobody sees whether it leads to Telegram (see ``check_address``)."""
    if tunnel is None:
        return None
    from mtproto.client.tunnel import Tunnel

    made = Tunnel.parse(tunnel) if isinstance(tunnel, str) else tunnel
    made.check()
    if type(env) is not SystemEnvironment:
        raise UsageError("a tunnel goes with the system's clock and generator only")
    return made


def new_transport(dc: DC, name: str | None, proxy: Proxy | None, env: Environment) -> Transport:
    """The transport ``name``, by default intermediate; to a proxy the one its secret wants. Raises UsageError."""
    if proxy is not None:
        return proxy_transport(proxy.secret, env, dc=dc.number, name=name)
    return client_transport(name or DEFAULT_TRANSPORT, env, dc=dc.number, host=authority(dc.host, dc.port))


def authority(host: str, port: int) -> str:
    """What a Host header calls this address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_address(host: str, env: Environment) -> None:
    """Telegram is never connected to with a scripted clock or generator (SEC-16). Raises UsageError."""
    if is_telegram_address(host) and type(env) is not SystemEnvironment:
        raise UsageError("Telegram's addresses are connected to with the system's clock and generator only")


def no_connection(host: str, port: int, error: OSError | UnicodeError | None, seconds: float) -> MTProtoError:
    """Why no connection could be made within ``seconds``, in one line. UnicodeError: the host can be no name."""
    if error is None:
        reason = f"no answer within {seconds:g} s"
    elif isinstance(error, UnicodeError):
        reason = "no such host"
    elif getattr(error, "library", None) is not None:  # ssl.SSLError, whose errno is no errno
        reason = f"TLS: {getattr(error, 'verify_message', None) or getattr(error, 'reason', None) or error}"
    elif error.errno is not None and error.errno > 0:  # asyncio's own text repeats the address
        reason = os.strerror(error.errno)
    else:  # the host's name is not found, or several addresses failed
        reason = error.strerror or str(error)
    return ConnectionLost(f"cannot connect to {host} port {port}: {reason}")


def no_key(seconds: float) -> MTProtoError:
    return RequestTimeout(f"the key exchange did not end within {seconds:g} s")


def no_answer(seconds: float) -> MTProtoError:
    return RequestTimeout(f"no answer within {seconds:g} s")
