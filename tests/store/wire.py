"""A wire between a client and etcd that loses the answer to one request, and can be cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import trio


class Wire:
    """Forwards connections to an etcd; made by `open_wire`.

    Attributes:
        endpoint: URL to give to a client.
    """

    def __init__(self, endpoint: str, target: str, lose_answer_to: bytes) -> None:
        parts = urlsplit(target)
        self.endpoint = endpoint
        self._target = (parts.hostname or "", parts.port or 0)
        self._mark = lose_answer_to
        self._connections: set[trio.CancelScope] = set()
        self._is_closed = False

    def cut(self, *, for_good: bool = False) -> None:
        """End all present connections; *for_good* lets no new one through either."""
        self._is_closed = for_good
        for scope in self._connections:
            scope.cancel()

    async def serve(self, client: trio.SocketStream) -> None:
        """Forward one connection until either side ends it, or it is cut."""
        if self._is_closed:
            return
        async with await trio.open_tcp_stream(*self._target) as server:
            marked = trio.Event()
            async with trio.open_nursery() as nursery:
                self._connections.add(nursery.cancel_scope)
                nursery.start_soon(self._carry, client, server, marked, False)
                nursery.start_soon(self._carry, server, client, marked, True)
            self._connections.discard(nursery.cancel_scope)

    async def _carry(
        self, source: trio.SocketStream, sink: trio.SocketStream, marked: trio.Event, is_answer: bool
    ) -> None:
        async for data in source:
            if self._mark in data:
                marked.set()
            if not (is_answer and marked.is_set()):
                await sink.send_all(data)


@asynccontextmanager
async def open_wire(target: str, *, lose_answer_to: bytes) -> AsyncIterator[Wire]:
    """Serve a wire to the etcd at *target* for the length of the context.

    Args:
        target: its URL.
        lose_answer_to: once these bytes were sent over a connection, nothing comes back on it.
    """
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        wire = Wire(f"http://127.0.0.1:{listener.socket.getsockname()[1]}", target, lose_answer_to)
        nursery.start_soon(partial(trio.serve_listeners, wire.serve, [listener]))
        yield wire
        nursery.cancel_scope.cancel()
