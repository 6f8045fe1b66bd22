"""Cluster → CDS. Nothing that changes often is in here: a changed Cluster is warmed again, endpoints are EDS."""

from functools import cache
from typing import Any

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2
from envoy.config.core.v3 import protocol_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as forward_proxy_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from envoy.type.v3 import percent_pb2

from agent.compiler import names
from agent.compiler.emit.messages import ads, duration, pack, serialize
from agent.compiler.emit.resolvers import dns_cache
from agent.compiler.envoy_config import Type, XdsResource
from agent.compiler.ir import Cluster
from store.resources.destination_rule import SimpleLB

CONNECT_SECONDS = 10.0
"""Istio's default `connectTimeout`."""
UNLIMITED = 2**32 - 1
"""Istio's default for every limit of `connectionPool`; Envoy's own would be 1,024."""
DIALLED_MAX_CONNECTIONS = 1024
"""To hosts outside the registry: a request that finds its way back to this proxy must run into an end."""

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_POLICIES = {
    SimpleLB.LEAST_REQUEST: cluster_pb2.Cluster.LEAST_REQUEST,
    SimpleLB.RANDOM: cluster_pb2.Cluster.RANDOM,
    SimpleLB.ROUND_ROBIN: cluster_pb2.Cluster.ROUND_ROBIN,
}


def emit_cluster(cluster: Cluster) -> XdsResource:
    """Return the Cluster of one service port or subset; its endpoints come by EDS under the same name."""
    message = cluster_pb2.Cluster(
        name=names.cluster(cluster.host, cluster.port, cluster.subset),
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(eds_config=ads()),
        connect_timeout=duration(CONNECT_SECONDS),
        lb_policy=_POLICIES[cluster.load_balancer],
        circuit_breakers=_limits(UNLIMITED),
        common_lb_config=cluster_pb2.Cluster.CommonLbConfig(healthy_panic_threshold=percent_pb2.Percent(value=0)),
    )
    if cluster.http2:
        message.typed_extension_protocol_options[_HTTP_OPTIONS].CopyFrom(_http2())
    return XdsResource(Type.CLUSTER, message.name, serialize(message), origins=cluster.origins)


@cache
def _limits(connections: int) -> Any:
    thresholds = circuit_breaker_pb2.CircuitBreakers.Thresholds(
        max_connections={"value": connections},
        max_pending_requests={"value": connections},
        max_requests={"value": connections},
        max_retries={"value": connections},
    )
    return circuit_breaker_pb2.CircuitBreakers(thresholds=[thresholds])


@cache
def _http2() -> Any:
    options = http_protocol_options_pb2.HttpProtocolOptions
    return pack(
        options(
            explicit_http_config=options.ExplicitHttpConfig(http2_protocol_options=protocol_pb2.Http2ProtocolOptions())
        )
    )


def unavailable() -> XdsResource:
    """Return the cluster without endpoints that missing destinations are sent to: 503, and no wait."""
    message = cluster_pb2.Cluster(
        name=names.UNAVAILABLE,
        type=cluster_pb2.Cluster.STATIC,
        connect_timeout=duration(CONNECT_SECONDS),
        load_assignment=endpoint_pb2.ClusterLoadAssignment(cluster_name=names.UNAVAILABLE),
    )
    return XdsResource(Type.CLUSTER, message.name, serialize(message))


def forward_proxy(resolvers: tuple[str, ...]) -> XdsResource:
    """Return the cluster that resolves a request's authority and dials it."""
    message = cluster_pb2.Cluster(
        name=names.DYNAMIC_FORWARD_PROXY,
        lb_policy=cluster_pb2.Cluster.CLUSTER_PROVIDED,
        connect_timeout=duration(CONNECT_SECONDS),
        circuit_breakers=_limits(DIALLED_MAX_CONNECTIONS),
        cluster_type=cluster_pb2.Cluster.CustomClusterType(
            name="envoy.clusters.dynamic_forward_proxy",
            typed_config=pack(forward_proxy_pb2.ClusterConfig(dns_cache_config=dns_cache(resolvers))),
        ),
    )
    return XdsResource(Type.CLUSTER, message.name, serialize(message))
