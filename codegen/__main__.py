"""``python -m codegen`` writes ``mtproto/schema`` from ``tl_schema``; ``--check`` fails if what is there is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codegen import naming
from codegen.facade import Files, flat_tail, ir_text, package_files
from codegen.objects import module_text
from codegen.scope import Model
from mtproto.tl.schema import Combinator, SchemaError, check_union, parse

ROOT = Path(__file__).resolve().parent.parent
FLAT, SHARDED = "mtproto", "api"
HAND_WRITTEN = {"__init__.py", "loader.py"}


def generate(sources: dict[str, str]) -> Files:
    """Every generated file of the schemas in ``sources`` (name → TL text). Raises SchemaError."""
    models = [Model(name, parse(sources[name], f"tl_schema/{name}.tl"), name == FLAT) for name in sorted(sources)]
    check_union(model.schema for model in models)
    files: Files = {}
    for model in models:
        check_names(model)
        files[f"{model.name}.ir.json"] = ir_text(model)
        files |= flat_files(model) if model.flat else sharded_files(model)
    return files


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


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if anything is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    options = parser.parse_args(arguments)
    target = options.root / "mtproto" / "schema"
    try:
        files = generate({name: (options.root / "tl_schema" / f"{name}.tl").read_text() for name in (FLAT, SHARDED)})
    except (SchemaError, OSError) as error:
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


def write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
