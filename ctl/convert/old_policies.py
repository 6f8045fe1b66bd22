"""DestinationPolicy and EgressRule of `config.istio.io/v1alpha2` as they were written, and what was refused in them.

Source: istio/api, `routing/v1alpha1/dest_policy.proto`, `egress_rule.proto`; rules of Istio 0.7's
`ValidateDestinationPolicy` and `ValidateEgressRule`. What today's kinds refuse is judged where it becomes one of them.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

import attrs
from attrs import frozen

from ctl.convert.old_rules import Custom, IstioService, check_service
from store.diagnostic import Diagnostic, error
from store.resources.fields import Duration, Int32, documented
from store.resources.names import is_cidr
from store.scalars import describe


class SimpleLB(StrEnum):
    """`loadBalancing.name`."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_CONN = "LEAST_CONN"
    RANDOM = "RANDOM"


@frozen
class LoadBalancing:
    """`loadBalancing`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"name", "ringHash", "custom"}),)

    name: SimpleLB | None = documented("How an instance is chosen.", example="RANDOM")
    ring_hash: Custom | None = documented("By a hash of which nobody said what it is of.")
    custom: Custom | None = documented("Somebody's own.")


@frozen
class SimpleCircuitBreaker:
    """`circuitBreaker.simpleCb`. 0 is unset, everywhere."""

    max_connections: Int32 = documented("Connections to the service.", default=Int32(0))
    http_max_pending_requests: Int32 = documented("Requests that wait.", default=Int32(0), unset="1024")
    http_max_requests: Int32 = documented("Requests at the same time.", default=Int32(0), unset="1024")
    sleep_window: Duration | None = documented("How long an instance is left out at least.", unset="30s")
    http_consecutive_errors: Int32 = documented("So many 5xx and it is.", default=Int32(0), unset="5")
    http_detection_interval: Duration | None = documented("How often that is looked at.", unset="10s")
    http_max_requests_per_connection: Int32 = documented("Then it is closed.", default=Int32(0), unset="no limit")
    http_max_ejection_percent: Int32 = documented("So many may be left out.", default=Int32(0), unset="10")
    http_max_retries: Int32 = documented("Retries at the same time.", default=Int32(0), unset="3")


@frozen
class CircuitBreaker:
    """`circuitBreaker`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"simpleCb", "custom"}),)

    simple_cb: SimpleCircuitBreaker | None = documented("Limits.")
    custom: Custom | None = documented("Somebody's own.")


@frozen
class DestinationPolicy:
    """`spec` of a DestinationPolicy: what clients do with a service, or with some versions of it."""

    destination: IstioService = documented("The service; labels choose versions of it.", default=attrs.NOTHING)
    source: IstioService | None = documented("Only for calls of this service.", unset="for all calls")
    load_balancing: LoadBalancing | None = documented("How an instance is chosen.")
    circuit_breaker: CircuitBreaker | None = documented("How much load, and when an instance is left out.")
    custom: Custom | None = documented("Somebody's own.")


@frozen
class EgressPort:
    """`ports[]`."""

    port: Int32 = documented("Its number.", default=attrs.NOTHING, example="443")
    protocol: str = documented("http, http2, grpc, https, tcp, mongo or redis.", default=attrs.NOTHING, example="https")


@frozen
class EgressRule:
    """`spec` of an EgressRule: a service outside the mesh that clients may reach."""

    destination: IstioService = documented("Its `service`: a domain, an IP address or a range.", default=attrs.NOTHING)
    ports: tuple[EgressPort, ...] = documented("Its ports.", default=())
    use_egress_proxy: bool = documented("Whether there is a proxy on the way; no Istio ever ran it.", default=False)


TCP_PROTOCOLS = frozenset({"TCP", "MONGO", "REDIS"})
PROTOCOLS = frozenset({"HTTP", "HTTP2", "GRPC", "HTTPS"}) | TCP_PROTOCOLS


def check_destination_policy(policy: DestinationPolicy) -> Iterator[Diagnostic]:
    """Yield what is wrong with *policy*, paths from its `spec`."""
    yield from check_service(policy.destination, "destination")
    if policy.source:
        yield from check_service(policy.source, "source")
    if policy.load_balancing == LoadBalancing():
        yield error("missing-field", "loadBalancing says nothing", "loadBalancing", expected="name, ringHash or custom")


def check_egress_rule(rule: EgressRule) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, paths from its `spec`."""
    if not rule.destination.service:
        hint = f"write service: {rule.destination.name}" if rule.destination.name else None
        yield error("missing-field", "an EgressRule has a destination", "destination", expected="service", hint=hint)
    if not rule.ports:
        yield error("missing-field", "an EgressRule has at least one port", expected="ports")
    ranged = is_cidr(rule.destination.service or "")
    for i, port in enumerate(rule.ports):
        protocol = port.protocol.upper()
        if protocol not in PROTOCOLS:
            yield error("bad-value", f"{describe(port.protocol)} is not a protocol of an EgressRule", "ports", i,
                        "protocol", expected=f"one of {', '.join(sorted(PROTOCOLS))}")  # fmt: skip
        elif ranged and protocol not in TCP_PROTOCOLS:
            yield error("bad-value", f"a range of addresses speaks TCP, not {describe(port.protocol)}", "ports", i,
                        "protocol", expected=f"one of {', '.join(sorted(TCP_PROTOCOLS))}")  # fmt: skip
