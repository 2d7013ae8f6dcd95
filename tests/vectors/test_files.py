"""What the vector files say of themselves: flags, provenance, and that published tests stay as they are."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from mtproto.vectors.case import SHIPPED

FILES = sorted(path.stem for path in SHIPPED.glob("*.json"))

PUBLISHED = {
    "aes_ige": (42, "c970187fe748f111ba0dfa144b60ce91029e7eafe2aa1136e9dbb358058b278e"),
    "auth_key_exchange": (158, "df930d82b9e9b35b9d6931b1c071437602bef90305529881ea9d8fff837e3de0"),
    "bind_temp_auth_key": (17, "f651dd1c2fc1f8ad940025789635310c12a3b9c56b2229a1c28d1541738cf715"),
    "dh_params": (105, "4e579c81f1abf53c2a3722061f4bd4889757984a02c8fba63d5a289ef2e2e033"),
    "fake_tls": (31, "4b008625f75fc927a7479b88de7badd206e63281785b6f784bd6ffa2ac436b31"),
    "kdf": (92, "9de3846a8ce93eac8ca5b93a85158e17f92b57f6b52ffa88dff09ee4f763ca5c"),
    "message_v2": (91, "64748fe71f35e3e563b399ca7b54d08d747c954147154ffa13818afcfde51a40"),
    "msg_id_seqno": (58, "738d15939852be452507ce539bcecd77e9089996b0feb5bec7657d7c64fe2ddb"),
    "obfuscated2": (46, "ad7a069a09b43945fd4a71c71764ac57624611f422d29ef4177ba48049ac260e"),
    "pq": (44, "01baea8e1ae7380def668670ead8a8d3da64e477070f4b9a8c75e140f6388b2d"),
    "rsa": (38, "12548dc9fe1cbfaebda7e4b8a9651a32d5681073b89c386d2bc5d48baa0a23cd"),
    "service_messages": (76, "b7c54dd4b3958e3cde1ca462dc94a4f49fcdb50f31a10e7110b64572fccd0d19"),
    "srp": (26, "878e9f8fc186bd91ea4d62e0c1db94c46b9e83474198dae21df0c8d25257ca8f"),
    "tl_constructor_ids": (163, "c9f5c2b6d651574515ecff36acbf7fd26f27146b5dd4fa2c127b9505c03cedca"),
    "tl_primitives": (136, "13c0b3c88b919ce6435e7572f2180f957259d57b35504ef3aad0a7997f0d83bb"),
    "transports": (117, "c678d4678907b79fc1dba3dbdde53c8c8d795e25ce091b5e5b3037a913da8c10"),
}
"""File -> how many tests were published, and the SHA-256 of their ids, types, params, inputs, outputs and results."""


@cache
def shipped(name: str) -> Any:
    return json.loads((SHIPPED / f"{name}.json").read_text("utf-8"))


def used(name: str) -> set[str]:
    return {flag for group in shipped(name)["groups"] for test in group["tests"] for flag in test["flags"]}


@pytest.mark.parametrize("name", FILES)
def test_each_flag_used_is_explained_and_each_one_explained_is_used(name: str) -> None:
    assert shipped(name)["flags"].keys() == used(name)


@pytest.mark.parametrize("name", FILES)
def test_the_note_of_a_flag_says_what_the_input_is_and_which_bug_it_catches(name: str) -> None:
    for flag, note in shipped(name)["flags"].items():
        described, caught, bug = note.partition("; catches ")
        assert len(described) > 3 and caught and len(bug) > 15, f"{name} {flag}: {note}"


@pytest.mark.parametrize("name", FILES)
def test_the_source_says_where_facts_and_values_come_from(name: str) -> None:
    source = shipped(name)["source"]
    assert source[0].startswith("Facts: ")
    assert all(": " in line and line.endswith(".") for line in source)
    assert any("both" in line or "computed" in line or " and " in line for line in source[1:])


def test_ids_are_unique_over_all_files_and_named_after_theirs() -> None:
    ids = [(name, test["id"]) for name in FILES for group in shipped(name)["groups"] for test in group["tests"]]
    assert len({test for _, test in ids}) == len(ids)
    assert [test for name, test in ids if test.rpartition("-")[0] != name] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_test_never_changes(name: str) -> None:
    """Tests are added under new ids; what stands under an old one stays."""
    count, digest = PUBLISHED[name]
    assert digest_of(name, count) == digest


def digest_of(name: str, count: int) -> str:
    tests = [
        [test["id"], group["type"], group["params"], test["input"], test["output"], test["result"]]
        for group in shipped(name)["groups"]
        for test in group["tests"]
    ]
    return sha256(json.dumps(sorted(tests, key=lambda test: test[0])[:count], sort_keys=True).encode()).hexdigest()
