"""Faults of what is inside a message: gzip_packed (SEC-33) and TL objects (SEC-34, SEC-59)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mtproto.message.container import Message, join
from mtproto.message.gzip import GZIP_PACKED
from mtproto.testdc import objects
from mtproto.testdc.call import Reply
from mtproto.testdc.connections import SPECIAL
from mtproto.testdc.faults.fault import RPC, Fault, Reaction, on_call
from mtproto.testdc.faults.scene import Scene
from mtproto.tl.wire import pack_bytes, pack_I, pack_long

if TYPE_CHECKING:
    from mtproto.schema.api import types

ERROR = (Reaction.ERROR,)
COSTS_ITSELF = "ends the call with a typed error, or ignores the message; memory and time are bounded; others go on"


def _fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str,
    reactions: tuple[Reaction, ...] = ERROR,
    non_strict: tuple[Reaction, ...] = (),
    plants: bool = False,
) -> Fault:
    return Fault(name, tuple(rule.split()), RPC, breaks, expects, reactions, non_strict, plants)


# ---- gzip_packed: SEC-33

GIB = 1 << 30


def _packed(stream: bytes) -> bytes:
    return pack_I(GZIP_PACKED) + pack_bytes(stream)


def _gzip(data: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    return deflater.compress(data) + deflater.flush()


def bomb(size: int = GIB) -> bytes:
    """A gzip stream of about a thousandth of ``size`` that unpacks to so many zero bytes; its CRC is left out."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    piece = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    return head + piece * ((size >> 20) - 1) + b"\x03\0" + bytes(4) + (size & 0xFFFFFFFF).to_bytes(4, "little")


STREAMS: dict[str, tuple[str, Callable[[bytes], bytes], bool]] = {
    "gzip_bomb": ("a gzip_packed answer of 1 MiB unpacks to 1 GiB", lambda body: _packed(bomb()), False),
    "gzip_nested": ("gzip_packed is inside gzip_packed", lambda body: _packed(_gzip(_packed(_gzip(body)))), True),
    "gzip_truncated": ("a gzip_packed stream ends too early", lambda body: _packed(_gzip(body)[:-12]), True),
    "gzip_trailing": ("bytes follow the stream in gzip_packed", lambda body: _packed(_gzip(body) + b"more"), True),
    "gzip_empty": ("gzip_packed has no stream", lambda body: _packed(b""), False),
    "gzip_nothing": ("gzip_packed unpacks to nothing", lambda body: _packed(_gzip(b"")), False),
    "gzip_damaged": ("the CRC of a gzip_packed stream is wrong", lambda body: _packed(_damaged(_gzip(body))), True),
}
"""Name → what is wrong, the answer in place of the right one, and whether a canary is in it."""


def _damaged(stream: bytes) -> bytes:
    return stream[:-8] + bytes(4) + stream[-4:]


def _stream(name: str, breaks: str, bend: Callable[[bytes], bytes], plants: bool) -> None:
    reactions = (Reaction.ERROR, Reaction.R3)
    lenient = (Reaction.CARRY_ON,) if name in ("gzip_trailing", "gzip_damaged") else ()

    @on_call(_fault(name, "SEC-33", breaks, COSTS_ITSELF, reactions, lenient, plants))
    def act(scene: Scene) -> Reply | None:
        scene.send(scene.result(bend(scene.canary_body())))
        return scene.honest()


for _name, (_breaks, _bend, _plants) in STREAMS.items():
    _stream(_name, _breaks, _bend, _plants)


@on_call(
    _fault(
        "gzip_container",
        "SEC-33",
        "a container is inside gzip_packed",
        COSTS_ITSELF,
        (Reaction.ERROR, Reaction.R3, Reaction.CARRY_ON, Reaction.R1),
        plants=True,
    )
)
def gzip_container(scene: Scene) -> Reply | None:
    canary = scene.message(scene.result())
    outer = Message(scene.msg_id(), scene.session.seqno(False), _packed(_gzip(join([canary]))))
    scene.plant(scene.draft(outer))
    return scene.honest()


# ---- TL: SEC-34

UNKNOWN = 0x00C0FFEE
NOT_A_BOOL = 0x12345678
DEPTH = 100_000
TYPED = "ends the call with a typed decode error; does not crash, and others go on"


def _vector(updates: types.Updates, scene: Scene) -> bytes:
    body = scene.encode(updates)
    return body[:8] + (2**31 - 1).to_bytes(4, "little") + body[12:]  # constructor, vector, count


def _string(updates: types.Updates, scene: Scene) -> bytes:
    body = scene.encode(updates)
    written = pack_bytes(scene.call.query.connection_id.encode())
    return body.replace(written, b"\xfe\xff\xff\xff" + written[4:], 1)


def _bool(updates: types.Updates, scene: Scene) -> bytes:
    from mtproto.schema.api import types

    stopped = types.UpdateBotStopped(user_id=1, date=1, stopped=True, qts=0)
    updates.updates.insert(0, stopped)
    return scene.encode(updates).replace(pack_I(0x997275B5), pack_I(NOT_A_BOOL), 1)


def _unknown(updates: types.Updates, scene: Scene) -> bytes:
    updates.users.append(objects.opaque(pack_I(UNKNOWN) + pack_long(1)))
    return scene.encode(updates)


def deep(scene: Scene) -> Any:
    """An updateNewMessage with a web page of which one paragraph is bold, to be made so many times more."""
    from mtproto.schema.api import types

    text = types.TextBold(text=types.TextEmpty())
    page = types.Page(url="", blocks=[types.PageBlockParagraph(text=text)], photos=[], documents=[])
    web_page = types.WebPage(id=1, url="", display_url="", hash=0, cached_page=page)
    media = types.MessageMediaWebPage(webpage=web_page)
    message = types.Message(id=1, peer_id=types.PeerUser(user_id=1), date=1, message="", media=media)
    return types.UpdateNewMessage(message=message, pts=1, pts_count=1)


def _deep(updates: types.Updates, scene: Scene) -> bytes:
    from mtproto.schema.api import types

    updates.updates.append(deep(scene))
    bold = types.TextBold.ID.to_bytes(4, "little")
    return scene.encode(updates).replace(bold, bold * DEPTH, 1)


OBJECTS: dict[str, tuple[str, Callable[[Any, Scene], bytes]]] = {
    "tl_vector_huge": ("a vector says it has 2^31 - 1 items", _vector),
    "tl_string_over": ("a string is longer than the rest of the message", _string),
    "tl_depth": ("objects are nested 100,000 deep", _deep),
    "tl_unknown": ("a constructor is none of any schema", _unknown),
    "tl_bad_bool": ("a Bool is neither boolTrue nor boolFalse", _bool),
    "tl_truncated": ("the last four bytes of an object are missing", lambda updates, scene: scene.encode(updates)[:-4]),
    "tl_empty": ("there is no object at all", lambda updates, scene: b""),
}
"""Name → what is wrong with the answer, and how it is made of one with a canary."""


def _object(name: str, breaks: str, bend: Callable[[Any, Scene], bytes]) -> None:
    @on_call(_fault(name, "SEC-34", f"in the answer to the call {breaks}", TYPED, plants=True))
    def act(scene: Scene) -> Reply | None:
        scene.send(scene.result(bend(scene.canary(), scene)))
        scene.settle()
        return None


for _name, (_breaks, _make) in OBJECTS.items():
    _object(_name, _breaks, _make)


@on_call(
    _fault(
        "tl_trailing",
        "SEC-34",
        "four bytes follow the object that answers the call",
        TYPED,
        non_strict=(Reaction.CARRY_ON,),
    )
)
def tl_trailing(scene: Scene) -> Reply | None:
    reply = scene.honest()
    return None if reply is None else scene.encode(reply) + bytes(4)


# ---- objects of another layer: SEC-59


@on_call(
    _fault(
        "old_layer_object",
        "SEC-59",
        "the answer has an object of layer 200 among those of the client's own layer",
        "ends the call with a typed decode error: to guess the layer would be to guess the bytes",
    )
)
def old_layer_object(scene: Scene) -> Reply | None:
    return SPECIAL["layer200"](scene.call)


@on_call(
    _fault(
        "old_layer_update",
        "SEC-59",
        "an update has a constructor that is none of the client's layer",
        "drops the one update, resynchronises, and goes on",
        (Reaction.CARRY_ON, Reaction.R3),
    )
)
def old_layer_update(scene: Scene) -> Reply | None:
    scene.send(pack_I(UNKNOWN) + scene.canary_body()[4:], answer=False)
    return scene.honest()
