"""Parser: argparse with errors in one line, and the types of options.

Imports nothing that is slow: ``mtproto --help`` needs no more than this.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from mtproto.errors import UsageError, printable


class Parser(argparse.ArgumentParser):
    """argparse, with errors as UsageError in one line."""

    def __init__(self, **keywords: object) -> None:
        super().__init__(allow_abbrev=False, **keywords)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse ``arguments``, options and others in any order."""
        args, unknown = self.parse_known_intermixed_args(arguments)
        if unknown:  # what follows an unknown option may be a secret
            raise UsageError(f"unknown argument {printable(unknown[0].partition('=')[0], 100)}")
        return args


def number(text: str) -> int:
    """A number from 1 to 2^31 - 1."""
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and 0 < int(text) < 1 << 31):
        raise argparse.ArgumentTypeError("expects a positive number below 2^31")
    return int(text)


def seconds(text: str) -> float:
    """A time."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("expects a positive number of seconds")
    return value
