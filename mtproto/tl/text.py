"""Objects as text. (So far only one line without values.)"""

from __future__ import annotations

from mtproto.tl.objects import TLObject


def to_line(value: TLObject) -> str:
    return f"({value.NAME})"
