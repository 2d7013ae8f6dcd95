"""A DataCenter in a thread of its own, for callers that have no event loop: the blocking client, the command line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from mtproto.errors import UsageError
from mtproto.testdc.datacenter import DataCenter
from mtproto.testdc.listener import Listener, serve

T = TypeVar("T")


class BackgroundDataCenter:
    """A datacenter that listens in a thread; a context manager that stops it.

    ``host`` and ``port`` say where. The datacenter belongs to the thread: touch it through ``run``.
    """

    __slots__ = ("_loop", "_stop", "_thread", "dc", "host", "port")

    def __init__(self, dc: DataCenter, host: str, port: int) -> None:
        self.dc = dc
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        ready: Future[Listener] = Future()
        self._thread = threading.Thread(target=self._main, args=(host, port, ready), name="datacenter", daemon=True)
        self._thread.start()
        listener = ready.result()
        self.host, self.port = listener.host, listener.port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(self, action: Callable[[], T]) -> T:
        """Call ``action`` in the datacenter's thread and return what it returns."""
        if not self._thread.is_alive():
            raise UsageError("the datacenter has been closed")

        async def call() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def close(self) -> None:
        """Stop listening, end every connection, and wait for the thread; within about half a second."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _main(self, host: str, port: int, ready: Future[Listener]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(host, port, ready))

    async def _serve(self, host: str, port: int, ready: Future[Listener]) -> None:
        try:
            listener = await serve(self.dc, host, port, spare=False).__aenter__()  # it would hold up the caller
        except (OSError, UsageError) as error:
            ready.set_exception(error)
            return
        try:
            ready.set_result(listener)
            await self._stop.wait()
        finally:
            await listener.close()


def start_in_thread(dc: DataCenter, host: str = "127.0.0.1", port: int = 0) -> BackgroundDataCenter:
    """Serve ``dc`` from a thread. Raises UsageError or OSError as ``serve`` does."""
    return BackgroundDataCenter(dc, host, port)
