"""WebSocket and HTTP that lack one rule: their vectors notice. Without the packages the types are left out by name."""

from __future__ import annotations

import sys
from importlib import reload
from types import ModuleType

import pytest

from mtproto.transport import http, websocket
from mtproto.transport.http import Http
from mtproto.transport.websocket import WebSocket
from mtproto.vectors import http_types, run, websocket_types
from mtproto.vectors.case import SHIPPED
from tests.vectors.broken import accepted, cases, commented, failures, flagged

pytest.importorskip("wsproto")
pytest.importorskip("h11")


def test_a_websocket_that_takes_every_frame_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = WebSocket._on

    def lenient(self: WebSocket, event: object) -> None:
        if type(event).__name__ not in ("TextMessage", "CloseConnection"):
            right(self, event)

    monkeypatch.setattr(WebSocket, "_on", lenient)
    ids = flagged("websocket", "Text", "Mask", "Reserved", "BadFrame", "Large", kind="WebSocketFrames")
    ids &= {case.id for case in cases("websocket") if not case.valid}
    assert len(ids) > 40 and accepted("websocket", ids) == ids


def test_an_upgrade_that_is_too_old_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_is_old", lambda head: False)
    assert accepted("websocket", commented("websocket", "HTTP/1.0")) == commented("websocket", "HTTP/1.0")


def test_another_code_for_text_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_UNSUPPORTED", 1000)
    assert len(failures("websocket", flagged("websocket", "Text"))) == 6


def test_another_subprotocol_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "SUBPROTOCOL", "chat")
    assert commented("websocket", "another subprotocol") <= failures("websocket").keys()


def test_a_body_of_any_size_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "limit", lambda self, size: None)
    ids = flagged("http", "Large") - commented("http", "5,000 digits")
    assert len(ids) == 6 and failures("http", ids).keys() == ids


def test_a_body_that_is_no_payload_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "check_length", lambda length, shortest: None)
    ids = flagged("http", "Length") - flagged("http", "Length", kind="HttpRequest")
    assert len(ids) == 12 and failures("http", ids).keys() == ids


def test_a_head_of_any_size_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "_room", lambda self: 1 << 30)
    ids = commented("http", "a head of 17 KiB in one read")
    assert len(ids) == 2 and failures("http", ids).keys() == ids


def test_errors_taken_for_something_else_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FAULTS", frozenset())
    ids = flagged("http", "TransportError", kind="HttpClientReceive")
    assert len(ids) == 4 and failures("http", ids).keys() == ids


@pytest.mark.parametrize(("package", "types"), [("wsproto", websocket_types), ("h11", http_types)])
def test_without_its_package_a_type_is_left_out(
    package: str, types: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set(types.FUNCTIONS)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, package, None)
        assert reload(types).FUNCTIONS == {}
    assert set(reload(types).FUNCTIONS) == names


@pytest.mark.parametrize("name", ["websocket", "http"])
def test_what_is_left_out_is_named_and_nothing_fails(name: str) -> None:
    report = run([SHIPPED / f"{name}.json"], {})
    assert (report.passed, report.failures, report.skipped) == (0, [], len(cases(name)))
    assert all(kind in report.lines()[0] for kind in {case.type for case in cases(name)})
