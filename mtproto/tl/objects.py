"""TLObject and TLFunction, the bases of generated classes, and Function[R], what a typed call needs to know.

The schema of a class is the module it was generated into: ``mtproto.schema.api…`` or ``mtproto.schema.mtproto``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

from mtproto.errors import UsageError
from mtproto.record import Record
from mtproto.tl.wire import ENCODE_ERRORS

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class TLObject(Record):
    """A value of a TL constructor or function: fields in slots, keyword-only constructor.

    ``ID`` is the constructor id, unsigned; ``NAME`` the name in the schema. Where the combinator has flag words,
    ``extra_flags`` (``extra_`` and the word's name) holds received bits that no known field uses (TL-47).
    """

    __slots__: tuple[str, ...] = ()
    ID: ClassVar[int]
    NAME: ClassVar[str]

    def to_bytes(self) -> bytes:
        """The boxed serialisation, id first (TL-44). Raises UsageError, naming the field, if a value does not fit."""
        try:
            return self._write()
        except (*ENCODE_ERRORS, UsageError) as error:
            problem = error
        from mtproto.tl.explain import refusal  # only on the way out: it loads the schema's description

        raise refusal(self, problem) from None

    def _write(self) -> bytes:
        raise NotImplementedError

    def __repr__(self) -> str:
        """One line; fields that may hold secrets are shown as <redacted> (SEC-58)."""
        from mtproto.tl.text import to_line

        return to_line(self)


class TLFunction(TLObject):
    """A value of a TL function: a query, and the reader of its result."""

    __slots__: tuple[str, ...] = ()

    def read_result(self, buf: bytes, pos: int) -> tuple[Any, int]:
        """The boxed result at ``pos``, and the position behind it. Use it inside ``tl.registry.decode``."""
        raise NotImplementedError


class Function(Protocol[R_co]):
    """A query whose result is R: every generated function is one for its own result type."""

    def to_bytes(self) -> bytes: ...

    def _write(self) -> bytes: ...

    def read_result(self, buf: bytes, pos: int) -> tuple[R_co, int]: ...


def schema_name(cls: type[TLObject]) -> str:
    """The schema of a generated class: "api" or "mtproto"."""
    return cls.__module__.split(".")[2]


def write_any(value: TLObject) -> bytes:
    """A field of type Object: any boxed constructor or function (TL-44)."""
    if not isinstance(value, TLObject):
        raise TypeError("not a TL object")
    return value._write()


def write_bare(value: TLObject, constructor_id: int) -> bytes:
    """A bare object: the fields of that one constructor, without its id (TL-08)."""
    if not isinstance(value, TLObject) or constructor_id != value.ID:
        raise TypeError(f"not #{constructor_id:08x}")
    return value._write()[4:]
