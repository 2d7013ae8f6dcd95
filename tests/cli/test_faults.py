"""``mtproto dc --fault`` and ``--faults``."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtproto.testdc.faults import FAULTS
from tests.cli.conftest import Command
from tests.cli.test_process import METHOD, datacenter, reach


def test_all_faults_are_listed_with_their_rule_layer_and_what_they_break(mtproto: Command) -> None:
    ended = mtproto("dc", "--faults")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    for line, fault in zip(lines, FAULTS.values(), strict=True):
        assert all(word in line for word in (*fault.rule, fault.layer, fault.breaks))


@pytest.mark.requirement("SEC-21")
def test_a_faulty_datacenter_says_so_and_the_client_survives_it(mtproto: Command, tmp_path: Path) -> None:
    with datacenter("--fault", "result_unknown") as (_, first):
        assert first["fault"] == "result_unknown"
        ended = mtproto("call", METHOD, "connection_id=demo", *reach(first, tmp_path))
        assert ended.status == 0
        assert "1700000000" in ended.out
    with datacenter("--fault", "cipher_bitflip=9") as (_, first):
        assert first["fault"] == "cipher_bitflip"
        ended = mtproto("call", METHOD, "connection_id=demo", *reach(first, tmp_path))
        assert ended.status != 0
        assert "msg_key" in ended.line
        assert "1234567890" not in ended.out


def test_a_fault_of_fake_tls_comes_with_a_proxy() -> None:
    with datacenter("--fault", "ftls_hmac") as (_, first):
        assert set(first["mtproxy_links"]) == {"plain", "dd", "ee"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("container_neste", "container_nested"),
        ("nothing at all", "no fault is called 'nothing at all'"),
        ("cipher_bitflip=many", "a number from 0 to"),
        ("reflect=1", "takes no argument"),
    ],
)
def test_a_wrong_fault_is_one_line_and_status_2(mtproto: Command, spec: str, words: str) -> None:
    ended = mtproto("dc", "--fault", spec)
    assert (ended.status, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert words in ended.err
