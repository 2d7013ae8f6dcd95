"""The four framing codecs: TR-01 to TR-10, TR-50 to TR-55."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import MAX_FRAME, MAX_PAYLOAD, TRANSPORTS, Codec, Packet, QuickAck, client_transport
from mtproto.transport.abridged import Abridged
from mtproto.transport.full import Full
from mtproto.transport.intermediate import Intermediate, Padded
from tests.transports import EACH

from .helpers import CODECS, QUICK_CODECS, client, cut, encrypted_payloads, feed_all, plain, server

PAYLOAD = bytes(range(1, 41))
every_codec = pytest.mark.parametrize("codec", CODECS)
quick_codecs = pytest.mark.parametrize("codec", QUICK_CODECS)


def only_error(codec: Codec, wire: bytes) -> FramingError:
    (error,) = codec.feed(wire)
    assert isinstance(error, FramingError)
    return error


# Start bytes (TR-01)


@every_codec
@pytest.mark.requirement("TR-01")
def test_the_start_bytes_go_out_once_and_before_the_first_frame(codec: type[Codec]) -> None:
    ours = client(codec)
    first, second = ours.pack(PAYLOAD), ours.pack(PAYLOAD)
    theirs = server(codec)
    assert first.startswith(codec.start)
    assert feed_all(theirs, [first.removeprefix(codec.start), second]) == [Packet(PAYLOAD), Packet(PAYLOAD)]
    assert ours.data_to_send() == b""


@every_codec
@pytest.mark.requirement("TR-01")
def test_a_server_sends_no_start_bytes(codec: type[Codec]) -> None:
    assert client(codec).feed(server(codec).pack(PAYLOAD)) == [Packet(PAYLOAD)]


# What goes in comes out


@every_codec
@pytest.mark.parametrize("role", Role)
@given(payloads=st.lists(encrypted_payloads(), max_size=5), cuts=st.lists(st.integers(0, 2000), max_size=8))
@pytest.mark.requirement("TR-10")
def test_payloads_arrive_unchanged_and_in_order_however_the_stream_is_cut(
    codec: type[Codec], role: Role, payloads: list[bytes], cuts: list[int]
) -> None:
    sender, receiver = (client, server) if role is Role.CLIENT else (server, client)
    packer = sender(codec)
    stream = b"".join(packer.pack(payload) for payload in payloads)
    if payloads and role is Role.CLIENT:
        stream = stream.removeprefix(codec.start)
    assert feed_all(receiver(codec), cut(stream, cuts)) == [Packet(payload) for payload in payloads]


@pytest.mark.parametrize("codec", [Abridged, Intermediate, Full])
@pytest.mark.parametrize("length", [4, 8, 504, 508, 512, 65536])
@pytest.mark.requirement("TR-02")
def test_lengths_about_the_border_of_the_short_form_arrive(codec: type[Codec], length: int) -> None:
    payload = b"\x01" * length
    assert server(codec).feed(client(codec).pack(payload).removeprefix(codec.start)) == [Packet(payload)]


@every_codec
def test_the_longest_payload_that_can_be_sent_is_received(codec: type[Codec]) -> None:
    length = MAX_PAYLOAD - ((MAX_PAYLOAD - 24) % 16 if codec is Padded else 0)
    (packet,) = server(codec).feed(client(codec).pack(b"\x07" * length).removeprefix(codec.start))
    assert isinstance(packet, Packet)
    assert len(packet.payload) == length


# What is refused (TR-03, TR-07, TR-08, TR-09)


@every_codec
@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 41, MAX_PAYLOAD + 4])
@pytest.mark.requirement("TR-08")
def test_a_payload_that_no_peer_accepts_is_not_sent(codec: type[Codec], length: int) -> None:
    for codec_of_role in (client(codec), server(codec)):
        with pytest.raises(UsageError, match=f"not {length}$"):
            codec_of_role.pack(bytes(length))


@every_codec
def test_a_refused_payload_costs_neither_start_bytes_nor_sequence_number(codec: type[Codec]) -> None:
    ours = client(codec, b"same")
    with pytest.raises(UsageError):
        ours.pack(b"abc")
    assert ours.pack(PAYLOAD) == client(codec, b"same").pack(PAYLOAD)


TOO_LONG = {
    Abridged: b"\x7f" + (MAX_FRAME // 4 + 1).to_bytes(3, "little"),
    Intermediate: (MAX_FRAME + 4).to_bytes(4, "little"),
    Padded: (MAX_FRAME + 1).to_bytes(4, "little"),
    Full: (MAX_FRAME + 4).to_bytes(4, "little") + bytes(4),
}


@pytest.mark.requirement("TL-80", "TR-09")
def test_the_limit_is_16_mib_and_1_kib() -> None:
    assert MAX_FRAME == 16 * 1024 * 1024 + 1024


@every_codec
@pytest.mark.requirement("TL-80", "TR-09", "SEC-60")
def test_a_frame_above_the_limit_is_refused_by_its_header_alone(codec: type[Codec]) -> None:
    assert only_error(server(codec), TOO_LONG[codec]).kind == "length"


@every_codec
@pytest.mark.requirement("TR-09")
def test_a_frame_of_the_limit_is_waited_for(codec: type[Codec]) -> None:
    header = {
        Abridged: b"\x7f" + (MAX_FRAME // 4).to_bytes(3, "little"),
        Full: MAX_FRAME.to_bytes(4, "little") + bytes(4),
    }.get(codec, MAX_FRAME.to_bytes(4, "little"))
    assert server(codec).feed(header + bytes(1000)) == []


@pytest.mark.parametrize("wire", ["00", "80", "7f000000", "7f7e0000", "ff7e0000"])
@pytest.mark.requirement("TR-03", "SEC-60")
def test_abridged_refuses_length_zero_and_a_long_form_that_should_be_short(wire: str) -> None:
    assert only_error(server(Abridged), bytes.fromhex(wire)).kind == "length"


@pytest.mark.requirement("TR-02")
def test_abridged_accepts_the_long_form_from_127_on() -> None:
    payload = bytes(range(1, 128)) * 4
    assert server(Abridged).feed(b"\x7f\x7f\x00\x00" + payload) == [Packet(payload)]


@pytest.mark.parametrize("length", [1, 2, 3, 6, 41])
@pytest.mark.requirement("TR-08", "SEC-60")
def test_intermediate_refuses_a_length_that_is_no_multiple_of_4(length: int) -> None:
    for receiver in (server(Intermediate), client(Intermediate)):
        assert only_error(receiver, length.to_bytes(4, "little")).kind == "length"


@pytest.mark.requirement("TR-06")
def test_the_full_frame_of_the_specification() -> None:
    wire = bytes.fromhex("14000000 00000000 0102030405060708 e06e4584")
    payload = bytes.fromhex("0102030405060708")
    assert client(Full).pack(payload) == wire
    assert server(Full).feed(wire) == [Packet(payload)]


@pytest.mark.requirement("TR-07", "SEC-61")
def test_a_frame_with_a_wrong_crc_ends_the_stream_but_keeps_the_frames_before_it() -> None:
    sender = client(Full)
    good, bad, later = (sender.pack(PAYLOAD) for _ in range(3))
    receiver = server(Full)
    assert plain(receiver.feed(good + bad[:-1] + bytes([bad[-1] ^ 1]) + later)) == [
        Packet(PAYLOAD),
        (FramingError, ("bad frame: crc",)),
    ]
    assert receiver.feed(later) == []


@pytest.mark.requirement("TR-07", "SEC-61")
def test_a_full_frame_sent_twice_or_skipped_is_refused() -> None:
    sender = client(Full)
    first, _, third = (sender.pack(PAYLOAD) for _ in range(3))
    for wire in (first + first, first + third):
        packet, error = server(Full).feed(wire)
        assert packet == Packet(PAYLOAD)
        assert isinstance(error, FramingError)
        assert error.kind == "sequence"


def test_the_sequence_numbers_of_full_wrap_at_32_bits() -> None:
    ours, theirs = client(Full), server(Full)
    ours.sent = theirs.received = 2**32 - 1  # type: ignore[attr-defined]
    assert theirs.feed(ours.pack(PAYLOAD) + ours.pack(PAYLOAD)) == [Packet(PAYLOAD)] * 2


@pytest.mark.requirement("TR-06")
def test_each_direction_of_full_counts_for_itself() -> None:
    ours, theirs = client(Full), server(Full)
    assert theirs.feed(ours.pack(PAYLOAD) + ours.pack(PAYLOAD)) == [Packet(PAYLOAD)] * 2
    assert ours.feed(theirs.pack(PAYLOAD)) == [Packet(PAYLOAD)]


# Padding (TR-05)


@pytest.mark.parametrize(("make", "longest"), [(client, 15), (server, 3)])
@pytest.mark.requirement("TR-05")
def test_padding_is_drawn_from_its_whole_range(make: object, longest: int) -> None:
    codec = make(Padded)  # type: ignore[operator]
    codec.pack(PAYLOAD)
    totals = {int.from_bytes(codec.pack(PAYLOAD)[:4], "little") - len(PAYLOAD) for _ in range(400)}
    assert totals == set(range(longest + 1))


@pytest.mark.requirement("TR-05")
def test_the_padding_is_the_random_bytes_themselves() -> None:
    drawn = bytes([0xA3, *range(100, 115)])
    codec = Padded(Role.SERVER, ScriptedEnvironment(entropy=[drawn]))
    assert codec.pack(PAYLOAD) == (43).to_bytes(4, "little") + PAYLOAD + bytes([100, 101, 102])


@given(payload=encrypted_payloads(), padding=st.binary(max_size=15))
@pytest.mark.requirement("TR-05", "SEC-62")
def test_the_padding_of_an_encrypted_payload_is_cut(payload: bytes, padding: bytes) -> None:
    wire = (len(payload) + len(padding)).to_bytes(4, "little") + payload + padding
    for receiver in (client(Padded), server(Padded)):
        assert receiver.feed(wire) == [Packet(payload)]


@pytest.mark.requirement("TR-05")
def test_the_padding_of_a_plain_message_is_left_to_its_own_length_field() -> None:
    message = bytes(8) + bytes(range(1, 33))
    assert server(Padded).feed((43).to_bytes(4, "little") + message + b"pad") == [Packet(message + b"pad")]


# Quick acknowledgements (TR-51, TR-52)


@quick_codecs
@pytest.mark.requirement("TR-51", "TR-52")
def test_a_quick_ack_is_asked_for_and_given(codec: type[Codec]) -> None:
    ours, theirs = client(codec), server(codec)
    wire = ours.pack(PAYLOAD, quick_ack=True).removeprefix(codec.start) + ours.pack(PAYLOAD)
    assert theirs.feed(wire) == [Packet(PAYLOAD, True), Packet(PAYLOAD, False)]
    token = 0x80000001
    assert ours.feed(theirs.pack_quick_ack(token) + theirs.pack(PAYLOAD)) == [QuickAck(token), Packet(PAYLOAD)]


@quick_codecs
@pytest.mark.requirement("TR-51")
def test_only_the_client_asks_and_only_the_server_answers(codec: type[Codec]) -> None:
    with pytest.raises(UsageError):
        server(codec).pack(PAYLOAD, quick_ack=True)
    with pytest.raises(UsageError):
        client(codec).pack_quick_ack(0x80000001)


@pytest.mark.requirement("TR-51")
def test_full_has_no_quick_acks() -> None:
    with pytest.raises(UsageError):
        client(Full).pack(PAYLOAD, quick_ack=True)
    with pytest.raises(UsageError):
        server(Full).pack_quick_ack(0x80000001)


@pytest.mark.parametrize("padding", range(9))
@pytest.mark.requirement("TR-52")
def test_a_padded_client_accepts_the_enveloped_quick_ack_with_any_padding(padding: int) -> None:
    body = b"\xff\xff\xff\xff" + bytes.fromhex("f828e3b4") + b"\x55" * padding
    assert client(Padded).feed(len(body).to_bytes(4, "little") + body) == [QuickAck(0xB4E328F8)]


@pytest.mark.requirement("TR-52")
def test_a_padded_client_accepts_the_bare_quick_ack_too() -> None:
    assert client(Padded).feed(bytes.fromhex("f828e3b4")) == [QuickAck(0xB4E328F8)]


@pytest.mark.requirement("TR-52")
def test_a_padded_server_sends_the_enveloped_form() -> None:
    wire = server(Padded).pack_quick_ack(0xB4E328F8)
    total = int.from_bytes(wire[:4], "little")
    assert 8 <= total <= 11
    assert len(wire) == 4 + total
    assert wire[4:12] == bytes.fromhex("fffffffff828e3b4")


# Transport errors (TR-55)


@every_codec
@pytest.mark.parametrize("code", [-403, -404, -429, -444, -1, -(2**31)])
@pytest.mark.requirement("TR-55")
def test_a_transport_error_is_the_last_thing_a_client_reads(codec: type[Codec], code: int) -> None:
    theirs, ours = server(codec), client(codec)
    wire = theirs.pack(PAYLOAD) + theirs.pack_fault(code) + theirs.pack(PAYLOAD)
    packet, fault = ours.feed(wire)
    assert packet == Packet(PAYLOAD)
    assert isinstance(fault, TransportFault)
    assert fault.code == code
    assert ours.feed(wire) == []


@every_codec
@pytest.mark.requirement("TR-55")
def test_only_a_server_sends_transport_errors_and_only_negative_ones(codec: type[Codec]) -> None:
    with pytest.raises(UsageError):
        client(codec).pack_fault(-404)
    for code in (0, 404, -(2**31) - 1):
        with pytest.raises(UsageError):
            server(codec).pack_fault(code)


@every_codec
@pytest.mark.requirement("TR-55")
def test_transport_error_0_is_passed_over_and_a_positive_one_ends_the_stream(codec: type[Codec]) -> None:
    sender = server(codec)
    wire = sender.pack(bytes(4)) + sender.pack(PAYLOAD) + sender.pack((5).to_bytes(4, "little"))
    packet, error = client(codec).feed(wire)
    assert packet == Packet(PAYLOAD)
    assert isinstance(error, FramingError)
    assert error.kind == "transport_error"


@pytest.mark.parametrize("total", range(4, 16))
@pytest.mark.requirement("TR-55", "SEC-62")
def test_a_padded_transport_error_may_have_up_to_11_bytes_of_padding(total: int) -> None:
    body = (-404).to_bytes(4, "little", signed=True) + b"\x11" * (total - 4)
    (fault,) = client(Padded).feed(total.to_bytes(4, "little") + body)
    assert isinstance(fault, TransportFault)
    assert fault.code == -404


@every_codec
def test_four_bytes_from_a_client_are_a_payload_like_any_other(codec: type[Codec]) -> None:
    wire = client(codec).pack((-404 & 0xFFFFFFFF).to_bytes(4, "little")).removeprefix(codec.start)
    (packet,) = server(codec).feed(wire)
    assert isinstance(packet, Packet)
    assert packet.payload.startswith(bytes.fromhex("6cfeffff"))


# Choosing a client's transport by name (TR-11)


@pytest.mark.requirement("TR-11")
def test_a_client_has_its_transports_by_name() -> None:
    names = (
        *("abridged", "intermediate", "padded", "full"),
        *("obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded"),
        *("websocket", "http"),
    )
    assert names == TRANSPORTS


@pytest.mark.parametrize("name", EACH)
@pytest.mark.requirement("TR-11")
def test_each_of_them_can_be_made(name: str) -> None:
    transport = client_transport(name, ScriptedEnvironment(), dc=2)
    assert transport.ready is (name != "websocket")
    assert transport.quick_acks is (name not in ("full", "http"))
    assert transport.alternates is (name == "http")
    assert transport.name in (name, "websocket")


@pytest.mark.requirement("TR-33")
def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="expected one of abridged, intermediate, padded, full"):
        client_transport("obfuscated-full", ScriptedEnvironment())


@pytest.mark.requirement("TR-06")
def test_the_crc_of_full_covers_length_sequence_number_and_payload() -> None:
    wire = client(Full).pack(PAYLOAD)
    assert int.from_bytes(wire[-4:], "little") == crc32(wire[:-4])
