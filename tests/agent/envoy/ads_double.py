"""The delta ADS server that a real Envoy needs as its peer in the tests of `agent/envoy`.

It answers from a dictionary: everything to a wildcard subscription, by name otherwise. It orders, gates and
repairs
nothing: that is the product's (`agent/rollout.py`, `agent/ads`), which these tests do not use.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from attrs import define, field
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import Message

TYPE_PREFIX = "type.googleapis.com/"
SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"


def type_url(message: Message) -> str:
    """Return the xDS type of *message*."""
    return TYPE_PREFIX + message.DESCRIPTOR.full_name


@define(eq=False)
class _Stream:
    """One Envoy's stream: what it subscribed to (type → names, `*` for all) and what is on its way to it."""

    outgoing: queue.SimpleQueue[Any] = field(factory=queue.SimpleQueue)
    subscribed: dict[str, set[str]] = field(factory=dict)
    nonce: int = 0


class AdsDouble:
    """A delta ADS server on a unix socket; `close` ends it.

    Attributes:
        nacks: what Envoy refused, in its words.
    """

    def __init__(self, socket: str) -> None:
        self.nacks: list[str] = []
        self._held: dict[str, dict[str, Message]] = {}
        self._streams: list[_Stream] = []
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(8))
        method = grpc.stream_stream_rpc_method_handler(
            self._serve,
            request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString,
            response_serializer=discovery_pb2.DeltaDiscoveryResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"DeltaAggregatedResources": method}),)
        )
        self._server.add_insecure_port(f"unix:{socket}")
        self._server.start()

    def close(self) -> None:
        """Cut every stream and wait for the server's threads."""
        with self._lock:
            for stream in self._streams:
                stream.outgoing.put(None)
        self._server.stop(0).wait()

    def offer(self, name: str, message: Message) -> str:
        """Hold *message* under *name*, send it to those who asked for it, and return its version."""
        with self._lock:
            self._held.setdefault(type_url(message), {})[name] = message
            for stream in self._streams:
                if _wants(stream.subscribed.get(type_url(message), set()), name):
                    self._send(stream, type_url(message), {name})
        return version_of(message)

    def _serve(self, requests: Iterator[Any], _context: grpc.ServicerContext) -> Iterator[Any]:
        stream = _Stream()
        with self._lock:
            self._streams.append(stream)
        reader = threading.Thread(target=self._read, args=(stream, requests), daemon=True)
        reader.start()
        while (response := stream.outgoing.get()) is not None:
            yield response

    def _read(self, stream: _Stream, requests: Iterator[Any]) -> None:
        try:
            for request in requests:
                with self._lock:
                    self._on_request(stream, request)
        except grpc.RpcError:
            pass  # Envoy has gone, as many of these tests want it to
        finally:
            with self._lock:
                if stream in self._streams:
                    self._streams.remove(stream)
            stream.outgoing.put(None)

    def _on_request(self, stream: _Stream, request: Any) -> None:
        if request.HasField("error_detail"):
            self.nacks.append(request.error_detail.message)
        first = request.type_url not in stream.subscribed
        names = set(request.resource_names_subscribe)
        if first and not names:
            names = {"*"}
        stream.subscribed.setdefault(request.type_url, set()).update(names)
        stream.subscribed[request.type_url] -= set(request.resource_names_unsubscribe)
        held = self._held.get(request.type_url, {})
        if names:
            self._send(stream, request.type_url, {name for name in held if _wants(names, name)})

    def _send(self, stream: _Stream, type_url: str, names: set[str]) -> None:
        stream.nonce += 1
        response = discovery_pb2.DeltaDiscoveryResponse(type_url=type_url, nonce=str(stream.nonce))
        for name in sorted(names):
            message = self._held[type_url][name]
            resource = response.resources.add(name=name, version=version_of(message))
            resource.resource.Pack(message, deterministic=True)
        stream.outgoing.put(response)


def version_of(message: Message) -> str:
    """Return the version of *message*: a hash of its content."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()[:12]


def _wants(names: set[str], name: str) -> bool:
    return "*" in names or name in names
