"""Two datacenters in one process, each with its own keys (API-33, API-101), and what one may emit (API-26, API-76)."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import mtproto.testdc
from mtproto.errors import TransportFault
from mtproto.schema.api import read_object, types
from mtproto.tl.registry import decode
from tests.handshake.rig import OTHER_KEY
from tests.testdc.rig import World

ROOT = Path(__file__).parents[2]


@pytest.mark.requirement("API-33", "API-101")
def test_two_datacenters_share_neither_keys_nor_fingerprints() -> None:
    two, four = World(), World(dc_id=4, private_key=OTHER_KEY)
    four.env.random_bytes(1)  # or both would draw the same keys from the same seed
    assert two.dc.public_key.fingerprint != four.dc.public_key.fingerprint
    assert two.client(exchange=True).call("help.getConfig").this_dc == 2
    client = four.client(exchange=True, dc_number=4)
    assert client.call("help.getConfig").this_dc == 4
    assert client.link.keys is not None
    assert two.dc.key_state(client.link.keys.auth_key.auth_key_id) is None
    client.near.close()
    stranger = two.client(key=client.link.keys.auth_key)
    two.dc.forget_key(two.dc.key_state(client.link.keys.auth_key.auth_key_id))  # type: ignore[arg-type]
    stranger.begin("help.getConfig")
    assert isinstance(stranger.closed(), TransportFault)


UPDATES: list[Any] = [
    types.UpdatesTooLong(),
    types.UpdateShort(update=types.UpdateConfig(), date=1),
    types.UpdateShortMessage(id=1, user_id=2, message="m", pts=5, pts_count=1, date=3),
    types.UpdateShortChatMessage(id=1, from_id=2, chat_id=3, message="m", pts=9, pts_count=1, date=3),
    types.UpdateShortSentMessage(id=1, pts=5, pts_count=1, date=3),
    types.Updates(updates=[types.UpdatePtsChanged()], users=[], chats=[], date=1, seq=7),
    types.UpdatesCombined(
        updates=[types.UpdateChannelTooLong(channel_id=5)], users=[], chats=[], date=1, seq_start=9, seq=12
    ),
]


@pytest.mark.requirement("API-76")
def test_every_constructor_of_updates_can_be_emitted_with_gaps_and_repeats() -> None:
    """A datacenter's session pushes whatever it is given: repeats and gaps are those of the script."""
    world = World()
    client = world.bot()
    client.call("updates.getState")
    key: Any = world.dc.key_state(client.link.keys.auth_key.auth_key_id)  # type: ignore[union-attr]
    session = key.sessions[client.session.session_id]
    for value in (*UPDATES, UPDATES[2]):
        session.push(value.to_bytes())
    world.dc.wake(client.far)
    world.run()
    assert [decode(update.body, read_object) for update in client.updates()] == [*UPDATES, UPDATES[2]]
    names = {item.NAME for item in UPDATES}
    assert names == {"updatesTooLong", "updateShort", "updateShortMessage", "updateShortChatMessage",
                     "updateShortSentMessage", "updates", "updatesCombined"}  # fmt: skip


DOCUMENTED = re.compile(r"`([A-Z][A-Z0-9_]{5,})`")


@pytest.mark.requirement("API-26")
def test_every_error_text_of_the_datacenter_is_from_the_fixed_list() -> None:
    known = {
        name.replace("_X", "") for name in json.loads((ROOT / "tl_schema" / "rpc_errors.json").read_text())["codes"]
    }
    for page in (ROOT / "docs" / "spec").glob("*.md"):
        known |= set(DOCUMENTED.findall(page.read_text()))
        known |= {name.partition("_<")[0] for name in re.findall(r"`([A-Z_]+_<id>)", page.read_text())}
    used = []
    for path in sorted(Path(mtproto.testdc.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RpcError":
                used.append((path.name, node.args[1]))
    assert len(used) > 15
    for name, text in used:
        if isinstance(text, ast.JoinedStr):  # a number follows
            text = text.values[0]
            assert isinstance(text, ast.Constant)
        if isinstance(text, ast.Constant):
            assert str(text.value).rstrip("_") in known, (name, text.value)
