"""Where a combinator goes and what things are called in generated code.

Functions and namespaced types go into a shard named after their namespace; the other types into one named after
the first word of their boxed type: ``BotBusinessConnection`` → ``_bot``.
"""

from __future__ import annotations

from mtproto.tl.schema import Combinator, TypeRef, class_name, field_name

SIMPLE = {"int": "int", "long": "int", "double": "float", "string": "str", "bytes": "bytes", "#": "int"} | {
    "int128": "bytes",
    "int256": "bytes",
    "true": "bool",
    "Bool": "bool",
    "True": "bool",
    "Object": "TLObject",
}
"""TL builtin → Python annotation."""

LOCALS = frozenset({"buf", "pos", "word", "obj"})
"""Names that generated readers use themselves."""


def shard(combinator: Combinator) -> str:
    """The module, relative to the schema's package, that holds ``combinator``."""
    if combinator.kind == "function":
        namespace, dot, _ = combinator.name.rpartition(".")
        return f"functions.{namespace if dot else '_root'}"
    return f"types.{_type_shard(combinator.result.name)}"


def _type_shard(type_name: str) -> str:
    namespace, dot, name = type_name.rpartition(".")
    return namespace if dot else f"_{_first_word(name).lower()}"


def _first_word(name: str) -> str:
    end = 1
    while end < len(name) and name[end].isupper():
        end += 1
    while end < len(name) and (name[end].islower() or name[end].isdigit()):
        end += 1
    return name[:end]


def short_class(combinator: Combinator, flat: bool) -> str:
    """The class of ``combinator`` inside its module; a namespace is part of it only in a ``flat`` schema."""
    return class_name(combinator.name if flat else combinator.name.rpartition(".")[2])


def boxed(type_name: str) -> str:
    """The name of a boxed type's union in ``boxed.pyi``: ``updates.Difference`` → ``UpdatesDifference``."""
    return class_name(type_name)


def table(type_name: str) -> str:
    """The variable that holds the reader table of a boxed type."""
    return f"_{class_name(type_name)}"


def writer(type_name: str) -> str:
    """The method by which a field of a boxed type writes its value: no other class has it, so that a value of
    another type is refused without a test (TL-51)."""
    return f"_as_{class_name(type_name)}"


def local(name: str) -> str:
    """A local variable for a flag word."""
    return f"{name}_" if name in LOCALS else name


def extra(word: str) -> str:
    """The slot for the unknown bits of a flag word (TL-47)."""
    return f"extra_{word}"


def slots(combinator: Combinator) -> list[str]:
    """The fields of the class: those of the combinator, then the unknown bits of its flag words."""
    names = [field_name(param.name) for param in combinator.params if not param.is_word]
    return names + [extra(param.name) for param in combinator.params if param.is_word]


def is_boxed(type_ref: TypeRef) -> bool:
    """A declared boxed type, written with its constructor id."""
    return not type_ref.bare and type_ref.name not in SIMPLE and not type_ref.is_vector and type_ref.name[0] != "!"
