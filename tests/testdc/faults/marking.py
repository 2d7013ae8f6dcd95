"""Parametrising over faults: each case is marked with the rules of its fault, so that a proof runs those alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mtproto.testdc.faults import FAULTS


def marked(rows: Iterable[tuple[str, ...]], marks: Iterable[pytest.MarkDecorator]) -> list[Any]:
    """Each row, which begins with the name of a fault, with those of ``marks`` that name the fault's rules."""
    by_id = {mark.args[0]: mark for mark in marks}
    return [
        pytest.param(*row, id="-".join(row), marks=[by_id[rule] for rule in FAULTS[row[0]].rule if rule in by_id])
        for row in rows
    ]


def unused(rows: Iterable[tuple[str, ...]], marks: Iterable[pytest.MarkDecorator]) -> set[str]:
    """The ids in ``marks`` that no row is about."""
    return {mark.args[0] for mark in marks} - {rule for row in rows for rule in FAULTS[row[0]].rule}


def unmarked(rows: Iterable[tuple[str, ...]], marks: Iterable[pytest.MarkDecorator]) -> set[str]:
    """The rules of rows that have no mark."""
    return {rule for row in rows for rule in FAULTS[row[0]].rule} - {mark.args[0] for mark in marks}
