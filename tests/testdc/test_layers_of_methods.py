"""Documents, passwords, channels and the transfer of logins for clients of every layer (API-04, API-100)."""

from __future__ import annotations

import pytest

from mtproto.schema.api import LAYERS
from mtproto.testdc import Accounts
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_ID, CHANNEL_ID, FILE_1_MIB, OWNER_ID, OWNER_PHONE
from mtproto.testdc.channels import MAX_POSTS
from tests.handshake.rig import OTHER_KEY
from tests.testdc.rig import World
from tests.testdc.test_layers import Peer, bot

each_layer = pytest.mark.parametrize("layer", LAYERS)


@each_layer
def test_documents_go_both_ways(layer: int) -> None:
    peer = bot(layer)
    place = {
        "_": "inputDocumentFileLocation",
        "id": FILE_1_MIB,
        "access_hash": 0x3000_0000_0000_0000 + FILE_1_MIB,
        "file_reference": b"fixture",
        "thumb_size": "",
    }
    assert len(peer.call("upload.getFile", "upload.File", location=place, offset=0, limit=65536)["bytes"]) == 65536
    assert peer.call("upload.saveFilePart", "Bool", file_id=1, file_part=0, bytes=b"x") is True
    assert peer.call("upload.saveBigFilePart", "Bool", file_id=2, file_part=0, file_total_parts=1, bytes=b"x") is True


@each_layer
def test_a_login_is_transferred(layer: int) -> None:
    accounts = Accounts.fixture()
    near = Peer(World(accounts=accounts), layer)
    near.log_in()
    far = Peer(World(accounts=accounts, dc_id=4, private_key=OTHER_KEY), layer)
    exported = near.call("auth.exportAuthorization", "auth.ExportedAuthorization", dc_id=4)
    fields = {"id": exported["id"], "bytes": exported["bytes"]}
    assert far.call("auth.importAuthorization", "auth.Authorization", **fields)["user"]["id"] == BOT_ID


@each_layer
def test_a_user_logs_in_and_asks_for_a_password(layer: int) -> None:
    peer = Peer(World(), layer)
    settings = {"_": "codeSettings"}
    fields = {"phone_number": OWNER_PHONE, "api_id": API_ID, "api_hash": API_HASH, "settings": settings}
    code_hash = peer.call("auth.sendCode", "auth.SentCode", **fields)["phone_code_hash"]
    answer = {"phone_number": OWNER_PHONE, "phone_code_hash": code_hash, "phone_code": "22222"}
    assert peer.call("auth.signIn", "auth.Authorization", **answer)["user"]["id"] == OWNER_ID
    assert "srp_B" not in peer.call("account.getPassword", "account.Password")


@each_layer
@pytest.mark.parametrize(
    ("posts", "name"),
    [(0, "channelDifferenceEmpty"), (1, "channelDifference"), (MAX_POSTS + 1, "channelDifferenceTooLong")],
)
def test_a_channel_tells_its_difference(layer: int, posts: int, name: str) -> None:
    peer = bot(layer)
    channel = peer.client.dc.accounts.channels[CHANNEL_ID]
    for _ in range(posts):
        channel.add("text", 1)
    answer = peer.call(
        "updates.getChannelDifference",
        "updates.ChannelDifference",
        channel={"_": "inputChannel", "channel_id": CHANNEL_ID, "access_hash": channel.access_hash},
        filter={"_": "channelMessagesFilterEmpty"},
        pts=1,
        limit=10,
    )
    assert answer["_"] == f"updates.{name}"
    peer.client.dc.post(CHANNEL_ID, "pushed")
    peer.client.world.run()
    (pushed,) = peer.pushed()
    (update,) = peer.codec.decode(pushed, "Updates")["updates"]
    assert update["message"]["message"] == "pushed"
