"""What the faults of several layers need."""

from __future__ import annotations


def flipped(data: bytes, byte: int = 0, bit: int = 0) -> bytes:
    """``data`` with one bit changed."""
    return data[:byte] + bytes((data[byte] ^ 1 << bit,)) + data[byte + 1 :]
