"""http.json: MTProto over HTTP/1.1, one payload in a request and one in its response, and what has to be refused."""

from __future__ import annotations

import io
from http.client import HTTPResponse
from typing import Any

from tests.vectors.generate.form import HARDENING, VectorFile, blocks, pieces
from tests.vectors.generate.websocket import long_head

SOURCE = [
    "Facts: core.telegram.org/mtproto/transports#http; RFC 9112.",
    "Values: requests and responses written by hand.",
    "Check: the responses that are accepted were read back by the module http.client of Python, which the library does "
    "not use.",
]

FLAGS = {
    "Request": "what a client sends; catches paths, hosts and lengths that a server refuses",
    "Response": "what a server sends; catches responses without a length",
    "Path": "the path of the request; catches servers that answer everywhere, and those that know one path alone",
    "Method": "a method that is neither POST nor OPTIONS; catches requests of others taken for payloads",
    "Preflight": "what a browser asks first; catches servers that no page can use",
    "Fragments": "the same bytes in pieces, or several messages in one; catches boundaries of reads taken for messages",
    "Chunked": "a body in chunks, which RFC 9112 lets anybody send; catches readers that know Content-Length alone",
    "Length": "a body that is no payload: below 8 bytes, or no multiple of 4; catches junk handed on as a message",
    "Large": "a body beyond 16 MiB, announced or sent; catches memory filled by whoever asks",
    "Junk": "no HTTP at all, or a head that breaks RFC 9112; catches parsers that guess",
    "Smuggling": "two answers to where the body ends; catches requests hidden in a body",
    "Pipeline": "a second request before the response; catches payloads that overtake each other",
    "TransportError": "403, 404, 429 and 444, the transport errors; catches a body that is read all the same",
    "Status": "any other status; catches redirects that are followed, and errors taken for payloads",
    "Unasked": "a response to no request; catches payloads from nowhere",
    "Hardening": HARDENING,
}

PAYLOAD = blocks("http payload", 40)
OTHER = blocks("http other payload", 104)
MAX = 16 * 1024 * 1024 + 1024


def request(body: bytes, target: str = "/api", *, method: str = "POST", **changed: str | None) -> bytes:
    headers = {"Host": "localhost", "Content-Length": str(len(body)), "Connection": "keep-alive"}
    return written(f"{method} {target} HTTP/1.1", headers, changed) + body


def response(body: bytes, status: str = "200 OK", **changed: str | None) -> bytes:
    return written(f"HTTP/1.1 {status}", {"Content-Length": str(len(body))}, changed) + body


def written(first: str, headers: dict[str, str], changed: dict[str, str | None]) -> bytes:
    """A head; a header that is None is left out."""
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in {**headers, **renamed}.items() if value is not None]
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


CHUNKED = {"Content_Length": None, "Transfer_Encoding": "chunked"}


def build() -> VectorFile:
    """The whole file."""
    file = VectorFile("http", "MTProto over HTTP/1.1, both roles", SOURCE, FLAGS)
    _requests(file)
    _responses(file)
    file.group("HttpServerReceive", operation="a server reads requests and answers each at once")
    _server(file)
    _server_refuses(file)
    file.group("HttpClientReceive", operation="a client reads the response to its request")
    _client(file)
    _client_refuses(file)
    return file


def _requests(file: VectorFile) -> None:
    file.group("HttpRequest", operation="a payload as the request of a client")
    for host, dc, target, data in (
        ("localhost", None, "/api", PAYLOAD),
        ("venus.web.telegram.org", 2, "/api", OTHER),
        ("127.0.0.1:8080", -4, "/api", PAYLOAD),
        ("localhost", 10002, "/apiw_test1", PAYLOAD),
        ("localhost", -10002, "/apiw_test1", bytes(8)),
    ):
        headers = {"host": host, "content-length": str(len(data))}
        output = {"method": "POST", "target": target, "version": "HTTP/1.1", "headers": headers, "body": data.hex()}
        given: dict[str, Any] = (
            {"host": host, "payload": data.hex()} if dc is None else {"host": host, "dc": dc, "payload": data.hex()}
        )
        file.valid(f"{len(data)} bytes to {host}, dc {dc}", given, output, "Request")
    for size in (0, 4, 7, 41):
        given = {"host": "localhost", "payload": "00" * size}
        file.invalid(f"{size} bytes are no payload", given, "length", "Length")


def _responses(file: VectorFile) -> None:
    file.group("HttpResponse", request=request(PAYLOAD).hex(), operation="the response of a server")
    for data in (PAYLOAD, OTHER, bytes(8)):
        output = {"status": 200, "contentLength": str(len(data)), "body": data.hex()}
        file.valid(f"{len(data)} bytes", {"payload": data.hex()}, output, "Response")
    for code, status in ((-404, 404), (-403, 403), (-429, 429), (-444, 444)):
        output = {"status": status, "contentLength": "0", "body": ""}
        file.valid(f"transport error {code}", {"error": code}, output, "Response", "TransportError")


def _taken(file: VectorFile, comment: str, parts: list[bytes], payloads: list[bytes], *flags: str, **more: Any) -> None:
    output = {"payloads": [payload.hex() for payload in payloads], **more}
    file.valid(comment, pieces(parts), output, *flags)


def _server(file: VectorFile) -> None:
    one, two = request(PAYLOAD), request(OTHER)
    for target in ("/api", "/apiw1", "/apiw_test1", "/api?x=y"):
        _taken(file, f"POST {target}", [request(PAYLOAD, target)], [PAYLOAD], "Path")
    _taken(file, "one after the other", [one, two, one], [PAYLOAD, OTHER, PAYLOAD], "Fragments")
    _taken(file, "byte by byte", [bytes([byte]) for byte in one], [PAYLOAD], "Fragments")
    _taken(file, "the body after the head", [one[:-40], one[-40:-3], one[-3:]], [PAYLOAD], "Fragments")
    _taken(file, "no Connection", [request(PAYLOAD, Connection=None)], [PAYLOAD], "Request")
    _taken(file, "names in capitals", [one.replace(b"Content-Length", b"CONTENT-LENGTH")], [PAYLOAD], "Request")
    _taken(file, "further headers", [request(PAYLOAD, Origin="https://x", Content_Type="x/y")], [PAYLOAD], "Request")
    body = chunked(PAYLOAD[:7], PAYLOAD[7:])
    _taken(file, "two chunks", [request(b"", **CHUNKED) + body], [PAYLOAD], "Chunked")
    body = chunked(*(bytes([byte]) for byte in PAYLOAD))
    _taken(file, "a chunk for each byte", [request(b"", **CHUNKED) + body], [PAYLOAD], "Chunked")
    body = b"28;name=value\r\n" + PAYLOAD + b"\r\n0\r\nX: y\r\n\r\n"
    _taken(file, "a chunk with an extension, and trailers", [request(b"", **CHUNKED) + body], [PAYLOAD], "Chunked")
    ask = request(b"", "/apiw1", method="OPTIONS", Origin="https://x", Access_Control_Request_Method="POST")
    _taken(file, "OPTIONS", [ask], [], "Preflight", status=200)
    _taken(file, "the beginning of a request", [one[:-1]], [], "Fragments")


def _refuse(file: VectorFile, comment: str, parts: list[Any], flag: str, *flags: str, **more: Any) -> None:
    given = pieces(parts, one_read=more.pop("one_read", False))
    if "unasked" in more:
        given["unasked"] = more.pop("unasked")
    file.invalid(comment, given, "refused", flag, *flags, **more)


def _server_refuses(file: VectorFile) -> None:
    for target in ("/", "/apiws", "/api/", "/API", "http://localhost/api"):
        _refuse(file, f"POST {target}", [request(PAYLOAD, target)], "Path", status=404)
    for method in ("PUT", "HEAD", "DELETE", "PATCH"):
        _refuse(file, method, [request(PAYLOAD, method=method)], "Method", status=405)
    for size in (0, 1, 4, 7, 41, 42):
        _refuse(file, f"a body of {size} bytes", [request(blocks("short", size))], "Length")
    _refuse(file, "a length of 16 MiB and 1028 bytes", [request(b"", Content_Length=str(MAX + 4))], "Large", status=413)
    _refuse(file, "a length of 2^63", [request(b"", Content_Length=str(1 << 63))], "Large", status=413)
    _refuse(file, "a length of 5,000 digits", [request(b"", Content_Length="9" * 5000)], "Large", "Junk")
    head = request(b"", **CHUNKED)
    chunk = (b"\0", 1 << 23)
    size = b"800000\r\n"
    _refuse(
        file,
        "chunks without end",
        [head + size, chunk, b"\r\n" + size, chunk, b"\r\n" + size, chunk],
        "Large",
        status=413,
    )
    for comment, body in (
        ("no length of a chunk", b"\r\n"),
        ("a chunk whose length is no number", b"xyz\r\nabc\r\n"),
        ("a chunk of a negative length", b"-4\r\nabcd\r\n"),
        ("a chunk without its end", b"4\r\nabcdefgh\r\n"),
    ):
        _refuse(file, comment, [head + body], "Chunked", "Junk")
    for comment, data in (
        ("a length that is no number", request(PAYLOAD, Content_Length="forty")),
        ("a negative length", request(PAYLOAD, Content_Length="-40")),
        ("no Host", request(PAYLOAD, Host=None)),
        ("a header without a colon", request(PAYLOAD).replace(b"Connection: ", b"Connection ")),
        ("a space before the colon", request(PAYLOAD).replace(b"Host:", b"Host :")),
        ("a folded first header", request(PAYLOAD).replace(b"Host:", b" Host:")),
        ("a TLS hello", bytes.fromhex("1603010200010001fc0303") + blocks("tls", 32)),
        ("an obfuscated stream", blocks("obfuscated", 64) + b"\r\n\r\n"),
        ("a head of 17 KiB", request(PAYLOAD, X_Long="x" * 17_000)),
        ("a head without an end", b"POST /api HTTP/1.1\r\nX: " + b"x" * 17_000),
        ("a line with a zero byte", request(PAYLOAD, "/a\x00pi")),
    ):
        _refuse(file, comment, long_head(data), "Junk")
    head = long_head(request(PAYLOAD, X_Long="x" * 17_000))
    _refuse(file, "a head of 17 KiB in one read", head, "Junk", one_read=True, status=431)
    two = request(PAYLOAD).replace(b"Connection: keep-alive", b"Content-Length: 44")
    _refuse(file, "two lengths that differ", [two], "Smuggling")
    _refuse(file, "a length and chunks", [request(b"", Transfer_Encoding="gzip")], "Smuggling", "Junk")
    _refuse(
        file,
        "two encodings",
        [request(b"", Content_Length=None, Transfer_Encoding="gzip, chunked")],
        "Smuggling",
        "Junk",
    )
    both = request(PAYLOAD) + request(OTHER)
    _refuse(file, "two requests in one read", [both], "Pipeline", "Hardening")


def read_back(data: bytes) -> bytes:
    """The body that http.client finds in a response."""

    class Socket:
        def makefile(self, mode: str) -> io.BytesIO:
            return io.BytesIO(data)

    found = HTTPResponse(Socket())  # type: ignore[arg-type]
    found.begin()
    return found.read()


def _client(file: VectorFile) -> None:
    good = response(PAYLOAD)
    body = chunked(PAYLOAD[:7], PAYLOAD[7:])
    for comment, parts, *flags in (
        ("a response", [good], "Response"),
        ("byte by byte", [bytes([byte]) for byte in good], "Fragments"),
        ("the body after the head", [good[:-40], good[-40:]], "Fragments"),
        ("another reason", [response(PAYLOAD, "200 Fine")], "Response"),
        ("no reason", [response(PAYLOAD, "200 ")], "Response"),
        ("further headers", [response(PAYLOAD, Server="nginx", Access_Control_Allow_Origin="*")], "Response"),
        ("names in lower case", [good.replace(b"Content-Length", b"content-length")], "Response"),
        ("two chunks", [response(b"", **CHUNKED) + body], "Chunked"),
        ("100 before it", [b"HTTP/1.1 100 Continue\r\n\r\n" + good], "Status"),
    ):
        whole = b"".join(parts)
        if read_back(whole.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) != PAYLOAD:
            raise ValueError(f"http.client reads something else: {comment}")
        _taken(file, comment, parts, [PAYLOAD], *flags, ready=True)
    _taken(file, "104 bytes", [response(OTHER)], [OTHER], "Response", ready=True)
    _taken(file, "the beginning of a response", [good[:-1]], [], "Fragments", ready=False)
    _taken(file, "a response that closes", [response(PAYLOAD, Connection="close")], [PAYLOAD], "Response", ready=False)


def _client_refuses(file: VectorFile) -> None:
    for status in (403, 404, 429, 444):
        _refuse(file, f"status {status} with a payload", [response(PAYLOAD, f"{status} X")], "TransportError")
    for status in (201, 204, 206, 301, 302, 307, 400, 401, 405, 413, 500, 502, 503):
        location = {"Location": "http://127.0.0.1/api"} if 300 < status < 400 else {}
        data = response(b"" if status == 204 else PAYLOAD, f"{status} X", **location)
        _refuse(file, f"status {status}", [data], "Status")
    _refuse(
        file,
        "a switch of protocols",
        [response(b"", "101 X", Content_Length=None, Upgrade="websocket", Connection="Upgrade")],
        "Status",
        "Junk",
    )
    for size in (0, 1, 4, 7, 41):
        _refuse(file, f"a body of {size} bytes", [response(blocks("short", size))], "Length")
    _refuse(file, "an HTML page of a captive portal", [response(b"<html>please log in</html>")], "Length")
    _refuse(file, "a length of 16 MiB and 1028 bytes", [response(b"", Content_Length=str(MAX + 4))], "Large")
    _refuse(file, "a length of 2^63", [response(b"", Content_Length=str(1 << 63))], "Large")
    chunk, size = (b"\0", 1 << 23), b"800000\r\n"
    head = response(b"", **CHUNKED)
    _refuse(file, "chunks without end", [head + size, chunk, b"\r\n" + size, chunk, b"\r\n" + size, chunk], "Large")
    for comment, data in (
        ("junk", blocks("junk", 64) + b"\r\n\r\n"),
        ("a frame of another transport", b"\x28\0\0\0" + PAYLOAD + b"\r\n\r\n"),
        ("no status", b"HTTP/1.1\r\n\r\n"),
        ("a status of two digits", response(PAYLOAD, "20 OK")),
        ("a length that is no number", response(PAYLOAD, Content_Length="forty")),
        ("a head of 17 KiB", response(PAYLOAD, X_Long="x" * 17_000)),
        ("a chunk whose length is no number", head + b"xyz\r\n"),
    ):
        _refuse(file, comment, long_head(data), "Junk")
    head = long_head(response(PAYLOAD, X_Long="x" * 17_000))
    _refuse(file, "a head of 17 KiB in one read", head, "Junk", one_read=True)
    two = response(PAYLOAD).replace(b"\r\n\r\n", b"\r\nContent-Length: 44\r\n\r\n", 1)
    _refuse(file, "two lengths that differ", [two], "Smuggling")
    _refuse(file, "a response before any request", [response(PAYLOAD)], "Unasked", unasked=True)
    payloads = [PAYLOAD.hex()]
    _refuse(
        file, "a second response behind the first", [response(PAYLOAD), response(OTHER)], "Unasked", payloads=payloads
    )
