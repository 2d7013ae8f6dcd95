"""What published clients do that the specification does not foresee, and are served for."""

from __future__ import annotations

import pytest

from mtproto.schema import mtproto as schema
from tests.testdc.rig import World, service


def test_acknowledgements_that_count_as_content_related_are_taken() -> None:
    """mtcute numbers its msgs_ack so."""
    world = World()
    client = world.bot()
    client.request(schema.MsgsAck(msg_ids=[1]).to_bytes(), api=False)
    world.run()
    assert client.received(schema.BadMsgNotification) == []
    assert client.ask("demo").updates[0].connection.connection_id == "demo", "the numbers go on"


@pytest.mark.parametrize("body", [schema.Pong(msg_id=5, ping_id=6), schema.MsgsStateInfo(req_msg_id=5, info=b"\4")])
@pytest.mark.requirement("MSG-36", "MSG-81")
def test_nothing_else_that_is_never_content_related_may_be_odd(body: schema.Pong | schema.MsgsStateInfo) -> None:
    """MSG-36, MSG-81."""
    world = World()
    client = world.bot()
    client.request(body.to_bytes(), api=False)
    world.run()
    codes = [service(event).error_code for event in client.received(schema.BadMsgNotification)]
    assert codes[:1] == [34]
