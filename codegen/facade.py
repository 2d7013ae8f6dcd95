"""What surrounds the shards: index, facades with their ``.pyi``, ``boxed.pyi``, and the IR as JSON."""

from __future__ import annotations

import json

from codegen import naming
from codegen.objects import NOTICE
from codegen.scope import Model
from mtproto.tl.schema import Combinator

Files = dict[str, str]
"""Path below ``mtproto/schema`` → text."""


def ir_text(model: Model) -> str:
    """The schema as JSON, one combinator a line: [name, id, kind, generics, [[field, type, word, bit]…], result]."""
    rows = ",\n".join(combinator_row(combinator) for combinator in model.schema.combinators)
    return f'{{"layer":{json.dumps(model.schema.layer)},"combinators":[\n{rows}\n]}}\n'


def combinator_row(combinator: Combinator) -> str:
    """One combinator of the IR."""
    params = [[p.name, str(p.type), *(p.condition or ())] for p in combinator.params]
    row = [combinator.name, combinator.id, combinator.kind, list(combinator.generics), params, str(combinator.result)]
    return json.dumps(row, separators=(",", ":"), ensure_ascii=True)


def package_files(model: Model, shards: dict[str, list[Combinator]]) -> Files:
    """Everything of a sharded schema but the shards."""
    order = sorted(shards)
    name = model.name
    files = {
        f"{name}/__init__.py": _package_init(model),
        f"{name}/_registry.py": _registry_text(model, shards, order),
        f"{name}/_names.py": _names_text(model, shards, order),
        f"{name}/boxed.pyi": _boxed_text(model),
    }
    for half in ("types", "functions"):
        members = {shard.partition(".")[2]: shards[shard] for shard in order if shard.startswith(half + ".")}
        files[f"{name}/{half}/__init__.py"] = _facade_text(model, half, members)
        files[f"{name}/{half}/__init__.pyi"] = _facade_stub(model, members)
    return files


def _notice(model: Model) -> str:
    return NOTICE.format(name=model.name)


def _package_init(model: Model) -> str:
    return f'''{_notice(model)}
"""The API schema, layer {model.schema.layer}: ``types``, ``functions``, readers and ``find``."""

from __future__ import annotations

from typing import Any

from {model.package} import functions, types
from {model.package}._registry import LAYER, LAYERS, registry
from mtproto.tl.objects import TLFunction, TLObject
from mtproto.tl.wire import unpack_I

__all__ = ["LAYER", "LAYERS", "find", "functions", "read_function", "read_object", "types"]

_objects = registry.objects
_functions = registry.functions


def read_object(buf: bytes, pos: int) -> tuple[Any, int]:
    """Any boxed constructor of this schema. Use it inside ``tl.registry.decode``."""
    return _objects[unpack_I(buf, pos)[0]](buf, pos + 4)


def read_function(buf: bytes, pos: int) -> tuple[TLFunction, int]:
    """Any function of this schema. Use it inside ``tl.registry.decode``."""
    return _functions[unpack_I(buf, pos)[0]](buf, pos + 4)


def find(name: str) -> type[TLObject]:
    """The class of a TL name: ``account.getBotBusinessConnection``. Raises UsageError, with names that look alike."""
    return registry.find(name)
'''


def _registry_text(model: Model, shards: dict[str, list[Combinator]], order: list[str]) -> str:
    ids = {c.id: order.index(shard) for shard in order for c in shards[shard]}
    types = {c.result.name: order.index(s) for s in order for c in shards[s] if c.kind == "type"}
    lines = [_notice(model), '"""The index of the schema: which shard holds an id or a boxed type."""', ""]
    lines += ["from __future__ import annotations", "", "from mtproto.schema.loader import ShardedRegistry", ""]
    layers = [*(older.layer for older in model.older), model.schema.layer]
    lines += [f"LAYER = {model.schema.layer}", f"LAYERS = ({', '.join(map(str, layers))},)"]
    lines += [
        '"""Every layer that is known, the newest last."""',
        "SHARDS = (",
        *(f'    "{shard}",' for shard in order),
        ")",
    ]
    lines += ["IDS = {", *(f"    {key:#010x}: {ids[key]}," for key in sorted(ids)), "}"]
    lines += ["TYPES = {", *(f'    "{key}": {types[key]},' for key in sorted(types)), "}"]
    return "\n".join([*lines, f'registry = ShardedRegistry("{model.name}", SHARDS, IDS, TYPES, LAYERS)', ""])


def _names_text(model: Model, shards: dict[str, list[Combinator]], order: list[str]) -> str:
    names = {c.name: order.index(shard) for shard in order for c in shards[shard]}
    lines = [_notice(model), '"""TL name → shard; loaded when a class is looked up by name."""', ""]
    return "\n".join([*lines, "NAMES = {", *(f'    "{key}": {names[key]},' for key in sorted(names)), "}", ""])


def _facade_text(model: Model, half: str, members: dict[str, list[Combinator]]) -> str:
    namespaces = [shard for shard in members if not shard.startswith("_")]
    roots = {naming.short_class(c, False): s for s in members if s.startswith("_") for c in members[s]}
    title = f"The {half} of the schema; each is imported with its shard when first used."
    lines = [_notice(model), f'"""{title}"""', "", "from __future__ import annotations", ""]
    lines += ["from mtproto.schema.loader import facade", "", "NAMESPACES = ("]
    lines += [*(f'    "{namespace}",' for namespace in namespaces), ")", "ROOTS = {"]
    lines += [*(f'    "{key}": "{roots[key]}",' for key in sorted(roots)), "}"]
    return "\n".join([*lines, "__getattr__, __dir__ = facade(__name__, NAMESPACES, ROOTS)", ""])


def _facade_stub(model: Model, members: dict[str, list[Combinator]]) -> str:
    lines = [_notice(model), ""]
    lines += [f"from . import {shard} as {shard}" for shard in members if not shard.startswith("_")]
    for shard in members:
        if shard.startswith("_"):
            names = sorted(naming.short_class(c, False) for c in members[shard])
            lines += [f"from .{shard} import {name} as {name}" for name in names]
    return "\n".join([*lines, ""])


def _boxed_text(model: Model) -> str:
    """One alias for each boxed type: the union of its constructors."""
    lines = [_notice(model), "from typing import TypeAlias", "", f"from {model.package} import types", ""]
    for type_name in sorted(model.by_type):
        namespace, dot, _ = type_name.rpartition(".")
        prefix = f"types.{namespace}." if dot else "types."
        members = sorted(prefix + naming.short_class(c, False) for c in model.by_type[type_name])
        lines.append(f"{naming.boxed(type_name)}: TypeAlias = {' | '.join(members)}")
    return "\n".join([*lines, ""])


def flat_tail(model: Model) -> list[str]:
    """The end of a schema in one module: class names, unions and ``read_object``."""
    classes = [naming.short_class(c, True) for c in model.schema.combinators]
    lines = ["registry.add_classes(", *(f"    {cls}," for cls in classes), ")"]
    for type_name, members in sorted(model.by_type.items()):
        if len(members) > 1 and type_name != "Object":
            lines.append(f"{model.union(type_name)} = {' | '.join(naming.short_class(c, True) for c in members)}")
    return [
        *lines,
        "",
        "",
        "def read_object(buf: bytes, pos: int) -> tuple[TLObject, int]:",
        '    """Any boxed constructor or function of this schema. Use it inside ``tl.registry.decode``."""',
        "    word = unpack_I(buf, pos)[0]",
        "    reader = registry.functions.get(word) or registry.objects[word]",
        "    return reader(buf, pos + 4)",
    ]
