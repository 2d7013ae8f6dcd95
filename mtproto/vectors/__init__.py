"""The test vectors that ship with the library, and the runner that puts them to the public core or to any command."""

from __future__ import annotations

from mtproto.vectors.front import main
from mtproto.vectors.report import Report
from mtproto.vectors.runner import run

__all__ = ["Report", "main", "run"]
