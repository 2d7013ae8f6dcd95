"""The published vectors of the key exchange, through the functions that client and server use."""

from __future__ import annotations

import pytest

from mtproto.errors import PeerError
from mtproto.vectors import case
from mtproto.vectors.case import Case
from mtproto.vectors.checks import allowed_checks, check_of
from mtproto.vectors.handshake_types import FUNCTIONS

CASES = case.load(case.SHIPPED / "auth_key_exchange.json")


def test_every_type_of_the_file_has_a_function() -> None:
    assert {test.type for test in CASES} == set(FUNCTIONS)
    assert len(CASES) == 158


@pytest.mark.parametrize("test", CASES, ids=[test.id for test in CASES])
def test_the_vector(test: Case) -> None:
    if test.valid:
        assert FUNCTIONS[test.type](test) == test.output
    else:
        with pytest.raises(PeerError) as caught:
            FUNCTIONS[test.type](test)
        assert check_of(caught.value) in allowed_checks(test)
