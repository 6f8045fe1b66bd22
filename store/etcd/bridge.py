"""gRPC's threads on one side, trio on the other.

grpcio blocks, so its work is done in threads of its own and one plain daemon thread a stream; they speak to
trio by `run_sync_soon` only. Cancelling from trio never waits for etcd. What a message means, others know.

```
trio  send ──queue──▶ gRPC's request thread ──▶ etcd
trio  receive ◀─channel of WINDOW─ run_sync_soon ◀─ reader thread ◀── etcd
```
"""

import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import trio

from store.etcd.endpoint import Endpoint
from store.etcd.failure import CallFailed, from_rpc

# A stopped peer (SIGSTOP, a pulled cable) is noticed after 2–8 s with these, after 60 s without
# `ping_timeout_ms`, and never without pings. etcd hangs up (too_many_pings) on pings less than 5 s apart, hence 6;
# and on three pings while no call is open, hence no `keepalive_permit_without_calls`: unary calls have deadlines.
_OPTIONS = (
    ("grpc.keepalive_time_ms", 6000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    # Channels to one target would share one connection and its back-off.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # One revision is one response, however large.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # `http_proxy` names the mesh's own Envoy on many hosts; etcd is never behind it.
    ("grpc.enable_http_proxy", 0),
)
# Without it a member that lost its leader keeps a watch open and silent for ever.
_REQUIRE_LEADER = (("hasleader", "true"),)
# Responses read ahead of trio: enough to keep both sides busy; beyond it HTTP/2 flow control holds etcd back.
_WINDOW = 8
# A cancelled call ends its thread within milliseconds; more would be a bug in gRPC that must not hang us.
_CLOSE_SECONDS = 1.0


def open_channel(endpoint: Endpoint) -> grpc.Channel:
    """Open a gRPC channel; it connects on first use. The caller closes it."""
    return grpc.insecure_channel(endpoint.target, options=_OPTIONS)


async def unary(method: Any, request: Any, *, seconds: float) -> Any:
    """Call a unary method and wait for its answer.

    Args:
        method: a multi-callable of a generated stub.
        request: its request message.
        seconds: gRPC's deadline for this one attempt.

    Returns:
        The response message.

    Raises:
        CallFailed: for every way a call can fail.
    """
    token, done = trio.lowlevel.current_trio_token(), trio.Event()
    future = method.future(request, timeout=seconds)
    future.add_done_callback(lambda _: _tell(token, done.set))
    try:
        await done.wait()
    finally:
        future.cancel()  # nothing, once it is done
    try:
        return future.result()
    except grpc.RpcError as error:
        raise from_rpc(error) from error


def _tell(token: trio.lowlevel.TrioToken, call: Callable[..., object], *args: object) -> None:
    with suppress(trio.RunFinishedError):  # trio ended first: nobody is left to be told
        token.run_sync_soon(call, *args)


class Stream:
    """A stream in both directions, open until its context ends."""

    def __init__(self, method: Any) -> None:
        """Begin the call. Only `open_stream` does this."""
        self._token = trio.lowlevel.current_trio_token()
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._room = threading.Semaphore(_WINDOW)
        self._closed = False
        self._incoming, self._responses = trio.open_memory_channel[Any](_WINDOW + 1)
        self._finished = trio.Event()
        self._call = method(iter(self._requests.get, None), metadata=_REQUIRE_LEADER)
        self._thread = threading.Thread(target=self._read, name="etcd-stream", daemon=True)
        self._thread.start()

    def send(self, request: Any) -> None:
        """Queue a request; never blocks."""
        self._requests.put(request)

    async def receive(self) -> Any:
        """Wait for the next response message. A cancelled wait loses none.

        Raises:
            CallFailed: the stream has ended, for whatever reason; every later call says so too.
        """
        try:
            item = await self._responses.receive()
        except trio.EndOfChannel:
            raise CallFailed("connection lost") from None
        if isinstance(item, CallFailed):
            self._incoming.close()
            raise item
        self._room.release()
        return item

    def _read(self) -> None:
        """Body of the reader thread: responses, then one CallFailed."""
        end = CallFailed("etcd ended the stream")
        try:
            for response in self._call:
                self._room.acquire()
                if self._closed:
                    break
                _tell(self._token, self._arrived, response)
        except grpc.RpcError as error:
            end = from_rpc(error)
        _tell(self._token, self._arrived, end)
        _tell(self._token, self._finished.set)

    def _arrived(self, item: Any) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # closed: nobody reads any more
            self._incoming.send_nowait(item)

    async def _aclose(self, channel: grpc.Channel) -> None:
        self._closed = True
        self._responses.close()
        self._incoming.close()
        self._requests.put(None)
        self._call.cancel()
        channel.close()
        self._room.release()
        with trio.move_on_after(_CLOSE_SECONDS, shield=True):
            await self._finished.wait()


@asynccontextmanager
async def open_stream(endpoint: Endpoint, method: Callable[[grpc.Channel], Any]) -> AsyncIterator[Stream]:
    """Open a stream on a connection of its own, so that closing it waits for nobody.

    Args:
        endpoint: where to.
        method: channel → the stream method of a stub, such as `lambda channel: WatchStub(channel).Watch`.
    """
    channel = open_channel(endpoint)
    stream = Stream(method(channel))
    try:
        yield stream
    finally:
        await stream._aclose(channel)
