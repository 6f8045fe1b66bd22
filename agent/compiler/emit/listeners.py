"""Listeners → LDS. A changed listener closes its connections, so nothing in here depends on what users route."""

from functools import cache
from importlib.resources import files
from typing import Any

from envoy.config.common.mutation_rules.v3 import mutation_rules_pb2
from envoy.config.core.v3 import base_pb2, extension_pb2, protocol_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import dynamic_forward_proxy_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2

from agent.compiler import names
from agent.compiler.emit.messages import ads, duration, pack, serialize, socket_address
from agent.compiler.emit.resolvers import dns_cache
from agent.compiler.envoy_config import Type, XdsResource
from agent.compiler.ir import GatewayView, HostSettings

HEADERS_SECONDS = 15.0
"""A client that has not sent its request's headers by then is cut off."""
PROXY_IDLE_SECONDS = 3600.0
GATEWAY_IDLE_SECONDS = 300.0
"""A stream on which nothing moves so long is closed; our own applications get Istio's hour, strangers five minutes."""
GATEWAY_STREAMS = 100
"""Concurrent HTTP/2 streams a connection at the edge (Envoy, "edge best practices")."""
BUFFER_BYTES = 32 * 1024
HTTP2_STREAM_BYTES = 64 * 1024
HTTP2_CONNECTION_BYTES = 1024 * 1024

_Manager = hcm_pb2.HttpConnectionManager


def emit_proxies(settings: HostSettings) -> tuple[XdsResource, ...]:
    """Return the listeners of the explicit HTTP proxy: one an address, all with the same scopes and tables."""
    return tuple(_proxy(address, port, settings.resolvers) for address, port in settings.proxies)


def emit_gateway_listener(view: GatewayView) -> XdsResource:
    """Return the listener of one gateway port."""
    manager = _manager("gateway", GATEWAY_IDLE_SECONDS)
    table = names.gateway_table(view.address, view.port)
    manager.rds.CopyFrom(hcm_pb2.Rds(route_config_name=table, config_source=ads()))
    manager.use_remote_address.value = True
    manager.path_with_escaped_slashes_action = _Manager.REJECT_REQUEST
    manager.common_http_protocol_options.headers_with_underscores_action = (
        protocol_pb2.HttpProtocolOptions.REJECT_REQUEST
    )
    manager.http2_protocol_options.max_concurrent_streams.value = GATEWAY_STREAMS
    manager.http_filters.append(_router())
    name = names.gateway_listener(view.address, view.port)
    return _listener(name, view.address, view.port, manager, needs=frozenset({table}), origins=view.origins)


def _proxy(address: str, port: int, resolvers: tuple[str, ...]) -> XdsResource:
    manager = _manager("proxy", PROXY_IDLE_SECONDS)
    manager.path_with_escaped_slashes_action = _Manager.KEEP_UNCHANGED
    manager.scoped_routes.CopyFrom(_scoped_routes())
    manager.early_header_mutation_extensions.append(_scope_from_authority())
    manager.http_filters.extend([_miss_filter(), _forward_proxy_filter(resolvers), _router()])
    return _listener(names.proxy_listener(address, port), address, port, manager)


def _listener(name: str, address: str, port: int, manager: Any, **about: Any) -> XdsResource:
    chain = listener_components_pb2.FilterChain(
        filters=[
            listener_components_pb2.Filter(
                name="envoy.filters.network.http_connection_manager", typed_config=pack(manager)
            )
        ]
    )
    message = listener_pb2.Listener(
        name=name,
        address=socket_address(address, port),
        filter_chains=[chain],
        traffic_direction=base_pb2.TrafficDirection.OUTBOUND,
        per_connection_buffer_limit_bytes={"value": BUFFER_BYTES},
        enable_reuse_port={"value": False},  # or another Envoy of this user could share the port unnoticed
    )
    return XdsResource(Type.LISTENER, name, serialize(message), **about)


def _manager(stat_prefix: str, idle_seconds: float) -> Any:
    return _Manager(
        stat_prefix=stat_prefix,
        codec_type=_Manager.AUTO,
        upgrade_configs=[_Manager.UpgradeConfig(upgrade_type="websocket")],
        normalize_path={"value": True},
        merge_slashes=True,
        request_headers_timeout=duration(HEADERS_SECONDS),
        stream_idle_timeout=duration(idle_seconds),
        common_http_protocol_options=protocol_pb2.HttpProtocolOptions(idle_timeout=duration(3600)),
        http2_protocol_options=protocol_pb2.Http2ProtocolOptions(
            initial_stream_window_size={"value": HTTP2_STREAM_BYTES},
            initial_connection_window_size={"value": HTTP2_CONNECTION_BYTES},
        ),
        server_header_transformation=_Manager.PASS_THROUGH,
    )


def _scoped_routes() -> Any:
    scoped = hcm_pb2.ScopedRoutes
    fragment = scoped.ScopeKeyBuilder.FragmentBuilder(
        header_value_extractor=scoped.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor(
            name=names.SCOPE_HEADER, index=0
        )
    )
    return scoped(
        name=names.PROXY_SCOPES,
        scope_key_builder=scoped.ScopeKeyBuilder(fragments=[fragment]),
        rds_config_source=ads(),
        scoped_rds=hcm_pb2.ScopedRds(scoped_rds_config_source=ads()),
    )


@cache
def _scope_from_authority() -> Any:
    append = base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=names.SCOPE_HEADER, value="%REQ(:authority)%"),
        append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    mutation = header_mutation_pb2.HeaderMutation(mutations=[mutation_rules_pb2.HeaderMutation(append=append)])
    return extension_pb2.TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation", typed_config=pack(mutation)
    )


@cache
def _miss_filter() -> Any:
    source = files("agent.compiler.emit").joinpath("miss.lua").read_text(encoding="utf-8")
    lua = lua_pb2.Lua(default_source_code=base_pb2.DataSource(inline_string=source))
    return hcm_pb2.HttpFilter(name=names.MISS_FILTER, typed_config=pack(lua))


def _forward_proxy_filter(resolvers: tuple[str, ...]) -> Any:
    config = dynamic_forward_proxy_pb2.FilterConfig(dns_cache_config=dns_cache(resolvers))
    return hcm_pb2.HttpFilter(name=names.DYNAMIC_FORWARD_PROXY, typed_config=pack(config))


@cache
def _router() -> Any:
    return hcm_pb2.HttpFilter(
        name="envoy.filters.http.router", typed_config=pack(router_pb2.Router(suppress_envoy_headers=True))
    )
