"""Invoke wrappers in every official nesting, and what is inside them."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.errors import RpcError
from mtproto.message.gzip import GZIP_PACKED
from mtproto.schema import mtproto as schema
from mtproto.schema.api import LAYER, functions, read_object, types
from mtproto.session.events import Request
from mtproto.testdc.rpc import execute
from mtproto.testdc.wrappers import MAX_WRAPPERS, WRAPPERS
from mtproto.tl.dynamic import codec
from mtproto.tl.registry import decode
from mtproto.tl.wire import pack_bytes, pack_I, pack_int, pack_long
from tests.testdc.rig import World

CONFIG = functions.help.GetConfig().to_bytes()
WITHOUT_UPDATES = pack_I(0xBF9459B7)
CLIENT = {
    "api_id": 2000,
    "device_model": "device",
    "system_version": "1",
    "app_version": "2",
    "system_lang_code": "en",
    "lang_pack": "",
    "lang_code": "de",
}


def with_layer(query: bytes, layer: int = LAYER) -> bytes:
    return pack_I(0xDA9B0D0D) + pack_int(layer) + query


def initialised(query: bytes, **options: Any) -> bytes:
    whole = functions.InitConnection(**{**CLIENT, **options}, query=functions.help.GetConfig()).to_bytes()
    return whole[: -len(CONFIG)] + query


def gzipped(query: bytes, wbits: int = 31) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return pack_I(GZIP_PACKED) + pack_bytes(deflater.compress(query) + deflater.flush())


def after_nothing(query: bytes) -> bytes:
    return pack_I(0x3DC4B4F0) + pack_I(0x1CB5C415) + pack_int(0) + query


def is_config(body: bytes) -> bool:
    return isinstance(decode(body, read_object), types.Config)


def error_of(body: bytes, *, initialise: bool = True, **options: Any) -> str:
    client = World().client(bare=True, **options)
    if initialise:
        client.raw(with_layer(initialised(CONFIG)))
    with pytest.raises(RpcError) as caught:
        client.raw(body)
    return str(caught.value)


@pytest.mark.parametrize(
    "nested",
    [
        lambda query: with_layer(initialised(query)),
        lambda query: with_layer(initialised(gzipped(query))),
        lambda query: with_layer(initialised(gzipped(query, wbits=15))),
        lambda query: gzipped(with_layer(initialised(query))),
        lambda query: with_layer(initialised(WITHOUT_UPDATES + query)),
        lambda query: WITHOUT_UPDATES + with_layer(initialised(query)),
        lambda query: with_layer(initialised(after_nothing(gzipped(query)))),
        lambda query: after_nothing(with_layer(initialised(query))),
        lambda query: after_nothing(with_layer(initialised(WITHOUT_UPDATES + gzipped(query)))),
        lambda query: with_layer(initialised(query, params=types.JsonObject(value=[]))),
        lambda query: with_layer(initialised(query, proxy=types.InputClientProxy(address="::1", port=1))),
    ],
)
@pytest.mark.requirement("TL-61", "API-04", "API-09")
def test_a_call_is_served_in_every_official_nesting(nested: Callable[[bytes], bytes]) -> None:
    world = World()
    client = world.client(bare=True)
    assert is_config(client.raw(nested(CONFIG)))
    assert is_config(client.raw(CONFIG)), "the key remembers the client"


@pytest.mark.requirement("API-04")
def test_layer_and_client_information_are_kept_with_the_key() -> None:
    world = World()
    client = world.client(bare=True)
    client.raw(with_layer(initialised(CONFIG, params=types.JsonNull())))
    assert client.link.keys is not None
    key: Any = world.dc.key_state(client.link.keys.auth_key.auth_key_id)
    assert key.layer == LAYER
    assert key.client == {**CLIENT, "proxy": None, "params": types.JsonNull()}
    client.renew()
    assert is_config(client.raw(CONFIG))


@pytest.mark.requirement("MSG-132", "API-04")
def test_before_init_connection_nothing_is_served() -> None:
    assert error_of(CONFIG, initialise=False) == "400 CONNECTION_NOT_INITED"
    assert error_of(with_layer(CONFIG), initialise=False) == "400 CONNECTION_NOT_INITED"
    assert error_of(initialised(CONFIG), initialise=False) == "400 CONNECTION_LAYER_INVALID"


@pytest.mark.requirement("MSG-132")
def test_another_layer_or_an_impossible_api_id_is_refused() -> None:
    assert error_of(with_layer(initialised(CONFIG), layer=1)) == "400 CONNECTION_LAYER_INVALID"
    assert error_of(with_layer(initialised(CONFIG, api_id=0))) == "400 CONNECTION_API_ID_INVALID"


def test_a_service_query_inside_a_wrapper_is_answered_as_one() -> None:
    world = World()
    client = world.client(bare=True)
    client.request(WITHOUT_UPDATES + schema.Ping(ping_id=5).to_bytes(), api=False)
    world.run()
    (pong,) = client.received(schema.Pong)
    assert decode(pong.body, schema.read_object).ping_id == 5  # type: ignore[attr-defined]
    assert world.dc.log.services == {"ping": 1}


def test_ping_delay_disconnect_inside_a_wrapper_arms_the_timer_of_its_connection() -> None:
    world = World()
    client = world.client(bare=True)
    ping = schema.PingDelayDisconnect(ping_id=5, disconnect_delay=20)
    client.request(WITHOUT_UPDATES + ping.to_bytes(), api=False)
    world.run()
    world.advance(19)
    assert not client.far.closed
    world.advance(2)
    assert client.far.closed


@pytest.mark.requirement("TL-89", "API-103")
def test_an_unknown_function_is_named_in_the_answer() -> None:
    assert error_of(pack_I(0x00C0FFEE)) == f"400 INPUT_METHOD_INVALID_{0x00C0FFEE}_0"
    assert error_of(with_layer(initialised(pack_I(0x00C0FFEE)))) == f"400 INPUT_METHOD_INVALID_{0x00C0FFEE}_0"


@pytest.mark.requirement("TL-89")
def test_a_constructor_in_the_place_of_a_function_is_no_function() -> None:
    body = types.InputUserSelf().to_bytes()
    assert error_of(body) == f"400 INPUT_METHOD_INVALID_{types.InputUserSelf.ID}_0"


@pytest.mark.requirement("TL-89")
def test_an_unknown_constructor_inside_a_known_function_is_named_in_the_answer() -> None:
    body = functions.users.GetFullUser(id=types.InputUserSelf()).to_bytes()[:-4] + pack_I(0x00C0FFEE)
    assert error_of(body) == f"400 INPUT_CONSTRUCTOR_INVALID_{0x00C0FFEE}"


@pytest.mark.parametrize(
    "body",
    [
        functions.users.GetFullUser(id=types.InputUserSelf()).to_bytes()[:-4],
        CONFIG + bytes(4),
        pack_I(0xDA9B0D0D),
        pack_I(0x3DC4B4F0) + pack_I(0x1CB5C415) + pack_int(1 << 30) + CONFIG,
        gzipped(gzipped(CONFIG)),
        with_layer(initialised(gzipped(gzipped(CONFIG)))),
        gzipped(CONFIG)[:-8] + bytes(8),
        WITHOUT_UPDATES,
        WITHOUT_UPDATES + schema.Ping(ping_id=1).to_bytes()[:-4],
    ],
)
@pytest.mark.requirement("TL-89")
def test_a_query_that_cannot_be_read_costs_only_itself(body: bytes) -> None:
    client = World().client(bare=True)
    client.raw(with_layer(initialised(CONFIG)))
    with pytest.raises(RpcError, match="400 INPUT_"):
        client.raw(body)
    assert is_config(client.raw(CONFIG))


def test_more_than_eight_wrappers_are_refused() -> None:
    assert error_of(WITHOUT_UPDATES * (MAX_WRAPPERS + 1) + CONFIG) == "400 INPUT_FETCH_ERROR"
    client = World().client(bare=True)
    client.raw(with_layer(initialised(CONFIG)))
    assert is_config(client.raw(WITHOUT_UPDATES * MAX_WRAPPERS + CONFIG))


@pytest.mark.requirement("API-103")
def test_a_known_function_that_is_not_served_is_an_invalid_method() -> None:
    assert error_of(functions.stories.GetAllStories().to_bytes()) == "400 METHOD_INVALID"


@pytest.mark.requirement("API-10")
def test_the_table_of_wrappers_is_that_of_the_schema() -> None:
    generic = {c.id: c for c in codec("api").by_id.values() if c.generics}
    assert {key: name for key, (name, _) in WRAPPERS.items()} == {key: c.name for key, c in generic.items()}
    assert all(str(c.params[-1]) == "query:!X" for c in generic.values())


@settings(max_examples=100, deadline=None)
@given(st.data())
@pytest.mark.requirement("API-10")
def test_every_wrapper_is_read_as_the_schema_says(data: st.DataObject) -> None:
    samples: list[Any] = [
        functions.InvokeAfterMsg(msg_id=data.draw(st.integers(-(2**63), 2**63 - 1)), query=functions.help.GetConfig()),
        functions.InvokeAfterMsgs(
            msg_ids=data.draw(st.lists(st.integers(0, 2**63 - 1))), query=functions.help.GetConfig()
        ),
        functions.InvokeWithTakeout(takeout_id=data.draw(st.integers(0, 2**63 - 1)), query=functions.help.GetConfig()),
        functions.InvokeWithMessagesRange(
            range=types.MessageRange(min_id=1, max_id=data.draw(st.integers(0, 2**31 - 1))),
            query=functions.help.GetConfig(),
        ),
        functions.InvokeWithGooglePlayIntegrity(
            nonce=data.draw(st.text()), token="t", query=functions.help.GetConfig()
        ),
        functions.InvokeWithApnsSecret(nonce="n", secret=data.draw(st.text()), query=functions.help.GetConfig()),
        functions.InvokeWithReCaptcha(token=data.draw(st.text()), query=functions.help.GetConfig()),
        functions.InvokeWithBusinessConnection(connection_id=data.draw(st.text()), query=functions.help.GetConfig()),
    ]
    for sample in samples:
        name, read = WRAPPERS[sample.ID]
        fields, end = read(sample.to_bytes(), 4)
        assert name == sample.NAME
        assert fields == {field: getattr(sample, field) for field in sample.__slots__ if field != "query"}
        assert sample.to_bytes()[end:] == CONFIG


_HEADS = st.sampled_from(
    [
        *(pack_I(identifier) for identifier in WRAPPERS),
        pack_I(GZIP_PACKED),
        with_layer(initialised(b"")),
        initialised(b"", params=types.JsonObject(value=[])),
        after_nothing(b""),
        functions.users.GetUsers(id=[types.InputUserSelf()]).to_bytes()[:-4],
        functions.help.GetAppConfig(hash=0).to_bytes(),
        schema.Ping(ping_id=1).to_bytes(),
        schema.RpcDropAnswer(req_msg_id=1).to_bytes(),
        schema.MsgResendAnsReq(msg_ids=[1]).to_bytes(),
        schema.HttpWait(max_delay=1, wait_after=1, max_wait=1).to_bytes(),
        schema.DestroySession(session_id=9).to_bytes(),
        schema.DestroyAuthKey().to_bytes(),
        schema.MsgsAck(msg_ids=[1]).to_bytes(),
    ]
)
_WORD = st.binary(min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.lists(_HEADS | _WORD, min_size=1, max_size=12), st.booleans())
def test_any_body_is_dealt_with(parts: list[bytes], packed: bool) -> None:
    """Whatever a client sends, nothing but an answer, an error for it, or silence comes of it."""
    world = World()
    client = world.client(bare=True)
    assert client.link.keys is not None
    key = world.dc.key_state(client.link.keys.auth_key.auth_key_id)
    assert key is not None
    session = world.dc.session(key, 5)
    assert session is not None
    body = b"".join(parts)
    for msg_id in (4, 8):
        execute(world.dc, Request(session, msg_id, gzipped(body) if packed else body, client.far))
    world.advance(1)
    if world.dc.key_state(key.auth_key.auth_key_id) is key:  # destroy_auth_key may be among the parts
        assert is_config(client.raw(with_layer(initialised(CONFIG))))


def test_wrappers_around_wrappers_reach_the_handler_outermost_first() -> None:
    world = World()
    seen: list[list[str]] = []
    world.dc.handle("help.getNearestDc", lambda call: seen.append([w.name for w in call.wrappers]) or True, login=False)
    client = world.client(bare=True)
    client.raw(with_layer(initialised(CONFIG)))
    takeout = pack_I(0xACA9FD2E) + pack_long(1)
    heads = {
        "invokeWithoutUpdates": WITHOUT_UPDATES,
        "invokeWithTakeout": takeout,
        "invokeAfterMsgs": after_nothing(b""),
    }
    for order in itertools.permutations(heads):
        client.raw(b"".join(heads[name] for name in order) + functions.help.GetNearestDc().to_bytes())
        assert seen[-1] == list(order)


def test_too_many_ids_inside_a_wrapper_end_the_connection_with_429() -> None:
    """MSG-72, SEC-78."""
    world = World()
    client = world.bot()
    head = functions.InvokeWithoutUpdates(query=functions.help.GetConfig()).to_bytes()[:4]
    client.request(head + schema.MsgsAck(msg_ids=[5] * 8193).to_bytes())
    world.run()
    assert str(client.closed()) == "transport error -429"


def test_a_service_query_inside_a_wrapper_is_no_request_that_runs_for_ever() -> None:
    world = World()
    client = world.bot()
    head = functions.InvokeWithoutUpdates(query=functions.help.GetConfig()).to_bytes()[:4]
    client.request(head + schema.Ping(ping_id=5).to_bytes())
    world.run()
    (session,) = client.far._sessions.values()
    assert client.received(schema.Pong)
    assert session._open == {} and session.next_deadline(client.far) is None
