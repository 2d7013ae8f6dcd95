"""What each side remembers between two messages of the key exchange, and what comes out of it.

A state is the only memory of a run: a step takes one and returns the next, so a step out of order does not
type-check. States carry nonces, exponents and keys, and print none of them (SEC-58).
"""

from __future__ import annotations

from mtproto.crypto.auth_key import AuthKey
from mtproto.record import Record

MAX_RETRIES = 5
"""dh_gen_retry answers within one run, on both sides (AUTH-30, AUTH-97, SEC-14)."""


class State(Record):
    """Base of all states: compares like a record, prints its class alone."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class AwaitResPQ(State):
    """Client, after req_pq_multi. ``expires_in`` in seconds for a temporary key, else None (AUTH-15, AUTH-16)."""

    __slots__ = ("dc", "expires_in", "nonce")

    def __init__(self, nonce: bytes, dc: int, expires_in: int | None) -> None:
        self.nonce = nonce
        self.dc = dc
        self.expires_in = expires_in


class AwaitDHParams(State):
    """Client, after req_DH_params. ``fingerprint`` is that of the RSA key the client chose."""

    __slots__ = ("dc", "expires_in", "fingerprint", "new_nonce", "nonce", "server_nonce")

    def __init__(
        self,
        *,
        nonce: bytes,
        server_nonce: bytes,
        new_nonce: bytes,
        dc: int,
        expires_in: int | None,
        fingerprint: int,
    ) -> None:
        self.nonce = nonce
        self.server_nonce = server_nonce
        self.new_nonce = new_nonce
        self.dc = dc
        self.expires_in = expires_in
        self.fingerprint = fingerprint


class Agreed(State):
    """What server_DH_params_ok said, checked: the numbers, ``server_time`` in Unix seconds and ``time_offset`` =
    server_time − the local clock at receipt, in seconds (AUTH-23)."""

    __slots__ = ("dh_prime", "g", "g_a", "server_time", "time_offset")

    def __init__(self, g: int, dh_prime: int, g_a: int, server_time: int, time_offset: float) -> None:
        self.g = g
        self.dh_prime = dh_prime
        self.g_a = g_a
        self.server_time = server_time
        self.time_offset = time_offset


class AwaitDHGen(State):
    """Client, after set_client_DH_params: the key of this attempt, and what another attempt needs (AUTH-30)."""

    __slots__ = ("agreed", "auth_key", "retries", "run")

    def __init__(self, run: AwaitDHParams, agreed: Agreed, auth_key: AuthKey, retries: int) -> None:
        self.run = run
        self.agreed = agreed
        self.auth_key = auth_key
        self.retries = retries


class AwaitReqDHParams(State):
    """Server, after resPQ. ``pq``, ``p`` and ``q`` as in the messages: big-endian, no leading zeros (AUTH-17)."""

    __slots__ = ("nonce", "p", "pq", "q", "server_nonce")

    def __init__(self, nonce: bytes, server_nonce: bytes, pq: bytes, p: bytes, q: bytes) -> None:
        self.nonce = nonce
        self.server_nonce = server_nonce
        self.pq = pq
        self.p = p
        self.q = q


class Offer(State):
    """What the server learnt from req_DH_params and answered to it.

    ``a`` is the server's exponent, ``server_time`` the one sent; ``dc`` and ``expires_in`` as the client asked,
    ``dc`` None for a legacy form without it.
    """

    __slots__ = (
        "a",
        "dc",
        "dh_prime",
        "expires_in",
        "fingerprint",
        "new_nonce",
        "nonce",
        "server_nonce",
        "server_time",
    )

    def __init__(
        self,
        *,
        nonce: bytes,
        server_nonce: bytes,
        new_nonce: bytes,
        dc: int | None,
        expires_in: int | None,
        fingerprint: int,
        dh_prime: int,
        a: int,
        server_time: int,
    ) -> None:
        self.nonce = nonce
        self.server_nonce = server_nonce
        self.new_nonce = new_nonce
        self.dc = dc
        self.expires_in = expires_in
        self.fingerprint = fingerprint
        self.dh_prime = dh_prime
        self.a = a
        self.server_time = server_time


class AwaitSetClientDHParams(State):
    """Server, after server_DH_params_ok or dh_gen_retry.

    ``retry_id`` is 0 or the aux hash of the key that was refused last (AUTH-96), ``retries`` the number of refusals.
    """

    __slots__ = ("offer", "retries", "retry_id")

    def __init__(self, offer: Offer, retry_id: int = 0, retries: int = 0) -> None:
        self.offer = offer
        self.retry_id = retry_id
        self.retries = retries


class Created(Record):
    """A new authorization key and what was agreed with it, the same on both sides.

    ``server_salt`` is the first salt, signed (AUTH-33); ``server_time`` in Unix seconds as the server sent it;
    ``time_offset`` = server_time − the local clock when it arrived, 0.0 on the server (AUTH-23); ``expires_at`` in
    Unix seconds for a temporary key, None for a permanent one (AUTH-16); ``fingerprint`` that of the RSA key,
    signed; ``dc`` as in the inner data (AUTH-15), None where a legacy client left it out.
    """

    __slots__ = ("auth_key", "dc", "expires_at", "fingerprint", "server_salt", "server_time", "time_offset")

    def __init__(
        self,
        *,
        auth_key: AuthKey,
        server_salt: int,
        server_time: int,
        time_offset: float,
        expires_at: int | None,
        fingerprint: int,
        dc: int | None,
    ) -> None:
        self.auth_key = auth_key
        self.server_salt = server_salt
        self.server_time = server_time
        self.time_offset = time_offset
        self.expires_at = expires_at
        self.fingerprint = fingerprint
        self.dc = dc

    @property
    def temporary(self) -> bool:
        """Whether this is a temporary key (AUTH-15)."""
        return self.expires_at is not None

    def __repr__(self) -> str:
        return f"<Created {self.auth_key!r} dc={self.dc} expires_at={self.expires_at}>"
