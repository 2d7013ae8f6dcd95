"""Nothing secret is ever shown (SEC-58, SEC-83)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.testdc import Call
from mtproto.testdc.accounts import API_HASH, BOT_TOKEN
from mtproto.tl.objects import TLObject
from tests.testdc.rig import KEY, World


@pytest.mark.requirement("SEC-58", "SEC-83")
def test_no_repr_shows_a_token_a_hash_or_a_key() -> None:
    world = World()
    calls: list[Call] = []
    world.dc.handle("account.updateStatus", calls.append)
    client = world.bot()
    client.begin("account.updateStatus", offline=True)
    call = calls[0]
    things: list[Any] = [world.dc, world.dc.accounts, world.dc.log, call, call.key, call.session, call.bot, call.query]
    shown = " ".join(repr(thing) for thing in things) + " ".join(str(vars(world.dc)).split())
    pem = KEY.to_pem().splitlines()
    for secret in (BOT_TOKEN, API_HASH, call.key.auth_key.data.hex(), repr(call.key.auth_key.data), pem[2]):
        assert secret not in shown


@pytest.mark.requirement("SEC-58", "SEC-83")
def test_the_login_query_is_not_shown_either() -> None:
    world = World()
    seen: list[TLObject] = []
    world.dc.handle("auth.importBotAuthorization", lambda call: seen.append(call.query), login=False)
    world.client().begin("auth.importBotAuthorization", flags=0, api_id=1, api_hash=API_HASH, bot_auth_token=BOT_TOKEN)
    assert BOT_TOKEN not in repr(seen[0])
    assert API_HASH not in repr(seen[0])
