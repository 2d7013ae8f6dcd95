"""Passwords of a client: from account.getPassword to what auth.checkPassword takes (API-50 … API-56)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtproto.crypto import srp
from mtproto.environment import Environment, SystemEnvironment
from mtproto.errors import SecurityError

if TYPE_CHECKING:
    from mtproto.schema.api import types


def check_password(
    password: str, state: types.account.Password, env: Environment | None = None
) -> types.InputCheckPasswordSRP | types.InputCheckPasswordEmpty:
    """The proof of ``password``, for one attempt; ``state`` is the answer of account.getPassword.

    inputCheckPasswordEmpty where the account has none. Takes about 0.2 s of processor time. ``SecurityError``
    password_kdf, dh_prime, dh_generator or dh_public_value, before anything is derived from the password (SEC-57).
    """
    from mtproto.schema.api import types

    if state.current_algo is None or state.srp_B is None or state.srp_id is None:
        return types.InputCheckPasswordEmpty()
    proof = srp.prove(password.encode(), _kdf(state.current_algo), state.srp_B, env or SystemEnvironment())
    return types.InputCheckPasswordSRP(srp_id=state.srp_id, A=proof.A, M1=proof.M1)


def new_password(
    password: str, state: types.account.Password, env: Environment | None = None
) -> tuple[types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow, bytes]:
    """new_algo and new_password_hash of account.passwordInputSettings (API-56). ``SecurityError`` as above."""
    from mtproto.schema.api import types

    kdf, v = srp.new_password(password.encode(), _kdf(state.new_algo), env or SystemEnvironment())
    algorithm = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
    return algorithm(salt1=kdf.salt1, salt2=kdf.salt2, g=kdf.g, p=kdf.p), v


def _kdf(algorithm: Any) -> srp.Kdf:
    """API-50: an unknown algorithm is refused; the client is outdated then."""
    from mtproto.schema.api import types

    if algorithm.ID != types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow.ID:
        raise SecurityError("password_kdf")
    return srp.Kdf(algorithm.salt1, algorithm.salt2, algorithm.g, algorithm.p)
