"""seal_open: one message of 100 bytes encrypted and one decrypted, with the same AES in both libraries.

Both open the same payload. Its body is an rpc_result, of which Telethon reads only the head at this point. What we
seal is longer: our padding goes up to a bucket (MSG-06), Telethon's is the least that is allowed.
"""

from __future__ import annotations

import os
import time

from bench.context import Context
from bench.interleave import interleave
from bench.peer import BenchError
from bench.report import Row

_BAR = 1.5
_RPC_RESULT = 0xF35C6D01


def seal_open(context: Context) -> list[Row]:
    body = _RPC_RESULT.to_bytes(4, "little") + os.urandom(8) + bytes(88)
    message = {
        "auth_key": os.urandom(256).hex(),
        "session_id": str(int.from_bytes(os.urandom(8), "little", signed=True)),
        "msg_id": str(int(time.time()) << 32 | 1),
        "body": body.hex(),
    }
    with context.worker("ours") as ours, context.worker("telethon") as theirs:
        backends = ours.ask("aes"), theirs.ask("aes")
        if backends != ("cryptg", "cryptg"):
            raise BenchError(f"the AES is not the same: {' and '.join(backends)}; install cryptg here")
        message["payload"] = ours.ask("server_payload", message)
        ours.prepare("seal_open", message)
        theirs.prepare("seal_open", message)
        pair = interleave(ours, theirs, context.rounds).by("cpu")
    return [Row("seal + open 100 bytes / telethon", pair.ours * 1e6, pair.theirs * 1e6, "µs", pair.ratio, _BAR)]
