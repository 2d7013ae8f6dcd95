"""``mtproto call METHOD [name=value …]``: log in where a bot's token is there, call one function, print its result.

The method and its fields are checked before anything is started or sent.
"""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter

from mtproto.cli.arguments import Credentials, add_app_options, add_pfs_option, add_server_options, credentials
from mtproto.cli.conversation import AnyClient, converse, key_file, server
from mtproto.cli.output import Report
from mtproto.cli.parser import Parser
from mtproto.client.key_store import KeyStore, shown
from mtproto.errors import PeerError, UsageError
from mtproto.schema.api import find, functions, types
from mtproto.tl import ir
from mtproto.tl.objects import TLFunction
from mtproto.tl.registry import decode
from mtproto.tl.render import show_all
from mtproto.tl.text import from_words, to_json, to_line, to_tree

FORMATS = ("json", "tree", "line", "hex")
EXAMPLES = """\
examples:
  mtproto call account.getBotBusinessConnection connection_id=demo
  mtproto call users.getUsers id='[{"_": "inputUserSelf"}]' --format tree

Numbers are written in decimal, bytes in hexadecimal, Bool as true or false, anything that is no plain value as JSON
with the TL name in "_". Only the result goes to standard output.
"""


def parser() -> Parser:
    """The arguments of ``mtproto call``."""
    out = Parser(
        prog="mtproto call",
        usage="mtproto call METHOD [name=value ...] [options]",
        description="Call one function of the API and print its result.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    out.add_argument("method", metavar="METHOD", help="a function's TL name: account.getBotBusinessConnection")
    out.add_argument("fields", metavar="name=value", nargs="*", default=[], help="its fields")
    out.add_argument("--format", choices=FORMATS, default="json", help="of the result (default: %(default)s)")
    add_server_options(out)
    add_pfs_option(out)
    add_app_options(out)
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto call``."""
    function = parse_function(args.method, args.fields)
    with Report(args.verbose) as report:
        with server(args, report, credentials) as (dc, who), key_file(args, dc) as store:
            check_bot(args, who, store)
            body = converse(
                args, dc, who, store, report, lambda client: log_in_and_call(client, function, args, who, report)
            )
        text = render(body, function, args.format)
    print(text)
    return 0


def parse_function(method: str, words: list[str]) -> TLFunction:
    """The function object for METHOD and its name=value arguments. Raises UsageError."""
    cls = find(method)
    if not issubclass(cls, TLFunction):
        raise UsageError(f"{cls.NAME} is a constructor, not a function")
    fields: dict[str, str] = {}
    for number, word in enumerate(words, 1):
        name, equals, text = word.partition("=")
        if not equals:  # not repeated here: it may be a secret
            raise UsageError(f"argument {number} after {cls.NAME} is no name=value")
        if name in fields:
            raise UsageError(f"{cls.NAME}: {name} is given twice")
        fields[name] = text
    return cls(**from_words(cls, fields))


def check_bot(args: Namespace, who: Credentials, store: KeyStore | None) -> None:
    """Refuse a key file whose bot is not the one whose token is given: it would answer for another."""
    stored = None if store is None or args.new_key else store.load()
    user_id = None if stored is None else stored.user_id
    if None not in (user_id, who.bot_id) and user_id != who.bot_id:
        raise UsageError(f"key file {shown(args.key_file)} belongs to bot {user_id}, the token to bot {who.bot_id}")


async def log_in_and_call(
    client: AnyClient, function: TLFunction, args: Namespace, who: Credentials, report: Report
) -> bytes:
    """The serialised result of ``function``; before it the bot's login, where the key does not have one yet."""
    if not client.created_key:
        report.end(f"auth key taken from {shown(args.key_file)}")
    if who.bot_token is not None and client.user_id is None:
        report.begin("logging in")
        client.remember_user(await log_in(client, who, args.timeout))
        report.end(f"logged in as bot {client.user_id}")
    report.begin(function.NAME)
    body: bytes = await client.call(Unread(function), timeout=args.timeout)
    report.end(f"{function.NAME} answered with {len(body)} bytes")
    if function.NAME == "auth.logOut":
        client.remember_user(None)
    return body


async def log_in(client: AnyClient, who: Credentials, timeout: float) -> int:
    """Log the bot in; returns its user id. Raises PeerError for an answer that is no login."""
    query = functions.auth.ImportBotAuthorization(
        flags=0, api_id=who.api_id, api_hash=who.api_hash, bot_auth_token=who.bot_token or ""
    )
    answer = await client.call(query, timeout=timeout)
    if not isinstance(answer, types.auth.Authorization):
        raise PeerError(f"the login was answered with {answer.NAME}")
    return answer.user.id


class Unread(TLFunction):
    """A function whose result stays bytes, so that it can be shown as it came."""

    __slots__ = ("function",)

    def __init__(self, function: TLFunction) -> None:
        self.function = function

    def _write(self) -> bytes:
        return self.function._write()

    def to_bytes(self) -> bytes:
        return self.function.to_bytes()

    def read_result(self, buf: bytes, pos: int) -> tuple[bytes, int]:
        return buf[pos:], len(buf)


def render(body: bytes, function: TLFunction, form: str) -> str:
    """The result as text, whole: it is what was asked for. Raises DecodeError."""
    if form == "hex":
        return body.hex()
    value = decode(body, function.read_result)
    if form == "json":
        return to_json(value, ir.result_type(function), indent=2)
    return to_tree(value) if form == "tree" else to_line(value, show_all)
