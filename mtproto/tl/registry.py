"""Reader tables, and ``decode``: the one place where failures of readers become DecodeError (TL-44, TL-85).

A generated schema hands a ``Registry`` to ``register`` when it is imported; this module imports no schema. A
``Table`` maps constructor ids to readers of what follows the id. It is filled when the module (shard) that
holds the classes is loaded, and a look-up that misses loads it: the hot path is one dict look-up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from mtproto.errors import DecodeError, UnknownConstructor, UsageError
from mtproto.tl.objects import TLObject
from mtproto.tl.wire import BOOL_FALSE, BOOL_TRUE, TRUE_ID, VECTOR_ID, Reader, unpack_I

T = TypeVar("T")

DECODE_ERRORS = (struct.error, IndexError, RecursionError)
"""What readers raise on bytes that end too early or nest too deeply, besides DecodeError."""

MAX_REPEAT = 1 << 20
"""Inputs up to so many bytes are decoded a second time after a failure, to say where it happened."""


class Table(dict[int, Reader]):
    """Constructor id → reader of the fields. ``expected`` names the type, ``load`` brings its readers in."""

    __slots__ = ("expected", "load")

    def __init__(self, expected: str, load: Callable[[int], None]) -> None:
        self.expected = expected
        self.load = load

    def __missing__(self, constructor_id: int) -> Reader:
        self.load(constructor_id)
        reader = self.get(constructor_id)
        if reader is None:
            raise no_reader(constructor_id, self.expected)
        return reader

    def read(self, buf: bytes, pos: int) -> tuple[Any, int]:
        """A boxed value of this type."""
        return self[unpack_I(buf, pos)[0]](buf, pos + 4)


class Registry:
    """One generated schema at run time. ``mtproto.schema.loader`` has its two forms: one module, and shards.

    ``queries`` are the readers for a field ``!X``: the functions, and what else may stand there (TL-61). ``layers``:
    the numbers of all layers of which a description is there, the newest, which is the generated one, last.
    """

    __slots__ = ("functions", "layers", "name", "objects", "queries", "tables")

    def __init__(self, name: str, layers: tuple[int, ...] = ()) -> None:
        self.name = name
        self.layers = layers
        self.tables: dict[str, Table] = {}
        self.objects = Table("Object", self.load_id)
        self.functions = Table("a function", self.load_id)
        self.queries = Table("a function", self.load_query)

    def knows(self, constructor_id: int) -> bool:
        """Whether the id is one of this schema."""
        raise NotImplementedError

    def load_type(self, type_name: str) -> None:
        """Import the shard that holds a boxed type."""
        raise NotImplementedError

    def load_id(self, constructor_id: int) -> None:
        """Import the shard that holds an id, if there is one."""
        raise NotImplementedError

    def load_query(self, constructor_id: int) -> None:
        """Bring a reader for a query into ``queries``, if there is one."""
        raise NotImplementedError

    def find(self, name: str) -> type[TLObject]:
        """The class of the TL name. Raises UsageError, with names that look alike, if there is none."""
        raise NotImplementedError

    def ir(self) -> str:
        """The text of the schema's JSON description."""
        raise NotImplementedError

    def layer_ir(self, layer: int) -> str:
        """The text of what differs in an older one of ``layers``."""
        raise NotImplementedError

    def table(self, type_name: str) -> Table:
        """The one table of a boxed type, perhaps still empty."""
        table = self.tables.get(type_name)
        if table is None:
            table = self.tables.setdefault(type_name, Table(type_name, lambda _id: self.load_type(type_name)))
        return table

    def add_type(self, type_name: str, readers: dict[int, Reader]) -> None:
        """Called by a shard: the readers of all constructors of a boxed type."""
        self.table(type_name).update(readers)
        self.objects.update(readers)

    def add_functions(self, readers: dict[int, Reader]) -> None:
        """Called by a shard: readers of functions."""
        self.functions.update(readers)
        self.queries.update(readers)


schemas: dict[str, Registry] = {}
"""Every schema imported so far, by name."""


def register(registry: Registry) -> None:
    """Make a schema known to ``decode``, to fields of type Object and to JSON."""
    schemas[registry.name] = registry


def _load_any(constructor_id: int) -> None:
    for registry in tuple(schemas.values()):
        if registry.knows(constructor_id):
            registry.objects.load(constructor_id)
            reader = registry.objects.get(constructor_id) or registry.functions.get(constructor_id)
            if reader is not None:
                any_object[constructor_id] = reader
                return


any_object = Table("Object", _load_any)
"""Readers for fields of type Object: constructors and functions of every loaded schema (TL-44)."""


def no_reader(constructor_id: int, expected: str) -> DecodeError:
    """Why an id is not in the table of the ``expected`` type (TL-44, TL-84)."""
    builtin = constructor_id in (VECTOR_ID, BOOL_TRUE, BOOL_FALSE, TRUE_ID)
    if builtin or any(registry.knows(constructor_id) for registry in tuple(schemas.values())):
        return DecodeError("unexpected_constructor", detail=f"#{constructor_id:08x} where {expected} is expected")
    return UnknownConstructor(constructor_id)


def decode(buf: bytes, read: Callable[[bytes, int], tuple[T, int]]) -> T:
    """The value that ``read`` finds in ``buf``, all of which it must occupy (TL-87).

    Raises DecodeError with kind (TL-85), offset in bytes and the path of the field; nothing else, for any bytes.
    """
    try:
        value, end = read(buf, 0)
        if end == len(buf):
            return value
        problem = _misfit(end, len(buf))
    except (DecodeError, *DECODE_ERRORS) as error:
        problem = _problem(error, 0)
    raise _located(problem, buf, 0, read)


def decode_prefix(buf: bytes, read: Callable[[bytes, int], tuple[T, int]], pos: int = 0) -> tuple[T, int]:
    """The value that ``read`` finds at ``pos``, and the position behind it; what follows is not looked at (AUTH-08)."""
    try:
        value, end = read(buf, pos)
        if end <= len(buf):
            return value, end
        problem = _misfit(end, len(buf))
    except (DecodeError, *DECODE_ERRORS) as error:
        problem = _problem(error, pos)
    raise _located(problem, buf, pos, read)


def _misfit(end: int, size: int) -> DecodeError:
    if end > size:
        return DecodeError("eof", size)  # a slice overran
    return DecodeError("trailing", end, detail=f"{size - end} bytes are left")


def _problem(error: Exception, pos: int) -> DecodeError:
    if isinstance(error, DecodeError):
        error.__traceback__ = error.__context__ = None  # frames hold what was decoded so far
        return error
    return DecodeError("depth" if isinstance(error, RecursionError) else "eof", pos)


def _located(problem: DecodeError, buf: bytes, pos: int, read: Callable[[bytes, int], tuple[Any, int]]) -> DecodeError:
    if problem.kind in ("trailing", "depth") or len(buf) - pos > MAX_REPEAT:
        return problem
    from mtproto.tl.explain import locate  # only on the way out: it loads the schema's description

    return locate(problem, buf, pos, read)


def encode(value: TLObject) -> bytes:
    """``value.to_bytes()``. Raises UsageError, naming the field, if it cannot be encoded (TL-51)."""
    if not isinstance(value, TLObject):
        raise UsageError(f"expected a TL object, got {type(value).__name__}")
    return value.to_bytes()
