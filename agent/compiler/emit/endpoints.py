"""Endpoints → EDS: at once where the document has the addresses, as a `Lookup` where the agent has to resolve names."""

from collections.abc import Iterable, Mapping

from attrs import evolve
from envoy.config.core.v3 import address_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2

from agent.compiler import names
from agent.compiler.emit.messages import serialize, socket_address
from agent.compiler.envoy_config import Lookup, Type, XdsResource
from agent.compiler.ir import Cluster, Discovery, Endpoint
from store.resources.fields import Key

Addresses = Mapping[str, tuple[str, ...]]
"""DNS name → its IP addresses; a name that is absent has not been asked yet."""
MAX_WEIGHTS = 2**32 - 1
"""Envoy refuses a locality whose weights add up to more."""


def emit_endpoints(cluster: Cluster) -> XdsResource | Lookup:
    """Return the ClusterLoadAssignment of *cluster*, or what has to be resolved before there can be one."""
    name = names.cluster(cluster.host, cluster.port, cluster.subset)
    if cluster.discovery is Discovery.DNS:
        return Lookup(name, cluster.endpoints, cluster.origins)
    return assignment(name, cluster.endpoints, cluster.origins)


def assignment(name: str, endpoints: Iterable[Endpoint], origins: tuple[Key, ...]) -> XdsResource:
    """Return the ClusterLoadAssignment of the cluster *name*. An address and port listed twice counts once."""
    unique = _within_limits({(e.address, e.port): e for e in endpoints})
    message = endpoint_pb2.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[
            endpoint_components_pb2.LocalityLbEndpoints(
                lb_endpoints=[
                    endpoint_components_pb2.LbEndpoint(
                        endpoint=endpoint_components_pb2.Endpoint(address=_address(e)),
                        load_balancing_weight={"value": e.weight},
                    )
                    for e in unique
                ]
            )
        ]
        if unique
        else [],
    )
    return XdsResource(Type.ENDPOINTS, name, serialize(message), origins=origins)


def _within_limits(unique: Mapping[tuple[str, int], Endpoint]) -> list[Endpoint]:
    """Return the endpoints, their weights scaled down together where the sum is too large for Envoy."""
    total = sum(e.weight for e in unique.values())
    if total <= MAX_WEIGHTS:
        return list(unique.values())
    room = MAX_WEIGHTS - len(unique)  # what rounding up to 1 may add
    return [evolve(e, weight=max(1, e.weight * room // total)) for e in unique.values()]


def _address(endpoint: Endpoint) -> address_pb2.Address:
    return socket_address(endpoint.address, endpoint.port)


def names_in(lookup: Lookup) -> frozenset[str]:
    """Return the DNS names that *lookup* needs; IP addresses are not among them."""
    return frozenset(e.address for e in lookup.endpoints if not is_ip(e.address))


def looked_up(lookup: Lookup, addresses: Addresses) -> XdsResource | None:
    """Return the ClusterLoadAssignment of *lookup* under *addresses*; None while one of its names was never asked."""
    if not names_in(lookup) <= addresses.keys():
        return None
    found = (
        Endpoint(address, e.port, e.weight)
        for e in lookup.endpoints
        for address in ((e.address,) if is_ip(e.address) else addresses[e.address])
    )
    return assignment(lookup.cluster, found, lookup.origins)


def is_ip(text: str) -> bool:
    """Whether *text* is an IP address. (`ipaddress` would be exact and slow; names with this shape are refused.)"""
    return ":" in text or text.replace(".", "").isdigit()
