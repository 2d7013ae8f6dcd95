"""``mtproto schema``: what a declaration is in a layer, and what changed between two layers or schema files."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from difflib import get_close_matches

from mtproto.cli.parser import Parser, number
from mtproto.client.key_store import shown
from mtproto.errors import UsageError, printable
from mtproto.schema import api
from mtproto.tl import ir
from mtproto.tl.formats import read_schema
from mtproto.tl.schema import Combinator, Schema

MAX_FILE = 1 << 25
"""Bytes of the largest schema file that is read."""


def parser() -> Parser:
    """The arguments of ``mtproto schema``."""
    out = Parser(
        prog="mtproto schema",
        usage="mtproto schema diff OLD NEW | mtproto schema show NAME [--layer N] | mtproto schema layers",
        description="diff: what changed from OLD to NEW, each a layer or a schema file (.tl or JSON): a line for each "
        "combinator with - removed, + added, ~ changed (its fields by - and +; their order is not shown), and a "
        "last line with the counts. show: the declaration of a combinator. layers: the numbers of the layers known.",
    )
    out.add_argument("action", metavar="diff|show|layers", choices=ACTIONS)
    out.add_argument("names", metavar="OLD NEW | NAME", nargs="*")
    out.add_argument("--layer", type=number, metavar="N", help="of show; default: the newest")
    out.add_argument("--json", action="store_true", help="diff: one JSON object instead of lines")
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto schema``."""
    ACTIONS[args.action](args)
    return 0


def _layers(args: Namespace) -> None:
    _expect(args, 0, "no names")
    print(*api.LAYERS)


def _show(args: Namespace) -> None:
    _expect(args, 1, "the name of a combinator")
    layer = api.LAYER if args.layer is None else args.layer
    name = args.names[0]
    found = {combinator.name: combinator for combinator in ir.schema("api", layer).combinators}
    if name not in found:
        close = get_close_matches(name[:200], found, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise UsageError(f"layer {layer} has no {printable(name)}{hint}")
    print(found[name])


def _diff(args: Namespace) -> None:
    _expect(args, 2, "two layers or files")
    if args.layer is not None:
        raise UsageError("--layer goes with show")
    old, new = ({item.name: item for item in _schema(name).combinators} for name in args.names)
    added = [new[name] for name in sorted(new.keys() - old.keys())]
    removed = [old[name] for name in sorted(old.keys() - new.keys())]
    changed = [(old[name], new[name]) for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]
    if args.json:
        pairs = [{"old": str(before), "new": str(after)} for before, after in changed]
        print(json.dumps({"added": list(map(str, added)), "removed": list(map(str, removed)), "changed": pairs}))
        return
    for line in sorted([*_lines("+", added), *_lines("-", removed), *map(_change, changed)]):
        print(f"{line[1]} {line[0]}{line[2]}")
    print(f"{len(added)} added, {len(removed)} removed, {len(changed)} changed")


def _lines(mark: str, combinators: list[Combinator]) -> list[tuple[str, str, str]]:
    return [(item.name, mark, str(item).removeprefix(item.name)) for item in combinators]


def _change(pair: tuple[Combinator, Combinator]) -> tuple[str, str, str]:
    """Name, mark, and the parts that differ."""
    old, new = pair
    parts = [f"#{old.id:08x}" if old.id == new.id else f"#{old.id:08x} → #{new.id:08x}"]
    before, after = list(map(str, old.params)), list(map(str, new.params))
    parts += [f"-{field}" for field in before if field not in after]
    parts += [f"+{field}" for field in after if field not in before]
    if (old.kind, old.result) != (new.kind, new.result):
        parts.append(f"{old.kind} {old.result} → {new.kind} {new.result}")
    return new.name, "~", " ".join(parts)


def _schema(name: str) -> Schema:
    """A layer by its number, or the schema in a file."""
    if name.isascii() and name.isdecimal() and len(name) < 10:
        return ir.schema("api", int(name))
    try:
        with open(name, encoding="utf-8") as file:
            text = file.read(MAX_FILE)
    except OSError as error:
        raise UsageError(f"{shown(name)} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{shown(name)} is not text") from None
    return read_schema(text, shown(name))


def _expect(args: Namespace, count: int, what: str) -> None:
    if len(args.names) != count:
        raise UsageError(f"{args.action} expects {what}")


ACTIONS: dict[str, Callable[[Namespace], None]] = {"diff": _diff, "show": _show, "layers": _layers}
