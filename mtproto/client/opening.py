"""What a front end does before its socket is open: options → Link, Connection, Calls; and the limits they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC, is_telegram_address
from mtproto.client.key_store import KeyStore
from mtproto.client.link import App, Link, preamble
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

Watch = Callable[[Event], None]
KeyFile = KeyStore | str | os.PathLike[str] | None


class Opening:
    """Everything of a client but its socket. ``calls`` is ready for the first byte; ``store`` keeps its auth key.

    ``created_key``: the auth key is made on this connection rather than taken from the file.
    """

    __slots__ = ("calls", "store", "created_key", "_owns_store")

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
    ) -> None:
        """Raises UsageError for an unusable key file or transport name, before anything is sent."""
        env = env or SystemEnvironment()
        check_address(dc.host, env)
        link = Link(dc, env, preamble=preamble(app))
        codec = client_transport(transport, env)
        self._owns_store = not isinstance(key_store, KeyStore)
        self.store = key_store if isinstance(key_store, KeyStore) or key_store is None else KeyStore(key_store, dc)
        stored = self.store.load() if self.store is not None and not new_key else None
        self.created_key = stored is None
        if stored is not None:
            link.restore(stored)
        self.calls = Calls(link, Connection(Role.CLIENT, codec, link, env, trace=watch is not None), watch)

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
