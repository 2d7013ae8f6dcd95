"""Scope: one generated module while its text is being made.

It collects what the text refers to (structs, tables, names to import, memo tables), so that the head of the module
can be written last, and answers questions about the schema that readers and writers ask.
"""

from __future__ import annotations

from codegen import naming
from mtproto.tl.schema import Combinator, Schema, TypeRef, is_boxed_name, minimum_size, minimum_sizes

CODE_SIZE = {"I": 4, "i": 4, "q": 8, "d": 8, "16s": 16, "32s": 32}


class Model:
    """A schema with the indexes that the generator needs, and its ``older`` layers."""

    def __init__(self, name: str, schema: Schema, flat: bool, older: tuple[Schema, ...] = ()) -> None:
        self.name = name
        self.schema = schema
        self.flat = flat  # one module, without shards
        self.older = older
        self.sizes = minimum_sizes(schema)
        self.by_name = {c.name: c for c in schema.combinators}
        self.by_type: dict[str, list[Combinator]] = {}
        for combinator in schema.combinators:
            if combinator.kind == "type":
                self.by_type.setdefault(combinator.result.name, []).append(combinator)
        self.package = f"mtproto.schema.{name}"

    def union(self, type_name: str) -> str:
        """The annotation of a boxed type in a flat schema: its class, or the union that the module ends with."""
        members = self.by_type[type_name]
        return naming.short_class(members[0], True) if len(members) == 1 else f"Any{naming.boxed(type_name)}"

    def bare_target(self, type_ref: TypeRef) -> Combinator:
        """The constructor that ``future_salt`` or ``%FutureSalt`` stands for."""
        if is_boxed_name(type_ref.name):
            return self.by_type[type_ref.name][0]
        return self.by_name[type_ref.name]


class Scope:
    """What one module uses."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.wire: set[str] = set()
        self.objects: set[str] = set()
        self.structs: set[tuple[str, str]] = set()
        self.tables: set[str] = set()
        self.typing: set[str] = set()
        self.memos: list[str] = []
        self.any_object = False
        self.queries = False
        self.boxed = False

    def use(self, name: str) -> str:
        """A name of tl.wire."""
        self.wire.add(name)
        return name

    def base(self, name: str) -> str:
        """A name of tl.objects."""
        self.objects.add(name)
        return name

    def table(self, type_name: str) -> str:
        self.tables.add(type_name)
        return naming.table(type_name)

    def unpack(self, codes: list[str]) -> str:
        self.structs.add(("unpack_from", "".join(codes)))
        return f"_unpack_{''.join(codes)}"

    def pack(self, codes: list[str]) -> str:
        self.structs.add(("pack", "".join(codes)))
        return f"_pack_{''.join(codes)}"

    def memo(self, name: str, kind: str, arguments: str) -> str:
        self.memos.append(f"{name} = {self.use(kind)}({arguments})")
        return name

    def minimum(self, type_ref: TypeRef) -> int:
        return minimum_size(type_ref, self.model.sizes)

    def annotation(self, type_ref: TypeRef) -> str:
        """The Python annotation of a TL type."""
        if type_ref.is_vector:
            return f"list[{self.annotation(type_ref.arguments[0])}]"
        if type_ref.name.startswith("!"):
            return f"{self.base('Function')}[{self.base('R')}]"
        if type_ref.name == "Object":
            return self.base("TLObject")
        if type_ref.name in naming.SIMPLE:
            return naming.SIMPLE[type_ref.name]
        if type_ref.bare:
            return naming.short_class(self.model.bare_target(type_ref), self.model.flat)
        if self.model.flat:
            return self.model.union(type_ref.name)
        self.boxed = True
        return f"boxed.{naming.boxed(type_ref.name)}"

    def head(self) -> list[str]:
        """Imports, structs, tables and memo tables: the lines between docstring and classes."""
        package = self.model.package
        lines = ["from __future__ import annotations", ""]
        if self.structs:
            lines.append("from struct import Struct")
        if self.boxed:
            self.typing.add("TYPE_CHECKING")
        if self.typing:
            lines.append(f"from typing import {', '.join(sorted(self.typing))}")
        lines.append("")
        if self.model.flat:
            lines.append("from mtproto.schema.loader import FlatRegistry")
        else:
            lines.append(f"from {package}._registry import registry")
        lines.append(f"from mtproto.tl.objects import {', '.join(sorted(self.objects))}")
        if self.any_object:
            lines.append("from mtproto.tl.registry import any_object")
        if self.wire:
            lines.append(f"from mtproto.tl.wire import {', '.join(sorted(self.wire, key=str.lower))}")
        if self.boxed:
            lines += ["", "if TYPE_CHECKING:", f"    from {package} import boxed"]
        lines.append("")
        if self.model.flat:
            lines.append(f'registry = FlatRegistry("{self.model.name}")')
        lines.append("new = object.__new__")
        for kind, codes in sorted(self.structs):
            lines.append(f'_{kind.removesuffix("_from")}_{codes} = Struct("<{codes}").{kind}')
        for type_name in sorted(self.tables):
            lines.append(f'{naming.table(type_name)} = registry.table("{type_name}")')
        if self.queries:
            lines.append("_queries = registry.queries")
        return lines + self.memos
