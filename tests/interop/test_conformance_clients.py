"""The programs of examples/conformance do what a conformance run asks of a client, where nothing is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import pytest

from mtproto.conform.suite import Suite, plan, setting
from mtproto.testdc.faults import FAULTS
from tests.interop.test_clients import PYTHON, VERSIONS, need
from tests.interop.test_layers import NODE, PACKAGES, node

EXAMPLES = Path(__file__).parents[2] / "examples" / "conformance"


def telethon() -> str:
    need("telethon")
    return f"{quote(PYTHON)} {EXAMPLES / 'telethon_client.py'} {{host}} {{port}} {{public_key_file}} {{transport}}"


def kurigram() -> str:
    need("kurigram")
    program = EXAMPLES / "kurigram_client.py"
    return f"{quote(PYTHON)} {program} {{host}} {{port}} {{transport}} {{fingerprint}} {{modulus}} {{exponent}}"


def mtcute() -> str:
    node("@mtcute/node")
    folder, program = quote(os.environ[NODE]), EXAMPLES / "mtcute_client.mjs"
    return f"{shutil.which('node')} {program} {folder} {{host}} {{port}} {{public_key_file}} {{transport}}"


@pytest.mark.parametrize(
    ("command", "name", "version"),
    [
        (telethon, "Telethon", VERSIONS["telethon"]),
        (kurigram, "Kurigram", VERSIONS["kurigram"]),
        (mtcute, "mtcute", PACKAGES["@mtcute/node"]),
    ],
)
def test_an_example_passes_the_honest_run_and_says_who_it_is(
    command: Callable[[], str], name: str, version: str
) -> None:
    with setting(command(), 60.0) as common:
        suite = Suite(common, plan([FAULTS["cipher_bitflip"]]), 1)
        suite.measure()
    assert suite.introduction == (name, version)


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert path.is_dir() or len(path.read_text(encoding="utf-8").splitlines()) < 80
