"""``python -m codegen`` writes ``mtproto/schema`` from ``tl_schema``; ``--check`` fails if what is there is stale.

``python -m codegen import FILE`` first takes in a layer: a full schema, as ``.tl`` or as JSON.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codegen import layers, naming
from codegen.facade import Files, flat_tail, ir_text, package_files
from codegen.objects import module_text
from codegen.scope import Model
from mtproto.tl.schema import Combinator, Schema, SchemaError, check_union, parse

ROOT = Path(__file__).resolve().parent.parent
FLAT, SHARDED = "mtproto", "api"
SCHEMAS = (SHARDED, FLAT)
HAND_WRITTEN = {"__init__.py", "loader.py"}


def generate(sources: dict[str, str]) -> Files:
    """Every generated file of the schemas in ``sources``: path below ``tl_schema`` → text. Raises SchemaError."""
    models = [model(name, sources) for name in SCHEMAS if f"{name}.tl" in sources]
    check_union(model.schema for model in models)
    files: Files = {}
    for made in models:
        check_names(made)
        files[f"{made.name}.ir.json"] = ir_text(made)
        files |= {f"layers/{older.layer}.json": layers.layer_json(made.schema, older) for older in made.older}
        files |= flat_files(made) if made.flat else sharded_files(made)
    return files


def model(name: str, sources: dict[str, str]) -> Model:
    """The schema ``name``, with its older layers if it is the API."""
    schema = parse(sources[f"{name}.tl"], f"tl_schema/{name}.tl")
    return Model(name, schema, name == FLAT, older_layers(sources, schema) if name == SHARDED else ())


def older_layers(sources: dict[str, str], newest: Schema) -> tuple[Schema, ...]:
    """Every older layer in ``sources``, in their order. Raises SchemaError; the file's name has to be its number."""
    found: dict[int, Schema] = {}
    for path in sources:
        if path.startswith("layers/"):
            older = layers.read_layer(newest, sources[path], f"tl_schema/{path}")
            if path != layers.layer_path(older.layer):
                raise SchemaError(f"tl_schema/{path}", 1, f"this is layer {older.layer}")
            found[older.layer or 0] = older
    return tuple(found[number] for number in sorted(found))


def flat_files(model: Model) -> Files:
    title = "The MTProto schema: key exchange and service messages."
    return {f"{model.name}.py": module_text(model, list(model.schema.combinators), title, flat_tail(model))}


def sharded_files(model: Model) -> Files:
    shards: dict[str, list[Combinator]] = {}
    for combinator in model.schema.combinators:
        shards.setdefault(naming.shard(combinator), []).append(combinator)
    files = package_files(model, shards)
    for shard, members in sorted(shards.items()):
        title = f"{shard}: {len(members)} combinators."
        files[f"{model.name}/{shard.replace('.', '/')}.py"] = module_text(model, members, title, [])
    return files


def check_names(model: Model) -> None:
    """Renaming must not lose anything (TL-13): no two classes, unions or fields may get one name."""
    taken: dict[str, str] = {}
    for combinator in model.schema.combinators:
        slots = naming.slots(combinator)
        home = "" if model.flat else f"{combinator.kind} {combinator.name.rpartition('.')[0]}."
        key = home + naming.short_class(combinator, model.flat)
        if taken.setdefault(key, combinator.name) != combinator.name or len(set(slots)) < len(slots):
            raise SchemaError(f"tl_schema/{model.name}.tl", 0, f"a name is lost in Python: {combinator}")
    for type_name in model.by_type:
        if taken.setdefault(f"boxed {naming.boxed(type_name)}", type_name) != type_name:
            raise SchemaError(f"tl_schema/{model.name}.tl", 0, f"two types are called {naming.boxed(type_name)}")


def stale(files: Files, target: Path) -> list[str]:
    """Paths below ``target`` that are missing, different, or no longer generated."""
    there = {str(path.relative_to(target)) for path in target.rglob("*") if path.suffix in (".py", ".pyi", ".json")}
    wrong = {path for path, text in files.items() if path not in there or (target / path).read_text() != text}
    return sorted(wrong | (there - files.keys() - HAND_WRITTEN))


def read_sources(root: Path) -> dict[str, str]:
    """What ``generate`` takes: path below ``tl_schema`` → text."""
    folder = root / "tl_schema"
    paths = [*(f"{name}.tl" for name in SCHEMAS), *(f"layers/{path.name}" for path in (folder / "layers").glob("*.tl"))]
    return {path: (folder / path).read_text("utf-8") for path in sorted(paths)}


def take_in(options: argparse.Namespace) -> None:
    """Write what changes below ``tl_schema`` with the schema in a file. Raises SchemaError or OSError."""
    schema = layers.published(options.file, options.layer, options.without)
    texts = read_sources(options.root)
    changed = layers.imported({path: text for path, text in texts.items() if path != f"{FLAT}.tl"}, schema)
    generate(texts | changed)  # nothing is written that cannot be read again
    for path, text in changed.items():
        write(options.root / "tl_schema" / path, text)
    print(f"layer {schema.layer}: {', '.join(changed) or 'nothing'} written")


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    options = parser().parse_args(arguments)
    target = options.root / "mtproto" / "schema"
    try:
        if options.command:
            take_in(options)
        files = generate(read_sources(options.root))
    except (SchemaError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    paths = stale(files, target)
    if options.check:
        for path in paths:
            print(f"stale: mtproto/schema/{path}", file=sys.stderr)
        return 1 if paths else 0
    for path in paths:
        write(target / path, files.get(path))
    print(f"{len(files)} files, {len(paths)} written or removed")
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments of ``python -m codegen``."""
    out = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    out.add_argument("--check", action="store_true", help="write nothing; fail if anything is stale")
    out.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    commands = out.add_subparsers(dest="command", metavar="import")
    take = commands.add_parser("import", help="take in a layer from a full schema, then generate")
    take.add_argument("file", metavar="FILE", type=Path, help="a .tl text, the official JSON, or mtcute's")
    take.add_argument("--layer", type=int, help="the layer, where the file does not say it")
    take.add_argument("--without", nargs="*", default=[], metavar="NAME", help="what the file has beyond the layer")
    return out


def write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
