"""pq: twenty products of two primes, 63 bits each, as a server sends them; the same twenty for everyone."""

from __future__ import annotations

from random import Random

from bench.context import Context
from bench.interleave import interleave
from bench.peer import BenchError, Worker
from bench.report import Row

_COUNT = 20
_BAR = 2.0


def pq(context: Context) -> list[Row]:
    numbers = semiprimes()
    rows = []
    for library, bar in (("telethon", _BAR), ("kurigram", None)):
        with context.worker("ours") as ours, context.worker(library) as theirs:
            _check_same(numbers, ours, theirs)
            ours.prepare("pq", numbers)
            theirs.prepare("pq", numbers)
            pair = interleave(ours, theirs, context.rounds).by("cpu")
        scale = 1e3 / _COUNT
        rows.append(Row(f"pq 63 bits / {library}", pair.ours * scale, pair.theirs * scale, "ms", pair.ratio, bar))
    return rows


def semiprimes() -> list[int]:
    """Twenty numbers of exactly 63 bits, each the product of two primes of 32 bits."""
    rng = Random(63)
    found: list[int] = []
    while len(found) < _COUNT:
        number = _prime(rng) * _prime(rng)
        if number.bit_length() == 63:
            found.append(number)
    return found


def _prime(rng: Random) -> int:
    while True:
        candidate = rng.getrandbits(32) | 0x80000001
        # Fermat with four bases; a pseudoprime would show as different factors below.
        if all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7)):
            return candidate


def _check_same(numbers: list[int], ours: Worker, theirs: Worker) -> None:
    for number in numbers:
        if ours.ask("factors", number) != theirs.ask("factors", number):
            raise BenchError(f"{theirs.library} factors {number} differently")
