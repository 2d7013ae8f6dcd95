"""What the faults of several layers need."""

from __future__ import annotations

from mtproto.errors import UsageError, printable


def number(argument: str | None, default: int, highest: int) -> int:
    """The argument of a fault as a number from 0. Raises UsageError."""
    if argument is None:
        return default
    if not (argument.isascii() and argument.isdecimal() and len(argument) < 10 and int(argument) <= highest):
        raise UsageError(f"the argument of this fault is a number from 0 to {highest}, not {printable(argument, 40)!r}")
    return int(argument)


def flipped(data: bytes, byte: int = 0, bit: int = 0) -> bytes:
    """``data`` with one bit changed."""
    return data[:byte] + bytes((data[byte] ^ 1 << bit,)) + data[byte + 1 :]
