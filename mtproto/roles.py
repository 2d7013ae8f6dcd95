"""Role: which end of the conversation this is.

Everything that differs between the two ends by a number stands here: the offset x into the auth key
(MSG-04, MSG-05) and the low bits of a msg_id (MSG-30, MSG-31). Behaviour that differs by more than a
number lives in the modules named ``client`` and ``server``.
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """One end of an MTProto conversation."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def opposite(self) -> Role:
        return Role.SERVER if self is Role.CLIENT else Role.CLIENT

    @property
    def key_offset(self) -> int:
        """x, in bytes, for messages *sent* by this role (MSG-04): 0 from the client, 8 from the server."""
        return 0 if self is Role.CLIENT else 8
