"""The command line, ``mtproto COMMAND …``: which commands there are, and how each ends.

Only results go to standard output. An error is one line on standard error, never a traceback; ``status`` says which
exit status it has. Commands are modules with ``parser`` and ``run``, imported when they are called.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

from mtproto.cli.streams import STDERR, STDOUT, to_nowhere
from mtproto.errors import MTProtoError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser

COMMANDS = {
    "call": "call one function and print its result",
    "conform": "run a client against a hostile datacenter",
    "dc": "run the test datacenter",
    "keygen": "make an auth key with a server and print what was done",
    "schema": "show a declaration, or what changed between two layers",
    "vectors": "run the test vectors on this library",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. ``argv``: the arguments without the program's name."""
    if isinstance(sys.stdout, TextIOWrapper):  # what the terminal cannot show is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        return _fail(1, "the output cannot be written: there is no standard output")
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return status
    except MTProtoError as error:
        from mtproto.cli.status import explain

        return _fail(*explain(error))
    except KeyboardInterrupt:
        return _fail(130, "interrupted")
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:  # a full disk: sockets and files have errors of their own
        _closed_pipe()
        return _fail(1, f"the output cannot be written: {error.strerror or error}")


def _run(arguments: list[str]) -> int:
    try:
        if arguments and arguments[0] in COMMANDS:
            return _command(arguments[0], arguments[1:])
        _overview().parse_args(arguments)
    except SystemExit as stop:  # argparse, after --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    raise UsageError(f"expected a command: {', '.join(COMMANDS)}")


def _command(name: str, arguments: list[str]) -> int:
    """Only what the command needs is imported, and only by names that can be searched for."""
    if name == "call":
        from mtproto.cli import call

        return call.run(call.parser().parse(arguments))
    if name == "conform":
        from mtproto.cli import conform

        return conform.run(conform.parser().parse(arguments))
    if name == "dc":
        from mtproto.cli import dc

        return dc.run(dc.parser().parse(arguments))
    if name == "keygen":
        from mtproto.cli import keygen

        return keygen.run(keygen.parser().parse(arguments))
    if name == "schema":
        from mtproto.cli import schema

        return schema.run(schema.parser().parse(arguments))
    from mtproto.cli import vectors

    return vectors.run(vectors.parser().parse(arguments))


def _overview() -> ArgumentParser:
    """The parser without a command: --help and --version, and why anything else is wrong."""
    from argparse import RawDescriptionHelpFormatter

    from mtproto import __version__
    from mtproto.cli.parser import Parser

    lines = [f"  {name:<9} {text}" for name, text in COMMANDS.items()]
    parser = Parser(
        prog="mtproto",
        usage="mtproto [-h] [--version] COMMAND ...",
        description="Raw MTProto 2.0 from the command line.\n\ncommands:\n" + "\n".join(lines),
        epilog="mtproto COMMAND --help says more.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mtproto {__version__}")
    parser.add_argument("command", metavar="COMMAND", nargs="?", choices=COMMANDS)
    return parser


def _fail(status: int, line: str) -> int:
    """Print the one line of an error; a closed standard error does not stop anybody."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        to_nowhere(STDERR)
    return status


def _closed_pipe() -> int:
    """Whoever read the output has gone (141, as by SIGPIPE)."""
    to_nowhere(STDOUT)
    return 141
