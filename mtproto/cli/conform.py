"""``mtproto conform``: run a client against every fault of the hostile datacenter, and print its scorecard."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentTypeError, Namespace, RawDescriptionHelpFormatter

from mtproto.cli.arguments import FRONT_ENDS
from mtproto.cli.parser import Parser, number, seconds
from mtproto.client.key_store import shown
from mtproto.conform.suite import OWN_CLIENT, TRANSPORT, NoBaseline, Suite, all_faults, plan, setting
from mtproto.errors import UsageError
from mtproto.transport import TRANSPORTS

DEADLINE = 15.0
EPILOG = """\
A client is a command that logs in as a bot, calls account.getBotBusinessConnection twice, two seconds apart, prints one
line of JSON for each call and exits:
  {"ok": true, "connection_id": "demo", "date": 1700000000}   or   {"ok": false, "error": "why"}
In its words these are replaced: {host} {port} {public_key_file} {transport} {dc_id} {fingerprint} {modulus}
{exponent} {api_id} {api_hash} {bot_token} {proxy_link} {scenario}. MTPROTO_API_ID, MTPROTO_API_HASH and
MTPROTO_BOT_TOKEN are in its environment.

  mtproto conform --only 'respq_*'
  mtproto conform --client 'python my_client.py {host} {port} {public_key_file} {transport}' --html report.html

Exit status 0 where nothing failed, 1 where a case did, 2 for a wrong option. Nothing but the loopback is ever used.
"""


def parser() -> Parser:
    """The arguments of ``mtproto conform``."""
    out = Parser(
        prog="mtproto conform",
        usage="mtproto conform [--client COMMAND] [options]",
        description="Run a client against every fault of the hostile datacenter, and judge what it did.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    who = out.add_mutually_exclusive_group()
    who.add_argument("--client", metavar="COMMAND", help="the client (default: this library's own)")
    who.add_argument("--front-end", choices=FRONT_ENDS, default="asyncio", help="of the own client (default: asyncio)")
    out.add_argument("--only", metavar="GLOB", default="*", help="the cases to run, by name: 'ga_*'")
    out.add_argument("--slow", action="store_true", help="also the cases that take long")
    out.add_argument(
        "--transport", choices=TRANSPORTS, default=TRANSPORT, help="where any will do (default: %(default)s)"
    )
    out.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        default=3 * (os.cpu_count() or 1),
        help="cases at a time (default: three per core)",
    )
    out.add_argument(
        "--timeout", metavar="SECONDS", type=seconds, default=DEADLINE, help="for each line of the client (default: 15)"
    )
    out.add_argument("--json", action="store_true", help="print JSON instead of a table")
    out.add_argument("--html", metavar="FILE", help="write a report with explanations and transcripts too")
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto conform``."""
    from mtproto.conform import display, page, report

    command = args.client or f"{OWN_CLIENT} --front-end {args.front_end}"
    if args.html is not None:
        write(args.html, "")  # better now than after the run
    cases = plan(all_faults(), args.only, slow=args.slow, transport=args.transport)
    with setting(command, args.timeout) as common:
        suite = Suite(common, cases, args.jobs)
        try:
            suite.measure(args.transport)
        except NoBaseline as error:
            raise UsageError(str(error)) from None
        with display.progress(len(cases)) as bar:
            results = suite.run(bar.tell)
    name, version = suite.introduction
    card = report.Scorecard(name or args.client or "mtproto", version, results)
    if args.html is not None:
        write(args.html, page.render(card))
    if args.json:
        print(json.dumps(report.to_json(card), indent=1))
    else:
        display.show(card)
    if args.json:
        print(card.summary, file=sys.stderr)
    return 1 if card.failed else 0


def write(path: str, text: str) -> None:
    """Write the report. Raises UsageError that names the file."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{shown(path)} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _jobs(text: str) -> int:
    value = number(text)
    if value > 64:
        raise ArgumentTypeError("expects 1 to 64")
    return value
