"""Layers: a client is served in the declarations of the layer that it announced (API-04).

Handlers know today's classes only. A query of an older layer is read with that layer's declarations and handed to
them as an object of today's class; what they answer is written in that layer's declarations. A layer that is not
among those known is served as the nearest one below it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mtproto.errors import DecodeError, UsageError
from mtproto.schema.api import LAYER, LAYERS
from mtproto.testdc.objects import Opaque
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.schema import Combinator, Param, field_name

if TYPE_CHECKING:
    from mtproto.tl.dynamic import Codec

MOVED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("botBusinessConnection", "can_reply"): lambda value: value.rights is not None and value.rights.reply,
}
"""(constructor, field of older layers) → what stands there, taken from an object of today's class."""


class NotInLayer(UsageError):
    """A query that today's classes have no place for, or an answer that the client's layer has none for."""


def nearest(announced: int) -> int | None:
    """The known layer that serves a client of layer ``announced``: it, or the nearest below. None: none is."""
    return LAYERS[bisect_right(LAYERS, announced) - 1] if LAYERS[0] <= announced <= LAYER else None


@lru_cache(maxsize=64)
def older(announced: int | None) -> Codec | None:
    """The codec that serves layer ``announced``; None where that is the newest, and before any was announced."""
    layer = None if announced is None else nearest(announced)
    if layer is None or layer == LAYER:
        return None
    from mtproto.tl import dynamic

    return dynamic.codec("api", layer)


def has(announced: int | None, name: str) -> bool:
    """Whether the layer declares ``name``, a name of the newest layer."""
    codec = older(announced)
    return codec is None or name in codec.by_name


def write(value: TLObject, announced: int | None) -> bytes:
    """``value`` serialised for a client of layer ``announced``. Raises NotInLayer where that cannot express it.

    What the layer has no place for is left out: fields, and elements of vectors whose constructor came later.
    """
    codec = older(announced)
    if codec is None or not _is_api(value):
        return value.to_bytes()
    try:
        return codec.encode(_lowered(value, codec))
    except NotInLayer:
        raise
    except UsageError as error:
        raise NotInLayer(f"layer {codec.schema.layer}: {value.NAME}: {error}") from None


def read(body: bytes, codec: Codec) -> TLFunction:
    """The query in ``body``, which is of the layer of ``codec``, as an object of today's class.

    Raises DecodeError; NotInLayer where it says what today's class has no field for, or lacks what that needs.
    """
    from mtproto.tl.dynamic import FUNCTION

    value = codec.decode(body, FUNCTION)
    try:
        query = _raised(value, codec)
    except RecursionError:
        raise DecodeError("depth") from None
    if not isinstance(query, TLFunction):
        raise NotInLayer("no function")
    return query


# ---- today's objects → values of an older layer


def _lowered(value: Any, codec: Codec) -> Any:
    from mtproto.tl.plain import Serialized

    if isinstance(value, Opaque):
        return Serialized(value.body)
    if isinstance(value, list):
        return [_lowered(item, codec) for item in value if _expressible(item, codec)]
    if not isinstance(value, TLObject) or not _is_api(value):
        return value
    if not _expressible(value, codec):
        raise NotInLayer(f"layer {codec.schema.layer} has no {value.NAME}")
    today = {param.name: param for param in _today(value.NAME).params}
    out: dict[str, Any] = {"_": value.NAME}
    for param in codec.by_name[value.NAME].params:
        field = _lowered_field(value, param, today.get(param.name), codec)
        if field is not None and not (param.is_flag and field is False):
            out[param.name] = field
    return out


def _lowered_field(value: TLObject, param: Param, today: Param | None, codec: Codec) -> Any:
    """What stands in the field ``param`` of an older layer; None where nothing does."""
    moved = MOVED.get((value.NAME, param.name))
    if moved is not None:
        return moved(value)
    if param.is_word or today is None or (param.condition and param.type != today.type):
        return None
    field = getattr(value, field_name(param.name))
    return None if param.condition and not _expressible(field, codec) else _lowered(field, codec)


def _expressible(value: Any, codec: Codec) -> bool:
    """Whether the layer has the constructor of ``value``, if it is an API object."""
    if not isinstance(value, TLObject) or isinstance(value, Opaque) or not _is_api(value):
        return True
    return value.NAME in codec.by_name


def _is_api(value: TLObject) -> bool:
    return isinstance(value, Opaque) or schema_name(type(value)) == "api"


# ---- values of an older layer → today's objects


def _raised(value: Any, codec: Codec) -> Any:
    if isinstance(value, list):
        return [_raised(item, codec) for item in value]
    if not isinstance(value, dict):
        return value
    name = value["_"]
    if name not in codec.by_name:
        raise NotInLayer(f"{name} is of another schema")
    then = {param.name: param for param in codec.by_name[name].params}  # unknown bits are left out (TL-47)
    given = {field: _raised(item, codec) for field, item in value.items() if field in then}
    _check_fit(name, given, then)
    from mtproto.schema.api import find

    return find(name)(**{field_name(field): item for field, item in given.items()})


def _check_fit(name: str, given: dict[str, Any], then: dict[str, Param]) -> None:
    """Refuse fields that today's class has not, or otherwise, and fields that it needs."""
    today = {param.name: param for param in _today(name).params}
    for field in given:
        if field not in today or today[field].type != then[field].type:
            raise NotInLayer(f"today's {name} has no such {field}")
    for param in today.values():
        if not param.condition and not param.is_word and param.name not in given:
            raise NotInLayer(f"today's {name} needs {param.name}")


def _today(name: str) -> Combinator:
    from mtproto.tl.dynamic import codec

    found = codec("api").by_name.get(name)
    if found is None:
        raise NotInLayer(f"today there is no {name}")
    return found
