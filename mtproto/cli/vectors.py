"""``mtproto vectors [FILE|FOLDER …]``: run vectors, on this library or a command; exit status 1 where one fails."""

from __future__ import annotations

from argparse import Namespace

from mtproto.cli.parser import Parser, seconds
from mtproto.errors import UsageError


def parser() -> Parser:
    """The arguments of ``mtproto vectors``."""
    out = Parser(
        prog="mtproto vectors",
        description="Run test vectors through the functions that client and server use, or put them to another "
        "implementation. The last line has the counts; exit status 1 where one failed.",
    )
    out.add_argument(
        "paths", metavar="FILE|FOLDER", nargs="*", default=[], help="default: the vectors that ship with the library"
    )
    out.add_argument("--list", action="store_true", help="say which files, types and tests there are, and run none")
    out.add_argument(
        "--suite", metavar="NAME", action="append", default=[], help="only the file of this name; may be repeated"
    )
    out.add_argument(
        "--exec",
        metavar="CMD",
        dest="command",
        help='put each test to CMD as a line of JSON, {"id", "type", "params", "input"}, on its standard input; it '
        'answers with a line: {"id", "output"}, {"id", "refused": reason} or {"id", "skipped": true}',
    )
    out.add_argument("--timeout", metavar="SECONDS", type=seconds, help="how long CMD has for a test (default: 5)")
    out.add_argument(
        "--json", metavar="FILE", help="write the scorecard as JSON; - is standard output, with nothing else"
    )
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto vectors``."""
    if args.timeout is not None and args.command is None:
        raise UsageError("--timeout goes with --exec")
    if args.list and (args.command is not None or args.json is not None):
        raise UsageError("--list runs nothing: it goes without --exec and --json")
    from mtproto.vectors import front
    from mtproto.vectors.command import SECONDS

    if args.list:
        print("\n".join(front.listing(front.select(args.paths or None, args.suite))))
        return 0
    return front.main(
        args.paths or None,
        args.suite,
        command=args.command,
        seconds=args.timeout or SECONDS,
        scorecard=args.json,
    )
