"""The test vectors that ship with the library, and the runner that puts them to the public core."""

from __future__ import annotations

from mtproto.vectors.report import Report
from mtproto.vectors.runner import main, run

__all__ = ["Report", "main", "run"]
