"""Faults over real sockets: what only the limits of a front end end, and a hostile datacenter in a thread."""

from __future__ import annotations

import asyncio

import pytest

from mtproto.blocking import connect as connect_blocking
from mtproto.client.asyncio import connect
from mtproto.environment import SystemEnvironment
from mtproto.errors import RequestTimeout
from mtproto.testdc import serve, start_in_thread
from mtproto.testdc.accounts import CONNECTED_AT
from mtproto.testdc.faults import FaultyDataCenter, find
from tests.client.rig import APP, LOGIN, address
from tests.handshake.rig import KEY


def faulty(spec: str) -> FaultyDataCenter:
    return FaultyDataCenter(SystemEnvironment(), *find(spec), private_key=KEY)


@pytest.mark.requirement("SEC-68")
def test_a_datacenter_that_never_says_a_word_is_given_up_in_time() -> None:
    dc = faulty("slow_half_open")

    async def main() -> None:
        async with serve(dc, spare=False) as listener:
            with pytest.raises(RequestTimeout):
                await connect(address(listener), APP, key_exchange_timeout=0.2, pfs=False)
            async with await connect(address(listener), APP, pfs=False) as client:
                await client.call("auth.importBotAuthorization", **LOGIN)

    asyncio.run(main())
    assert dc.injected == 1
    assert [seen.connection for seen in dc.observations if seen.kind == "closed"] == [1, 2]


@pytest.mark.requirement("SEC-68")
def test_a_call_that_is_met_with_silence_ends_when_its_caller_says() -> None:
    dc = faulty("silence")

    async def main() -> None:
        async with serve(dc, spare=False) as listener, await connect(address(listener), APP, pfs=False) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            with pytest.raises(RequestTimeout):
                await client.call("account.getBotBusinessConnection", connection_id="demo", timeout=0.2)

    asyncio.run(main())
    assert dc.injected == 1


@pytest.mark.requirement("SEC-21", "SEC-31")
@pytest.mark.parametrize("spec", ["cipher_bitflip", "container_inner_high", "result_twice", "http_junk"])
def test_the_blocking_client_shows_the_same_reaction(spec: str) -> None:
    dc = faulty(spec)
    transport = "http" if spec.startswith("http") else "full"
    with (
        start_in_thread(dc) as running,
        connect_blocking(address(running), APP, transport=transport, pfs=False) as client,
    ):
        client.call("auth.importBotAuthorization", **LOGIN)
        for _ in range(2):
            answer = client.call("account.getBotBusinessConnection", connection_id="demo")
            assert answer.updates[0].connection.date == CONNECTED_AT
    kinds = [seen.kind for seen in dc.observations]
    assert kinds.count("opened") == (1 if spec == "result_twice" else 2)
    assert not {"acked", "accepted"} & set(kinds)
