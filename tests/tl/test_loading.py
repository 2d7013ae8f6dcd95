"""Shards: loaded when first needed, by several threads at once, and never more than needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtproto.schema.api import functions, types

ROOT = Path(__file__).parents[2]

LAZY = """
import sys
from mtproto.schema import api
from mtproto.tl.registry import decode
def shards():
    return sorted(name.partition("api.")[2] for name in sys.modules if name.startswith("mtproto.schema.api.") and
                  name.count(".") > 3)
assert shards() == [], shards()
api.functions.account.GetBotBusinessConnection
assert shards() == ["functions.account"], shards()
decode(bytes.fromhex("2217515901") + bytes(7), api.read_object)
assert shards() == ["functions.account", "types._peer"], shards()
for module in ("json", "dataclasses", "logging", "asyncio", "ssl", "cryptography", "mtproto.tl.ir"):
    assert module not in sys.modules, module
"""

THREADS = """
import sys, threading
from mtproto.schema import api
from mtproto.tl.registry import decode
sys.setswitchinterval(1e-5)
data = [bytes.fromhex(text) for text in sys.argv[1:]]
wrong = []
start = threading.Barrier(8)
def work():
    start.wait()
    for item in data:
        if decode(item, api.read_object).to_bytes() != item:
            wrong.append(item)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not wrong
"""


def run(script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_only_the_shards_in_use_are_loaded() -> None:
    run(LAZY)


def test_threads_may_load_shards_at_the_same_time() -> None:
    connection = types.BotBusinessConnection(connection_id="a", user_id=1, dc_id=2, date=3)
    update = types.UpdateBotBusinessConnect(connection=connection, qts=1)
    message = types.Message(
        id=1, peer_id=types.PeerUser(user_id=1), date=1, message="x", media=types.MessageMediaEmpty()
    )
    slice_ = types.messages.MessagesSlice(
        count=1, messages=[message], topics=[], chats=[types.ChatEmpty(id=1)], users=[]
    )
    updates = types.Updates(updates=[update], users=[types.User(id=1)], chats=[], date=0, seq=0)
    run(THREADS, updates.to_bytes().hex(), slice_.to_bytes().hex())


def test_facades_list_and_refuse_names() -> None:
    assert {"BotBusinessConnection", "updates", "User"} <= set(dir(types))
    assert {"InvokeWithLayer", "account"} <= set(dir(functions))
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        types.Nothing  # type: ignore[attr-defined]  # noqa: B018
