"""Traps of the explicit proxy, each found with a real Envoy, kept shut over every golden case."""

from collections import Counter
from typing import Any

import pytest
from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as forward_proxy_pb2
from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import dynamic_forward_proxy_pb2
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2

from agent.compiler import names
from agent.compiler.emit.routes import refused_table
from agent.compiler.envoy_config import EnvoyConfig, Type, merge
from tests.traps.corpus import configurations, managers, messages

CONFIGURATIONS = configurations()


@pytest.fixture(params=CONFIGURATIONS)
def config(request: pytest.FixtureRequest) -> EnvoyConfig:
    return CONFIGURATIONS[request.param]


def _proxies() -> list[tuple[EnvoyConfig, Any]]:
    return [(config, manager) for config in CONFIGURATIONS.values() for manager in managers(config, "explicit-proxy|")]


def _is_service_table(table: Any) -> bool:
    return table.name != names.FALLBACK and not table.name.startswith("http.")


def test_a_table_without_a_matching_route_would_be_a_miss(config: EnvoyConfig) -> None:
    """A request that no rule matches must not fall through to the outside: each host ends in a named 404 for all."""
    for table in messages(config, Type.ROUTES):
        for host in table.virtual_hosts:
            last = host.routes[-1]

            assert ("", 404) == (last.match.prefix, last.direct_response.status), host.name
            assert "prefix" == last.match.WhichOneof("path_specifier"), host.name
            assert all(route.name for route in host.routes), host.name


def test_a_refused_first_table_is_no_miss() -> None:
    """The stand-in takes every request too, with 503, and forwards nothing to the fallback."""
    (table,) = messages(merge([[refused_table("80|a")]]), Type.ROUTES)
    (host,) = table.virtual_hosts

    assert [503, 404] == [route.direct_response.status for route in host.routes]
    assert all(route.name for route in host.routes)


def test_filters_of_the_miss_path_are_enabled_on_the_manager() -> None:
    """What is disabled on the manager does not exist on the miss path; only service tables switch it off."""
    assert _proxies()
    for config, manager in _proxies():
        wanted = {names.MISS_FILTER, names.DYNAMIC_FORWARD_PROXY}

        assert wanted <= {f.name for f in manager.http_filters if not f.disabled}
        for table in messages(config, Type.ROUTES):
            off = {name for name, packed in table.typed_per_filter_config.items() if _disabled(packed)}
            assert (wanted if _is_service_table(table) else set()) == off, table.name


def _disabled(packed: Any) -> bool:
    return bool(route_components_pb2.FilterConfig.FromString(packed.value).disabled)


def test_the_scope_header_is_overwritten_and_removed_by_every_table(config: EnvoyConfig) -> None:
    """A client can neither choose its table nor see which was chosen; what it means for the proxy goes no further."""
    for table in messages(config, Type.ROUTES):
        assert {names.SCOPE_HEADER, "proxy-authorization"} <= set(table.request_headers_to_remove), table.name


def test_the_scope_is_written_before_anything_reads_it() -> None:
    """The early mutation writes over what the client sent, and the scope is looked up by nothing else."""
    for _, manager in _proxies():
        (early,) = manager.early_header_mutation_extensions
        (mutation,) = header_mutation_pb2.HeaderMutation.FromString(early.typed_config.value).mutations
        (fragment,) = manager.scoped_routes.scope_key_builder.fragments

        overwrite = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
        assert (names.SCOPE_HEADER, overwrite) == (mutation.append.header.key, mutation.append.append_action)
        assert names.SCOPE_HEADER == fragment.header_value_extractor.name
        assert "" == fragment.header_value_extractor.element_separator


def test_no_table_is_named_like_a_wildcard_subscription(config: EnvoyConfig) -> None:
    """A table named `*` would subscribe Envoy to all of them."""
    assert "*" not in config.names(Type.ROUTES)


def test_no_two_scopes_have_one_key(config: EnvoyConfig) -> None:
    """One duplicate refuses a whole response; keys are names, and each leads to a table that is there."""
    scopes = messages(config, Type.SCOPE)

    assert all([scope.name] == [f.string_key for f in scope.key.fragments] for scope in scopes)
    assert {scope.route_configuration_name for scope in scopes} <= set(config.names(Type.ROUTES))


def test_no_two_domains_of_a_table_are_equal(config: EnvoyConfig) -> None:
    """Envoy compares them without regard to case, and refuses the table."""
    for table in messages(config, Type.ROUTES):
        found = Counter(domain.lower() for host in table.virtual_hosts for domain in host.domains)

        assert [] == [domain for domain, count in found.items() if count > 1], table.name


def test_the_fallback_is_matched_on_the_authority_as_written(config: EnvoyConfig) -> None:
    """A domain that is good for port 80 is there with the port and without."""
    (table,) = [t for t in messages(config, Type.ROUTES) if t.name == names.FALLBACK]
    domains = {domain for host in table.virtual_hosts for domain in host.domains}
    with_port = {d.removesuffix(":80") for d in domains if d.endswith(":80")}

    assert with_port <= domains
    assert {d for d in domains if d.startswith("*.") and ":" not in d} <= with_port


def test_filter_and_cluster_share_one_cache_in_the_same_words() -> None:
    """Two texts for one DNS cache, and Envoy refuses the second."""
    for config, manager in _proxies():
        (packed,) = [f.typed_config for f in manager.http_filters if f.name == names.DYNAMIC_FORWARD_PROXY]
        (cluster,) = [c for c in messages(config, Type.CLUSTER) if c.name == names.DYNAMIC_FORWARD_PROXY]
        of_filter = dynamic_forward_proxy_pb2.FilterConfig.FromString(packed.value)
        of_cluster = forward_proxy_pb2.ClusterConfig.FromString(cluster.cluster_type.typed_config.value)

        assert of_filter.dns_cache_config == of_cluster.dns_cache_config


def test_every_cluster_has_endpoints_of_its_own(config: EnvoyConfig) -> None:
    """Each EDS cluster has an assignment or a lookup under its own name, and tables name clusters that are there."""
    clusters = messages(config, Type.CLUSTER)
    by_eds = {c.name for c in clusters if c.HasField("eds_cluster_config")}
    needed = {name for (t, _), r in config.resources.items() if t is Type.ROUTES for name in r.needs}

    assert by_eds == {*config.names(Type.ENDPOINTS), *config.lookups}
    assert all(not c.eds_cluster_config.service_name for c in clusters)
    assert needed <= by_eds


def test_dialling_has_an_end(config: EnvoyConfig) -> None:
    """A name outside the registry may lead back to this proxy: the request has a timeout, the cluster a limit."""
    (fallback,) = [t for t in messages(config, Type.ROUTES) if t.name == names.FALLBACK]
    (cluster,) = [c for c in messages(config, Type.CLUSTER) if c.name == names.DYNAMIC_FORWARD_PROXY]
    dialled = [
        route.route.timeout.seconds
        for host in fallback.virtual_hosts
        for route in host.routes
        if route.route.cluster == names.DYNAMIC_FORWARD_PROXY
    ]

    assert all(seconds > 0 for seconds in dialled)
    assert cluster.circuit_breakers.thresholds[0].max_connections.value <= 1024


def test_escaped_slashes_are_rejected_at_the_edge_only() -> None:
    """Outbound they are somebody else's API; paths are normalised and slashes merged everywhere."""
    for name, action in (("explicit-proxy|", "KEEP_UNCHANGED"), ("gateway|", "REJECT_REQUEST")):
        found = [manager for config in CONFIGURATIONS.values() for manager in managers(config, name)]

        assert found
        for manager in found:
            chosen = manager.PathWithEscapedSlashesAction.Name(manager.path_with_escaped_slashes_action)
            assert (action, True, True) == (chosen, manager.normalize_path.value, manager.merge_slashes)
