"""``mtproto dc``: run the test datacenter until SIGINT or SIGTERM. Its first line says how to reach it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from argparse import ArgumentTypeError, Namespace
from contextlib import suppress
from typing import Any

from mtproto.cli.arguments import read_file
from mtproto.cli.output import Report
from mtproto.cli.parser import Parser, number
from mtproto.client.key_store import shown
from mtproto.crypto.rsa import MIN_FINGERPRINT, PrivateKey
from mtproto.environment import SystemEnvironment
from mtproto.errors import UsageError
from mtproto.schema.api import LAYER
from mtproto.testdc import DataCenter, Listener, serve
from mtproto.testdc.accounts import BOT_TOKEN
from mtproto.transport import installed
from mtproto.transport.mtproxy import FAKE_TLS, PADDED, Proxy, Secret

PROXY_DOMAIN = "www.example.org"
"""What fake TLS pretends to connect to."""

CONNECTION_ID, BIG_CONNECTION_ID = "demo", "big"
_LOOPBACK_NAMES = ("localhost", "localhost.")


def parser() -> Parser:
    """The arguments of ``mtproto dc``."""
    out = Parser(
        prog="mtproto dc",
        description="Run the test datacenter until it is interrupted. The first line on standard output is a JSON "
        "object with all that a client needs. Its accounts and tokens are fixtures that everybody knows.",
    )
    out.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    out.add_argument("--port", type=_port, default=0, help="default: any free one")
    out.add_argument("--dc-id", metavar="N", type=number, default=2, help="default: %(default)s")
    out.add_argument("--private-key", metavar="FILE", help="its RSA key in PEM (default: a new one)")
    out.add_argument(
        "--mtproxy", action="store_true", help="serve as an MTProxy too, with a new secret: see mtproxy_links"
    )
    out.add_argument("--fault", metavar="NAME[=ARG]", help="break one rule, to see what a client does about it")
    out.add_argument("--faults", action="store_true", help="list the faults that --fault takes, and exit")
    out.add_argument("--strict", action="store_true", help="refuse the older forms of the key exchange")
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto dc``."""
    if args.faults:
        print(faults())
        return 0
    key = None if args.private_key is None else private_key(args.private_key)
    with Report() as report:
        warn(args, key, report)
        env = SystemEnvironment()
        options: dict[str, Any] = {
            "dc_id": args.dc_id,
            "private_key": key,
            "accept_legacy": not args.strict,
            "proxy_keys": [env.random_bytes(16)] if args.mtproxy else [],
        }
        dc = DataCenter(env, **options) if args.fault is None else faulty(args.fault, env, options)
        asyncio.run(serve_until_stopped(dc, args))
    return 0


def faulty(spec: str, env: SystemEnvironment, options: dict[str, Any]) -> DataCenter:
    """The datacenter with the fault that ``spec`` names. Raises UsageError."""
    from mtproto.testdc.faults import FaultyDataCenter, find

    fault, argument = find(spec)
    if "faketls" in fault.transports and not options["proxy_keys"]:  # it has nowhere else to act
        options["proxy_keys"] = [env.random_bytes(16)]
    return FaultyDataCenter(env, fault, argument, **options)


def faults() -> str:
    """A line for each fault: its name, the rules, the layer, what it breaks."""
    from mtproto.testdc.faults import FAULTS

    width = max(map(len, FAULTS))
    return "\n".join(
        f"{name:{width}}  {' '.join(fault.rule):13}  {fault.layer:12}  {fault.breaks}" for name, fault in FAULTS.items()
    )


def warn(args: Namespace, key: PrivateKey | None, report: Report) -> None:
    """One line for each thing that the user may not want."""
    if not is_loopback(args.host):
        legacy = "" if args.strict else " and accepts the older forms of the key exchange"
        report.warn(f"{shown(args.host)} is reachable by others; the datacenter has a public fixture token{legacy}")
    if key is not None and key.public.fingerprint % (1 << 64) < MIN_FINGERPRINT:  # SEC-84
        report.warn("the key's fingerprint begins with a zero digit, with which some clients do not find the key")


async def serve_until_stopped(dc: DataCenter, args: Namespace) -> None:
    """Listen, say so, and stop at a signal. Raises UsageError where the address cannot be used."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):  # Windows; a thread other than the main one
            loop.add_signal_handler(signum, stop.set)
    try:
        listener = await serve(dc, args.host, args.port).__aenter__()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot listen at {shown(args.host)} port {args.port}: {reason(error)}") from None
    try:
        print(json.dumps(description(dc, listener, args)), flush=True)
        await stop.wait()
    finally:
        await listener.close()


def description(dc: DataCenter, listener: Listener, args: Namespace) -> dict[str, object]:
    """All that a client needs."""
    return {
        "host": listener.host,
        "port": listener.port,
        "dc_id": dc.dc_id,
        "layer": LAYER,
        "public_key_pem": dc.public_key.to_pem(),
        "fingerprint": f"{dc.public_key.fingerprint & 2**64 - 1:016x}",
        "api_id": dc.accounts.api_id,
        "api_hash": dc.accounts.api_hash,
        "bot_token": BOT_TOKEN,
        "connection_id": CONNECTION_ID,
        "big_connection_id": BIG_CONNECTION_ID,
        "transports": list(installed()),
        "legacy_key_exchange": not args.strict,
        **({} if args.fault is None else {"fault": args.fault.partition("=")[0]}),
        **({} if dc.proxy is None else {"mtproxy_links": links(listener.host, listener.port, dc.proxy.keys[0])}),
    }


def links(host: str, port: int, key: bytes) -> dict[str, str]:
    """The three ways through the proxy (TR-60)."""
    secrets = {"plain": Secret(key), "dd": Secret(key, PADDED), "ee": Secret(key, FAKE_TLS, PROXY_DOMAIN)}
    return {name: Proxy(host, port, secret).link for name, secret in secrets.items()}


def private_key(path: str) -> PrivateKey:
    """The RSA key in a PEM file. Raises UsageError that names the file."""
    try:
        return PrivateKey.from_pem(read_file(path))
    except UsageError as error:
        raise UsageError(f"{shown(path)}: {error}") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _LOOPBACK_NAMES


def reason(error: OSError | UnicodeError) -> str:
    """Why, in a few words; asyncio's own text repeats the address."""
    if isinstance(error, UnicodeError):
        return "no such host"
    if error.errno is not None and error.errno > 0:  # a name that is not found has a negative one
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 65536):
        raise ArgumentTypeError("expects a port, 0 to 65535")
    return int(text)
