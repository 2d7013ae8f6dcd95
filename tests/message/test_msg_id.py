"""msg_ids: made (MSG-30..32), judged by parity and time (MSG-10, MSG-40), kept against replays (MSG-40, MSG-41)."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import SecurityError
from mtproto.message.msg_id import MsgIds, ReplayWindow, SeqnoOrder, check_parity, check_time, seconds, signed
from mtproto.roles import Role

NOW = 1_767_225_600


def refused(window: ReplayWindow, msg_id: int) -> str:
    with pytest.raises(SecurityError) as caught:
        window.check(msg_id)
    return caught.value.check


@given(st.lists(st.floats(-1e9, 5e9), min_size=1, max_size=50), st.sampled_from(Role), st.booleans())
@pytest.mark.requirement("MSG-30", "MSG-31", "MSG-32")
def test_ids_strictly_increase_whatever_the_clock_does(times: list[float], role: Role, answer: bool) -> None:
    ids = MsgIds(role)
    made = [ids.next(now, answer=answer) for now in times]
    assert all(earlier < later for earlier, later in pairwise(made))
    assert all(msg_id & 3 == (0 if role is Role.CLIENT else 1 if answer else 3) for msg_id in made)
    assert all(msg_id & 0xFFFFFFFF > 3 for msg_id in made)  # MSG-30: a fraction that is not empty


@pytest.mark.requirement("MSG-30")
def test_an_id_is_the_time_with_its_fraction() -> None:
    assert MsgIds(Role.CLIENT).next(NOW + 0.5) == (NOW << 32) + (1 << 31)
    assert MsgIds(Role.CLIENT).next(NOW) == (NOW << 32) + 4


@pytest.mark.requirement("MSG-30")
def test_a_clock_set_back_goes_on_from_the_last_id() -> None:
    ids = MsgIds(Role.CLIENT)
    last = ids.next(NOW + 1000.25)
    assert ids.next(NOW) == last + 4
    assert ids.next(NOW + 999) == last + 8


def test_after_a_restart_ids_may_go_backwards() -> None:
    ids = MsgIds(Role.CLIENT)
    ids.next(NOW + 1e8)
    ids.restart()
    assert ids.next(NOW + 0.5) == (NOW << 32) + (1 << 31)


@pytest.mark.parametrize("now", [-1e9, -1.0, 0.0, 2.0**31 - 1, 2.0**31 + 0.5, 2.0**32 - 0.5, 2.0**32, 1e12])
@pytest.mark.requirement("SEC-15", "SEC-42")
def test_an_absurd_clock_gives_ids_that_still_fit_eight_bytes(now: float) -> None:
    """SEC-15, SEC-42."""
    ids = MsgIds(Role.CLIENT)
    for _ in range(3):
        msg_id = signed(ids.next(now))
        assert msg_id.to_bytes(8, "little", signed=True)
        assert msg_id & 3 == 0


def test_the_time_of_an_id_after_2038_is_read_back() -> None:
    now = 2.0**31 + 12345.25
    assert seconds(signed(MsgIds(Role.CLIENT).next(now))) == now


@pytest.mark.parametrize("low", range(4))
@pytest.mark.requirement("MSG-10")
def test_a_client_sends_0_modulo_4_and_a_server_odd_ids(low: int) -> None:
    for role, legal in ((Role.CLIENT, {0}), (Role.SERVER, {1, 3})):
        if low in legal:
            check_parity((NOW << 32) + 8 + low, role)
        else:
            with pytest.raises(SecurityError, match="msg_id_parity"):
                check_parity((NOW << 32) + 8 + low, role)


@pytest.mark.parametrize("ahead", [-300, -299, 0, 29, 30])
@pytest.mark.requirement("MSG-40")
def test_an_id_of_the_last_300_and_the_next_30_seconds_is_in_time(ahead: int) -> None:
    check_time((NOW + ahead) << 32, NOW)


@pytest.mark.parametrize("ahead", [-(NOW - 1), -86400, -301, 31, 86400, 2**31 - 1 - NOW])
@pytest.mark.requirement("MSG-40")
def test_any_other_id_is_not(ahead: int) -> None:
    with pytest.raises(SecurityError, match="msg_id_time"):
        check_time((NOW + ahead) << 32, NOW)


# ---- the replay window


@pytest.mark.requirement("MSG-40", "SEC-27")
def test_every_one_of_the_last_1000_ids_is_recognised() -> None:
    """SEC-27, gotd's lesson: replay all of them."""
    window, ids = ReplayWindow(), [4 * i + 1 for i in range(5000)]
    for msg_id in ids:
        window.check(msg_id)
        window.add(msg_id)
    assert len(window) == 1000
    assert {refused(window, msg_id) for msg_id in ids[-1000:]} == {"msg_id_duplicate"}
    assert {refused(window, msg_id) for msg_id in ids[:-1000]} == {"msg_id_too_old"}


@pytest.mark.requirement("MSG-40")
def test_ids_in_any_order_within_the_window_are_accepted_once() -> None:
    ids = [4 * i + 1 for i in range(1000)]
    random.Random(7).shuffle(ids)
    window = ReplayWindow()
    for msg_id in ids:
        window.check(msg_id)
        window.add(msg_id)
    assert {refused(window, msg_id) for msg_id in ids} == {"msg_id_duplicate"}


def test_a_window_that_is_not_full_takes_ids_however_old() -> None:
    window = ReplayWindow()
    window.add(NOW << 32 | 1)
    window.check(5)
    assert window.floor is None


@given(st.lists(st.integers(0, 40), max_size=80))
@pytest.mark.requirement("MSG-40")
def test_the_window_agrees_with_its_definition(ids: list[int]) -> None:
    window, kept = ReplayWindow(4), set[int]()
    for msg_id in ids:
        if msg_id in kept:
            assert refused(window, msg_id) == "msg_id_duplicate"
        elif len(kept) == 4 and msg_id < min(kept):
            assert refused(window, msg_id) == "msg_id_too_old"
        else:
            window.check(msg_id)
            window.add(msg_id)
            kept = set(sorted({*kept, msg_id})[-4:])
        assert len(window) == len(kept)
        assert window.highest == (max(kept) if kept else None)


# ---- the order of seqnos


@given(st.permutations(range(12)), st.lists(st.booleans(), min_size=12, max_size=12))
@pytest.mark.requirement("MSG-81")
def test_the_seqnos_of_an_honest_sender_fit_in_whatever_order_they_arrive(order: list[int], kinds: list[bool]) -> None:
    sent, count = [], 0
    for content in kinds:
        sent.append(2 * count + content)
        count += content
    judge = SeqnoOrder()
    assert [judge.judge(4 * i, sent[i]) for i in order] == [0] * 12


@pytest.mark.requirement("MSG-81")
def test_a_lower_seqno_on_a_later_id_is_code_32() -> None:
    judge = SeqnoOrder()
    assert judge.judge(8, 5) == 0
    assert judge.judge(12, 3) == 32
    assert judge.judge(12, 5) == 32  # two content-related messages with one seqno
    assert judge.judge(12, 6) == 0


@pytest.mark.requirement("MSG-81")
def test_a_higher_seqno_on_an_earlier_id_is_code_33() -> None:
    judge = SeqnoOrder()
    assert judge.judge(8, 5) == 0
    assert judge.judge(4, 7) == 33
    assert judge.judge(4, 5) == 33
    assert judge.judge(4, 4) == 0


def test_the_order_remembers_1000_messages() -> None:
    judge = SeqnoOrder()
    for i in range(3000):
        assert judge.judge(4 * i, 2 * i + 1) == 0
    assert judge.seqno_of(4 * 2999) == 5999
    assert judge.seqno_of(4) == 0
