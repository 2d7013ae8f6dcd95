"""Faults of what calls are answered with: SEC-43, SEC-50, SEC-52 to SEC-57. What is inside answers: ``content``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtproto.errors import RpcError
from mtproto.schema import mtproto as schema
from mtproto.testdc.call import Call, Reply
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import RPC, Fault, Reaction, acting, define, on_call
from mtproto.testdc.faults.scene import Scene, update_of
from mtproto.testdc.faults.service import LOOP
from mtproto.testdc.methods import get_config
from mtproto.testdc.passwords import get_password
from mtproto.tl.wire import pack_bytes, pack_I

R3, ERROR = (Reaction.R3, Reaction.CARRY_ON), (Reaction.ERROR,)
UNSENT = 0x0123456789ABCDEC


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str,
    reactions: tuple[Reaction, ...],
    *,
    plants: bool = False,
    needs: str = "",
) -> Fault:
    """A fault of answers."""
    return Fault(name, tuple(rule.split()), RPC, breaks, expects, reactions, (), plants, needs=needs)


# ---- rpc_result: SEC-43


@on_call(
    fault(
        "result_unknown",
        "SEC-43",
        "an answer comes to a request that was never sent",
        "acknowledges and ignores it",
        R3,
        plants=True,
    )
)
def result_unknown(scene: Scene) -> Reply | None:
    scene.send(scene.result(msg_id=UNSENT))
    return scene.honest()


@on_call(
    fault(
        "result_twice",
        "SEC-43",
        "a call is answered twice, the second time with something else",
        "takes the first answer; the second is acknowledged and ignored",
        R3,
        plants=True,
    )
)
def result_twice(scene: Scene) -> Reply | None:
    scene.answered()
    scene.send(scene.result())
    return None


@on_call(
    fault(
        "result_wrong_type",
        "SEC-43",
        "the answer to a call has the type of another call's",
        "ends this one call with a typed error",
        ERROR,
    )
)
def result_wrong_type(scene: Scene) -> Reply | None:
    return get_config(scene.call)


# ---- updates that are nobody's: SEC-50


TEMPORARY = "temporary keys"


class Early(Act):
    """Pushes a canary before the answer to the method ``before``."""

    before = ""

    def other_call(self, call: Call, name: str) -> Reply | None:
        if name == self.before and not self.dc.injected:
            self.dc.inject("an update", call.via)
            call.session.push(update_of(self.dc).to_bytes())
        return None


@define(
    fault(
        "update_unauth",
        "SEC-50",
        "an update comes before the login is answered",
        "ignores it",
        R3,
        plants=True,
    )
)
class UpdateUnauth(Early):
    before = "auth.importBotAuthorization"


@define(
    fault(
        "update_unbound",
        "SEC-50",
        "an update comes under a temporary key that is not bound yet",
        "ignores it",
        R3,
        plants=True,
        needs=TEMPORARY,
    )
)
class UpdateUnbound(Early):
    before = "auth.bindTempAuthKey"


# ---- temporary keys: SEC-52

REBINDS = "makes and binds another temporary key; calls nothing under the permanent key"


class Binding(Act):
    """Answers the first binding in its own way, and notes calls under the permanent key."""

    def other_call(self, call: Call, name: str) -> Reply | None:
        if name == "auth.bindTempAuthKey" and not self.dc.injected:
            self.dc.inject(name, call.via)
            return self.reply(call)
        self.watch(call, name)
        return None

    def call(self, scene: Scene) -> Reply | None:
        self.watch(scene.call, "a call")
        return scene.honest()

    counts = False
    times = None

    def watch(self, call: Call, name: str) -> None:
        """A call under the permanent key, although the client has shown that it uses temporary ones."""
        if self.dc.injected and call.key.expires_at is None and name != "help.getNearestDc":  # MSG-114
            self.dc.observe("accepted", f"{name} under the permanent key", call.via)

    def reply(self, call: Call) -> Reply:
        """What the binding is answered with."""
        return False


@define(
    fault(
        "bind_false", "SEC-52", "a binding is answered with boolFalse", REBINDS, (Reaction.CARRY_ON,), needs=TEMPORARY
    )
)
class BindFalse(Binding):
    pass


BINDINGS = {
    "bind_error_invalid": (400, "ENCRYPTED_MESSAGE_INVALID"),
    "bind_error_bound": (400, "TEMP_AUTH_KEY_ALREADY_BOUND"),
    "bind_error_empty": (400, "TEMP_AUTH_KEY_EMPTY"),
    "bind_error_internal": (500, "INTERNAL"),
    "bind_error_flood": (420, "FLOOD_WAIT_2"),
}


def _binding(name: str, code: int, message: str) -> None:
    @define(
        fault(name, "SEC-52", f"a binding is refused: {code} {message}", REBINDS, (Reaction.CARRY_ON,), needs=TEMPORARY)
    )
    class BindError(Binding):
        def reply(self, call: Call) -> Reply:
            return RpcError(code, message)


for _name, (_code, _message) in BINDINGS.items():
    _binding(_name, _code, _message)


@define(
    fault(
        "temp_expire_now",
        "SEC-52",
        "the temporary key of a call is forgotten, and -404 says so",
        REBINDS + "; the call is repeated or ends with a typed error",
        (Reaction.R1, Reaction.ERROR),
        needs=TEMPORARY,
    )
)
class TempExpireNow(Binding):
    def other_call(self, call: Call, name: str) -> Reply | None:
        self.watch(call, name)
        return None

    def call(self, scene: Scene) -> Reply | None:
        self.watch(scene.call, "a call")
        if scene.call.key.expires_at is None or self.dc.injected:
            return scene.honest()
        self.dc.inject("the key is forgotten", scene.line)
        scene.settle()
        self.dc.forget_key(scene.call.key)
        scene.line.fault(-404)
        scene.line.hang_up()
        return None


# ---- help.getConfig: SEC-53

HINTS = "does not trust it: keeps to the RSA keys it was built with, and keeps at most 1024 addresses"


def _option(**fields: Any) -> Any:
    from mtproto.schema.api import types

    return types.DcOption(**{"id": 2, "ip_address": "192.0.2.1", "port": 443, **fields})


CONFIGS: dict[str, tuple[str, Callable[[], list[Any]]]] = {
    "config_addresses": ("addresses of somebody else", lambda: [_option(id=number) for number in range(1, 6)]),
    "config_secrets": ("an address with a proxy's secret", lambda: [_option(secret=bytes(17), tcpo_only=True)]),
    "config_ids": ("datacenters with impossible numbers", lambda: [_option(id=n) for n in (0, -1, 2**31 - 1)]),
    "config_nonsense": ("addresses that are none", lambda: [_option(ip_address="a b\0c", port=-1)]),
    "config_flood": ("100,000 addresses", lambda: [_option(ip_address="")] * 100_000),
}


def _config(name: str, what: str, options: Callable[[], list[Any]]) -> None:
    reactions = (Reaction.CARRY_ON, Reaction.ERROR)

    @acting(
        "other_call", fault(name, "SEC-53", f"help.getConfig brings {what}", HINTS, reactions, needs="help.getConfig")
    )
    def other_call(act: Act, call: Call, name: str) -> Reply | None:
        if name != "help.getConfig" or act.dc.injected:
            return None
        act.dc.inject(name, call.via)
        config: Any = get_config(call)
        config.dc_options = [*config.dc_options, *options()]
        return config  # type: ignore[no-any-return]


for _name, (_what, _options) in CONFIGS.items():
    _config(_name, _what, _options)

# ---- errors: SEC-54 to SEC-56


@on_call(
    fault(
        "migrate_loop",
        "SEC-54",
        "each datacenter sends a call on to another one, for a second and a half",
        "follows at most 5 times, and not to a datacenter it does not know: ends the call with a typed error",
        (Reaction.ERROR, Reaction.CARRY_ON),
    ),
    times=None,
    span=LOOP,
)
def migrate_loop(scene: Scene) -> Reply | None:
    return RpcError(303, f"USER_MIGRATE_{4 if scene.dc.injected % 2 else scene.dc.dc_id}")


PLACES = ("0", "-1", "99999")


@on_call(
    fault(
        "migrate_bad",
        "SEC-54",
        "a call is sent on to a datacenter that cannot exist; ARG: 0 for 0, 1 for -1, 2 for 99999",
        "ends the call with a typed error",
        ERROR,
    ),
    highest=2,
)
def migrate_bad(scene: Scene) -> Reply | None:
    return RpcError(303, f"USER_MIGRATE_{PLACES[scene.number]}")


WAITS = "waits at least a second and at most as long as its caller allows, or ends the call with a typed error"
ERRORS: dict[str, tuple[str, str, str, int, bytes]] = {
    "flood_zero": ("SEC-55", "asks to wait for 0 s", WAITS, 420, b"FLOOD_WAIT_0"),
    "flood_negative": ("SEC-55", "asks to wait for -5 s", WAITS, 420, b"FLOOD_WAIT_-5"),
    "flood_huge": ("SEC-55", "asks to wait for 10^9 s", WAITS, 420, b"FLOOD_WAIT_1000000000"),
    "flood_no_number": ("SEC-55", "asks to wait without saying how long", WAITS, 420, b"FLOOD_WAIT_"),
    "flood_overflow": ("SEC-55", "asks to wait for 10^30 s", WAITS, 420, b"FLOOD_WAIT_1" + b"0" * 30),
    "rpc_error_code_zero": ("SEC-56", "has the code 0", "", 0, b"NOTHING"),
    "rpc_error_code_huge": ("SEC-56", "has the code 10^9", "", 10**9, b"ENORMOUS"),
    "rpc_error_code_negative": ("SEC-56", "has the code -503", "", -503, b"Timeout"),
    "rpc_error_bad_utf8": ("SEC-56", "is not UTF-8, and has control characters", "", 400, b"\xff\xfe\x1b[2J\r\n\0"),
    "rpc_error_long": ("SEC-56", "has 1 MiB of text", "", 400, b"LONG_" * 209_715),
    "rpc_error_empty": ("SEC-56", "has no text", "", 400, b""),
}
"""Name → the rule, what the error says, what a client does, and its code and text."""


def _error(name: str, rule: str, what: str, expects: str, code: int, text: bytes) -> None:
    reactions = (Reaction.ERROR, Reaction.CARRY_ON) if expects else ERROR
    typed = "ends the call with a typed error whose text is cut for logs and safe to print"

    @on_call(fault(name, rule, f"rpc_error {what}", expects or typed, reactions))
    def act(scene: Scene) -> Reply | None:
        return pack_I(schema.RpcError.ID) + code.to_bytes(4, "little", signed=True) + pack_bytes(text)


for _name, _fields in ERRORS.items():
    _error(_name, *_fields)

# ---- passwords: SEC-57

REFUSES = "refuses before it computes anything that depends on the password"


def _algorithm(answer: Any, **fields: Any) -> None:
    algorithm = answer.current_algo
    for key, value in fields.items():
        setattr(algorithm, key, value)


def _unknown_kdf(answer: Any) -> None:
    from mtproto.schema.api import types

    answer.current_algo = types.PasswordKdfAlgoUnknown()


def _srp_B(answer: Any, value: bytes) -> None:
    answer.srp_B = value


SRP: dict[str, tuple[str, Callable[[Any], None]]] = {
    "srp_bad_p": ("p is no safe prime", lambda answer: _algorithm(answer, p=bytes([199]) * 256)),
    "srp_short_p": ("p has 1024 bits", lambda answer: _algorithm(answer, p=answer.current_algo.p[:128])),
    "srp_bad_g": ("g is 2, which does not go with p", lambda answer: _algorithm(answer, g=2)),
    "srp_b_zero": ("srp_B is 0", lambda answer: _srp_B(answer, bytes(256))),
    "srp_b_multiple": ("srp_B is p", lambda answer: _srp_B(answer, answer.current_algo.p)),
    "srp_b_long": ("srp_B has 257 bytes", lambda answer: _srp_B(answer, b"\1" + answer.srp_B)),
    "srp_unknown_kdf": ("the algorithm is unknown", _unknown_kdf),
}
"""Name → what is wrong with account.password, and how (API-52, API-53)."""


def _srp(name: str, what: str, bend: Callable[[Any], None]) -> None:
    @define(
        fault(
            name, "SEC-57", f"in the answer to account.getPassword {what}", REFUSES, ERROR, needs="account.getPassword"
        )
    )
    class Srp(Act):
        def other_call(self, call: Call, name: str) -> Reply | None:
            if name == "auth.checkPassword" and self.dc.injected:
                self.dc.observe("accepted", "a proof of the password", call.via)
            if name != "account.getPassword" or self.dc.injected:
                return None
            self.dc.inject(name, call.via)
            answer: Any = get_password(call)
            bend(answer)
            return answer  # type: ignore[no-any-return]


for _name, (_what, _bend) in SRP.items():
    _srp(_name, _what, _bend)
