"""Sockets: a Way becomes an open socket, once for each front end. Spec: TR-121, TR-125, SEC-16."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from threading import local
from time import monotonic
from typing import TYPE_CHECKING

from mtproto.client.lookup import addresses, in_thread, is_address, wait
from mtproto.client.opening import check_address, no_connection
from mtproto.client.way import Way
from mtproto.environment import Environment
from mtproto.errors import UsageError

if TYPE_CHECKING:
    from asyncio import BaseProtocol
    from concurrent.futures import Future

    from mtproto.client.tunnel import Tunnel

READ_SIZE = 1 << 18
MIN_WAIT = 0.001
_NOTHING_NOW = ("SSLWantReadError", "SSLWantWriteError")


class _Received(local):
    """Where each thread's event loop reads to: asyncio would make a buffer of 256 KiB for each read, 10 µs of 35."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(READ_SIZE))


RECEIVED = _Received()


async def open_transport(way: Way, protocol: Callable[[], BaseProtocol], env: Environment, timeout: float) -> None:
    """Give ``protocol`` a connection on the running event loop, within ``timeout`` seconds.

    Raises ConnectionLost, and UsageError for Telegram's address with a scripted ``env``.
    """
    import asyncio

    name = way.host if way.ssl is not None else None
    connect = partial(asyncio.get_running_loop().create_connection, protocol, ssl=way.ssl, server_hostname=name)
    try:
        async with asyncio.timeout(timeout):
            if way.tunnel is not None:
                transport, _ = await connect(sock=await asyncio.wrap_future(_through(way.tunnel, way, timeout)))
            else:
                hosts = [way.host] if is_address(way.host) else await asyncio.wrap_future(_found(way))
                for left, host in zip(range(len(hosts) - 1, -1, -1), hosts, strict=True):
                    try:
                        transport, _ = await connect(host=host, port=way.port)  # asyncio sets TCP_NODELAY (TR-121)
                        break
                    except OSError:
                        if not left:
                            raise
    except (OSError, UnicodeError) as error:
        raise no_connection(way, error, timeout) from None
    try:
        check_address((transport.get_extra_info("peername") or ("",))[0], env)
    except UsageError:
        transport.abort()
        raise


def open_socket(way: Way, env: Environment, timeout: float) -> socket.socket:
    """A connected socket that does not block, made within ``timeout`` seconds. Raises as above."""
    deadline = monotonic() + timeout
    try:
        sock = _connected(way, deadline) if way.tunnel is None else wait(_through(way.tunnel, way, timeout), timeout)
    except (OSError, UnicodeError) as error:
        raise no_connection(way, error, timeout) from None
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # TR-121
        check_address(sock.getpeername()[0], env)
        if way.ssl is not None:
            sock.settimeout(_left(deadline))
            sock = way.ssl.wrap_socket(sock, server_hostname=way.host)
        sock.setblocking(False)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):  # it is gone again, or the other side speaks no TLS
            raise no_connection(way, error, timeout) from None
        raise
    return sock


def _connected(way: Way, deadline: float) -> socket.socket:
    hosts = [way.host] if is_address(way.host) else wait(_found(way), _left(deadline))
    for host in hosts[:-1]:
        try:
            return socket.create_connection((host, way.port), _left(deadline))
        except OSError:
            continue
    return socket.create_connection((hosts[-1], way.port), _left(deadline))


def _found(way: Way) -> Future[list[str]]:
    return in_thread(partial(addresses, way.host, way.port))


def _through(tunnel: Tunnel, way: Way, timeout: float) -> Future[socket.socket]:
    return in_thread(partial(tunnel.connect, way.host, way.port, timeout), socket.socket.close)


def _left(deadline: float) -> float:
    """Seconds until then; a socket would take 0 for "do not wait"."""
    return max(deadline - monotonic(), MIN_WAIT)


def would_block(error: OSError) -> bool:
    """Whether a socket, TLS or not, only has nothing to do now."""
    return isinstance(error, BlockingIOError) or type(error).__name__ in _NOTHING_NOW


def pending(sock: socket.socket) -> int:
    """Bytes that TLS has decrypted and nobody has read: no selector reports them."""
    count: Callable[[], int] = getattr(sock, "pending", int)
    return count()
