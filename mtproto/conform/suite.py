"""The run: which cases there are, honest runs first, then all cases side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from mtproto.conform.case import Case, Result, Setting, observe
from mtproto.conform.evidence import Evidence, Habits
from mtproto.conform.judge import Judgement, Verdict, judge
from mtproto.crypto.rsa import PrivateKey
from mtproto.errors import MTProtoError, UsageError, printable
from mtproto.testdc.faults import FAULTS, Fault

TRANSPORT = "intermediate"
"""The transport of a fault that does not depend on it."""

OWN_CLIENT = f"{quote(sys.executable)} -m mtproto.conform.client {{host}} {{port}} {{public_key_file}} {{transport}}"


class NoBaseline(MTProtoError):
    """The client does not do what it has to do where nothing is wrong."""


def plan(faults: Iterable[Fault], pattern: str = "*", *, slow: bool = False, transport: str = TRANSPORT) -> list[Case]:
    """The cases whose name fits ``pattern``: one per fault, or one for each transport that it concerns.

    ``slow``: also those that take long; ``transport``: for the faults that do not depend on it. Raises UsageError where
    none is left.
    """
    cases = []
    for fault in faults:
        ways = fault.transports or (transport,)
        names = [fault.name if len(ways) == 1 else f"{fault.name}/{way}" for way in ways]
        cases += [Case(fault, way, name) for way, name in zip(ways, names, strict=True) if slow or not fault.slow]
    chosen = [case for case in cases if fnmatchcase(case.name, pattern) or fnmatchcase(case.fault.name, pattern)]
    if not chosen:
        raise UsageError(f"no fault fits {pattern!a}" + ("" if slow else "; --slow adds those that take long"))
    return chosen


@contextmanager
def setting(command: str, deadline: float) -> Iterator[Setting]:
    """What all cases have in common; the key is in a file for as long."""
    with TemporaryDirectory(prefix="mtproto-conform-") as folder:
        key, file = PrivateKey.generate(), Path(folder) / "public.pem"
        file.write_text(key.public.to_pem(), encoding="ascii")
        yield Setting(command, key, file, deadline)


class Suite:
    """``introduction``: the client's name and version, as it said them, once ``measure`` has run."""

    def __init__(self, common: Setting, cases: list[Case], jobs: int) -> None:
        self.common = common
        self.cases = cases
        self.jobs = jobs
        self.introduction = "", ""
        self._habits: dict[tuple[str, str], Habits | Evidence] = {}

    def measure(self, first: str = TRANSPORT) -> None:
        """An honest run over each transport, and in each scenario. Raises NoBaseline where that over ``first``, or else
        over the transport of the first case, is not what it has to be."""
        ways = {case.way: case for case in self.cases}
        order = sorted(ways.values(), key=lambda case: (case.scenario, case.transport != first))
        self._honest(order[0])
        evidence = self._habits[order[0].way]
        if isinstance(evidence, Evidence):
            raise NoBaseline(f"the client fails where nothing is wrong: {complaint(evidence)}")
        with self._pool() as pool:
            list(pool.map(self._honest, order[1:]))

    def _honest(self, case: Case) -> None:
        evidence = observe(self.common, case)
        self._habits[case.way] = Habits.of(evidence) if evidence.honest else evidence
        if evidence.honest:
            self.introduction = evidence.ended.introduction

    def run(self, told: Callable[[Result], object]) -> list[Result]:
        """Run all cases, tell each result as it comes, and return them in the order of the cases."""
        results: dict[int, Result] = {}
        with self._pool() as pool:
            futures = {pool.submit(self._one, case): number for number, case in enumerate(self.cases)}
            for future in as_completed(futures):
                result = results[futures[future]] = future.result()
                told(result)
        return [results[number] for number in sorted(results)]

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for cases; where one fails or the user interrupts, the clients of the others are ended."""
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="case") as pool:
            try:
                yield pool
            except BaseException:
                self.common.stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, case: Case) -> Result:
        habits = self._habits[case.way]
        if isinstance(habits, Evidence):
            what = f"over {case.transport}" + f" with a {case.scenario}" * bool(case.scenario)
            why = f"not reached: an honest run {what} fails: {complaint(habits)}"
            return Result(case, Judgement(Verdict.NOT_IMPLEMENTED, why), habits)
        evidence = observe(self.common, case, habits)
        return Result(case, judge(case.fault, evidence, habits), evidence)


def complaint(evidence: Evidence) -> str:
    """What a client that failed said about it, in one line."""
    ended = evidence.ended
    for line in ended.answers:
        if line.answer is not None and not line.answer["ok"]:
            return printable(str(line.answer.get("error", line.text)), 300)
    if ended.reason == "time":
        return "no line in time"
    last = next((line for line in reversed(ended.complaints) if line.strip()), "it said nothing")
    return f"exit status {ended.status}: {printable(last, 300)}"


def all_faults() -> list[Fault]:
    """Every fault of the hostile datacenter."""
    return list(FAULTS.values())
