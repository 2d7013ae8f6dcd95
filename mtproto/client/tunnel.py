"""SOCKS5 and HTTP CONNECT proxies, by ``python-socks`` and ``h11`` (extra ``tunnel``): a socket that leads through one.

Unlike an MTProxy such a proxy knows nothing of the protocol, so that any transport goes through it. The proxy looks
up the server's name.
"""

from __future__ import annotations

import socket
from binascii import b2a_base64
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from mtproto.errors import ConnectionLost, UsageError
from mtproto.record import Record

SCHEMES = ("socks5", "http")
MAX_URL = 2048
MAX_HEAD = 16384
NOT_THERE = "the proxy is not there"


class Tunnel(Record):
    """A proxy: ``scheme`` (one of ``SCHEMES``), ``host``, ``port``, and who asks, or None. Raises UsageError."""

    __slots__ = ("host", "password", "port", "scheme", "username")

    def __init__(
        self, scheme: str, host: str, port: int, username: str | None = None, password: str | None = None
    ) -> None:
        if scheme not in SCHEMES or not host or not 0 < port < 65536:
            raise UsageError(
                "a tunnel is socks5://HOST:PORT or http://HOST:PORT, with USER:PASSWORD@ where it asks for it"
            )
        self.scheme = scheme
        self.host = host
        self.port = port
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return f"Tunnel({self.scheme!r}, {self.host!r}, {self.port}, <redacted>)"

    @classmethod
    def parse(cls, url: str) -> Tunnel:
        """Read ``socks5://user:password@host:port`` or ``http://…``. Raises UsageError, which never repeats the URL."""
        try:
            parts = urlsplit(url[:MAX_URL])
            host, port, rest = parts.hostname, parts.port, parts.path.strip("/") + parts.query + parts.fragment
        except ValueError:
            host, port, rest = "", 0, ""
        if rest or len(url) > MAX_URL:
            host = ""
        if not host or port is None:
            return cls("", "", 0)
        username = None if parts.username is None else unquote(parts.username)
        return cls(parts.scheme, host, port, username, unquote(parts.password or "") if username is not None else None)

    def check(self) -> None:
        """Raises UsageError where the packages are not installed."""
        packages()

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A socket that leads to ``host``. Raises ConnectionLost.

        It blocks, and for longer than ``timeout`` seconds where the proxy's name takes longer to look up, or where
        the proxy dribbles: to be called in a thread (``lookup.in_thread``).
        """
        open_ = self._socks5 if self.scheme == "socks5" else self._http
        try:
            return open_(host, port, timeout)
        except _Failed as failed:
            reason = str(failed)
        except TimeoutError:
            reason = "no answer in time"
        except (OSError, ValueError):  # ValueError: an answer that cannot be read
            reason = "the proxy did not answer as one"
        way = f"cannot connect to {host} port {port} through {self.host} port {self.port}"
        raise ConnectionLost(f"{way}: {reason}")

    def _socks5(self, host: str, port: int, timeout: float) -> socket.socket:
        errors, _ = packages()
        from python_socks.sync import Proxy

        proxy = Proxy(errors.ProxyType.SOCKS5, self.host, self.port, self.username, self.password, rdns=True)
        try:
            made: socket.socket = proxy.connect(host, port, timeout=timeout)
        except errors.ProxyTimeoutError:
            raise TimeoutError from None
        except errors.ProxyConnectionError:
            raise _Failed(NOT_THERE) from None
        except errors.ProxyError as error:
            raise _refused(error.error_code) from None
        return made

    def _http(self, host: str, port: int, timeout: float) -> socket.socket:
        """By h11: python-socks takes what one read brings for the whole answer."""
        deadline = monotonic() + timeout
        try:
            sock = socket.create_connection((self.host, self.port), timeout)
        except (OSError, UnicodeError):  # UnicodeError: the host can be no name
            raise _Failed(NOT_THERE) from None
        try:
            name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
            self._ask(sock, f"{name}:{port}", deadline)
        except BaseException:
            sock.close()
            raise
        return sock

    def _ask(self, sock: socket.socket, target: str, deadline: float) -> None:
        """CONNECT, and read the head of the answer."""
        _, h11 = packages()
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        headers: list[tuple[str, str | bytes]] = [("Host", target)]
        if self.username is not None:
            login = f"{self.username}:{self.password or ''}".encode()
            headers.append(("Proxy-Authorization", b"Basic " + b2a_base64(login, newline=False)))
        try:
            sock.sendall(http.send(h11.Request(method="CONNECT", target=target, headers=headers)))
            http.send(h11.EndOfMessage())
            while not isinstance(event := http.next_event(), h11.Response):
                if event is h11.NEED_DATA:
                    sock.settimeout(max(deadline - monotonic(), 0.001))
                    http.receive_data(sock.recv(1))  # what follows the head is the server's
        except h11.ProtocolError as error:
            raise ValueError(error) from None
        if not 200 <= event.status_code < 300:
            raise _refused(event.status_code)


class _Failed(Exception):
    """Why there is no socket, in a few words."""


def _refused(code: int | None) -> _Failed:
    return _Failed("the proxy refused" + (f" (code {code})" if code is not None else ""))


def packages() -> tuple[Any, Any]:
    """The packages python_socks and h11. Raises UsageError where they are not installed."""
    try:
        import h11
        import python_socks
    except ImportError:
        raise UsageError("a tunnel needs the packages python-socks and h11: install mtproto[tunnel]") from None
    return python_socks, h11
