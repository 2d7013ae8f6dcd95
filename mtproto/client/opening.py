"""What a front end does before its socket is open: options → Link, Connection, Calls; and the limits they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Generic, Self, TypeVar

from mtproto.client.calls import Calls
from mtproto.client.datacenters import DC, is_telegram_address
from mtproto.client.key_store import KeyStore
from mtproto.client.link import App, Link, preamble
from mtproto.client.pfs import TemporaryLink
from mtproto.client.recovery import Recovery
from mtproto.client.way import Way
from mtproto.connection import Connection
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import ConnectionLost, MTProtoError, PeerError, RequestTimeout, UsageError
from mtproto.roles import Role
from mtproto.session.events import Event, KeyDestroyed

CONNECT_TIMEOUT = 10.0
KEY_EXCHANGE_TIMEOUT = 30.0
CALL_TIMEOUT = 30.0
CLOSE_TIMEOUT = 1.0
"""Seconds (TR-125)."""

_CLOSED = {
    False: "the server closed the connection during the key exchange",
    True: "the proxy closed the connection, as it does for a wrong secret",
}

W = TypeVar("W")
Watch = Callable[[Event], None]
KeyFile = KeyStore | str | os.PathLike[str] | None


class Opening:
    """Everything of a client but its socket. ``calls`` is ready for the first byte; ``store`` keeps its auth key.

    ``created_key``: the auth key is made on this connection rather than taken from the file. ``way``: where the socket
    leads. A context manager that gives the key file back where the client does not come to be.

    The file keeps the key it has until its owner decides otherwise, by ``remember_user`` or ``new_key``, also where the
    server has lost it (MSG-114, API-21).
    """

    __slots__ = ("calls", "store", "created_key", "way", "_filed", "_owns_store", "_trace", "_opened", "_watch")

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
        reconnect: bool,
        pfs: bool,
    ) -> None:
        """Raises UsageError for an unusable key file or transport, before anything is sent."""
        env = env or SystemEnvironment()
        check_address(dc.host, env)
        link = (TemporaryLink if pfs else Link)(dc, env, preamble=preamble(app))
        self.way = way
        self._trace = watch is not None
        self._watch = watch
        self._opened = False
        connection = self._connection(link)
        self._owns_store = not isinstance(key_store, KeyStore)
        self.store = key_store if isinstance(key_store, KeyStore) or key_store is None else KeyStore(key_store, dc)
        stored = self.store.load() if self.store is not None and not new_key else None
        self.created_key = stored is None
        self._filed = None if stored is None else stored.auth_key
        if stored is not None:
            link.restore(stored)
        self.calls = Calls(link, connection, self._told, Recovery(env) if reconnect else None)

    def _connection(self, link: Link) -> Connection:
        codec, env = self.way.codec(link.env), link.env
        return Connection(Role.CLIENT, codec, link, env, trace=self._trace, quick_ack=self.way.quick_ack)

    def opened(self) -> None:
        """A socket is open. The first one has its connection; each further one gets another."""
        if self._opened:
            self.calls.renew(self._connection(self.calls.link))
        self._opened = True

    def begin(self) -> None:
        """The socket is open: make the keys that are missing, or use the stored one."""
        self.calls.attach()

    @property
    def done(self) -> bool:
        """Whether calls can be made. Raises what ended the connection where it ended first."""
        connection = self.calls.connection
        if connection.closed:
            raise connection.error or ConnectionLost(_CLOSED[self.way.proxy is not None])
        return self.calls.link.current is not None

    def save(self) -> None:
        """Write the key file, where there is one."""
        if self.store is not None and self.calls.link.permanent is not None:
            self.store.save(self.calls.link.stored())
            self._filed = self.calls.link.permanent.auth_key

    def save_last(self) -> None:
        """Write the key file with what was learnt of salt and clock; never after a fault, such as −404 (TR-57)."""
        permanent = self.calls.link.permanent
        known = permanent is not None and permanent.auth_key == self._filed
        if known and not isinstance(self.calls.connection.error, PeerError):
            self.save()

    def _told(self, event: Event) -> None:
        """What happens to the connection, for ``watch``; a key that the server has destroyed leaves its file."""
        if isinstance(event, KeyDestroyed) and self.store is not None:
            with suppress(UsageError):  # then the next run is told −404
                self.store.delete()
        if self._watch is not None:
            self._watch(event)

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


def limit(timeout: float | None) -> float:
    """Seconds that a call may take; infinite for None. Raises UsageError for anything but a positive number."""
    return inf if timeout is None else positive(timeout, " or None")


def positive(timeout: float, other: str = "") -> float:
    """``timeout``, in seconds. Raises UsageError for anything but a positive number."""
    if not isinstance(timeout, int | float) or not timeout > 0:
        raise UsageError(f"a timeout is a positive number of seconds{other}, not {timeout!r}")
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
        reason = error.strerror or str(error) or "it was closed while it was made"  # asyncio, for EOF inside TLS
    through = "" if way.tunnel is None else f" through {way.tunnel.host} port {way.tunnel.port}"
    return ConnectionLost(f"cannot connect to {way.host} port {way.port}{through}: {reason}")


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
