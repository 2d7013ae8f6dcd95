"""Everything that is loaded at first use is loaded before the first input."""

from __future__ import annotations

import pytest

from tests.fuzz.corpus import warm_up


@pytest.fixture(autouse=True, scope="session")
def _warm() -> None:
    warm_up()
