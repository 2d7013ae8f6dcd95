"""What type checkers must see. Checked by ``test_typing``, never run; each line with ``# E:`` must be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, assert_type

from mtproto.schema import api, mtproto
from mtproto.schema.api import functions, types
from mtproto.tl.objects import Function, TLFunction, TLObject
from mtproto.tl.registry import decode

if TYPE_CHECKING:
    from mtproto.schema.api import boxed

R = TypeVar("R")


def call(query: Function[R]) -> R:
    """What a client's call looks like to a type checker."""
    return decode(b"", query.read_result)


def results() -> None:
    query = functions.account.GetBotBusinessConnection(connection_id="demo")
    assert_type(call(query), "boxed.Updates")
    assert_type(decode(b"", query.read_result), "boxed.Updates")
    assert_type(call(functions.users.GetUsers(id=[types.InputUserSelf()])), "list[boxed.User]")
    assert_type(call(functions.account.UpdateStatus(offline=True)), bool)
    assert_type(
        call(functions.messages.GetMessagesViews(peer=types.InputPeerSelf(), id=[1], increment=False)),
        types.messages.MessageViews,
    )
    assert_type(call(functions.contacts.GetContactIDs(hash=0)), list[int])
    assert_type(call(mtproto.Ping(ping_id=1)), mtproto.Pong)
    assert_type(call(mtproto.ReqPqMulti(nonce=bytes(16))), mtproto.ResPQ)
    assert_type(
        call(mtproto.AuthBindTempAuthKey(perm_auth_key_id=1, nonce=2, expires_at=3, encrypted_message=b"")), bool
    )


def generic_wrappers() -> None:
    inner = functions.account.GetBotBusinessConnection(connection_id="demo")
    wrapped = functions.InvokeWithLayer(layer=api.LAYER, query=inner)
    assert_type(call(wrapped), "boxed.Updates")
    twice = functions.InvokeWithoutUpdates(query=functions.InvokeAfterMsg(msg_id=1, query=functions.help.GetConfig()))
    assert_type(call(twice), types.Config)


def fields(connection: types.BotBusinessConnection, user: types.User, message: types.Message) -> None:
    assert_type(connection.connection_id, str)
    assert_type(connection.user_id, int)
    assert_type(connection.disabled, bool)
    assert_type(connection.rights, types.BusinessBotRights | None)
    assert_type(connection.extra_flags, int)
    assert_type(user.first_name, str | None)
    assert_type(user.self_, bool)
    assert_type(user.usernames, list[types.Username] | None)
    assert_type(message.peer_id, types.PeerUser | types.PeerChat | types.PeerChannel)
    assert_type(connection.to_bytes(), bytes)
    assert_type(types.InputGeoPoint(lat=1.0, long=2.0).lat, float)
    assert_type(mtproto.ResPQ.ID, int)


def narrowing(updates: boxed.Updates) -> None:
    if isinstance(updates, types.UpdatesTooLong):
        return
    if isinstance(updates, types.Updates):
        assert_type(updates.updates, "list[boxed.Update]")
        for update in updates.updates:
            if isinstance(update, types.UpdateBotBusinessConnect):
                assert_type(update.connection, types.BotBusinessConnection)


def namespaces() -> None:
    assert_type(types.updates.DifferenceEmpty(date=1, seq=2).date, int)
    assert_type(api.find("users.getUsers"), type[TLObject])
    assert_type(decode(b"", api.read_function), TLFunction)
    assert_type(decode(b"", api.read_object), Any)
    assert_type(decode(b"", mtproto.read_object), TLObject)


def refused(connection: types.BotBusinessConnection) -> None:
    functions.account.GetBotBusinessConnection()  # E: Missing named argument
    functions.account.GetBotBusinessConnection("demo")  # E: Too many positional arguments
    functions.account.GetBotBusinessConnection(connection_id=5)  # E: Argument "connection_id"
    functions.account.GetBotBusinessConection(connection_id="")  # E: has no attribute
    functions.acount.GetPassword()  # E: has no attribute
    types.UserEmpty(id="1")  # E: Argument "id"
    connection.rights = types.UserEmpty(id=1)  # E: Incompatible types in assignment
    connection.right.reply = True  # E: has no attribute
    call(connection)  # E: Argument 1 to "call"
    functions.InvokeWithLayer(layer=1, query=connection)  # E: Argument "query"
    types.UpdateShort(update=types.UserEmpty(id=1), date=1)  # E: Argument "update"
    mtproto.ReqPqMulti(nonce="text")  # E: Argument "nonce"
