from __future__ import annotations

from mtproto.vectors.outcome import TypeFunction

FUNCTIONS: dict[str, TypeFunction] = {}
