"""account.getBotBusinessConnection: connections that are data, and those whose name says how they answer.

Every shape a client has to cope with, from the happy answer to none at all (API-82, API-83).
"""

from __future__ import annotations

from collections.abc import Callable

from mtproto.errors import RpcError
from mtproto.schema.api import types
from mtproto.session.keys import SaltSchedule
from mtproto.testdc import objects
from mtproto.testdc.accounts import BusinessConnection
from mtproto.testdc.call import Call, Reply, gzip_packed
from mtproto.testdc.updates import envelope
from mtproto.tl.wire import pack_I, pack_long

SLOW = 3.0
"""Seconds until the connection ``slow`` is answered."""

FLOOD_WAIT = 17
UNKNOWN_CONSTRUCTOR = 0x00C0FFEE
OLD_CONNECTION = (
    "botBusinessConnection#896433b4 flags:# can_reply:flags.0?true disabled:flags.1?true connection_id:string "
    "user_id:long dc_id:int date:int = BotBusinessConnection;"
)


# account.getBotBusinessConnection#76a86270 connection_id:string = Updates
def get_bot_business_connection(call: Call) -> Reply | None:
    """The connection as one updateBotBusinessConnect; 400 CONNECTION_ID_INVALID where there is none."""
    if call.wrapper("invokeWithBusinessConnection") is not None:  # not one of the methods of API-86
        raise RpcError(400, "BUSINESS_CONNECTION_NOT_ALLOWED")
    connection = call.dc.accounts.connections.get(call.query.connection_id)
    if connection is not None:
        return _answer(call, _update(call, connection))
    special = SPECIAL.get(call.query.connection_id)
    if special is None:
        raise RpcError(400, "CONNECTION_ID_INVALID")
    return special(call)


def _update(call: Call, connection: BusinessConnection) -> types.UpdateBotBusinessConnect:
    """qts is the bot's current one: a result repeats known state and moves no sequence (API-83)."""
    return types.UpdateBotBusinessConnect(connection=objects.connection(connection, call.dc.dc_id), qts=call.bot.qts)


def _answer(call: Call, *updates: types.UpdateBotBusinessConnect) -> types.Updates:
    return envelope(call.dc, call.bot, list(updates), [update.connection.user_id for update in updates])


def _plain(call: Call) -> types.Updates:
    """An ordinary answer for the connection asked for."""
    return _answer(call, _update(call, BusinessConnection(call.query.connection_id)))


def _empty(call: Call) -> Reply:
    return _answer(call)


def _too_long(call: Call) -> Reply:
    return types.UpdatesTooLong()


def _two(call: Call) -> Reply:
    first = BusinessConnection(call.query.connection_id)
    return _answer(call, _update(call, first), _update(call, BusinessConnection("demo")))


def _other(call: Call) -> Reply:
    return _answer(call, _update(call, BusinessConnection("demo")))


def _layer_200(call: Call) -> Reply:
    """The constructor of layers 177 to 200, with can_reply, inside objects of today's layer."""
    from mtproto.tl import dynamic, schema

    fixture = BusinessConnection(call.query.connection_id)
    old = {
        "_": "botBusinessConnection",
        "can_reply": True,
        "connection_id": fixture.connection_id,
        "user_id": fixture.user_id,
        "dc_id": call.dc.dc_id,
        "date": fixture.date,
    }
    update = _update(call, fixture)
    update.connection = objects.opaque(dynamic.Codec(schema.parse(OLD_CONNECTION)).encode(old))
    return envelope(call.dc, call.bot, [update], [fixture.user_id])


def _unknown(call: Call) -> Reply:
    """A user of a constructor that no schema knows."""
    answer = _plain(call)
    answer.users.append(objects.opaque(pack_I(UNKNOWN_CONSTRUCTOR) + pack_long(1)))
    return answer


def _flood(call: Call) -> Reply:
    raise RpcError(420, f"FLOOD_WAIT_{FLOOD_WAIT}")


def _gzip(call: Call) -> Reply:
    return gzip_packed(_plain(call), call.key.layer)


def _container(call: Call) -> Reply:
    """The acknowledgement that an answer makes unnecessary forces a container around both (MSG-74)."""
    call.session.acknowledge(call.msg_id)
    return _plain(call)


def _salt(call: Call) -> Reply | None:
    """The first call under a key finds the salts changed (MSG-55), the next is answered."""
    if "salt" in call.key.memory:
        return _plain(call)
    call.key.memory["salt"] = True
    fresh = int.from_bytes(call.dc.env.random_bytes(8), "little", signed=True)
    call.key.salts = SaltSchedule(fresh, call.dc.time.now(), call.dc.env)
    call.session.bad_server_salt(call.msg_id, call.via)
    call.dc.settle(call, False)
    return None


def _slow(call: Call) -> None:
    call.answer_after(SLOW, _plain(call))


def _silent(call: Call) -> None:
    """Never answered; the core acknowledges the call (MSG-74)."""


def _big(call: Call) -> Reply:
    answer = _plain(call)
    answer.users += [objects.user(person) for person in call.dc.accounts.crowd()]
    return answer


def _lost(call: Call) -> Reply | None:
    """The connection ends with the large answer on its way; the next one is told of it (MSG-75)."""
    if "lost" in call.key.memory:
        return _plain(call)
    call.key.memory["lost"] = True
    call.answer(_big(call))
    call.dc.lose(call.session, call.via)
    return None


SPECIAL: dict[str, Callable[[Call], Reply | None]] = {
    "empty": _empty,
    "toolong": _too_long,
    "two": _two,
    "other": _other,
    "layer200": _layer_200,
    "unknown": _unknown,
    "flood": _flood,
    "gzip": _gzip,
    "container": _container,
    "salt": _salt,
    "slow": _slow,
    "silent": _silent,
    "big": _big,
    "lost": _lost,
}
"""connection_id → what the datacenter does with it."""
