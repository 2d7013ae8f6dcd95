"""Rows of the result, and how they are printed: a table, or JSON."""

from __future__ import annotations

import json
from typing import NamedTuple


class Row(NamedTuple):
    """One comparison. ``ours`` and ``theirs`` are in ``unit``; ``bar`` is what the ratio must reach.

    Where ``theirs`` is a limit rather than a library (import), the ratio is theirs / ours and the bar 1.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    bar: float | None

    @property
    def verdict(self) -> str:
        if self.bar is None or self.ratio is None:
            return ""
        return "ok" if self.ratio >= self.bar else "MISSED"


def table(rows: list[Row]) -> str:
    """``name | ours | theirs | ratio | bar | verdict``, in columns."""
    lines = [("name", "ours", "theirs", "ratio", "bar", "verdict")]
    for row in rows:
        lines.append(
            (
                row.name,
                f"{row.ours:.4g} {row.unit}",
                "" if row.theirs is None else f"{row.theirs:.4g} {row.unit}",
                "" if row.ratio is None else f"{row.ratio:.2f}",
                "" if row.bar is None else f"{row.bar:.2f}",
                row.verdict,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(" | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def as_json(rows: list[Row], conditions: dict[str, object]) -> str:
    """The same, with what it was measured on."""
    return json.dumps(
        {"conditions": conditions, "rows": [{**row._asdict(), "verdict": row.verdict} for row in rows]}, indent=1
    )
