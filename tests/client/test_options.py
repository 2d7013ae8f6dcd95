"""Options of connect that cannot be meant: refused as UsageError, alike by both front ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import mtproto
from mtproto import blocking
from mtproto.client.datacenters import DC
from mtproto.errors import ConnectionLost, UsageError
from tests.client.rig import APP, hangs_up, misbehaving
from tests.pair import ANY_KEY

FRONT_ENDS: dict[str, Callable[..., Any]] = {
    "asyncio": lambda *where, **options: asyncio.run(mtproto.connect(*where, **options)),  # type: ignore[arg-type]
    "blocking": blocking.connect,
}
both = pytest.mark.parametrize("connect", FRONT_ENDS.values(), ids=FRONT_ENDS)


def place(at: tuple[str, int]) -> DC:
    return DC(*at, 2, [ANY_KEY])


@both
@pytest.mark.parametrize("option", ["connect_timeout", "key_exchange_timeout"])
@pytest.mark.parametrize("value", [0, -1, None, "1", float("nan")])
def test_a_time_that_is_none(connect: Callable[..., Any], option: str, value: object) -> None:
    with misbehaving(hangs_up) as at, pytest.raises(UsageError, match="a timeout is a positive number of seconds, not"):
        connect(place(at), APP, **{option: value})


@both
def test_a_tls_context_that_is_none(connect: Callable[..., Any]) -> None:
    with misbehaving(hangs_up) as at, pytest.raises(UsageError, match="ssl is an SSLContext, not bool"):
        connect(place(at), APP, ssl=True)


@both
def test_a_server_that_hangs_up_inside_tls_gives_a_reason(connect: Callable[..., Any]) -> None:
    import ssl

    with misbehaving(hangs_up) as at, pytest.raises(ConnectionLost, match=r"cannot connect to .*: \w+"):
        connect(place(at), APP, ssl=ssl.create_default_context())
