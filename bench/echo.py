"""``python -m bench.echo``: an asyncio server that sends back what it gets; its first line says where."""

from __future__ import annotations

import asyncio
import json


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(data)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    print(json.dumps({"host": host, "port": port}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
