"""Look-ups of names, and whatever else can only block: in a thread that nobody waits for longer than he has time.

The system's look-up has no limit of its own, and an event loop does not end before the threads of its executor do.
Spec: TR-125.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


def in_thread(work: Callable[[], T], drop: Callable[[T], object] | None = None) -> Future[T]:
    """What ``work`` returns or raises, later. Where nobody waits any more by then, ``drop`` is given the result."""
    from concurrent.futures import Future

    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # it belongs to whoever waits
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if future.set_running_or_notify_cancel():
            future.set_result(result)
        elif drop is not None:
            drop(result)

    Thread(target=run, name="mtproto-connect", daemon=True).start()
    return future


def wait(future: Future[T], seconds: float) -> T:
    """The result of ``in_thread``. Raises what the work raised; TimeoutError, and the result will be dropped."""
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.cancel():
            raise
        return future.result()


def is_address(host: str) -> bool:
    """Whether ``host`` is a number already, which takes no time to look up."""
    from ipaddress import ip_address

    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order to try them. Blocks. Raises OSError and UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_numeric(*place) for *_, place in found))


def _numeric(address: str | int, port: int | bytes, flow: int = 0, zone: int = 0) -> str:
    """The address in what getaddrinfo found, with the zone of a link-local one."""
    return f"{address}%{zone}" if zone else str(address)
