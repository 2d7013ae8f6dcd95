"""``mtproto.blocking.connect``: the client without an event loop (see ``mtproto.client.blocking``)."""

from mtproto.client.blocking import Client, connect

__all__ = ["Client", "connect"]
