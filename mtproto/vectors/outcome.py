"""What a type function may say of a test, besides the output it computed.

A type function takes a ``Case`` and calls the public core. It returns the output it got, as the file would write it;
for a refusal it lets the core's own error pass, or, where the core refuses without one, returns ``Refused``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtproto.record import Record
from mtproto.vectors.case import Case


class Refused(Record):
    """The core refused without an exception: it ignored a message or answered it with an error. See ``checks``."""

    __slots__ = ("check",)

    def __init__(self, check: str) -> None:
        self.check = check


class Mismatch(Exception):
    """The core gave something else than it should have: what, for the report."""


Output = dict[str, Any]
TypeFunction = Callable[[Case], "Output | Refused"]


def require(condition: bool, what: str) -> None:
    """``Mismatch(what)`` unless the condition holds."""
    if not condition:
        raise Mismatch(what)
