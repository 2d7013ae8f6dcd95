"""Raw: a call that goes out as bytes and whose result comes back as bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import mtproto
from mtproto import blocking
from mtproto.errors import RpcError, UsageError
from mtproto.schema.api import functions, types
from mtproto.testdc import start_in_thread
from mtproto.tl import dynamic
from tests.client.rig import APP, LOGIN, address, new_dc

OLD_CONNECTION = bytes.fromhex("b4336489")
"""botBusinessConnection#896433b4"""
CALL = functions.account.GetBotBusinessConnection(connection_id="demo")


def raw(connection_id: str) -> mtproto.Raw:
    return mtproto.Raw(functions.account.GetBotBusinessConnection(connection_id=connection_id).to_bytes())


@pytest.fixture(scope="module")
def client() -> Iterator[blocking.Client]:
    with start_in_thread(new_dc()) as place, blocking.connect(address(place), APP, pfs=False) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        yield client


def test_bytes_go_out_as_they_are_and_the_result_stays_bytes(client: blocking.Client) -> None:
    answer = client.call(mtproto.Raw(CALL.to_bytes()))
    assert isinstance(answer, bytes)
    assert mtproto.decode(answer, CALL.read_result) == client.call(CALL)


def test_a_packed_result_comes_unpacked(client: blocking.Client) -> None:
    answer = client.call(raw("gzip"))
    assert isinstance(mtproto.decode(answer, CALL.read_result), types.Updates)


def test_an_answer_that_this_layer_cannot_decode_is_there_to_be_read(client: blocking.Client) -> None:
    answer = client.call(raw("layer200"))
    assert OLD_CONNECTION in answer


def test_a_function_of_an_older_layer_is_answered_in_that_layer(client: blocking.Client) -> None:
    old = dynamic.codec("api", layer=198)
    query = {"_": "users.getUsers", "id": [{"_": "inputUserSelf"}]}
    body = old.encode({"_": "invokeWithLayer", "layer": 198, "query": query})
    assert old.decode(client.call(mtproto.Raw(body)), "Vector<User>")


def test_an_error_is_raised_as_of_any_call(client: blocking.Client) -> None:
    with pytest.raises(RpcError, match="CONNECTION_ID_INVALID"):
        client.call(raw("no"))


def test_what_is_no_body_is_refused_before_anything_is_sent(client: blocking.Client) -> None:
    for body in (b"", b"abc", b"abcde"):
        with pytest.raises(UsageError, match="multiple of 4"):
            client.call(mtproto.Raw(body))


def test_a_repr_does_not_show_the_bytes() -> None:
    assert repr(mtproto.Raw(b"secret12")) == "Raw(<8 bytes>)"
