"""Authorities → SRDS: each way to write a service port is a scope that points at the port's one table."""

from typing import Any

from envoy.config.route.v3 import scoped_route_pb2

from agent.compiler import names
from agent.compiler.emit.messages import serialize
from agent.compiler.envoy_config import Type, XdsResource
from agent.compiler.ir import ServicePortView


def emit_scopes(host: str, port: ServicePortView) -> tuple[XdsResource, ...]:
    """Return one scope an authority of *port*. Two scopes with one key would make Envoy refuse a whole response."""
    table = names.service_table(host, port.number)
    return tuple(_scope(authority, table, port) for authority in port.authorities)


def fallback_scope() -> XdsResource:
    """Return the scope that the miss filter chooses when nothing else fits."""
    message = _message(names.FALLBACK_SCOPE, names.FALLBACK)
    return XdsResource(Type.SCOPE, names.FALLBACK_SCOPE, serialize(message), needs=frozenset({names.FALLBACK}))


def _scope(authority: str, table: str, port: ServicePortView) -> XdsResource:
    body = serialize(_message(authority, table))
    return XdsResource(Type.SCOPE, authority, body, needs=frozenset({table}), origins=port.origins)


def _message(authority: str, table: str) -> Any:
    scoped = scoped_route_pb2.ScopedRouteConfiguration
    return scoped(
        name=authority,
        route_configuration_name=table,
        key=scoped.Key(fragments=[scoped.Key.Fragment(string_key=authority)]),
    )
