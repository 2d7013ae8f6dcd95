"""Codecs that are broken on purpose: tl_objects notices, by the tests that are there for it."""

from __future__ import annotations

import pytest

from mtproto.tl import registry, wire
from mtproto.vectors import tl_object_types
from tests.vectors.broken import failures, flagged


def test_an_object_that_is_accepted_from_its_beginning_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tl_object_types, "decode", lambda buf, read: registry.decode_prefix(buf, read)[0])
    assert failures("tl_objects").keys() == flagged("tl_objects", "Trailing")


def test_a_count_that_is_not_compared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def bare_count(buf: bytes, pos: int, minimum: int) -> tuple[int, int]:
        return int.from_bytes(buf[pos : pos + 4], "little", signed=True), pos + 4

    monkeypatch.setattr(wire, "bare_count", bare_count)
    found = failures("tl_objects").keys()
    assert found <= flagged("tl_objects", "BadCount") | flagged("tl_objects", "Truncated")
    assert {"tl_objects-388", "tl_objects-389"} <= found


def test_flag_bits_that_are_dropped_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(self: wire.Bits, word: int) -> tuple[object, ...]:
        return self.__missing__(word & ~self.unknown)

    monkeypatch.setattr(wire.Bits, "__getitem__", forgetful)
    assert {"tl_objects-290", "tl_objects-293"} <= failures("tl_objects").keys() <= flagged("tl_objects", "UnknownBits")


def test_a_long_form_that_is_demanded_to_be_long_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = wire._read_long_form

    def strict(buf: bytes, pos: int, prefix: int) -> tuple[bytes, int]:
        if int.from_bytes(buf[pos : pos + 3], "little") < 254:
            raise wire.DecodeError("bad_string", pos)
        return right(buf, pos, prefix)

    monkeypatch.setattr(wire, "_read_long_form", strict)
    assert failures("tl_objects").keys() >= flagged("tl_objects", "LongForm")


def test_a_bool_that_is_anything_but_true_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "to_bool", lambda word: word == wire.BOOL_TRUE)
    found = failures("tl_objects").keys()
    assert found and found <= flagged("tl_objects", "BadBool")


def test_a_global_table_of_constructors_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def anything(self: registry.Table, number: int) -> registry.Reader:
        registry._load_any(number)
        reader = registry.any_object.get(number)
        if reader is None:
            raise registry.no_reader(number, self.expected)
        return reader

    monkeypatch.setattr(registry.Table, "__missing__", anything)
    found = failures("tl_objects")
    assert found.keys() <= flagged("tl_objects", "WrongType")
    alone = "wrong result: the second codec alone refuses"
    assert (found["tl_objects-299"], found["tl_objects-316"]) == (alone, alone)
