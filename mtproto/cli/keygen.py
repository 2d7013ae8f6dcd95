"""``mtproto keygen``: make an auth key with a server, and print what was done. The key itself is never printed."""

from __future__ import annotations

import json
from argparse import Namespace

from mtproto.cli.arguments import Credentials, add_server_options
from mtproto.cli.conversation import AnyClient, converse, key_file, server
from mtproto.cli.output import Report
from mtproto.cli.parser import Parser
from mtproto.client.key_store import shown
from mtproto.errors import UsageError


def parser() -> Parser:
    """The arguments of ``mtproto keygen``."""
    out = Parser(
        prog="mtproto keygen",
        description="Make an auth key with a server. Each message and its time go to standard error; what came of it, "
        "as one JSON object without the key, to standard output. Without --key-file the key is forgotten.",
    )
    add_server_options(out)
    return out


def run(args: Namespace) -> int:
    """Run ``mtproto keygen``."""
    with Report(max(args.verbose, 1)) as report:
        with server(args, report, _nobody) as (dc, who), key_file(args, dc) as store:
            if store is not None and store.load() is not None and not args.new_key:
                raise UsageError(f"{shown(args.key_file)} holds an auth key already; use --new-key to replace it")
            converse(args, dc, who, store, report, _nothing)
        created = report.created
        if created is None:
            raise RuntimeError("a client without a stored key has made one")
    made = {
        "auth_key_id": f"{created.auth_key.auth_key_id & 2**64 - 1:016x}",
        "dc_id": dc.dc_id,
        "environment": dc.environment,
        "fingerprint": f"{created.fingerprint & 2**64 - 1:016x}",
        "server_time": created.server_time,
        "time_offset": round(created.time_offset, 3),
        "key_file": args.key_file,
    }
    print(json.dumps(made))
    return 0


def _nobody(args: Namespace) -> Credentials:
    return Credentials(0, "", None)  # a key exchange does not say who asks


async def _nothing(client: AnyClient) -> None:
    """The key is all that is wanted."""
