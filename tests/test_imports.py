"""What an import brings along, each seen in a process of its own (architecture, section 2)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRONT_ENDS = ("asyncio", "ssl", "socket", "selectors", "cryptography", "tgcrypto", "cryptg")
SLOW = ("dataclasses", "logging", "json", "inspect", "typing_extensions")
CORE = [
    "mtproto.record",
    "mtproto.errors",
    "mtproto.environment",
    "mtproto.roles",
    "mtproto.tl.registry",
    "mtproto.schema.mtproto",
    "mtproto.crypto.auth_key",
    "mtproto.transport",
    "mtproto.message.envelope",
    "mtproto.message.plain",
    "mtproto.handshake.exchange",
    "mtproto.handshake.runs",
    "mtproto.session.client",
    "mtproto.session.server",
    "mtproto.connection",
]


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has after ``code``, beyond those it starts with."""
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(run.stdout.split())


def of(modules: set[str], *tops: str) -> set[str]:
    return {name for name in modules if name.split(".")[0] in tops}


def test_importing_the_package_brings_its_own_module_only() -> None:
    modules = loaded("import mtproto")
    assert of(modules, "mtproto") == {"mtproto"}
    assert not of(modules, *FRONT_ENDS, *SLOW)


def test_one_name_of_the_schema_brings_neither_a_front_end_nor_cryptography() -> None:
    modules = loaded(
        "import mtproto\nfrom mtproto.schema.api import functions\nfunctions.account.GetBotBusinessConnection"
    )
    assert not of(modules, *FRONT_ENDS)
    assert len(of(modules, "mtproto")) < 20


def test_decoding_an_object_brings_in_the_shards_it_needs() -> None:
    modules = loaded(
        "from mtproto.schema.api import types, read_object\n"
        "from mtproto.tl.registry import decode\n"
        "decode(types.UpdatesTooLong().to_bytes(), read_object)"
    )
    assert not of(modules, *FRONT_ENDS, *SLOW)
    assert 0 < len({name for name in modules if name.startswith("mtproto.schema.api.types")}) < 20


@pytest.mark.parametrize("module", CORE)
def test_the_core_brings_in_neither_input_and_output_nor_anything_slow(module: str) -> None:
    modules = loaded(f"import {module}")
    unwanted = {"asyncio", "ssl", "socket", "selectors", "threading", "subprocess"} | set(SLOW)
    brought_by_cryptography = {"threading", "socket", "selectors", "dataclasses", "logging", "inspect", "json"}
    if of(modules, "cryptography"):  # not ours to choose
        unwanted -= brought_by_cryptography
    assert not of(modules, *unwanted)


@pytest.mark.parametrize("module", ["mtproto.client.asyncio", "mtproto.client.blocking", "mtproto.testdc.listener"])
def test_front_ends_know_neither_each_other_nor_the_faults(module: str) -> None:
    modules = loaded(f"import {module}")
    assert "mtproto.testdc.faults" not in modules
    if module != "mtproto.client.asyncio":
        assert "mtproto.client.asyncio" not in modules


def test_importing_asks_for_no_event_loop_and_starts_no_thread() -> None:
    """Never get_event_loop() at import."""
    modules = loaded(
        "import threading, mtproto.client.asyncio, mtproto.client.blocking, asyncio\n"
        "assert threading.active_count() == 1\n"
        "assert asyncio._get_running_loop() is None\n"
        "assert asyncio.get_event_loop_policy()._local._loop is None"
    )
    assert "mtproto.client.asyncio" in modules


def test_every_public_name_can_be_loaded() -> None:
    loaded(
        "import mtproto\n"
        "for name in [n for n in dir(mtproto) if not n.startswith('_')]:\n    getattr(mtproto, name)\n"
        "try:\n    mtproto.nothing\nexcept AttributeError:\n    pass\nelse:\n    raise SystemExit(1)"
    )
