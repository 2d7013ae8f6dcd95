"""Through SOCKS5 and HTTP CONNECT proxies, with both front ends; the proxies are twenty lines each."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any

import pytest

from mtproto.client import recovery
from mtproto.client.datacenters import DC
from mtproto.client.tunnel import Tunnel
from mtproto.errors import ConnectionLost, UsageError
from mtproto.testdc import serve
from mtproto.testing import ScriptedEnvironment

from .test_ways import PADDED, SECRETS, Proxy, config, each_front_end, new_dc, twice

needs_package = pytest.mark.skipif(not find_spec("python_socks"), reason="needs python-socks")
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]


async def pump(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def join(reader: Reader, writer: Writer, host: str, port: int, answer: bytes) -> None:
    there = await asyncio.open_connection(host, port)
    writer.write(answer)
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))


async def socks5(reader: Reader, writer: Writer) -> None:
    """RFC 1928 and 1929: user "me", password "p:w"; addresses of IPv4."""
    await reader.readexactly(2 + 2)
    writer.write(b"\x05\x02")
    assert await reader.readexactly(8) == b"\x01\x02me\x03p:w"
    writer.write(b"\x01\x00")
    asked = await reader.readexactly(10)
    assert asked[:4] == b"\x05\x01\x00\x01"
    host = ".".join(map(str, asked[4:8]))
    await join(reader, writer, host, int.from_bytes(asked[8:], "big"), b"\x05\x00\x00\x01" + bytes(6))


async def connect(reader: Reader, writer: Writer) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert "Basic " + base64.b64encode(b"me:p:w").decode() in head
    host, port = head.split()[1].split(":")
    await join(reader, writer, host, int(port), b"HTTP/1.1 200 OK\r\n\r\n")


async def refuse(reader: Reader, writer: Writer) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    writer.close()


async def nonsense(reader: Reader, writer: Writer) -> None:
    await reader.read(100)
    writer.write(b"\xff\xfe" * 50)
    writer.close()


def through(handler: Handler, scheme: str, front_end: str, ask: Callable[..., Any] = config, **options: Any) -> Any:
    """``ask`` through a proxy that behaves as ``handler`` does."""

    async def main() -> Any:
        gate = await asyncio.start_server(handler, "127.0.0.1", 0)
        url = f"{scheme}://me:p%3Aw@127.0.0.1:{gate.sockets[0].getsockname()[1]}"
        async with serve(new_dc()) as listener:
            dc = DC(listener.host, listener.port, 2, [listener.dc.public_key])
            if options.pop("mtproxy", False):
                options["proxy"] = Proxy(listener.host, listener.port, SECRETS[PADDED])
            return await asyncio.to_thread(ask, front_end, dc, tunnel=url, **options)

    return asyncio.run(main())


@needs_package
@each_front_end
@pytest.mark.parametrize(("scheme", "handler"), [("socks5", socks5), ("http", connect)])
@pytest.mark.parametrize("mtproxy", [False, True])
def test_a_call_goes_through_a_tunnel(front_end: str, scheme: str, handler: Handler, mtproxy: bool) -> None:
    assert through(handler, scheme, front_end, mtproxy=mtproxy).this_dc == 2


@needs_package
@each_front_end
@pytest.mark.parametrize(("scheme", "handler"), [("socks5", socks5), ("http", connect)])
def test_a_lost_connection_is_made_again_through_the_tunnel(
    front_end: str, scheme: str, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.02)
    through(handler, scheme, front_end, twice)


@needs_package
@each_front_end
@pytest.mark.parametrize("scheme", ["socks5", "http"])
@pytest.mark.parametrize("handler", [refuse, nonsense])
def test_a_tunnel_that_refuses_is_told_in_one_line(front_end: str, scheme: str, handler: Handler) -> None:
    with pytest.raises(
        ConnectionLost, match=r"through 127\.0\.0\.1 port \d+: the proxy (refused|did not answer)"
    ) as told:
        through(handler, scheme, front_end)
    assert "p:w" not in str(told.value)
    assert "\n" not in str(told.value)


@needs_package
@each_front_end
def test_a_tunnel_that_never_answers_ends_in_time(front_end: str) -> None:
    async def silent(reader: Reader, writer: Writer) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(ConnectionLost, match="no answer"):
        through(silent, "socks5", front_end, connect_timeout=0.3)


@needs_package
@each_front_end
@pytest.mark.parametrize(
    ("scheme", "answer"), [("socks5", b"\x05\x00" + bytes(40)), ("http", b"HTTP/1.1 200" + b" " * 99)]
)
def test_a_tunnel_that_answers_byte_by_byte_ends_in_time(front_end: str, scheme: str, answer: bytes) -> None:
    """TR-125: each byte comes in time, all of them do not."""

    async def drip(reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        for byte in answer:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.2)
        writer.close()

    began = time.monotonic()
    with pytest.raises(ConnectionLost, match="no answer"):
        through(drip, scheme, front_end, connect_timeout=0.5)
    assert time.monotonic() - began < 3


@needs_package
@each_front_end
def test_the_answer_of_an_http_proxy_is_read_to_its_end_and_no_further(front_end: str) -> None:
    """python-socks takes what one read brings for all of it; the rest would count as the server's first bytes."""

    async def in_pieces(reader: Reader, writer: Writer) -> None:
        host, port = (await reader.readuntil(b"\r\n\r\n")).decode().split()[1].split(":")
        for piece in (b"HTTP/1.1 20", b"0 Connection established\r\nVia: 1.1 x\r", b"\n\r"):
            writer.write(piece)
            await asyncio.sleep(0.05)
        await join(reader, writer, host, int(port), b"\n")

    assert through(in_pieces, "http", front_end).this_dc == 2


@needs_package
@each_front_end
def test_a_tunnel_that_is_not_there_is_named(front_end: str) -> None:
    dc = DC("127.0.0.1", 9, 2, [new_dc().public_key])
    with pytest.raises(ConnectionLost, match=r"through 127\.0\.0\.1 port 1: the proxy is not there"):
        config(front_end, dc, tunnel=Tunnel("http", "127.0.0.1", 1))


@needs_package
def test_a_tunnel_needs_the_clock_of_the_system() -> None:
    dc = DC("127.0.0.1", 9, 2, [new_dc().public_key])
    with pytest.raises(UsageError, match="clock"):
        config("blocking", dc, tunnel="socks5://h:1", env=ScriptedEnvironment())


def test_without_the_package_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(UsageError, match=r"install mtproto\[tunnel\]"):
        config("blocking", DC("127.0.0.1", 9, 2, [new_dc().public_key]), tunnel="socks5://h:1")


@pytest.mark.parametrize(
    "url",
    ["", "socks5://", "socks5://h", "ftp://h:1", "socks5://h:0", "socks5://h:99999", "socks5://h:x", "h:1",
     "http://h:1/path", "http://[h:1", "socks5://me:secret-word@:1", "http://h:1?" + "x" * 3000],
)  # fmt: skip
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(UsageError, match="a tunnel is socks5://HOST:PORT") as caught:
        Tunnel.parse(url)
    assert "secret-word" not in str(caught.value)


def test_a_url_is_read() -> None:
    assert Tunnel.parse("socks5://me:p%3Aw@proxy.example.org:1080") == Tunnel(
        "socks5", "proxy.example.org", 1080, "me", "p:w"
    )
    assert Tunnel.parse("http://[2001:db8::1]:8080/") == Tunnel("http", "2001:db8::1", 8080)
    assert "p:w" not in repr(Tunnel("socks5", "h", 1, "me", "p:w"))
