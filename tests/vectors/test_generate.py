"""The vectors that the project computes itself: their programs write exactly the files that ship."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtproto.vectors.case import SHIPPED
from tests.vectors.generate.__main__ import FILES
from tests.vectors.generate.form import VectorFile, blocks


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
