"""Arguments: the parser that all commands use, the options that choose a server, and what they mean.

Everything wrong with them is a UsageError, before a socket is opened. Values are never repeated in an error where
they may be secrets (SEC-58).
"""

from __future__ import annotations

import argparse
import os
import sys

from mtproto.cli.parser import number, seconds
from mtproto.client import datacenters
from mtproto.client.datacenters import DC
from mtproto.client.key_store import shown
from mtproto.client.opening import CALL_TIMEOUT
from mtproto.client.way import DEFAULT_TRANSPORT
from mtproto.crypto.rsa import PublicKey
from mtproto.errors import UsageError
from mtproto.record import Record
from mtproto.transport import TRANSPORTS
from mtproto.transport.mtproxy import Proxy

FRONT_ENDS = ("asyncio", "blocking")
MAX_FILE = 65536
"""The longest key in PEM, in bytes, that is read."""


class Credentials(Record):
    """Who calls: the application's id and hash, and the token of the bot to log in, None for no login."""

    __slots__ = ("api_id", "api_hash", "bot_token")

    def __init__(self, api_id: int, api_hash: str, bot_token: str | None) -> None:
        self.api_id = api_id
        self.api_hash = api_hash
        self.bot_token = bot_token

    def __repr__(self) -> str:  # SEC-58
        return f"Credentials(api_id={self.api_id}, api_hash=<redacted>, bot_token=<redacted>)"

    @property
    def bot_id(self) -> int | None:
        """The user id that every bot token starts with; None where it does not."""
        head = (self.bot_token or "").partition(":")[0]
        return int(head) if head.isascii() and head.isdigit() and len(head) < 20 else None


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Which server, by which transport, with which key, and how long to wait for it."""
    group = parser.add_argument_group("server (without one, the embedded test datacenter)")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--dc", metavar="N|HOST:PORT", help="Telegram's datacenter N, or any server's address")
    which.add_argument("--test-dc", metavar="N", type=number, help="Telegram's test datacenter N")
    group.add_argument("--public-key", metavar="FILE", help="the server's RSA key in PEM, with HOST:PORT")
    group.add_argument("--dc-id", metavar="N", type=number, help="the server's dc_id, with HOST:PORT (default 2)")
    group.add_argument(
        "--transport", choices=TRANSPORTS, help=f"default: {DEFAULT_TRANSPORT}, to a proxy an obfuscated one"
    )
    group.add_argument("--mtproxy", metavar="LINK", help="go through an MTProxy: tg://proxy?… or https://t.me/proxy?…")
    group.add_argument("--tunnel", metavar="URL", help="go through a proxy: socks5://HOST:PORT or http://HOST:PORT")
    group.add_argument("--key-file", metavar="FILE", help="keep the auth key in FILE, or use the one it has")
    group.add_argument("--new-key", action="store_true", help="make a new auth key and replace the one in the file")
    group.add_argument("--front-end", choices=FRONT_ENDS, default="asyncio", help="default: %(default)s")
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=CALL_TIMEOUT,
        help="how long to wait for the key exchange and for each answer (default: 30), and at most 10 of them for the "
        "connection",
    )
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="a line per message both ways; -vv: with their fields, secrets left out",
    )


def add_pfs_option(parser: argparse.ArgumentParser) -> None:
    """Under which key messages travel."""
    parser.add_argument(
        "--pfs",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="call under a temporary key that is bound to the auth key and forgotten with the connection (default)",
    )


def add_app_options(parser: argparse.ArgumentParser) -> None:
    """Who calls."""
    group = parser.add_argument_group("credentials (the embedded datacenter has its own)")
    group.add_argument("--api-id", metavar="N", type=number, help="default: $MTPROTO_API_ID")
    group.add_argument("--api-hash", metavar="HASH", help="default: $MTPROTO_API_HASH")
    group.add_argument("--bot-token", metavar="TOKEN", help="default: $MTPROTO_BOT_TOKEN; - reads standard input")


def datacenter(args: argparse.Namespace) -> DC | None:
    """The server that the options name, None for the embedded one. Raises UsageError."""
    telegram = args.test_dc is not None or (args.dc or "").isdecimal()
    if args.dc is None or telegram:
        for option, value in (("--public-key", args.public_key), ("--dc-id", args.dc_id)):
            if value is not None:
                raise UsageError(f"{option} goes with --dc HOST:PORT")
    if args.test_dc is not None:
        return datacenters.test(args.test_dc)
    if telegram:
        return datacenters.production(int(args.dc[:9]))
    if args.dc is None:
        return None
    host, port = address(args.dc)
    if args.public_key is None:
        raise UsageError("--dc HOST:PORT needs the server's key: --public-key FILE")
    return DC(host, port, 2 if args.dc_id is None else args.dc_id, [public_key(args.public_key)])


def proxy(args: argparse.Namespace) -> Proxy | None:
    """The proxy that --mtproxy names, None where there is none. Raises UsageError."""
    if args.mtproxy is None:
        return None
    if args.dc is None and args.test_dc is None:
        raise UsageError("--mtproxy goes with --dc or --test-dc, the datacenter that it leads to")
    return Proxy.parse(args.mtproxy)


def credentials(args: argparse.Namespace) -> Credentials:
    """Who calls a server that is not the embedded one: options, else the environment. Raises UsageError."""
    api_id = args.api_id
    if api_id is None and os.environ.get("MTPROTO_API_ID"):
        try:
            api_id = number(os.environ["MTPROTO_API_ID"])
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"MTPROTO_API_ID {error}") from None
    api_hash = args.api_hash or os.environ.get("MTPROTO_API_HASH")
    token = bot_token(args.bot_token) or os.environ.get("MTPROTO_BOT_TOKEN") or None
    if api_id is None:
        raise UsageError("missing api id: give --api-id or set MTPROTO_API_ID")
    if token is not None and not api_hash:
        raise UsageError("missing api hash, which a bot's login needs: give --api-hash or set MTPROTO_API_HASH")
    return Credentials(api_id, api_hash or "", token)


def bot_token(option: str | None) -> str | None:
    """The value of --bot-token; "-" reads a line of standard input. Raises UsageError where there is none."""
    if option != "-":
        return option
    token = sys.stdin.readline().strip() if sys.stdin is not None else ""
    if not token:
        raise UsageError("--bot-token - expects a token on standard input")
    return token


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``, ``1.2.3.4:port`` or ``[v6]:port``. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = _ipv6(host[1:-1])
    elif ":" in host or not _is_name(host):
        host = ""
    number = int(port) if colon and port.isascii() and port.isdecimal() and len(port) < 6 else 0
    if not host or not 0 < number < 65536:
        raise UsageError(f"{shown(text)[:100]!r} is no address: expected HOST:PORT or [IPV6]:PORT")
    return host, number


def public_key(path: str) -> PublicKey:
    """The RSA key in a PEM file. Raises UsageError that names the file."""
    try:
        return PublicKey.from_pem(read_file(path))
    except UsageError as error:
        raise UsageError(f"{shown(path)}: {error}") from None


def read_file(path: str) -> bytes:
    """What a key's file holds. Raises UsageError without the file's name."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _ipv6(text: str) -> str:
    from ipaddress import IPv6Address

    try:
        IPv6Address(text)
    except ValueError:
        return ""
    return text


def _is_name(host: str) -> bool:
    try:
        return bool(host.encode("idna")) and not any(c.isspace() or not c.isprintable() for c in host)
    except UnicodeError:
        return False
