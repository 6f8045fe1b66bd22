"""The wire under the protocol: a gRPC server on a unix socket, for the one Envoy of this host.

gRPC's threads carry bytes only. Every decision is made in trio's thread, synchronously: a request is answered, and a
new configuration is pushed, without a task switch between.
"""

import logging
import os
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import trio

from agent.ads.protocol import BadRequest, Session
from agent.rollout import Rollout
from store.errors import ProcessFailed

_METHOD = "DeltaAggregatedResources"
_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

log = logging.getLogger(__name__)


class _Stream:
    """One gRPC stream: what is to be sent, and the session once trio has taken it on.

    Attributes:
        is_over: trio was told of its end. A request that arrives later, from the other thread, opens no session.
    """

    def __init__(self) -> None:
        self.outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.session: Session | None = None
        self.is_over = False

    def close(self) -> None:
        self.outgoing.put(None)


class AdsServer:
    """Serves *rollout* to Envoy.

    Args:
        socket: path of the unix socket; made anew.
        rollout: what to send.
        on_change: called in trio's thread after anything that Envoy said.
    """

    def __init__(self, socket: Path, rollout: Rollout, on_change: Callable[[], None]) -> None:
        self._socket = socket
        self._rollout = rollout
        self._on_change = on_change
        self._current: _Stream | None = None
        self._timer = trio.Event()
        self._token: trio.lowlevel.TrioToken | None = None

    def __repr__(self) -> str:
        return f"<AdsServer {self._socket} {self._current.session if self._current else 'no stream'}>"

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; `started` once Envoy can connect.

        Raises:
            ProcessFailed: the socket cannot be made.
        """
        self._token = trio.lowlevel.current_trio_token()
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="ads") as threads:
            server = grpc.server(threads, options=_OPTIONS)
            server.add_generic_rpc_handlers((self._handler(),))
            self._listen(server)
            server.start()
            self._socket.chmod(0o600)
            task_status.started()
            try:
                await self._keep_deadlines()
            finally:
                if self._current is not None:
                    self._current.close()
                    self._current = None
                server.stop(0)

    def _listen(self, server: Any) -> None:
        self._socket.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            server.add_insecure_port(f"unix:{self._socket}")
        except RuntimeError as e:
            raise ProcessFailed(f"cannot listen on {self._socket}: {e}") from e
        finally:
            os.umask(mask)

    def _handler(self) -> Any:
        stream = grpc.stream_stream_rpc_method_handler(self._handle)  # bytes in, bytes out
        return grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: stream})

    # In gRPC's threads

    def _handle(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        stream = _Stream()
        context.add_callback(stream.close)
        reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ads-read")
        reader.submit(self._read, stream, requests)
        try:
            while (data := stream.outgoing.get()) is not None:
                yield data
        finally:
            self._in_trio(self._closed, stream)
            reader.shutdown(wait=False)

    def _read(self, stream: _Stream, requests: Iterator[bytes]) -> None:
        try:
            for data in requests:
                self._in_trio(self._received, stream, data)
        except grpc.RpcError:
            pass  # the stream is gone; its end is told by _handle
        finally:
            stream.close()

    def _in_trio(self, function: Callable[..., None], *args: Any) -> None:
        try:
            assert self._token is not None, "served before it listens"
            self._token.run_sync_soon(function, *args)
        except trio.RunFinishedError:
            pass  # the agent is ending

    # In trio's thread

    def _received(self, stream: _Stream, data: bytes) -> None:
        if stream.is_over:
            return
        if stream.session is None:
            if self._current is not None:
                self._current.close()
            self._current = stream
            stream.session = Session(self._rollout)
            log.info("Envoy connected")
        if stream is not self._current:
            return
        try:
            stream.session.receive(data)
        except BadRequest as e:
            log.error("closing the stream: %s", e)
            stream.close()
            return
        self.flush()
        self._on_change()

    def _closed(self, stream: _Stream) -> None:
        stream.is_over = True
        if stream is self._current:
            self._current = None
            self._rollout.disconnected()
            self._on_change()

    def flush(self) -> None:
        """Send whatever is due. Call after `Rollout.offer`."""
        if self._current is None or self._current.session is None:
            return
        for data in self._current.session.send(time.monotonic()):
            self._current.outgoing.put(data)
        self._timer.set()

    async def _keep_deadlines(self) -> None:
        """Flush when a table has waited long enough for its clusters."""
        while True:
            deadline = self._rollout.deadline()
            self._timer = trio.Event()
            with trio.move_on_after(
                float("inf") if deadline is None else max(0.0, deadline - time.monotonic())
            ) as scope:
                await self._timer.wait()
            if scope.cancelled_caught:
                self.flush()
                self._on_change()
