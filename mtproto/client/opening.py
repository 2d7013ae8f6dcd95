"""What a front end does before its socket is open: options → Link, Connection, Calls; and the limits they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC, is_telegram_address
from mtproto.client.key_store import KeyStore
from mtproto.client.link import App, Link, preamble
from mtproto.client.recovery import Recovery
from mtproto.connection import Connection
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import ConnectionLost, MTProtoError, PeerError, RequestTimeout, UsageError
from mtproto.roles import Role
from mtproto.session.events import Event
from mtproto.transport import client_transport

CONNECT_TIMEOUT = 10.0
KEY_EXCHANGE_TIMEOUT = 30.0
CALL_TIMEOUT = 30.0
CLOSE_TIMEOUT = 1.0
"""Seconds (TR-125)."""

W = TypeVar("W")
Watch = Callable[[Event], None]
KeyFile = KeyStore | str | os.PathLike[str] | None


class Opening:
    """Everything of a client but its socket. ``calls`` is ready for the first byte; ``store`` keeps its auth key.

    ``created_key``: the auth key is made on this connection rather than taken from the file.
    """

    __slots__ = ("calls", "store", "created_key", "_owns_store", "_transport", "_trace", "_opened")

    def __init__(
        self,
        dc: DC,
        app: App,
        *,
        transport: str,
        key_store: KeyFile,
        new_key: bool,
        env: Environment | None,
        watch: Watch | None,
        reconnect: bool,
    ) -> None:
        """Raises UsageError for an unusable key file or transport name, before anything is sent."""
        env = env or SystemEnvironment()
        check_address(dc.host, env)
        link = Link(dc, env, preamble=preamble(app))
        self._transport = transport
        self._trace = watch is not None
        self._opened = False
        connection = self._connection(link)
        self._owns_store = not isinstance(key_store, KeyStore)
        self.store = key_store if isinstance(key_store, KeyStore) or key_store is None else KeyStore(key_store, dc)
        stored = self.store.load() if self.store is not None and not new_key else None
        self.created_key = stored is None
        if stored is not None:
            link.restore(stored)
        self.calls = Calls(link, connection, watch, Recovery(env) if reconnect else None)

    def _connection(self, link: Link) -> Connection:
        codec = client_transport(self._transport, link.env)
        return Connection(Role.CLIENT, codec, link, link.env, trace=self._trace)

    def opened(self) -> None:
        """A socket is open. The first one has its connection; each further one gets another."""
        if self._opened:
            self.calls.renew(self._connection(self.calls.link))
        self._opened = True

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
            raise connection.error or ConnectionLost("the server closed the connection during the key exchange")
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


def limit(timeout: float | None) -> float:
    """Seconds that a call may take; infinite for None. Raises UsageError for anything but a positive number."""
    if timeout is None:
        return inf
    if not isinstance(timeout, int | float) or not timeout > 0:
        raise UsageError(f"a timeout is a positive number of seconds or None, not {timeout!r}")
    return timeout


def check_address(host: str, env: Environment) -> None:
    """Telegram is never connected to with a scripted clock or generator (SEC-16). Raises UsageError."""
    if is_telegram_address(host) and type(env) is not SystemEnvironment:
        raise UsageError("Telegram's addresses are connected to with the system's clock and generator only")


def no_connection(dc: DC, error: OSError | UnicodeError, seconds: float) -> MTProtoError:
    """Why no connection could be made within ``seconds``, in one line. UnicodeError: the host can be no name."""
    if isinstance(error, TimeoutError):
        reason = f"no answer within {seconds:g} s"
    elif isinstance(error, UnicodeError):
        reason = "no such host"
    elif error.errno is not None and error.errno > 0:  # asyncio's own text repeats the address
        reason = os.strerror(error.errno)
    else:  # the host's name is not found, or several addresses failed
        reason = error.strerror or str(error)
    return ConnectionLost(f"cannot connect to {dc.host} port {dc.port}: {reason}")


def no_key(seconds: float) -> MTProtoError:
    return RequestTimeout(f"the key exchange did not end within {seconds:g} s")


def no_answer(seconds: float) -> MTProtoError:
    return RequestTimeout(f"no answer within {seconds:g} s")


class BaseClient(Generic[W]):
    """What a client of either front end says about its key. ``W``: the front end's end of the socket."""

    __slots__ = ("_opening", "_wire")

    def __init__(self, opening: Opening, wire: W) -> None:
        self._opening = opening
        self._wire = wire

    @property
    def user_id(self) -> int | None:
        """The bot that logged in with this key, as remembered in the key file."""
        return self._opening.calls.link.user_id

    def remember_user(self, user_id: int | None) -> None:
        """Note in the key file who logged in with this key."""
        self._opening.calls.link.user_id = user_id
        self._opening.save()

    @property
    def created_key(self) -> bool:
        """Whether this client made its auth key, rather than taking one from a key file."""
        return self._opening.created_key
