"""What the benchmarks compute from their runs, and what they are run on; nothing here measures a time."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from bench import corpus, interleave
from bench.__main__ import main
from bench.peer import Spent
from bench.pq import semiprimes
from bench.report import Row, as_json, table
from bench.tree import tree
from mtproto.crypto.factor import is_prime
from mtproto.schema.api import read_object
from mtproto.tl.registry import decode


class FakeWorker:
    """Takes ``seconds`` for each operation, the next of ``delays`` on top of that for each run."""

    def __init__(self, seconds: float, delays: tuple[float, ...] = ()) -> None:
        self.seconds = seconds
        self.delays = list(delays)

    def run(self, times: int) -> Spent:
        wall = times * self.seconds + (self.delays.pop(0) if self.delays else 0.0)
        return Spent(wall / 2, wall)


def test_the_ratio_is_the_median_of_the_ratios_of_pairs() -> None:
    pairs = interleave.Pairs([Spent(1, 1), Spent(2, 1), Spent(4, 1)], [Spent(2, 5), Spent(6, 5), Spent(40, 5)])
    assert pairs.by("cpu") == interleave.Compared(2, 6, 3)
    assert pairs.by("wall").ratio == 5


def test_costs_are_per_operation() -> None:
    compared = interleave.interleave(FakeWorker(0.001), FakeWorker(0.004), 3).by("wall")  # type: ignore[arg-type]
    assert compared == pytest.approx((0.001, 0.004, 4))


def test_a_single_slow_run_does_not_end_the_calibration() -> None:
    worker = FakeWorker(1e-5, delays=(10.0,))
    assert interleave.calibrate(worker) * 1e-5 >= interleave.TARGET  # type: ignore[arg-type]


@pytest.mark.parametrize(("ratio", "bar", "verdict"), [(2.0, 2.0, "ok"), (1.99, 2.0, "MISSED"), (9.0, None, "")])
def test_a_bar_is_met_by_a_ratio_that_is_not_below_it(ratio: float, bar: float | None, verdict: str) -> None:
    row = Row("what", 1.0, ratio, "µs", ratio, bar)
    assert row.verdict == verdict
    assert json.loads(as_json([row], {}))["rows"][0]["verdict"] == verdict
    assert table([row]).splitlines()[1].endswith(verdict)


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["decoed"])
    assert ended.value.code == 2
    assert "decoed" in capsys.readouterr().err


@pytest.mark.parametrize("name", corpus.OBJECTS)
def test_an_object_to_measure_is_the_same_in_every_run(name: str) -> None:
    data = corpus.OBJECTS[name]().to_bytes()
    assert data == corpus.OBJECTS[name]().to_bytes()
    assert decode(data, read_object).to_bytes() == data


def test_the_slice_is_as_large_as_its_name_says() -> None:
    page = corpus.messages_slice()
    assert (len(page.messages), len(page.users), len(page.chats)) == (100, 50, 10)


def test_the_numbers_to_factor_are_products_of_two_primes_of_63_bits() -> None:
    numbers = semiprimes()
    assert len(set(numbers)) == 20
    assert {number.bit_length() for number in numbers} == {63}
    assert not any(is_prime(number) for number in numbers)


def test_the_same_value_of_two_libraries_is_the_same_tree() -> None:
    empty: list[object] = []
    one = SimpleNamespace(self_=True, flag=False, absent=None, empty=empty, date=5)
    other = SimpleNamespace(is_self=True, flag=None, absent=None, empty=None, date=5)
    ours = tree(one, lambda _: (1, ("self_", "flag", "absent", "empty", "date")))
    theirs = tree(other, lambda _: (1, ("is_self", "flag", "absent", "empty", "date")))
    assert ours == theirs == ["00000001", {"self": True, "date": 5}]
