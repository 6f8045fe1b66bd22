"""Routes → RouteConfiguration: one small table a service port, the fallback table, one table a gateway port."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as rc
from envoy.config.route.v3 import route_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from envoy.type.matcher.v3 import regex_pb2, string_pb2
from google.protobuf import any_pb2

from agent.compiler import names
from agent.compiler.emit.messages import duration, pack, serialize
from agent.compiler.envoy_config import Type, XdsResource
from agent.compiler.ir import (
    Destination,
    Dial,
    Direct,
    FallbackView,
    Forward,
    GatewayView,
    Match,
    Redirect,
    Rewrite,
    Route,
    ServicePortView,
)
from store.resources.fields import Key, StringMatch

INTERNAL_HEADERS = (names.SCOPE_HEADER, "proxy-authorization")
"""Never forwarded: ours, and what a client means for the proxy alone."""
DIAL_SECONDS = 300.0
"""An unknown host may resolve to this proxy; a bound on the request ends such a circle."""

_CODES = {
    301: rc.RedirectAction.MOVED_PERMANENTLY,
    302: rc.RedirectAction.FOUND,
    303: rc.RedirectAction.SEE_OTHER,
    307: rc.RedirectAction.TEMPORARY_REDIRECT,
    308: rc.RedirectAction.PERMANENT_REDIRECT,
}


def emit_service_table(host: str, port: ServicePortView) -> XdsResource:
    """Return the table of one service port. Its domain is `*`: whatever led to it has chosen the service already."""
    name = names.service_table(host, port.number)
    table = _table(name, [_virtual_host(name, ("*",), port.routes, closing=f"{name}#none")])
    for switched_off in (names.MISS_FILTER, names.DYNAMIC_FORWARD_PROXY):
        table.typed_per_filter_config[switched_off].CopyFrom(_off())
    return _resource(table, port.routes, port.origins)


def emit_fallback(view: FallbackView) -> XdsResource:
    """Return the table for requests that mean no service port."""
    hosts = [
        _virtual_host(f"{names.FALLBACK}|{d.name}", d.domains, d.routes, closing=f"{d.name}#none") for d in view.domains
    ]
    return _resource(_table(names.FALLBACK, hosts), [route for d in view.domains for route in d.routes], ())


def emit_gateway_table(view: GatewayView) -> XdsResource:
    """Return the table of one gateway port; what it does not know is 404."""
    name = names.gateway_table(view.address, view.port)
    hosts = [_virtual_host(f"{name}|{d.name}", d.domains, d.routes, closing=f"{d.name}#none") for d in view.domains]
    table = _table(name, hosts)
    table.ignore_port_in_host_matching = True
    return _resource(table, [route for d in view.domains for route in d.routes], view.origins)


def refused_table(name: str) -> XdsResource:
    """Return what stands in for a service's first table that Envoy refused: 503, so that it does not seem unknown."""
    route = Route(
        f"{name}#refused", Match(), Direct(503, "the proxy refused this service's routes; see `meshctl status`\n")
    )
    return _resource(_table(name, [_virtual_host(name, ("*",), (route,), closing=f"{name}#none")]), (route,), ())


def _resource(table: Any, routes: Iterable[Route], owners: tuple[Key, ...]) -> XdsResource:
    routes = tuple(routes)
    needs = (d for r in routes if isinstance(r.action, Forward) for d in r.action.destinations if not d.missing)
    origins = dict.fromkeys(r.origin for r in routes if r.origin)
    return XdsResource(
        Type.ROUTES,
        table.name,
        serialize(table),
        needs=frozenset(names.cluster(d.host, d.port, d.subset) for d in needs),
        origins=(*origins, *(o for o in owners if o not in origins)),
    )


def _table(name: str, virtual_hosts: list[Any]) -> Any:
    return route_pb2.RouteConfiguration(
        name=name,
        virtual_hosts=virtual_hosts,
        request_headers_to_remove=INTERNAL_HEADERS,
        validate_clusters={"value": False},
    )


def _virtual_host(name: str, domains: tuple[str, ...], routes: tuple[Route, ...], *, closing: str) -> Any:
    """Return a virtual host that ends in a named 404: a table without a matching route would count as a miss."""
    last = Route(closing, Match(uri=StringMatch(prefix="")), Direct(404))
    return rc.VirtualHost(
        name=name,
        domains=domains,
        routes=[_route(route) for route in (*routes, last)],
        retry_policy=_default_retry(),
    )


@cache
def _off() -> Any:
    return pack(rc.FilterConfig(disabled=True, config=any_pb2.Any()))


@cache
def _default_retry() -> Any:
    """Connection failures and refused streams only: never a request that the server may have seen."""
    avoid_tried = rc.RetryPolicy.RetryHostPredicate(
        name="envoy.retry_host_predicates.previous_hosts",
        typed_config=pack(previous_hosts_pb2.PreviousHostsPredicate()),
    )
    return rc.RetryPolicy(
        retry_on="connect-failure,refused-stream",
        num_retries={"value": 2},
        retry_host_predicate=[avoid_tried],
        host_selection_retry_max_attempts=5,
    )


def _route(route: Route) -> Any:
    message = rc.Route(name=route.name, match=_match(route.match))
    match route.action:
        case Forward():
            message.route.CopyFrom(_forward(route.action))
        case Redirect():
            message.redirect.CopyFrom(_redirect(route.action))
        case Direct():
            body = base_pb2.DataSource(inline_string=route.action.body) if route.action.body else None
            message.direct_response.CopyFrom(rc.DirectResponseAction(status=route.action.status, body=body))
        case Dial():
            message.route.CopyFrom(rc.RouteAction(cluster=names.DYNAMIC_FORWARD_PROXY, timeout=duration(DIAL_SECONDS)))
    return message


def _match(match: Match) -> Any:
    message = rc.RouteMatch(
        headers=[
            rc.HeaderMatcher(name=c.name, present_match=True)
            if c.value == StringMatch()
            else rc.HeaderMatcher(name=c.name, string_match=_string(c.value))
            for c in match.headers
        ]
    )
    uri = match.uri or StringMatch(prefix="/")
    if uri.exact is not None:
        message.path = uri.exact
    elif uri.regex is not None:
        message.safe_regex.CopyFrom(regex_pb2.RegexMatcher(regex=uri.regex))
    else:
        message.prefix = uri.prefix or ""
    return message


def _string(value: StringMatch) -> Any:
    if value.exact is not None:
        return string_pb2.StringMatcher(exact=value.exact)
    if value.prefix is not None:
        return string_pb2.StringMatcher(prefix=value.prefix)
    return string_pb2.StringMatcher(safe_regex=regex_pb2.RegexMatcher(regex=value.regex or ""))


def _forward(action: Forward) -> Any:
    message = rc.RouteAction(timeout=duration(action.timeout or 0))
    if len(action.destinations) == 1:
        message.cluster = _cluster_name(action.destinations[0])
    else:
        weights = _weights(action.destinations)
        message.weighted_clusters.CopyFrom(rc.WeightedCluster(clusters=weights))
    _rewrite(message, action.rewrite)
    return message


def _weights(destinations: tuple[Destination, ...]) -> list[Any]:
    return [rc.WeightedCluster.ClusterWeight(name=_cluster_name(d), weight={"value": d.weight}) for d in destinations]


def _cluster_name(destination: Destination) -> str:
    if destination.missing:
        return names.UNAVAILABLE
    return names.cluster(destination.host, destination.port, destination.subset)


def _rewrite(message: Any, rewrite: Rewrite) -> None:
    if rewrite.uri is not None:
        message.prefix_rewrite = rewrite.uri
    if rewrite.regex is not None:
        pattern, substitution = rewrite.regex
        message.regex_rewrite.CopyFrom(
            regex_pb2.RegexMatchAndSubstitute(pattern=regex_pb2.RegexMatcher(regex=pattern), substitution=substitution)
        )
    if rewrite.authority is not None:
        message.host_rewrite_literal = rewrite.authority


def _redirect(action: Redirect) -> Any:
    message = rc.RedirectAction(response_code=_CODES[action.code])
    if action.uri is not None:
        message.path_redirect = action.uri
    if action.authority is not None:
        message.host_redirect = action.authority
    if action.scheme is not None:
        message.scheme_redirect = action.scheme
    if action.port is not None:
        message.port_redirect = action.port
    return message
