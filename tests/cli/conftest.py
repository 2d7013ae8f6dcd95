"""A datacenter for the tests of this folder, its public key in a file, and ``mtproto`` as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtproto.cli import main
from mtproto.crypto.rsa import PrivateKey
from mtproto.environment import SystemEnvironment
from mtproto.record import Record
from mtproto.testdc import BackgroundDataCenter, DataCenter, start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN


class Ended(Record):
    """How a command ended."""

    __slots__ = ("err", "out", "status")

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def line(self) -> str:
        """The line of the error: the last one on standard error."""
        return self.err.splitlines()[-1] if self.err else ""


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MTPROTO_API_ID", "MTPROTO_API_HASH", "MTPROTO_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mtproto(capsys: pytest.CaptureFixture[str]) -> Command:
    """``mtproto("call", …)`` runs the command line in this process."""

    def run(*argv: str) -> Ended:
        status = main(argv)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ended(status, out, err)

    return run


@pytest.fixture(scope="session")
def private_key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def public_key(private_key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "public.pem"
    path.write_text(private_key.public.to_pem())
    return path


@pytest.fixture
def dc(private_key: PrivateKey) -> Iterator[BackgroundDataCenter]:
    with start_in_thread(DataCenter(SystemEnvironment(), private_key=private_key)) as running:
        yield running


@pytest.fixture
def reach(dc: BackgroundDataCenter, public_key: Path) -> tuple[str, ...]:
    """The options that reach the datacenter and log its bot in."""
    return (*at(dc.port, public_key), *as_bot())


def at(port: int, public_key: Path) -> tuple[str, ...]:
    return ("--dc", f"127.0.0.1:{port}", "--public-key", str(public_key))


def as_bot(token: str = BOT_TOKEN) -> tuple[str, ...]:
    return ("--api-id", str(API_ID), "--api-hash", API_HASH, "--bot-token", token)
