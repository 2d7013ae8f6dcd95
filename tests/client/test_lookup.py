"""Names of hosts: a look-up that takes for ever costs no more than the time to connect (TR-125), in both front ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mtproto.client.datacenters import DC
from mtproto.client.lookup import in_thread, wait
from mtproto.errors import ConnectionLost
from mtproto.testdc import start_in_thread
from mtproto.transport.mtproxy import Proxy, Secret
from tests.testdc.test_tunnel import needs_package
from tests.testdc.test_ways import config, each_front_end, new_dc

SLOW, TWO = "slow.example", "two.example"


@pytest.fixture(autouse=True)
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """``slow.example`` is looked up until this is set; ``two.example`` has an address where nobody listens first."""
    real, over = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host == SLOW:
            over.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host == TWO:
            return [found for ip in ("127.0.0.2", "127.0.0.1") for found in real(ip, port, *args, **options)]
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield over
    over.set()


def took(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(ConnectionLost, match=r"cannot connect to .*: no answer"):
        act()
    return time.monotonic() - began


@each_front_end
def test_a_look_up_without_an_end_ends_in_time(front_end: str) -> None:
    dc = DC(SLOW, 9, 2, [new_dc().public_key])
    assert took(lambda: config(front_end, dc, connect_timeout=0.2)) < 3


@each_front_end
def test_so_does_that_of_an_mtproxy(front_end: str) -> None:
    dc = DC("127.0.0.1", 9, 2, [new_dc().public_key])
    proxy = Proxy(SLOW, 9, Secret(bytes(16)))
    assert took(lambda: config(front_end, dc, proxy=proxy, connect_timeout=0.2)) < 3


@needs_package
@each_front_end
@pytest.mark.parametrize("scheme", ["socks5", "http"])
def test_so_does_that_of_a_tunnel(front_end: str, scheme: str) -> None:
    dc = DC("127.0.0.1", 9, 2, [new_dc().public_key])
    assert took(lambda: config(front_end, dc, tunnel=f"{scheme}://{SLOW}:9", connect_timeout=0.2)) < 3


@each_front_end
def test_a_name_that_is_not_found_is_told(front_end: str, answer: threading.Event) -> None:
    answer.set()
    dc = DC(SLOW, 9, 2, [new_dc().public_key])
    with pytest.raises(ConnectionLost, match=r"slow\.example port 9: Temporary failure in name resolution"):
        config(front_end, dc)


@each_front_end
def test_all_addresses_of_a_name_are_tried(front_end: str) -> None:
    with start_in_thread(new_dc()) as running:
        dc = DC(TWO, running.port, 2, [running.dc.public_key])
        assert config(front_end, dc).this_dc == 2


def test_what_comes_too_late_is_dropped() -> None:
    go, dropped = threading.Event(), threading.Event()
    future = in_thread(lambda: go.wait(20), lambda result: dropped.set())
    with pytest.raises(TimeoutError):
        wait(future, 0.01)
    go.set()
    assert dropped.wait(5)


def test_an_error_in_the_thread_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        wait(in_thread(lambda: 1 // 0), 5)
