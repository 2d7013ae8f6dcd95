"""What fails of a shipped file while something is broken on purpose."""

from __future__ import annotations

from mtproto.vectors import run
from mtproto.vectors.case import SHIPPED, Case, load


def failures(name: str) -> dict[str, str]:
    """Id -> reason."""
    return dict(run([SHIPPED / f"{name}.json"]).failures)


def flagged(name: str, flag: str, *, valid: bool | None = None) -> set[str]:
    """The ids of the tests with this flag."""
    return {case.id for case in cases(name) if flag in case.flags and valid in (None, case.valid)}


def cases(name: str) -> list[Case]:
    return load(SHIPPED / f"{name}.json")
