"""The types of http, put to ``mtproto.transport.http``; without the package h11 there are none."""

from __future__ import annotations

from typing import Any

from mtproto.errors import FramingError
from mtproto.transport.base import Packet
from mtproto.transport.http import HttpClient, HttpServer, http_client, http_server, is_installed
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, TypeFunction, require
from mtproto.vectors.websocket_types import Head, chunks


def head_and_body(data: bytes) -> tuple[Head, bytes]:
    """A message of HTTP whose body ends with the data."""
    return Head(data), data.partition(b"\r\n\r\n")[2]


def http_request(case: Case) -> Output:
    """A payload as the request of a client."""
    client = http_client(host=case.input["host"], dc=case.input.get("dc"))
    head, body = head_and_body(client.pack(case.bytes("payload")))
    require(not client.ready, "a second request before the response")
    names = ("host", "content-length")
    return {
        "method": head.first[0],
        "target": head.first[1],
        "version": head.first[2],
        "headers": {name: head.headers.get(name) for name in names},
        "body": body.hex(),
    }


def http_response(case: Case) -> Output:
    """A payload, or a transport error, as the response of a server to a request."""
    server = http_server()
    server.feed(bytes.fromhex(case.params["request"]))
    data = server.pack_fault(case.input["error"]) if "error" in case.input else server.pack(case.bytes("payload"))
    head, body = head_and_body(data)
    return {"status": int(head.first[1]), "contentLength": head.headers.get("content-length"), "body": body.hex()}


def taken(case: Case, transport: HttpClient | HttpServer) -> list[str]:
    """The payloads in what is read piece by piece. Raises the error that ends the stream."""
    payloads: list[str] = []
    for piece in chunks(case):
        for item in transport.feed(piece):
            if not isinstance(item, Packet):
                require(case.output.get("payloads", payloads) == payloads, "what came before the end")
                raise item if isinstance(item, Exception) else FramingError("none")
            payloads.append(item.payload.hex())
            if isinstance(transport, HttpServer):
                transport.pack(bytes(8))
    return payloads


def http_server_receive(case: Case) -> Output:
    """What a server reads; it answers each payload with eight zero bytes. Of its own answers the status is told."""
    server = http_server()
    output: dict[str, Any] = {}
    try:
        output["payloads"] = taken(case, server)
    finally:
        own = server.data_to_send()
        if own:
            output["status"] = int(Head(own).first[1])
        status = output.get("status")
        require(case.valid or case.output.get("status") in (None, status), f"status {status}")
    return output


def http_client_receive(case: Case) -> Output:
    """What a client reads after one request."""
    client = http_client(host="localhost")
    if not case.input.get("unasked"):
        client.pack(bytes(8))
    return {"payloads": taken(case, client), "ready": client.ready}


FUNCTIONS: dict[str, TypeFunction] = {
    "HttpRequest": http_request,
    "HttpResponse": http_response,
    "HttpServerReceive": http_server_receive,
    "HttpClientReceive": http_client_receive,
}
"""Type -> the function that puts a test of this type to the core."""

if not is_installed():
    FUNCTIONS.clear()
