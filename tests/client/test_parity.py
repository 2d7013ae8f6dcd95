"""The two front ends offer the same: names, parameters, defaults, errors, size."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mtproto.client.asyncio
import mtproto.client.blocking

ASYNC, SYNC = mtproto.client.asyncio, mtproto.client.blocking
PAIRS = {"__aenter__": "__enter__", "__aexit__": "__exit__"}
ONLY_SYNC = {"poll"}


def public(cls: type) -> set[str]:
    names = {PAIRS.get(name, name) for name in vars(cls)}
    return {name for name in names if not name.startswith("_") or name in PAIRS.values()}


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


def test_both_clients_have_the_same_names() -> None:
    assert public(ASYNC.Client) == public(SYNC.Client) - ONLY_SYNC


@pytest.mark.parametrize("name", ["call", "remember_user", "close"])
def test_methods_take_the_same_parameters(name: str) -> None:
    assert parameters(getattr(ASYNC.Client, name)) == parameters(getattr(SYNC.Client, name))


def test_connect_takes_the_same_parameters() -> None:
    assert parameters(ASYNC.connect) == parameters(SYNC.connect)
    assert inspect.iscoroutinefunction(ASYNC.connect) and not inspect.iscoroutinefunction(SYNC.connect)


def test_events_differ_in_the_timeout_alone() -> None:
    """A blocking iterator needs a way out; an asynchronous one is cancelled."""
    assert [name for name, _, _ in parameters(SYNC.Client.events)] == ["self", "timeout"]
    assert [name for name, _, _ in parameters(ASYNC.Client.events)] == ["self"]


@pytest.mark.parametrize("name", ["call", "connect"])
def test_both_promise_the_same_errors(name: str) -> None:
    def promised(module: ModuleType) -> str:
        function = getattr(module.Client, name, None) or getattr(module, name)
        return " ".join((inspect.getdoc(function) or "").partition("Raises")[2].split())

    assert promised(ASYNC) == promised(SYNC) != ""


@pytest.mark.parametrize("module", [ASYNC, SYNC])
def test_a_front_end_is_small(module: ModuleType) -> None:
    assert len(Path(str(module.__file__)).read_text("utf-8").splitlines()) < 300


def test_the_blocking_one_knows_no_threads_and_no_loop() -> None:
    text = Path(str(SYNC.__file__)).read_text("utf-8")
    assert "import threading" not in text and "import asyncio" not in text
