"""SOCKS5 and HTTP CONNECT proxies, by the package ``python-socks`` (extra ``tunnel``): a socket that leads through one.

Unlike an MTProxy such a proxy knows nothing of the protocol, so that any transport goes through it. The proxy looks
up the server's name.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from mtproto.errors import ConnectionLost, UsageError
from mtproto.record import Record

SCHEMES = ("socks5", "http")
MAX_URL = 2048


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
        """Raises UsageError where python-socks is not installed."""
        package()

    async def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A socket that leads to ``host``, made on the running event loop. Raises ConnectionLost."""
        package()
        from python_socks.async_.asyncio import Proxy

        with self._told(host, port):
            made: socket.socket = await Proxy(*self._options(), rdns=True).connect(host, port, timeout=timeout)
            return made

    def connect_blocking(self, host: str, port: int, timeout: float) -> socket.socket:
        """A socket that leads to ``host``. Raises ConnectionLost."""
        package()
        from python_socks.sync import Proxy

        with self._told(host, port):
            made: socket.socket = Proxy(*self._options(), rdns=True).connect(host, port, timeout=timeout)
            return made

    def _options(self) -> tuple[Any, str, int, str | None, str | None]:
        kind = package().ProxyType.SOCKS5 if self.scheme == "socks5" else package().ProxyType.HTTP
        return kind, self.host, self.port, self.username, self.password

    @contextmanager
    def _told(self, host: str, port: int) -> Iterator[None]:
        """Every way in which this can fail, in one line without the proxy's own words."""
        way = f"cannot connect to {host} port {port} through {self.host} port {self.port}"
        errors = package()
        try:
            yield
        except errors.ProxyTimeoutError:
            raise ConnectionLost(f"{way}: no answer in time") from None
        except errors.ProxyConnectionError:
            raise ConnectionLost(f"{way}: the proxy is not there") from None
        except errors.ProxyError as error:
            code = f" (code {error.error_code})" if error.error_code is not None else ""
            raise ConnectionLost(f"{way}: the proxy refused{code}") from None
        except (OSError, ValueError):  # ValueError: an answer that cannot be read
            raise ConnectionLost(f"{way}: the proxy did not answer as one") from None


def package() -> Any:
    """The package python_socks. Raises UsageError where it is not installed."""
    try:
        import python_socks
    except ImportError:
        raise UsageError("a tunnel needs the package python-socks: install mtproto[tunnel]") from None
    return python_socks
