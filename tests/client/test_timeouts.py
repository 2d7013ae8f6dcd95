"""What a time limit may be, on both front ends."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from mtproto.client.opening import limit
from mtproto.errors import UsageError


@pytest.mark.parametrize("timeout", [0, -1, 0.0, nan, "5", b"", [], False])
def test_only_a_positive_number_limits_a_call(timeout: Any) -> None:
    with pytest.raises(UsageError, match="positive number of seconds or None"):
        limit(timeout)


def test_none_is_no_limit() -> None:
    assert limit(None) == inf
    assert limit(2) == 2
