"""The ways to a datacenter besides a plain socket: MTProxies of three kinds and TLS, with both front ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mtproto
from mtproto import blocking
from mtproto.client import recovery
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.client.recovery import Reconnected
from mtproto.environment import SystemEnvironment
from mtproto.errors import ConnectionLost, FramingError, MTProtoError, RequestTimeout, TransportFault, UsageError
from mtproto.testdc import BackgroundDataCenter, DataCenter, serve, start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from mtproto.transport.mtproxy import FAKE_TLS, PADDED, PLAIN, Proxy, Secret
from tests.handshake.rig import KEY
from tests.transport.test_faketls import certificate
from tests.transports import EACH

APP = App(API_ID, API_HASH)
LOGIN: dict[str, Any] = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}
PROXY_KEY = bytes(range(16))
SECRETS = {
    PLAIN: Secret(PROXY_KEY),
    PADDED: Secret(PROXY_KEY, PADDED),
    FAKE_TLS: Secret(PROXY_KEY, FAKE_TLS, "example.org"),
}
NAMES = {PLAIN: "obfuscated-intermediate", PADDED: "obfuscated-padded", FAKE_TLS: "faketls"}
each_kind = pytest.mark.parametrize("kind", SECRETS)
each_front_end = pytest.mark.parametrize("front_end", ["asyncio", "blocking"])


def new_dc() -> DataCenter:
    return DataCenter(SystemEnvironment(), private_key=KEY, proxy_keys=[PROXY_KEY])


@pytest.fixture
def background() -> Iterator[BackgroundDataCenter]:
    with start_in_thread(new_dc()) as running:
        yield running


def nowhere(dc: DataCenter, dc_id: int = 2) -> DC:
    """The datacenter at an address that nobody listens at: only a proxy leads to it."""
    return DC("127.0.0.1", 1, dc_id, [dc.public_key])


def config(front_end: str, dc: DC, **options: Any) -> Any:
    """One call by either front end."""
    if front_end == "blocking":
        with blocking.connect(dc, APP, **options) as client:
            return client.call("help.getConfig")

    async def main() -> Any:
        async with await mtproto.connect(dc, APP, **options) as client:
            return await client.call("help.getConfig")

    return asyncio.run(main())


def twice(front_end: str, dc: DC, **options: Any) -> None:
    """A bot's call whose connection is lost under way, answered by the next connection."""
    options = {"watch": lambda event: told.append(event) if isinstance(event, Reconnected) else None, **options}
    told: list[Reconnected] = []
    fields = {"connection_id": "lost"}
    if front_end == "blocking":
        with blocking.connect(dc, APP, **options) as client:
            client.call("auth.importBotAuthorization", **LOGIN)
            answer = client.call("account.getBotBusinessConnection", **fields)
    else:

        async def main() -> Any:
            async with await mtproto.connect(dc, APP, **options) as client:
                await client.call("auth.importBotAuthorization", **LOGIN)
                return await client.call("account.getBotBusinessConnection", **fields)

        answer = asyncio.run(main())
    assert answer.updates[0].connection.connection_id == "lost"
    assert [event.attempt for event in told] == [1]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is made again after 20 to 40 milliseconds."""
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.02)


@each_kind
@each_front_end
@pytest.mark.requirement("TR-60")
def test_a_call_goes_through_a_proxy(background: BackgroundDataCenter, front_end: str, kind: str) -> None:
    proxy = Proxy(background.host, background.port, SECRETS[kind])
    answer = config(front_end, nowhere(background.dc), proxy=proxy.link, quick_ack=True)
    assert answer.this_dc == 2
    background.close()
    assert background.dc.log.transports == {NAMES[kind]: 1}
    assert not background.dc.log.faults


@each_kind
@each_front_end
@pytest.mark.usefixtures("quick")
def test_a_lost_connection_is_made_again_through_the_proxy(
    background: BackgroundDataCenter, front_end: str, kind: str
) -> None:
    proxy = Proxy(background.host, background.port, SECRETS[kind])
    twice(front_end, nowhere(background.dc), proxy=proxy, quick_ack=True)
    background.close()
    assert background.dc.log.transports == {NAMES[kind]: 2}
    assert not background.dc.log.faults


@pytest.mark.parametrize("transport", ["obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded"])
def test_a_plain_secret_leaves_the_codec_open(background: BackgroundDataCenter, transport: str) -> None:
    proxy = Proxy(background.host, background.port, SECRETS[PLAIN])
    assert config("blocking", nowhere(background.dc), proxy=proxy, transport=transport).this_dc == 2
    background.close()
    assert background.dc.log.transports == {transport: 1}


@each_kind
@each_front_end
def test_a_wrong_secret_is_told_in_one_line(background: BackgroundDataCenter, front_end: str, kind: str) -> None:
    wrong = Secret(b"\x77" * 16, kind, SECRETS[kind].domain)
    with pytest.raises(ConnectionLost, match="the proxy closed the connection, as it does for a wrong secret"):
        config(front_end, nowhere(background.dc), proxy=Proxy(background.host, background.port, wrong))


@each_kind
@each_front_end
def test_a_datacenter_that_the_proxy_does_not_lead_to_is_refused(
    background: BackgroundDataCenter, front_end: str, kind: str
) -> None:
    """TR-56: −444."""
    proxy = Proxy(background.host, background.port, SECRETS[kind])
    with pytest.raises(TransportFault) as caught:
        config(front_end, nowhere(background.dc, dc_id=3), proxy=proxy)
    assert caught.value.code == -444


@each_front_end
def test_a_server_that_only_looks_like_the_proxy_is_refused(front_end: str) -> None:
    """SEC-64: it speaks TLS, but does not know the secret."""

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(517)
            reply = (
                b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x08" + bytes(8)
            )
            writer.write(reply)
            await reader.read()  # until the client goes; from 3.12 on the server waits for its connections
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1], SECRETS[FAKE_TLS])
        async with server:
            with pytest.raises(FramingError, match="digest"):
                await asyncio.to_thread(config, front_end, nowhere(new_dc()), proxy=proxy)

    asyncio.run(main())


@each_front_end
def test_a_proxy_that_is_not_there_is_named_in_the_error(front_end: str) -> None:
    proxy = Proxy("127.0.0.1", 2, SECRETS[FAKE_TLS])
    with pytest.raises(ConnectionLost, match=r"cannot connect to 127\.0\.0\.1 port 2:"):
        config(front_end, nowhere(new_dc()), proxy=proxy)


@each_front_end
def test_a_proxy_that_never_answers_ends_in_a_time_out(front_end: str) -> None:
    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # as long as it runs, the writer is held and the socket stays open
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1], SECRETS[FAKE_TLS])
        with pytest.raises(RequestTimeout):
            await asyncio.to_thread(config, front_end, nowhere(new_dc()), proxy=proxy, key_exchange_timeout=0.2)
        server.close()

    asyncio.run(main())


@each_front_end
@pytest.mark.parametrize(
    ("kind", "transport"), [(PADDED, "obfuscated-intermediate"), (FAKE_TLS, "http"), (PLAIN, "full")]
)
def test_a_transport_that_does_not_go_with_the_secret_is_refused(front_end: str, kind: str, transport: str) -> None:
    with pytest.raises(UsageError, match="goes with the transport"):
        config(front_end, nowhere(new_dc()), proxy=Proxy("127.0.0.1", 2, SECRETS[kind]), transport=transport)


# TLS


def contexts(path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and one of a client that trusts its certificate."""
    pem = certificate(path / "pem")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(pem))
    server.load_cert_chain(pem)
    client.check_hostname = False
    return server, client


def over_tls(front_end: str, path: Path, **options: Any) -> Any:
    server, client = contexts(path)

    async def main() -> Any:
        async with serve(new_dc(), ssl=server) as listener:
            dc = DC(listener.host, listener.port, 2, [listener.dc.public_key])
            answer = await asyncio.to_thread(config, front_end, dc, **{"ssl": client, **options})
        assert listener.dc.log.transports == {options.get("transport", "intermediate"): 1}
        return answer

    return asyncio.run(main())


@each_front_end
@pytest.mark.parametrize("transport", EACH)
def test_every_transport_goes_inside_tls(front_end: str, transport: str, tmp_path: Path) -> None:
    assert over_tls(front_end, tmp_path, transport=transport).this_dc == 2


@each_front_end
@pytest.mark.usefixtures("quick")
def test_a_lost_connection_is_made_again_inside_tls(front_end: str, tmp_path: Path) -> None:
    server, client = contexts(tmp_path)

    async def main() -> None:
        async with serve(new_dc(), ssl=server) as listener:
            dc = DC(listener.host, listener.port, 2, [listener.dc.public_key])
            await asyncio.to_thread(twice, front_end, dc, ssl=client)

    asyncio.run(main())


@each_front_end
def test_a_big_answer_inside_tls_is_read_to_its_end(front_end: str, tmp_path: Path) -> None:
    """Several TLS records that arrive at once: none may stay unread in the TLS layer."""
    server, client = contexts(tmp_path)

    async def main() -> None:
        async with serve(new_dc(), ssl=server) as listener:
            dc = DC(listener.host, listener.port, 2, [listener.dc.public_key])
            listener.dc.handle("langpack.getStrings", lambda call: STRINGS, login=False)
            fields: dict[str, Any] = {"lang_pack": "", "lang_code": "en", "keys": []}

            def ask() -> Any:
                if front_end == "blocking":
                    with blocking.connect(dc, APP, ssl=client) as connected:
                        return connected.call("langpack.getStrings", **fields)

                async def inside() -> Any:
                    async with await mtproto.connect(dc, APP, ssl=client) as connected:
                        return await connected.call("langpack.getStrings", **fields)

                return asyncio.run(inside())

            answer = await asyncio.to_thread(ask)
            assert [item.key for item in answer] == [item.key for item in STRINGS]

    from mtproto.schema.api import types

    STRINGS = [types.LangPackString(key=f"key {number}", value=f"{number * 7919}" * 40) for number in range(3000)]
    asyncio.run(main())


@each_front_end
def test_a_certificate_that_nobody_trusts_is_refused_in_one_line(front_end: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match="TLS: "):
        over_tls(front_end, tmp_path, ssl=ssl.create_default_context())


@each_front_end
def test_a_server_without_tls_is_refused_in_one_line(background: BackgroundDataCenter, front_end: str) -> None:
    dc = DC(background.host, background.port, 2, [background.dc.public_key])
    with pytest.raises(MTProtoError) as caught:
        config(front_end, dc, ssl=ssl.create_default_context(), connect_timeout=2)
    assert "cannot connect" in str(caught.value)
