"""What ``call`` and ``keygen`` share: the server that the options name, and a client of either front end on it."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from mtproto.cli.arguments import Credentials, bot_token, datacenter, proxy
from mtproto.cli.output import Report
from mtproto.cli.status import root
from mtproto.client.datacenters import DC
from mtproto.client.key_store import KeyStore, shown
from mtproto.client.link import App
from mtproto.client.opening import CONNECT_TIMEOUT
from mtproto.client.way import DEFAULT_TRANSPORT
from mtproto.environment import SystemEnvironment
from mtproto.errors import ConnectionLost, MTProtoError, RpcError, TransportFault, UsageError
from mtproto.tl.objects import TLFunction
from mtproto.transport.mtproxy import Proxy

T = TypeVar("T")
NOT_FOUND = -404


class AnyClient(Protocol):
    """A client of either front end, as the asyncio one."""

    @property
    def user_id(self) -> int | None: ...

    @property
    def created_key(self) -> bool: ...

    def remember_user(self, user_id: int | None) -> None: ...

    async def call(self, function: TLFunction, /, *, timeout: float) -> Any: ...


Job = Callable[[AnyClient], Coroutine[Any, Any, T]]


@contextmanager
def server(
    args: Namespace, report: Report, who: Callable[[Namespace], Credentials]
) -> Iterator[tuple[DC, Credentials]]:
    """The server and who calls it: the one that the options name, with ``who``; without any the embedded datacenter.

    Raises UsageError before anything is sent.
    """
    if args.new_key and args.key_file is None:
        raise UsageError("--new-key goes with --key-file")
    dc = datacenter(args)
    proxy(args)
    if dc is not None:
        yield dc, who(args)
        return
    token = bot_token(getattr(args, "bot_token", None))
    from mtproto.testdc import DataCenter, start_in_thread
    from mtproto.testdc.accounts import BOT_TOKEN

    report.begin("starting the embedded datacenter")
    try:
        running = start_in_thread(DataCenter(SystemEnvironment()))
    except OSError as error:
        raise ConnectionLost(f"the embedded datacenter cannot listen: {error.strerror or error}") from None
    with running as embedded:
        accounts = embedded.dc.accounts
        report.end(f"embedded datacenter {embedded.dc.dc_id} on {embedded.host} port {embedded.port}")
        yield (
            DC(embedded.host, embedded.port, embedded.dc.dc_id, [embedded.dc.public_key]),
            Credentials(
                getattr(args, "api_id", None) or accounts.api_id,
                getattr(args, "api_hash", None) or accounts.api_hash,
                token or BOT_TOKEN,
            ),
        )


@contextmanager
def key_file(args: Namespace, dc: DC) -> Iterator[KeyStore | None]:
    """The key file, locked, where there is one. Raises UsageError."""
    if args.key_file is None:
        yield None
    else:
        with KeyStore(args.key_file, dc) as store:
            yield store


def converse(args: Namespace, dc: DC, who: Credentials, store: KeyStore | None, report: Report, job: Job[T]) -> T:
    """Connect as the options say, do ``job`` with the client, close; returns what the job returned."""
    options = {
        "transport": args.transport,
        "proxy": proxy(args),
        "tunnel": args.tunnel,
        "key_store": store,
        "new_key": args.new_key,
        "connect_timeout": min(CONNECT_TIMEOUT, args.timeout),
        "key_exchange_timeout": args.timeout,
        "watch": report.watch,
        "pfs": getattr(args, "pfs", False),  # keygen wants the auth key alone
        "reconnect": False,  # one command, one connection: its end is the answer
    }
    stored = store is not None and store.load() is not None and not args.new_key
    front_end = _on_asyncio if args.front_end == "asyncio" else _blocking
    try:
        return front_end(dc, App(who.api_id, who.api_hash), job, report, options)
    except MTProtoError as error:
        if stored and _unknown_key(root(error)):  # TR-57, API-21: the file stays
            name = shown(args.key_file)
            raise ConnectionLost(f"the server does not know the key in {name}; use --new-key to replace it") from None
        raise


def route(dc: DC, options: dict[str, Any]) -> tuple[str, int, str]:
    """Host, port and transport of the socket, for the report."""
    proxy: Proxy | None = options["proxy"]
    if proxy is None:
        return dc.host, dc.port, options["transport"] or DEFAULT_TRANSPORT
    return proxy.host, proxy.port, f"{proxy.secret.kind} MTProxy"


def _unknown_key(error: BaseException) -> bool:
    """Whether this is how a server says that it does not know the auth key (AUTH-80, MSG-114)."""
    if isinstance(error, RpcError):
        return error.message == "ENCRYPTED_MESSAGE_INVALID"
    return isinstance(error, TransportFault) and error.code == NOT_FOUND


def _on_asyncio(dc: DC, app: App, job: Job[T], report: Report, options: dict[str, Any]) -> T:
    from mtproto.client.asyncio import connect

    async def main() -> T:
        report.connect(*route(dc, options))
        async with await connect(dc, app, **options) as client:
            report.connected()
            return await job(client)

    return asyncio.run(main())


def _blocking(dc: DC, app: App, job: Job[T], report: Report, options: dict[str, Any]) -> T:
    from mtproto.client.blocking import connect

    report.connect(*route(dc, options))
    with connect(dc, app, **options) as client:
        report.connected()
        steps = job(_Waiting(client))
        try:
            steps.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        raise RuntimeError("a blocking client never lets its caller wait")


class _Waiting:
    """A blocking client in the asyncio one's clothes: its calls have ended when they are awaited."""

    __slots__ = ("_client",)

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def user_id(self) -> int | None:
        user_id: int | None = self._client.user_id
        return user_id

    @property
    def created_key(self) -> bool:
        return bool(self._client.created_key)

    def remember_user(self, user_id: int | None) -> None:
        self._client.remember_user(user_id)

    async def call(self, function: TLFunction, /, *, timeout: float) -> Any:
        return self._client.call(function, timeout=timeout)
