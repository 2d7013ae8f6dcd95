"""The vectors that the project computes itself: their programs write exactly the files that ship."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtproto.vectors import run
from mtproto.vectors.case import SHIPPED
from tests.vectors.generate.__main__ import FILES
from tests.vectors.generate.form import VectorFile, blocks

MADE = {
    "faulty_exchanges": 213,
    "http": 120,
    "sessions": 226,
    "tl_objects": 475,
    "websocket": 159,
}
"""How many tests each file has."""

NAMED = {
    "faulty_exchanges": pytest.mark.requirement(
        "AUTH-04",
        "AUTH-08",
        "AUTH-11",
        "AUTH-30",
        "AUTH-31",
        "AUTH-36",
        "AUTH-39",
        "AUTH-42",
        "AUTH-92",
        "AUTH-93",
        "AUTH-96",
        "AUTH-97",
        "SEC-01",
        "SEC-02",
        "SEC-03",
        "SEC-04",
        "SEC-05",
        "SEC-06",
        "SEC-07",
        "SEC-08",
        "SEC-09",
        "SEC-10",
        "SEC-11",
        "SEC-12",
        "SEC-13",
        "SEC-14",
        "SEC-15",
        "SEC-17",
        "SEC-18",
        "SEC-19",
        "SEC-72",
    ),
    "http": pytest.mark.requirement("TR-10", "TR-100", "TR-101", "TR-106", "TR-107", "TR-110", "SEC-67"),
    "sessions": pytest.mark.requirement(
        "TL-61",
        "TL-62",
        "TL-66",
        "TL-67",
        "MSG-10",
        "MSG-36",
        "MSG-37",
        "MSG-40",
        "MSG-41",
        "MSG-53",
        "MSG-54",
        "MSG-55",
        "MSG-62",
        "MSG-64",
        "MSG-66",
        "MSG-68",
        "MSG-71",
        "MSG-73",
        "MSG-74",
        "MSG-75",
        "MSG-76",
        "MSG-80",
        "MSG-81",
        "MSG-82",
        "MSG-83",
        "MSG-84",
        "MSG-90",
        "MSG-91",
        "MSG-92",
        "MSG-93",
        "MSG-94",
        "MSG-95",
        "MSG-96",
        "MSG-97",
        "MSG-100",
        "MSG-102",
        "MSG-103",
        "MSG-104",
        "MSG-105",
        "MSG-143",
        "SEC-25",
        "SEC-26",
        "SEC-27",
        "SEC-28",
        "SEC-30",
        "SEC-31",
        "SEC-32",
        "SEC-40",
        "SEC-42",
        "SEC-43",
        "SEC-44",
        "SEC-45",
        "SEC-46",
        "SEC-47",
        "SEC-48",
        "SEC-73",
        "SEC-80",
    ),
    "tl_objects": pytest.mark.requirement(
        "TL-15",
        "TL-31",
        "TL-32",
        "TL-33",
        "TL-34",
        "TL-35",
        "TL-37",
        "TL-38",
        "TL-39",
        "TL-40",
        "TL-42",
        "TL-43",
        "TL-44",
        "TL-45",
        "TL-46",
        "TL-47",
        "TL-48",
        "TL-50",
        "TL-51",
        "TL-81",
        "TL-87",
        "TL-88",
    ),
    "websocket": pytest.mark.requirement("TR-90", "TR-91", "TR-92", "TR-94", "TR-95", "TR-110", "SEC-66"),
}
"""What the tests of each file prove."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=NAMED[name]) for name in MADE])
def test_every_test_of_the_file_passes(name: str) -> None:
    report = run([SHIPPED / f"{name}.json"])
    assert report.failures == []
    assert (report.passed, report.skipped) == (MADE[name], 0)


@pytest.mark.parametrize("build", FILES, ids=lambda build: build.__module__.rpartition(".")[2])
def test_the_shipped_file_is_what_its_program_writes(build: Callable[[], VectorFile]) -> None:
    file = build()
    assert (SHIPPED / f"{file.name}.json").read_text("ascii") == file.text()


def test_flags_that_are_not_explained_or_not_used_are_refused() -> None:
    file = VectorFile("some", "t", [], {"Used": "", "Unused": ""})
    file.group("T")
    file.valid("c", {}, {}, "Used", "Unknown")
    with pytest.raises(ValueError, match=r"\['Unknown', 'Unused'\]"):
        file.text()


def test_what_looks_random_follows_from_its_label() -> None:
    assert blocks("a", 40) == blocks("a", 40) and blocks("a", 40)[:8] == blocks("a", 8) != blocks("b", 8)
