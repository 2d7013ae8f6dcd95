"""Which transports the tests can use here: the ones whose packages are installed, the others are skipped."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from mtproto.transport import TRANSPORTS

NEEDS = {"websocket": "wsproto", "http": "h11"}
INSTALLED = tuple(name for name in TRANSPORTS if name not in NEEDS or find_spec(NEEDS[name]))
EACH = [
    pytest.param(name, marks=() if name in INSTALLED else pytest.mark.skip(reason=f"needs {NEEDS[name]}"))
    for name in TRANSPORTS
]
"""Parameters for ``pytest.mark.parametrize``."""
