"""What fails of a shipped file while something is broken on purpose."""

from __future__ import annotations

from collections.abc import Container

from mtproto.vectors.case import SHIPPED, Case, load
from mtproto.vectors.runner import FUNCTIONS, judge


def cases(name: str) -> list[Case]:
    return load(SHIPPED / f"{name}.json")


def flagged(name: str, *flags: str, kind: str = "") -> set[str]:
    """The ids of the tests that have one of these flags, and the type ``kind`` where one is given."""
    return {case.id for case in cases(name) if set(flags) & set(case.flags) and kind in ("", case.type)}


def commented(name: str, text: str) -> set[str]:
    """The ids of the tests whose comment has this text in it: at least one."""
    found = {case.id for case in cases(name) if text in case.comment}
    assert found, text
    return found


def failures(name: str, only: Container[str] | None = None) -> dict[str, str]:
    """Id -> reason, of these tests or of all."""
    reasons = {case.id: reason(case) for case in cases(name) if only is None or case.id in only}
    return {test: why for test, why in reasons.items() if why is not None}


def reason(case: Case) -> str | None:
    """Why the test fails, or None; without the runner's time limit."""
    try:
        return judge(case, FUNCTIONS[case.type](case), 0.0)
    except Exception as error:
        return judge(case, error, 0.0)


def accepted(name: str, only: Container[str]) -> set[str]:
    """Those of the tests that fail because what has to be refused was accepted."""
    wrong = "accepted what has to be refused"
    return {test for test, why in failures(name, only).items() if why.startswith(wrong)}
