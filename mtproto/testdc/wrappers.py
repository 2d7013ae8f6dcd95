"""Invoke wrappers: their heads are read here, what they wrap stays bytes (API-01, API-06 … API-10, TL-61).

Reading only the heads keeps the layer and the client information of a call whose query cannot be decoded, and lets a
service query or gzip_packed stand in place of the query.
"""

from __future__ import annotations

from typing import Any

from mtproto.errors import DecodeError
from mtproto.message.gzip import GZIP_PACKED, constructor_of
from mtproto.session.session import Session
from mtproto.testdc.call import Wrapper
from mtproto.tl.registry import decode_prefix
from mtproto.tl.wire import Reader, read_int, read_long, read_numbers, read_string, read_word

MAX_WRAPPERS = 8
"""More wrappers around one query than any client sends are refused."""

Fields = dict[str, Any]


def _longs(buf: bytes, pos: int) -> tuple[list[int], int]:
    return read_numbers(buf, pos, "q", 8)


def _object(buf: bytes, pos: int) -> tuple[Any, int]:
    from mtproto.schema.api import read_object

    return read_object(buf, pos)


def _fields(**readers: Reader) -> Reader:
    def read(buf: bytes, pos: int) -> tuple[Fields, int]:
        fields: Fields = {}
        for name, reader in readers.items():
            fields[name], pos = reader(buf, pos)
        return fields, pos

    return read


_read_client = _fields(
    api_id=read_int,
    device_model=read_string,
    system_version=read_string,
    app_version=read_string,
    system_lang_code=read_string,
    lang_pack=read_string,
    lang_code=read_string,
)


def _init_connection(buf: bytes, pos: int) -> tuple[Fields, int]:
    flags, pos = read_word(buf, pos)
    fields, pos = _read_client(buf, pos)
    fields["proxy"] = fields["params"] = None
    if flags & 1:
        fields["proxy"], pos = _object(buf, pos)
    if flags & 2:
        fields["params"], pos = _object(buf, pos)
    return fields, pos


WRAPPERS: dict[int, tuple[str, Reader]] = {
    0xCB9F372D: ("invokeAfterMsg", _fields(msg_id=read_long)),
    0x3DC4B4F0: ("invokeAfterMsgs", _fields(msg_ids=_longs)),
    0xC1CD5EA9: ("initConnection", _init_connection),
    0xDA9B0D0D: ("invokeWithLayer", _fields(layer=read_int)),
    0xBF9459B7: ("invokeWithoutUpdates", _fields()),
    0x365275F2: ("invokeWithMessagesRange", _fields(range=_object)),
    0xACA9FD2E: ("invokeWithTakeout", _fields(takeout_id=read_long)),
    0xDD289F8E: ("invokeWithBusinessConnection", _fields(connection_id=read_string)),
    0x1DF92984: ("invokeWithGooglePlayIntegrity", _fields(nonce=read_string, token=read_string)),
    0x0DAE54F8: ("invokeWithApnsSecret", _fields(nonce=read_string, secret=read_string)),
    0xADBB0F94: ("invokeWithReCaptcha", _fields(token=read_string)),
}
"""Constructor id → TL name and the reader of all fields but the query."""


def unwrap(session: Session, body: bytes) -> tuple[tuple[Wrapper, ...], bytes]:
    """The wrappers of ``body``, outermost first, and the query inside, unpacked wherever it is gzip_packed.

    Raises DecodeError; what unpacks counts against the payload's limit (TL-83).
    """
    wrappers: list[Wrapper] = []
    while True:
        if constructor_of(body) == GZIP_PACKED:  # TL-61
            body = session.unwrap(body)
        known = WRAPPERS.get(constructor_of(body))
        if known is None:
            return tuple(wrappers), body
        if len(wrappers) == MAX_WRAPPERS:
            raise DecodeError("depth", detail=f"more than {MAX_WRAPPERS} wrappers")
        name, read = known
        fields, end = decode_prefix(body, read, 4)
        wrappers.append(Wrapper(name, fields))
        body = body[end:]
