"""The DNS cache of the dynamic forward proxy. Filter and cluster must carry the same text, or Envoy refuses them."""

from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2, resolver_pb2
from envoy.extensions.common.dynamic_forward_proxy.v3 import dns_cache_pb2
from envoy.extensions.network.dns_resolver.cares.v3 import cares_dns_resolver_pb2

from agent.compiler import names
from agent.compiler.emit.messages import duration, pack, socket_address


def dns_cache(resolvers: tuple[str, ...]) -> Any:
    """Return the cache's configuration.

    Args:
        resolvers: `ip:port` of the upstream servers; empty leaves it to the machine's resolver configuration.
    """
    return dns_cache_pb2.DnsCacheConfig(
        name=names.DNS_CACHE,
        dns_lookup_family=cluster_pb2.Cluster.V4_PREFERRED,
        dns_refresh_rate=duration(30),
        dns_min_refresh_rate=duration(5),
        host_ttl=duration(300),
        max_hosts={"value": 1024},
        dns_query_timeout=duration(2),
        dns_failure_refresh_rate=cluster_pb2.Cluster.RefreshRate(base_interval=duration(1), max_interval=duration(10)),
        dns_cache_circuit_breaker=dns_cache_pb2.DnsCacheCircuitBreakers(max_pending_requests={"value": 256}),
        typed_dns_resolver_config=extension_pb2.TypedExtensionConfig(
            name="envoy.network.dns_resolver.cares", typed_config=pack(_cares(resolvers))
        ),
    )


def _cares(resolvers: tuple[str, ...]) -> Any:
    return cares_dns_resolver_pb2.CaresDnsResolverConfig(
        resolvers=[socket_address(host, int(port)) for host, _, port in (r.rpartition(":") for r in resolvers)],
        dns_resolver_options=resolver_pb2.DnsResolverOptions(no_default_search_domain=True),
        query_timeout_seconds={"value": 1},
        query_tries={"value": 2},
    )
