"""The checks that several steps of the key exchange share; each failure names its check in ``SecurityError``.

Values are compared in constant time and never appear in an error (SEC-58).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Protocol

from mtproto.errors import SecurityError


class Nonces(Protocol):
    """A state or a message that belongs to a run: 16 bytes each."""

    @property
    def nonce(self) -> bytes: ...

    @property
    def server_nonce(self) -> bytes: ...


def check_equal(check: str, expected: bytes, got: bytes) -> None:
    """``SecurityError(check)`` unless the two byte strings are equal; in constant time for equal lengths."""
    if not compare_digest(expected, got):
        raise SecurityError(check)


def check_nonces(run: Nonces, message: Nonces) -> None:
    """nonce and server_nonce of a message, or of what is encrypted in it, are those of the run (AUTH-19, 22, 29)."""
    check_equal("nonce_mismatch", run.nonce, message.nonce)
    check_equal("server_nonce_mismatch", run.server_nonce, message.server_nonce)


def check_all(*verdicts: tuple[str, bool]) -> None:
    """Raise for the first failed verdict, after all of them were computed: one path for every failure (SEC-71)."""
    for check, good in verdicts:
        if not good:
            raise SecurityError(check)


MIN_ENCRYPTED = 64
MAX_ENCRYPTED = 1024


def check_encrypted_length(check: str, encrypted: bytes) -> None:
    """The length of an AES-encrypted part: a multiple of 16, 64..1024 bytes (AUTH-19)."""
    if len(encrypted) & 15 or not MIN_ENCRYPTED <= len(encrypted) <= MAX_ENCRYPTED:
        raise SecurityError(check, len(encrypted), f"a multiple of 16 from {MIN_ENCRYPTED} to {MAX_ENCRYPTED} bytes")


MAX_FINGERPRINTS = 64


def check_fingerprints(fingerprints: list[int]) -> None:
    """The list in resPQ is not empty and has at most 64 entries (AUTH-11, SEC-05)."""
    if not 1 <= len(fingerprints) <= MAX_FINGERPRINTS:
        raise SecurityError("unknown_public_key", len(fingerprints), f"1..{MAX_FINGERPRINTS} fingerprints")


MAX_PQ_LENGTH = 32


def check_pq_length(pq: bytes) -> None:
    """pq, leading zeros included, is short enough to be copied into inner data of 144 bytes (AUTH-17, AUTH-40).

    With 32 bytes of pq the longest form has 128. The number itself is checked where it is factored (AUTH-11).
    """
    if len(pq) > MAX_PQ_LENGTH:
        raise SecurityError("pq", len(pq), f"at most {MAX_PQ_LENGTH} bytes")
