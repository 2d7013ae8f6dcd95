"""Methods that the datacenter serves: what ordinary clients call while they connect, log in and log out (API-100)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtproto.errors import RpcError
from mtproto.record import Record
from mtproto.testdc import logins, objects, updates
from mtproto.testdc.accounts import Account, Bot
from mtproto.testdc.binding import bind_temp_auth_key, drop_temp_auth_keys
from mtproto.testdc.call import Call, Handler, Reply
from mtproto.testdc.channels import get_channel_difference
from mtproto.testdc.connections import get_bot_business_connection
from mtproto.testdc.files import get_file
from mtproto.testdc.passwords import check_password, get_password
from mtproto.testdc.uploads import save_big_file_part, save_file_part

if TYPE_CHECKING:
    from mtproto.schema.api import types

CONFIG_LIFE = 3600
LANG_CODE = "en"
APP_CONFIG_HASH = 1


class Method(Record):
    """How a method is served. ``login``: only for a key under which someone is logged in; ``only``: a Bot, or a Person
    (API-104).
    """

    __slots__ = ("handler", "login", "only")

    def __init__(self, handler: Handler, login: bool = True, only: type[Account] = Account) -> None:
        self.handler = handler
        self.login = login
        self.only = only


# ---- help


# help.getConfig#c4f9186b = Config
def get_config(call: Call) -> Reply:
    """API-30: each datacenter of the environment under each of its addresses."""
    from mtproto.schema.api import types

    known = sorted(call.dc.accounts.addresses.items())
    options = [_dc_option(dc_id, host, port) for dc_id, addresses in known for host, port in addresses]
    return types.Config(
        date=call.now,
        expires=call.now + CONFIG_LIFE,
        test_mode=False,
        this_dc=call.dc.dc_id,
        dc_options=options,
        dc_txt_domain_name="",
        me_url_prefix="https://t.me/",
        **_LIMITS,
    )


def _dc_option(dc_id: int, host: str, port: int) -> types.DcOption:
    from mtproto.schema.api import types

    return types.DcOption(id=dc_id, ip_address=host, port=port, ipv6=":" in host)


_LIMITS: dict[str, Any] = {
    "chat_size_max": 200,
    "megagroup_size_max": 200_000,
    "forwarded_count_max": 100,
    "online_update_period_ms": 210_000,
    "offline_blur_timeout_ms": 5000,
    "offline_idle_timeout_ms": 30_000,
    "online_cloud_timeout_ms": 300_000,
    "notify_cloud_delay_ms": 30_000,
    "notify_default_delay_ms": 1500,
    "push_chat_period_ms": 60_000,
    "push_chat_limit": 2,
    "edit_time_limit": 172_800,
    "revoke_time_limit": 172_800,
    "revoke_pm_time_limit": 172_800,
    "rating_e_decay": 2_419_200,
    "stickers_recent_limit": 200,
    "channels_read_media_period": 604_800,
    "call_receive_timeout_ms": 20_000,
    "call_ring_timeout_ms": 90_000,
    "call_connect_timeout_ms": 30_000,
    "call_packet_timeout_ms": 10_000,
    "caption_length_max": 1024,
    "message_length_max": 4096,
    "webfile_dc_id": 2,
}
"""Numbers that clients store and never need here."""


# help.getNearestDc#1fb33026 = NearestDc
def get_nearest_dc(call: Call) -> Reply:
    from mtproto.schema.api import types

    return types.NearestDc(country="XX", this_dc=call.dc.dc_id, nearest_dc=call.dc.dc_id)


# help.getAppConfig#61e3f854 hash:int = help.AppConfig
def get_app_config(call: Call) -> Reply:
    from mtproto.schema.api import types

    if call.query.hash == APP_CONFIG_HASH:
        return types.help.AppConfigNotModified()
    return types.help.AppConfig(hash=APP_CONFIG_HASH, config=types.JsonObject(value=[]))


# ---- users


# users.getUsers#0d91a548 id:Vector<InputUser> = Vector<User>
def get_users(call: Call) -> Reply:
    return [_find_user(call, wanted) for wanted in call.query.id]


# users.getFullUser#b60f5918 id:InputUser = users.UserFull
def get_full_user(call: Call) -> Reply:
    from mtproto.schema.api import types

    user = _find_user(call, call.query.id)
    if user.ID != types.User.ID:
        raise RpcError(400, "USER_ID_INVALID")
    full_user = types.UserFull(
        id=user.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
    )
    return types.users.UserFull(full_user=full_user, chats=[], users=[user])


def _find_user(call: Call, wanted: Any) -> types.User | types.UserEmpty:
    """Who an InputUser is: oneself, a user by id and access_hash, or userEmpty."""
    from mtproto.schema.api import types

    me = call.account.user
    if wanted.ID == types.InputUserSelf.ID:
        return objects.user(me, me.user_id)
    if wanted.ID == types.InputUser.ID:
        known = call.dc.accounts.users.get(wanted.user_id)
        if known is not None and (known is me or wanted.access_hash == known.access_hash):
            return objects.user(known, me.user_id)
        return types.UserEmpty(id=wanted.user_id)
    raise RpcError(400, "USER_ID_INVALID")


# ---- updates


# updates.getState#edd4882a = updates.State
def get_state(call: Call) -> Reply:
    return updates.state(call.dc, call.account)


# updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int pts_total_limit:flags.0?int date:int qts:int
#   qts_limit:flags.2?int = updates.Difference
def get_difference(call: Call) -> Reply:
    return updates.difference(call.dc, call.account, call.query.qts)


# ---- langpack


# langpack.getLangPack#f2f2330a lang_pack:string lang_code:string = LangPackDifference
# langpack.getDifference#cd984aa5 lang_pack:string lang_code:string from_version:int = LangPackDifference
def get_lang_pack(call: Call) -> Reply:
    """A pack without strings."""
    from mtproto.schema.api import types

    return types.LangPackDifference(lang_code=call.query.lang_code, from_version=0, version=1, strings=[])


# langpack.getStrings#efea3803 lang_pack:string lang_code:string keys:Vector<string> = Vector<LangPackString>
def get_strings(call: Call) -> Reply:
    from mtproto.schema.api import types

    return [types.LangPackStringDeleted(key=key) for key in call.query.keys]


# langpack.getLanguages#42c6978f lang_pack:string = Vector<LangPackLanguage>
def get_languages(call: Call) -> Reply:
    return [_english()]


# langpack.getLanguage#6a596502 lang_pack:string lang_code:string = LangPackLanguage
def get_language(call: Call) -> Reply:
    if call.query.lang_code != LANG_CODE:
        raise RpcError(400, "LANG_CODE_NOT_SUPPORTED")
    return _english()


def _english() -> types.LangPackLanguage:
    from mtproto.schema.api import types

    return types.LangPackLanguage(
        official=True,
        name="English",
        native_name="English",
        lang_code=LANG_CODE,
        plural_code=LANG_CODE,
        strings_count=0,
        translated_count=0,
        translations_url="",
    )


METHODS: dict[str, Method] = {
    "help.getConfig": Method(get_config, login=False),
    "help.getNearestDc": Method(get_nearest_dc, login=False),
    "help.getAppConfig": Method(get_app_config, login=False),
    "auth.importBotAuthorization": Method(logins.import_bot_authorization, login=False),
    "auth.logOut": Method(logins.log_out),
    "auth.bindTempAuthKey": Method(bind_temp_auth_key, login=False),
    "auth.dropTempAuthKeys": Method(drop_temp_auth_keys, login=False),
    "auth.sendCode": Method(logins.send_code, login=False),
    "auth.signIn": Method(logins.sign_in, login=False),
    "auth.checkPassword": Method(check_password, login=False),
    "account.getPassword": Method(get_password, login=False),
    "auth.exportAuthorization": Method(logins.export_authorization),
    "auth.importAuthorization": Method(logins.import_authorization, login=False),
    "users.getUsers": Method(get_users),
    "users.getFullUser": Method(get_full_user),
    "updates.getState": Method(get_state),
    "updates.getDifference": Method(get_difference),
    "updates.getChannelDifference": Method(get_channel_difference),
    "upload.getFile": Method(get_file),
    "upload.saveFilePart": Method(save_file_part),
    "upload.saveBigFilePart": Method(save_big_file_part),
    "langpack.getLangPack": Method(get_lang_pack, login=False),
    "langpack.getDifference": Method(get_lang_pack, login=False),
    "langpack.getStrings": Method(get_strings, login=False),
    "langpack.getLanguages": Method(get_languages, login=False),
    "langpack.getLanguage": Method(get_language, login=False),
    "account.getBotBusinessConnection": Method(get_bot_business_connection, only=Bot),
}
"""TL name → how it is served."""
