"""The example adaptors of ``mtproto vectors --exec`` run, each where its library is installed; otherwise a skip.

What is asked is only that they answer: what a published library passes or fails is none of this project's business.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from mtproto.cli import main
from tests.interop.test_clients import PYTHON, need
from tests.interop.test_layers import node

EXAMPLES = Path(__file__).parents[2] / "examples"


def telethon() -> str:
    need("telethon")
    return shlex.join([PYTHON, str(EXAMPLES / "vectors_telethon.py")])


def mtcute() -> str:
    program, _, folder = node("@mtcute/node")
    return shlex.join([program, str(EXAMPLES / "vectors_mtcute.mjs"), folder])


@pytest.mark.parametrize("command", [telethon, mtcute])
def test_an_example_answers_every_test(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    main(["vectors", "--suite", "aes_ige", "--suite", "rsa", "--exec", command(), "--timeout", "60", "--json", "-"])
    aes_ige, rsa = json.loads(capsys.readouterr().out)["files"]
    assert aes_ige["passed"] > 20 and aes_ige["failures"] == []
    assert rsa["passed"] == 0 and sum(rsa["skipped"].values()) == 38 and rsa["failures"] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 60
