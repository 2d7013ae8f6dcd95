"""The server's clock as the client knows it (MSG-33, MSG-151)."""

from __future__ import annotations

import pytest

from mtproto.message.server_time import ServerTime, nearest, stamp
from mtproto.testing import ScriptedEnvironment


def test_it_starts_as_the_local_clock_with_the_offset_of_an_earlier_run() -> None:
    env = ScriptedEnvironment(unix_time=1000)
    assert ServerTime(env, offset=50).now() == 1050
    assert not ServerTime(env, offset=50).confirmed


@pytest.mark.requirement("MSG-33")
def test_what_the_server_says_counts_from_then_on() -> None:
    env = ScriptedEnvironment(unix_time=1000)
    time = ServerTime(env)
    time.learn(5000)
    env.advance(7)
    assert time.now() == 5007
    assert time.confirmed


@pytest.mark.parametrize("jump", [-10 * 365 * 86400.0, -60.0, 60.0, 10 * 365 * 86400.0])
@pytest.mark.requirement("MSG-33")
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


@pytest.mark.parametrize("time", [0, 2**31 - 1, 2**31, 2**32 - 1, 2**32 + 5])
@pytest.mark.parametrize("now", [1 - 2**31, -1, 0, 2**31 - 1])
def test_a_time_of_32_bits_is_read_as_the_nearest_one(time: int, now: int) -> None:
    assert -(2**31) <= stamp(time) < 2**31
    assert nearest(stamp(time), time + now) == time
