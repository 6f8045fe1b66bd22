"""Every configuration that the golden cases make, each as Envoy's own messages: where a trap could hide."""

from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2, scoped_route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2

from agent.compiler.compile import compile as from_scratch
from agent.compiler.envoy_config import EnvoyConfig, Type
from tests.golden.rendering import CASES, host_of, names
from tests.meshes import snapshot

_MESSAGES = {
    Type.CLUSTER: cluster_pb2.Cluster,
    Type.LISTENER: listener_pb2.Listener,
    Type.SCOPE: scoped_route_pb2.ScopedRouteConfiguration,
    Type.ROUTES: route_pb2.RouteConfiguration,
}


def configurations() -> dict[str, EnvoyConfig]:
    """Return case → configuration."""
    texts = {name: (CASES / f"{name}.in.yaml").read_text() for name in names()}
    return {name: from_scratch(snapshot(*t.split("\n---\n")), host_of(t)) for name, t in texts.items()}


def messages(config: EnvoyConfig, kind: Type) -> list[Any]:
    """Return all resources of *kind* as messages."""
    return [_MESSAGES[kind].FromString(r.body) for (t, _), r in config.resources.items() if t is kind]


def managers(config: EnvoyConfig, listener: str) -> list[Any]:
    """Return the HTTP connection managers of listeners whose name begins with *listener*."""
    return [
        hcm_pb2.HttpConnectionManager.FromString(each.filter_chains[0].filters[0].typed_config.value)
        for each in messages(config, Type.LISTENER)
        if each.name.startswith(listener)
    ]
