"""What a front end does before its socket is open: options → Link, Connection, Calls; and the limits they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf
from typing import Self

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC, is_telegram_address
from mtproto.client.key_store import KeyStore
from mtproto.client.link import App, Link, preamble
from mtproto.client.way import Way
from mtproto.connection import Connection
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import ConnectionLost, MTProtoError, PeerError, RequestTimeout, UsageError
from mtproto.roles import Role
from mtproto.session.events import Event

CONNECT_TIMEOUT = 10.0
KEY_EXCHANGE_TIMEOUT = 30.0
CALL_TIMEOUT = 30.0
CLOSE_TIMEOUT = 1.0
"""Seconds (TR-125)."""

_CLOSED = {
    False: "the server closed the connection during the key exchange",
    True: "the proxy closed the connection, as it does for a wrong secret",
}

Watch = Callable[[Event], None]
KeyFile = KeyStore | str | os.PathLike[str] | None


class Opening:
    """Everything of a client but its socket. ``calls`` is ready for the first byte; ``store`` keeps its auth key.

    ``created_key``: the auth key is made on this connection rather than taken from the file. ``way``: where the socket
    leads. A context manager that gives the key file back where the client does not come to be.
    """

    __slots__ = ("calls", "store", "created_key", "way", "_owns_store")

    def __init__(
        self,
        dc: DC,
        app: App,
        way: Way,
        *,
        key_store: KeyFile,
        new_key: bool,
        env: Environment | None,
        watch: Watch | None,
    ) -> None:
        """Raises UsageError for an unusable key file or transport, before anything is sent."""
        env = env or SystemEnvironment()
        check_address(dc.host, env)
        link = Link(dc, env, preamble=preamble(app))
        self.way = way
        codec = way.codec(env)
        self._owns_store = not isinstance(key_store, KeyStore)
        self.store = key_store if isinstance(key_store, KeyStore) or key_store is None else KeyStore(key_store, dc)
        stored = self.store.load() if self.store is not None and not new_key else None
        self.created_key = stored is None
        if stored is not None:
            link.restore(stored)
        traced, quick_ack = watch is not None, way.quick_ack
        self.calls = Calls(link, Connection(Role.CLIENT, codec, link, env, trace=traced, quick_ack=quick_ack), watch)

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
            raise connection.error or ConnectionLost(_CLOSED[self.way.proxy is not None])
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None:
            self.close()


class KeyHolder:
    """What a client of either front end says of its auth key."""

    __slots__ = ("_opening",)

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

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
        """Whether this connection made its auth key, rather than taking one from a key file."""
        return self._opening.created_key


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


def no_connection(way: Way, error: OSError | UnicodeError, seconds: float) -> MTProtoError:
    """Why no connection could be made within ``seconds``, in one line. UnicodeError: the host can be no name."""
    if isinstance(error, TimeoutError):
        reason = f"no answer within {seconds:g} s"
    elif isinstance(error, UnicodeError):
        reason = "no such host"
    elif getattr(error, "library", None) is not None:  # ssl.SSLError, whose errno is no errno
        reason = f"TLS: {getattr(error, 'verify_message', None) or getattr(error, 'reason', None) or error}"
    elif error.errno is not None and error.errno > 0:  # asyncio's own text repeats the address
        reason = os.strerror(error.errno)
    else:  # the host's name is not found, or several addresses failed
        reason = error.strerror or str(error)
    return ConnectionLost(f"cannot connect to {way.host} port {way.port}: {reason}")


def no_key(seconds: float) -> MTProtoError:
    return RequestTimeout(f"the key exchange did not end within {seconds:g} s")


def no_answer(seconds: float) -> MTProtoError:
    return RequestTimeout(f"no answer within {seconds:g} s")
