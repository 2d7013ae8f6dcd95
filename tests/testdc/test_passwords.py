"""account.getPassword and auth.checkPassword with the client's own proof (API-50 … API-55)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.client.password import check_password, new_password
from mtproto.crypto import srp
from mtproto.errors import SecurityError
from mtproto.schema.api import types
from mtproto.testdc.accounts import CAREFUL_ID, CAREFUL_PASSWORD, CAREFUL_PHONE, OWNER_ID
from mtproto.testdc.passwords import ATTEMPT_LIFE, MAX_ATTEMPTS, Password
from tests.testdc.rig import Client, World
from tests.testdc.test_files import refused
from tests.testdc.test_two_datacenters import sign_in


def waiting(world: World) -> Client:
    """A client that has signed in but for the password."""
    client = world.client()
    assert refused(sign_in, client, CAREFUL_PHONE) == "401 SESSION_PASSWORD_NEEDED"
    return client


def proof(client: Client, password: str = CAREFUL_PASSWORD) -> Any:
    return check_password(password, client.call("account.getPassword"), client.env)


def check(client: Client, answer: Any) -> Any:
    return client.call("auth.checkPassword", password=answer)


@pytest.mark.requirement("API-50", "API-54")
def test_a_user_with_a_password_signs_in_with_both() -> None:
    world = World()
    client = waiting(world)
    assert refused(client.call, "updates.getState") == "401 AUTH_KEY_UNREGISTERED"
    assert check(client, proof(client)).user.id == CAREFUL_ID
    assert client.call("users.getUsers", id=[types.InputUserSelf()])[0].id == CAREFUL_ID
    assert check(client, proof(client)).user.id == CAREFUL_ID, "one who is logged in may prove it again"


def test_a_wrong_password_is_refused_and_another_attempt_is_free() -> None:
    client = waiting(World())
    assert refused(check, client, proof(client, "incorrect horse")) == "400 PASSWORD_HASH_INVALID"
    assert refused(client.call, "updates.getState") == "401 AUTH_KEY_UNREGISTERED"
    assert check(client, proof(client)).user.id == CAREFUL_ID


@pytest.mark.requirement("API-55")
def test_an_attempt_counts_once_for_five_minutes_and_for_one_person() -> None:
    world = World()
    client = waiting(world)
    used = proof(client)
    check(client, used)
    assert refused(check, client, used) == "400 SRP_ID_INVALID"
    late = proof(client)
    world.advance(ATTEMPT_LIFE + 1)
    assert refused(check, client, late) == "400 SRP_ID_INVALID"
    old = [proof(client) for _ in range(2)]
    for _ in range(MAX_ATTEMPTS - 1):
        client.call("account.getPassword")
    assert refused(check, client, old[0]) == "400 SRP_ID_INVALID", "too many are open"
    check(client, old[1])


def test_a_password_that_changed_meanwhile_is_told() -> None:
    world = World()
    client = waiting(world)
    answer = proof(client)
    world.dc.accounts.persons[CAREFUL_PHONE].password = Password("another", hint="not the first")
    assert refused(check, client, answer) == "400 SRP_PASSWORD_CHANGED"
    assert client.call("account.getPassword").hint == "not the first"
    assert check(client, proof(client, "another")).user.id == CAREFUL_ID


def test_without_a_password_there_is_nothing_to_prove() -> None:
    client = World().client()
    sign_in(client)
    state = client.call("account.getPassword")
    assert (state.has_password, state.current_algo, state.srp_id, len(state.secure_random)) == (False, None, None, 256)
    empty = check_password("anything", state)
    assert empty == types.InputCheckPasswordEmpty()
    assert refused(check, client, empty) == "400 PASSWORD_EMPTY"
    assert client.call("users.getUsers", id=[types.InputUserSelf()])[0].id == OWNER_ID


def test_an_empty_answer_is_no_proof() -> None:
    assert refused(check, waiting(World()), types.InputCheckPasswordEmpty()) == "400 PASSWORD_EMPTY"


def test_passwords_are_for_users() -> None:
    world = World()
    for client, error in ((world.bot(), "400 BOT_METHOD_INVALID"), (world.client(), "401 AUTH_KEY_UNREGISTERED")):
        assert refused(client.call, "account.getPassword") == error
        assert refused(check, client, types.InputCheckPasswordEmpty()) == error


def test_a_login_by_other_means_ends_the_wait_for_a_password() -> None:
    client = waiting(World())
    client.log_in()
    assert refused(client.call, "account.getPassword") == "400 BOT_METHOD_INVALID"


def state_with(**changes: Any) -> types.account.Password:
    state: types.account.Password = waiting(World()).call("account.getPassword")
    for name, value in changes.items():
        setattr(state, name, value)
    return state


@pytest.mark.requirement("API-50", "SEC-57")
def test_a_client_refuses_an_algorithm_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """API-50, SEC-57."""
    state = state_with(current_algo=types.PasswordKdfAlgoUnknown(), new_algo=types.PasswordKdfAlgoUnknown())
    monkeypatch.setattr(srp, "password_hash", None)
    for refuse in (check_password, new_password):
        with pytest.raises(SecurityError) as caught:
            refuse("secret", state)
        assert caught.value.check == "password_kdf"


def test_a_client_refuses_a_challenge_out_of_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(srp, "password_hash", None)
    with pytest.raises(SecurityError) as caught:
        check_password("secret", state_with(srp_B=bytes(256)))
    assert caught.value.check == "dh_public_value"


@pytest.mark.requirement("API-56")
def test_a_new_password_is_a_verifier_and_longer_salt() -> None:
    """API-56: what account.updatePasswordSettings takes."""
    state = state_with()
    algorithm, v = new_password("Passwörter", state)
    assert algorithm.salt1.startswith(state.new_algo.salt1)
    assert (len(algorithm.salt1), algorithm.salt2) == (len(state.new_algo.salt1) + 32, state.new_algo.salt2)
    kdf = srp.Kdf(algorithm.salt1, algorithm.salt2, algorithm.g, algorithm.p)
    assert int.from_bytes(v, "big") == srp.verifier(srp.password_hash("Passwörter".encode(), kdf), kdf)


def test_no_password_is_printed() -> None:
    person = World().dc.accounts.persons[CAREFUL_PHONE]
    assert CAREFUL_PASSWORD not in repr(person) + repr(person.password) + repr(person.attempts)
