"""Older layers: ``tl_schema/layers/N.tl`` has what differs from the newest layer, and nothing else.

Such a file names the newest layer, has the declarations that only the older one has in this form, and last, under
``---absent---``, the names that the older layer lacks. ``python -m codegen import FILE`` writes it from a full schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from codegen.facade import combinator_row
from mtproto.tl.declaration import Loader
from mtproto.tl.formats import read_schema
from mtproto.tl.schema import Combinator, Schema, SchemaError

NEWEST = "api.tl"
_ABSENT = "---absent---"
_BASE = "// differs from layer "
_NO_API = ("error", "null")
"""Declarations of some published files that no layer of the API has ever used."""


def read_layer(newest: Schema, text: str, file: str) -> Schema:
    """The whole older layer that the difference file ``text`` describes. Raises SchemaError."""
    declared, _, absent = text.partition(_ABSENT)
    loader = Loader(file)
    own = loader.declarations(declared)
    if f"{_BASE}{newest.layer}\n" not in declared:
        raise SchemaError(file, 1, f"what it differs from is not layer {newest.layer}: import the full schema again")
    if loader.layer is None:
        raise SchemaError(file, 1, "the layer comment is missing (TL-03)")
    return newest.variant(loader.layer, own, absent.split(), file)


def layer_text(newest: Schema, older: Schema) -> str:
    """The difference file of ``older``: the reverse of ``read_layer``."""
    own, absent = difference(newest, older)
    lines = [f"// LAYER {older.layer}", f"{_BASE}{newest.layer}", "", "---types---", ""]
    lines += [f"{combinator};" for combinator in own if combinator.kind == "type"]
    lines += ["", "---functions---", ""]
    lines += [f"{combinator};" for combinator in own if combinator.kind == "function"]
    return "\n".join([*lines, "", _ABSENT, "", *absent, ""])


def layer_json(newest: Schema, older: Schema) -> str:
    """The same for the run time: ``layer``, ``newest``, ``absent`` names, ``combinators`` as in the IR."""
    own, absent = difference(newest, older)
    rows = ",\n".join(combinator_row(combinator) for combinator in own)
    names = json.dumps(absent, separators=(",", ":"))
    return f'{{"layer":{older.layer},"newest":{newest.layer},"absent":{names},"combinators":[\n{rows}\n]}}\n'


def difference(newest: Schema, older: Schema) -> tuple[list[Combinator], list[str]]:
    """What only ``older`` declares in this form, and the names that it lacks; in the order of the newest layer."""
    known = {combinator.name: combinator for combinator in newest.combinators}
    theirs = {combinator.name: combinator for combinator in older.combinators}
    names = [*known, *sorted(theirs.keys() - known.keys())]
    own = [theirs[name] for name in names if name in theirs and theirs[name] != known.get(name)]
    return own, [name for name in known if name not in theirs]


def full_text(schema: Schema) -> str:
    """A whole schema as ``.tl`` text."""
    lines = [f"// LAYER {schema.layer}", "", "---types---", ""]
    lines += [f"{combinator};" for combinator in schema.combinators if combinator.kind == "type"]
    lines += ["", "---functions---", ""]
    lines += [f"{combinator};" for combinator in schema.combinators if combinator.kind == "function"]
    return "\n".join([*lines, ""])


def published(path: Path, layer: int | None = None, without: Iterable[str] = ()) -> Schema:
    """The full schema in ``path``, in any published form, but for the names ``without``. Raises SchemaError."""
    schema = read_schema(path.read_text("utf-8"), str(path), layer)
    if schema.layer is None:
        raise SchemaError(str(path), 1, "the file does not say its layer: give --layer")
    if layer is not None and layer != schema.layer:
        raise SchemaError(str(path), 1, f"the file says layer {schema.layer}, not {layer}")
    left_out = {*_NO_API, *without}
    return schema.variant(schema.layer, (), left_out & {combinator.name for combinator in schema.combinators})


def imported(texts: dict[str, str], schema: Schema) -> dict[str, str]:
    """The files below ``tl_schema`` that change with ``schema``: ``texts`` are those that are there, by path.

    An older layer becomes a difference file. A newer one than ``api.tl`` becomes ``api.tl``, and every difference is
    made anew; the layer that was the newest becomes one.
    """
    newest = read_schema(texts[NEWEST], NEWEST)
    layers = {newest.layer: newest}
    for path, text in texts.items():
        if path != NEWEST:
            older = read_layer(newest, text, path)
            layers[older.layer] = older
    layers[schema.layer] = schema
    top = layers[max(number for number in layers if number is not None)]
    out = {layer_path(number): layer_text(top, older) for number, older in layers.items() if older is not top}
    if top is not newest:
        out[NEWEST] = full_text(top)
    return {path: text for path, text in out.items() if texts.get(path) != text}


def layer_path(number: int | None) -> str:
    """Where the difference file of a layer is, below ``tl_schema``."""
    return f"layers/{number}.tl"
