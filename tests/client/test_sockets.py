"""How the sockets of both front ends are set (TR-121)."""

from __future__ import annotations

import asyncio
import socket

import pytest

import mtproto
from mtproto import blocking
from mtproto.testdc import serve, start_in_thread
from tests.client.rig import APP, address, new_dc


def without_delay(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


@pytest.mark.requirement("TR-121")
def test_an_asyncio_client_and_its_server_send_without_delay() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            assert client._wire._transport is not None
            assert without_delay(client._wire._transport.get_extra_info("socket"))
            (server,) = listener._sockets.values()
            assert without_delay(server._transport.get_extra_info("socket"))  # type: ignore[union-attr]

    asyncio.run(main())


@pytest.mark.requirement("TR-121")
def test_a_blocking_client_sends_without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: made.append(connect(*a, **k)) or made[-1])
    with start_in_thread(new_dc()) as place, blocking.connect(address(place), APP) as client:
        client.call("help.getConfig")
        assert made and all(map(without_delay, made))
