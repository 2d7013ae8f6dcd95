"""Standard streams whose other end has gone."""

from __future__ import annotations

import os

STDOUT, STDERR = 1, 2


def to_nowhere(descriptor: int) -> None:
    """Let a standard stream go to the null device: the interpreter would complain about it at its end, or exit 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
