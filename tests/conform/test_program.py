"""A client as a process: its lines, its end, its deadline, its memory."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mtproto.conform.program import Ended, Line, run, words
from mtproto.errors import UsageError

MIB = 1 << 20
NEVER = 60.0
"""Seconds that no test of this file takes."""


def python(code: str, deadline: float = NEVER, **options: Any) -> Ended:
    return run([sys.executable, "-u", "-c", code], {}, deadline, **options)


def test_lines_that_say_how_a_call_ended_are_answers_and_others_are_not() -> None:
    ended = python("""print('{"ok": true, "date": 7}'); print('hello'); print('{"ok": 1}'); print('{"ok": false}')""")
    assert [answer.answer for answer in ended.answers] == [{"ok": True, "date": 7}, {"ok": False}]
    assert [line.text for line in ended.lines][1:3] == ["hello", '{"ok": 1}']
    assert (ended.status, ended.reason) == (0, "")
    assert ended.began <= ended.lines[0].at <= ended.at


def test_a_client_may_say_who_it_is() -> None:
    assert python("""print('{"client": "X", "version": "1.2"}')""").introduction == ("X", "1.2")
    assert python("print(1)").introduction == ("", "")


def test_the_last_words_on_standard_error_and_the_status_are_kept() -> None:
    ended = python("import sys; [print(n, file=sys.stderr) for n in range(100)]; sys.exit(3)")
    assert ended.status == 3
    assert ended.complaints[-1] == "99" and len(ended.complaints) == 20


def test_a_client_that_prints_nothing_is_ended_at_its_deadline() -> None:
    began = monotonic()
    ended = python("import time; print('busy'); time.sleep(600)", 0.5)
    assert (ended.status, ended.reason) == (None, "time")
    assert monotonic() - began < NEVER


def test_each_answer_gives_a_client_as_much_time_again() -> None:
    code = "import time\nfor n in range(3): print('{\"ok\": true}'); time.sleep(1)\n"
    ended = python(code, 2.5)
    assert ended.reason == "" and ended.at - ended.began > 2.5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_client_that_takes_too_much_memory_is_ended() -> None:
    grow = "import time\nheld = []\nwhile True: held.append(b'x' * (8 << 20)); time.sleep(0.01)"
    ended = python(grow, memory=100 * MIB)
    assert ended.reason == "memory"
    assert ended.peak is not None and 100 * MIB < ended.peak < 1000 * MIB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_memory_of_what_a_client_starts_counts_too() -> None:
    grow = "held = b'x' * (200 << 20); import time; time.sleep(600)"
    ended = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}])", memory=150 * MIB)
    assert ended.reason == "memory"


def test_what_a_client_leaves_behind_is_ended_with_it() -> None:
    began = monotonic()
    ended = python("import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])")
    assert ended.status == 0, "and the pipe that its child holds keeps nobody waiting"
    assert monotonic() - began < NEVER


def test_a_client_can_be_stopped_from_elsewhere() -> None:
    stop = threading.Event()
    stop.set()
    assert python("import time; time.sleep(600)", stop=stop).reason == "stop"


def test_a_client_that_a_signal_ends_has_a_negative_status() -> None:
    assert python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)").status == -15


def test_a_client_that_floods_its_output_costs_little_memory() -> None:
    ended = python("""for n in range(5000): print('{"ok": true}')\nprint('x' * 10_000_000)""")
    assert len(ended.lines) == 200 and ended.status == 0


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"ok": "yes"}', "[" * 100_000, '{"ok": true'])
def test_whatever_else_a_line_says_is_no_answer(text: str) -> None:
    assert Line(0.0, text).answer is None


def test_a_command_is_split_as_a_shell_does_before_its_placeholders_are_replaced() -> None:
    assert words("run 'my file' {host}:{port} {other}", {"host": "a b", "port": "1"}) == [
        "run", "my file", "a b:1", "{other}",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["", "  ", "run 'half"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(UsageError, match="--client"):
        words(command, {})


def test_a_command_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be started"):
        run(["/no/such/client"], {}, 1.0)
