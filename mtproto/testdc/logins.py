"""Logging in and out: bots by token, users by phone, either by what another datacenter exported (API-34 … API-43)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from mtproto.errors import RpcError
from mtproto.testdc import objects
from mtproto.testdc.passwords import WAITING

if TYPE_CHECKING:
    from mtproto.testdc.accounts import Account, Person
    from mtproto.testdc.call import Call, Reply


def log_in(call: Call, account: Account) -> Reply:
    """Let ``account`` be logged in under the key of the call."""
    from mtproto.schema.api import types

    call.key.account = account
    call.key.memory.pop(WAITING, None)
    call.dc.log.logins += 1
    return types.auth.Authorization(user=objects.user(account.user, account.user.user_id))


# auth.importBotAuthorization#67a3ff2c flags:int api_id:int api_hash:string bot_auth_token:string = auth.Authorization
def import_bot_authorization(call: Call) -> Reply:
    """API-40, API-41."""
    query, accounts = call.query, call.dc.accounts
    _check_application(call)
    bot = next((bot for token, bot in accounts.bots.items() if _equal(token, query.bot_auth_token)), None)
    if bot is None:
        raise RpcError(400, "ACCESS_TOKEN_INVALID")
    if bot.dc_id not in (None, call.dc.dc_id):
        raise RpcError(303, f"USER_MIGRATE_{bot.dc_id}")
    return log_in(call, bot)


def _check_application(call: Call) -> None:
    if call.query.api_id != call.dc.accounts.api_id or not _equal(call.query.api_hash, call.dc.accounts.api_hash):
        raise RpcError(400, "API_ID_INVALID")


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


# auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings = auth.SentCode
def send_code(call: Call) -> Reply:
    """Nothing is sent: the phone itself says the code (API-37)."""
    from mtproto.schema.api import types

    _check_application(call)
    person = _person(call)
    if person.dc_id != call.dc.dc_id:
        raise RpcError(303, f"PHONE_MIGRATE_{person.dc_id}")
    code_hash = call.dc.env.random_bytes(8).hex()
    call.key.memory["code"] = person, code_hash
    return types.auth.SentCode(type=types.auth.SentCodeTypeApp(length=len(person.code)), phone_code_hash=code_hash)


# auth.signIn#8d52a951 flags:# phone_number:string phone_code_hash:string phone_code:flags.0?string
#   email_verification:flags.1?EmailVerification = auth.Authorization
def sign_in(call: Call) -> Reply:
    query, person = call.query, _person(call)
    if not query.phone_code:
        raise RpcError(400, "PHONE_CODE_EMPTY")
    asked, code_hash = call.key.memory.get("code", (None, ""))
    if asked is not person or not _equal(code_hash, query.phone_code_hash):
        raise RpcError(400, "PHONE_CODE_EXPIRED")
    if not _equal(query.phone_code, person.code):
        raise RpcError(400, "PHONE_CODE_INVALID")
    del call.key.memory["code"]
    if person.password is not None:
        call.key.memory[WAITING] = person
        raise RpcError(401, "SESSION_PASSWORD_NEEDED")  # API-21
    return log_in(call, person)


def _person(call: Call) -> Person:
    phone = call.query.phone_number.removeprefix("+")
    if not phone.isdecimal():
        raise RpcError(400, "PHONE_NUMBER_INVALID")
    person = call.dc.accounts.persons.get(phone)
    if person is None:
        raise RpcError(400, "PHONE_NUMBER_UNOCCUPIED")
    return person


# auth.exportAuthorization#e5bfffcd dc_id:int = auth.ExportedAuthorization
def export_authorization(call: Call) -> Reply:
    """API-34: for another datacenter of this environment."""
    from mtproto.schema.api import types

    dc_id, accounts = call.query.dc_id, call.dc.accounts
    if dc_id == call.dc.dc_id or dc_id not in accounts.addresses:
        raise RpcError(400, "DC_ID_INVALID")
    secret = accounts.exports.issue(call.account, dc_id, call.dc.time.now(), call.dc.env)
    return types.auth.ExportedAuthorization(id=call.account.user.user_id, bytes=secret)


# auth.importAuthorization#a57a7dad id:long bytes:bytes = auth.Authorization
def import_authorization(call: Call) -> Reply:
    """API-34: for this datacenter, once, within a minute."""
    query, dc = call.query, call.dc
    account = dc.accounts.exports.redeem(query.id, query.bytes, dc.dc_id, dc.time.now())
    if account is None:
        raise RpcError(400, "AUTH_BYTES_INVALID")
    return log_in(call, account)


# auth.logOut#3e72ba19 = auth.LoggedOut
def log_out(call: Call) -> Reply:
    """API-43: nobody is logged in under this key any more, in none of its sessions."""
    from mtproto.schema.api import types

    call.key.account = None
    return types.auth.LoggedOut()
