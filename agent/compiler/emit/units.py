"""One unit of HostView → its xDS resources. The only door from `ir` into `emit/`."""

from collections.abc import Iterator

from agent.compiler.emit.clusters import emit_cluster, forward_proxy, unavailable
from agent.compiler.emit.endpoints import emit_endpoints
from agent.compiler.emit.listeners import emit_gateway_listener, emit_proxies
from agent.compiler.emit.routes import emit_fallback, emit_gateway_table, emit_service_table
from agent.compiler.emit.scopes import emit_scopes, fallback_scope
from agent.compiler.envoy_config import Lookup, XdsResource
from agent.compiler.ir import Cluster, FallbackView, GatewayView, HostSettings, ServiceView, UnitView

Made = tuple[XdsResource | Lookup, ...]


def emit(view: UnitView) -> Made:
    """Return everything that *view* becomes in Envoy."""
    return tuple(_emit(view))


def _emit(view: UnitView) -> Iterator[XdsResource | Lookup]:
    match view:
        case ServiceView():
            for port in view.ports:
                for cluster in port.clusters:
                    yield from _cluster(cluster)
                yield from emit_scopes(view.host, port)
                yield emit_service_table(view.host, port)
        case FallbackView():
            for cluster in view.clusters:
                yield from _cluster(cluster)
            yield fallback_scope()
            yield emit_fallback(view)
        case GatewayView():
            yield emit_gateway_listener(view)
            yield emit_gateway_table(view)
        case HostSettings():
            yield unavailable()
            yield forward_proxy(view.resolvers)
            yield from emit_proxies(view)


def _cluster(cluster: Cluster) -> Iterator[XdsResource | Lookup]:
    yield emit_cluster(cluster)
    yield emit_endpoints(cluster)
