"""The table of faults against docs/spec/security.md: every knob there is a fault here, every rule here is there."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from mtproto.environment import SystemEnvironment
from mtproto.errors import UsageError
from mtproto.testdc.faults import FAULTS, LAYERS, FaultyDataCenter, find
from mtproto.transport import TRANSPORTS
from tests.handshake.rig import KEY

SPEC = (Path(__file__).parents[3] / "docs/spec/security.md").read_text("utf-8")
SECTIONS = SPEC[SPEC.index("## 1.") : SPEC.index("## 5.")]
ROWS = re.findall(r"^\| \*\*(SEC-\d+)\*\* \|.*\| ([^|]*) \|$", SECTIONS, re.MULTILINE)
"""The id of each row, and what it says about its knobs."""

ALIASES = {
    "bad_msg_<code>": "bad_msg_*",
    "close_at(n)": "close_at",
    "cipher_bitflip(i)": "cipher_bitflip",
}
EXCEPTIONS = {
    "update_cdn": "the datacenter has no CDN, and the client does not speak to one",
    "cdn_corrupt": "the datacenter has no CDN, and the client does not speak to one",
}
"""Knobs without a fault, and why."""

WITHOUT_KNOB = {
    "SEC-16": "randomness is recorded over many runs: tests/handshake",
    "SEC-36": "timing is measured over many payloads: bench and tests of the envelope",
    "SEC-51": EXCEPTIONS["cdn_corrupt"],
    "SEC-58": "logs are read, not provoked: tests/testdc/test_secrets.py",
    "SEC-65": "a client that attacks the server: tests/transport/test_faketls.py",
}
"""Rows of which no fault names the id, and why."""


def knobs() -> list[str]:
    found = [ALIASES.get(knob, knob) for _, text in ROWS for knob in re.findall(r"`([^`]+)`", text)]
    return sorted(set(found))


def test_the_tables_are_read() -> None:
    assert len(ROWS) == 69
    assert len(knobs()) > 80


@pytest.mark.requirement("SEC-90")
@pytest.mark.parametrize("knob", knobs())
def test_every_knob_of_the_specification_is_a_fault_or_has_a_reason(knob: str) -> None:
    assert knob in EXCEPTIONS or any(fnmatchcase(name, knob) for name in FAULTS)


def test_an_exception_is_no_fault() -> None:
    assert not EXCEPTIONS.keys() & FAULTS.keys()


@pytest.mark.requirement("SEC-90")
def test_every_row_of_the_specification_has_a_fault_or_a_reason() -> None:
    named = {rule for fault in FAULTS.values() for rule in fault.rule}
    assert {row for row, _ in ROWS} - named == set(WITHOUT_KNOB)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_what_it_breaks_and_what_is_right(name: str) -> None:
    fault = FAULTS[name]
    assert fault.name == name
    assert set(fault.rule) <= {row for row, _ in ROWS}
    assert fault.layer in LAYERS
    assert fault.breaks and fault.expects and fault.reactions
    assert (fault.breaks + fault.expects).isascii(), "any terminal can print it"
    assert not set(fault.reactions) & set(fault.non_strict)
    assert set(fault.transports) <= {*TRANSPORTS, "faketls"}


def test_there_are_as_many_faults_as_a_conformance_run_needs() -> None:
    assert len(FAULTS) >= 120


def test_a_name_and_an_argument_are_told_apart() -> None:
    assert find("cipher_bitflip") == (FAULTS["cipher_bitflip"], None)
    assert find("cipher_bitflip=7") == (FAULTS["cipher_bitflip"], "7")


def test_an_unknown_name_is_answered_with_those_that_are_like_it() -> None:
    with pytest.raises(UsageError, match="container_nested"):
        find("container_neste")
    with pytest.raises(UsageError, match="mtproto dc --faults"):
        find("§§§")


@pytest.mark.parametrize("argument", ["600000", "-1", "x", ""])
def test_an_argument_that_is_no_number_in_range_is_refused(argument: str) -> None:
    with pytest.raises(UsageError, match="a number from 0 to 600"):
        FaultyDataCenter(SystemEnvironment(), FAULTS["cipher_bitflip"], argument, private_key=KEY)


def test_an_argument_for_a_fault_that_takes_none_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no argument"):
        FaultyDataCenter(SystemEnvironment(), FAULTS["reflect"], "1", private_key=KEY)
