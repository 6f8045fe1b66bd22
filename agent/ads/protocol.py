"""Delta ADS without I/O: Envoy's requests in, our responses out, as bytes. Order and memory are Rollout's.

Source: Envoy, "xDS REST and gRPC protocol", incremental xDS. One session is one stream.
"""

from collections.abc import Iterator

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from agent.channel import Response
from agent.compiler.envoy_config import TYPE_BY_URL
from agent.rollout import Rollout


class BadRequest(ValueError):  # noqa: N818
    """The peer sent what is no DeltaDiscoveryRequest: it is not Envoy. The stream ends."""


class Session:
    """One stream of one Envoy, speaking for *rollout*."""

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._asked: set[str] = set()
        self.node: str | None = None
        rollout.connected()

    def __repr__(self) -> str:
        return f"<Session node={self.node} types={len(self._asked)}>"

    def receive(self, data: bytes) -> None:
        """Take one request: a subscription, an acknowledgement, a refusal, or several of them at once.

        A type that we do not serve is left unanswered: Envoy waits for it without harm.

        Raises:
            BadRequest: *data* is no request; the peer's fault.
        """
        request = discovery_pb2.DeltaDiscoveryRequest()
        try:
            request.ParseFromString(data)
        except DecodeError as e:
            raise BadRequest(f"{len(data)} bytes that are no DeltaDiscoveryRequest: {e}") from e
        self.node = request.node.id or self.node
        kind = TYPE_BY_URL.get(request.type_url)
        if kind is None:
            return
        if request.response_nonce and request.HasField("error_detail"):
            self._rollout.nack(kind, request.response_nonce, request.error_detail.message)
        elif request.response_nonce:
            self._rollout.ack(kind, request.response_nonce)
        if request.resource_names_unsubscribe:
            self._rollout.unsubscribe(kind, list(request.resource_names_unsubscribe))
        if request.resource_names_subscribe or request.type_url not in self._asked:
            self._asked.add(request.type_url)
            self._rollout.subscribe(
                kind, list(request.resource_names_subscribe), dict(request.initial_resource_versions)
            )

    def send(self, now: float) -> Iterator[bytes]:
        """Yield what has to be sent now, in order; *now* in seconds of a steady clock."""
        for response in self._rollout.responses(now):
            yield render(response)


def render(response: Response) -> bytes:
    """Return *response* as a DeltaDiscoveryResponse."""
    message = discovery_pb2.DeltaDiscoveryResponse(
        type_url=response.type.url, nonce=response.nonce, removed_resources=response.removed
    )
    for resource in response.resources:
        entry = message.resources.add(name=resource.name, version=resource.version)
        entry.resource.type_url = response.type.url
        entry.resource.value = resource.body
    return message.SerializeToString()  # type: ignore[no-any-return]
