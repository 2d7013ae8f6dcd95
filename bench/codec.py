"""decode and encode: two objects that all three libraries decode to the same values and encode to the same bytes.

That is checked first; a difference ends the run.
"""

from __future__ import annotations

from typing import Final

from bench.context import Context
from bench.interleave import interleave
from bench.peer import BenchError, Worker, note
from bench.report import Row

_BARS: Final = {
    ("decode", "updates", "telethon"): 3.5,
    ("decode", "messagesSlice", "telethon"): 2.5,
    ("encode", "updates", "telethon"): 2.3,
    ("encode", "messagesSlice", "telethon"): 2.3,
}


def decode(context: Context) -> list[Row]:
    return _measure(context, "decode")


def encode(context: Context) -> list[Row]:
    return _measure(context, "encode")


def _measure(context: Context, job: str) -> list[Row]:
    rows = []
    for library in ("telethon", "kurigram"):
        with context.worker("ours") as ours, context.worker(library) as theirs:
            corpus: dict[str, str] = ours.ask("corpus")
            for name, data in corpus.items():
                _check_same(name, data, ours, theirs)
                ours.prepare(job, data)
                theirs.prepare(job, data)
                pair = interleave(ours, theirs, context.rounds).by("cpu")
                bar = _BARS.get((job, name, library))
                label = f"{job} {name} / {library}"
                rows.append(Row(label, pair.ours * 1e6, pair.theirs * 1e6, "µs", pair.ratio, bar))
    return rows


def _check_same(name: str, data: str, ours: Worker, theirs: Worker) -> None:
    """Raises BenchError unless both decode ``data`` to the same values, and encode those to ``data``."""
    mine, other = ours.ask("codec", data), theirs.ask("codec", data)
    if mine["tree"] != other["tree"]:
        raise BenchError(f"{name}: {theirs.library} decodes it to other values")
    for worker, answer in ((ours, mine), (theirs, other)):
        if answer["bytes"] != data:
            raise BenchError(f"{name}: {worker.library} encodes it to other bytes")
    objects = _count(mine["tree"])
    note(f"{name}: {len(data) // 2} bytes, {objects} objects; same values and bytes in ours and {theirs.library}")


def _count(tree: object) -> int:
    if isinstance(tree, dict):
        return sum(map(_count, tree.values()))
    if not isinstance(tree, list):
        return 0
    is_object = len(tree) == 2 and isinstance(tree[0], str) and isinstance(tree[1], dict)
    return is_object + sum(map(_count, tree))
