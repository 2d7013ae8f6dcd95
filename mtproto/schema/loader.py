"""How generated schemas load: registries over their indexes, and the lazy module attributes of the facades.

The only place where modules are imported by name and where the JSON descriptions are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from os import path
from sys import modules
from types import ModuleType
from typing import Any

from mtproto.errors import UsageError
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import Registry, Table, register
from mtproto.tl.wire import GZIP_PACKED_ID

_PACKAGE = "mtproto.schema"


class FlatRegistry(Registry):
    """A schema in one module: everything is there once it is imported."""

    __slots__ = ("classes",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.classes: dict[str, type[TLObject]] = {}
        register(self)

    def add_classes(self, *classes: type[TLObject]) -> None:
        """Called by the module at its end: what ``find`` finds."""
        self.classes.update({cls.NAME: cls for cls in classes})

    def knows(self, constructor_id: int) -> bool:
        return constructor_id in self.objects or constructor_id in self.functions

    def load_type(self, type_name: str) -> None:
        pass

    def load_id(self, constructor_id: int) -> None:
        pass

    def load_query(self, constructor_id: int) -> None:
        reader = self.objects.get(constructor_id)
        if reader is not None:
            self.queries[constructor_id] = reader

    def find(self, name: str) -> type[TLObject]:
        found = self.classes.get(name)
        if found is None:
            raise unknown_name(self.name, name, self.classes)
        return found

    def ir(self) -> str:
        return read_ir(self.name)


class ShardedRegistry(Registry):
    """A schema in shards. ``shards`` are module names below the package, referred to by their index in
    ``ids`` (constructor id), ``types`` (boxed type) and, in the module ``_names``, by TL name."""

    __slots__ = ("ids", "shards", "types")

    def __init__(
        self,
        name: str,
        shards: tuple[str, ...],
        ids: Mapping[int, int],
        types: Mapping[str, int],
        layers: tuple[int, ...] = (),
    ) -> None:
        super().__init__(name, layers)
        self.shards = shards
        self.ids = ids
        self.types = types
        register(self)

    def knows(self, constructor_id: int) -> bool:
        return constructor_id in self.ids

    def shard(self, index: int) -> ModuleType:
        return import_module(f"{_PACKAGE}.{self.name}.{self.shards[index]}")

    def load_type(self, type_name: str) -> None:
        self.shard(self.types[type_name])

    def load_id(self, constructor_id: int) -> None:
        index = self.ids.get(constructor_id)
        if index is not None:
            self.shard(index)

    def load_query(self, constructor_id: int) -> None:
        """A function of this schema, or a service query or gzip_packed of the MTProto schema (TL-44, TL-61)."""
        self.load_id(constructor_id)
        service: Registry = import_module(f"{_PACKAGE}.mtproto").registry
        if constructor_id == GZIP_PACKED_ID or constructor_id in service.functions:
            self.queries[constructor_id] = _either(service, constructor_id)

    def find(self, name: str) -> type[TLObject]:
        names: Mapping[str, int] = import_module(f"{_PACKAGE}.{self.name}._names").NAMES
        index = names.get(name)
        if index is None:
            raise unknown_name(self.name, name, names)
        from mtproto.tl.schema import class_name

        found: type[TLObject] = getattr(self.shard(index), class_name(name.rpartition(".")[2]))
        return found

    def ir(self) -> str:
        return read_ir(self.name)

    def layer_ir(self, layer: int) -> str:
        return read_package_data(f"layers/{layer}.json")


def _either(registry: Registry, constructor_id: int) -> Callable[[bytes, int], tuple[Any, int]]:
    table: Table = registry.functions if constructor_id in registry.functions else registry.objects
    return table[constructor_id]


def unknown_name(schema: str, name: str, names: Mapping[str, Any]) -> UsageError:
    """The error for a name that the schema does not have, with those that look alike."""
    from difflib import get_close_matches  # 4 ms; only for the message

    lower = {known.lower(): known for known in names}
    close = [lower[match] for match in get_close_matches(name.lower()[:200], lower, n=3)]
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return UsageError(f"the {schema} schema has no {name[:200]!a}{hint}")


def read_ir(name: str) -> str:
    """The JSON description of a schema."""
    return read_package_data(f"{name}.ir.json")


def read_package_data(name: str) -> str:
    """A JSON text beside this module."""
    # open() and not importlib.resources, whose import takes 15 ms
    with open(path.join(path.dirname(__file__), *name.split("/")), encoding="ascii") as file:
        return file.read()


def facade(
    package: str, namespaces: tuple[str, ...], roots: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a facade module: namespaces are its submodules, ``roots`` maps the classes
    without a namespace to theirs (PEP 562)."""

    def module_getattr(name: str) -> Any:
        if name in namespaces:
            return import_module(f"{package}.{name}")
        shard = roots.get(name)
        if shard is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{shard}"), name)
        setattr(modules[package], name, found)  # from now on a plain attribute: 5 µs less each time
        return found

    def module_dir() -> list[str]:
        return sorted((*namespaces, *roots))

    return module_getattr, module_dir
