"""The hostile datacenter: every knob of docs/spec/security.md, sections 1 to 4, as a named fault.

Each bends one layer of the honest server and nothing else. A fault acts on the first call of
account.getBotBusinessConnection under an auth key, or on the first key exchange, or on a connection as it is opened,
and then no more, unless its rule is about something endless: a right client recovers.
"""

from __future__ import annotations

from collections.abc import Mapping

from mtproto.errors import UsageError, printable
from mtproto.testdc.faults import (
    containers,
    content,
    envelope,
    handshake,
    parameters,
    rpc,
    service,
    session,
    transport,
    web,
)
from mtproto.testdc.faults.datacenter import FaultyDataCenter
from mtproto.testdc.faults.fault import KINDS, LAYERS, REGISTERED, Fault, Observation, Reaction

__all__ = ["FAULTS", "KINDS", "LAYERS", "Fault", "FaultyDataCenter", "Observation", "Reaction", "find"]

MODULES = handshake, parameters, envelope, session, containers, content, service, rpc, transport, web
"""Where the faults of each layer are."""

FAULTS: Mapping[str, Fault] = {name: fault for name, (fault, _) in REGISTERED.items()}
"""Every fault by its name, in the order of the specification."""


def find(spec: str) -> tuple[Fault, str | None]:
    """The fault that ``spec``, NAME or NAME=ARG, names, and its argument. UsageError names those that are like it."""
    name, equals, argument = spec.partition("=")
    fault = FAULTS.get(name)
    if fault is None:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(name[:100], FAULTS, 3)) or "see mtproto dc --faults"
        raise UsageError(f"no fault is called {printable(name, 60)!r}: {near}")
    return fault, argument if equals else None
