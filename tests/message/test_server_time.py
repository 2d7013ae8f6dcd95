"""The server's clock as the client knows it (MSG-33, MSG-151)."""

from __future__ import annotations

import pytest

from mtproto.message.server_time import ServerTime
from mtproto.testing import ScriptedEnvironment


def test_it_starts_as_the_local_clock_with_the_offset_of_an_earlier_run() -> None:
    env = ScriptedEnvironment(unix_time=1000)
    assert ServerTime(env, offset=50).now() == 1050
    assert not ServerTime(env, offset=50).confirmed


def test_what_the_server_says_counts_from_then_on() -> None:
    env = ScriptedEnvironment(unix_time=1000)
    time = ServerTime(env)
    time.learn(5000)
    env.advance(7)
    assert time.now() == 5007
    assert time.confirmed


@pytest.mark.parametrize("jump", [-10 * 365 * 86400.0, -60.0, 60.0, 10 * 365 * 86400.0])
def test_a_jump_of_the_wall_clock_changes_nothing(jump: float) -> None:
    env = ScriptedEnvironment(unix_time=1000)
    time = ServerTime(env)
    time.learn(5000)
    env.step_clock(jump)
    env.advance(1)
    assert time.now() == 5001


def test_the_offset_leads_a_next_run_to_the_same_time() -> None:
    env = ScriptedEnvironment(unix_time=1000)
    time = ServerTime(env)
    time.learn(5000)
    assert ServerTime(env, offset=time.offset).now() == 5000
