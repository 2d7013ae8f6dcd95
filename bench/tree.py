"""An object of any of the libraries as one and the same tree, so that what they decoded can be compared.

``["b5…", {"date": 1700000000, …}]``: constructor id and fields. What is absent is left out, and so are False and
an empty list: a flag that is not set is False in one library and None in another, and Kurigram has an empty list
for an absent vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

Fields = Callable[[Any], tuple[int, Iterable[str]]]
"""Constructor id, and names of the attributes that hold fields."""


def tree(value: Any, fields: Fields) -> Any:
    """``value`` as JSON; ``fields`` knows the library's objects."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, list):
        return [tree(element, fields) for element in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    constructor_id, names = fields(value)
    present = {_plain(name): tree(getattr(value, name), fields) for name in names}
    return [f"{constructor_id:08x}", {name: found for name, found in present.items() if not _is_absent(found)}]


def _is_absent(value: Any) -> bool:
    return value is None or value is False or value == []


def _plain(name: str) -> str:
    """The name in the schema: what Python reserves is spelt differently by each library."""
    return "self" if name == "is_self" else name.rstrip("_")
