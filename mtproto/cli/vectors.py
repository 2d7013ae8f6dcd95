"""``mtproto vectors [FILE|FOLDER …]``: run test vectors through the library; exit status 1 where one fails."""

from __future__ import annotations

from argparse import Namespace

from mtproto.cli.parser import Parser


def parser() -> Parser:
    """The arguments of ``mtproto vectors``."""
    out = Parser(
        prog="mtproto vectors",
        description="Run test vectors through the functions that client and server use. The last line has the counts; "
        "exit status 1 where one failed.",
    )
    out.add_argument(
        "paths", metavar="FILE|FOLDER", nargs="*", default=[], help="default: the vectors that ship with the library"
    )
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto vectors``."""
    from mtproto.vectors import main

    return main(args.paths or None)
