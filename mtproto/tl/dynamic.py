"""The second codec, driven by the schema's description. (So far only the hooks that errors go through.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtproto.errors import DecodeError, UsageError
from mtproto.tl.objects import TLObject


def locate(problem: DecodeError, buf: bytes, pos: int, read: Callable[[bytes, int], tuple[Any, int]]) -> DecodeError:
    """``problem`` with the offset and the path of the field."""
    return problem


def refusal(value: TLObject, problem: Exception) -> UsageError:
    """Why ``value`` cannot be encoded."""
    return problem if isinstance(problem, UsageError) else UsageError(f"{value.NAME}: {problem}")
