"""VirtualServices → routes: one VirtualService a call, and how several for one host become one list."""

from collections.abc import Iterable, Iterator

from agent.compiler.ir import (
    Destination,
    Forward,
    HeaderCondition,
    Match,
    Redirect,
    Rewrite,
    Route,
)
from agent.compiler.resolve.policies import policy
from agent.compiler.resolve.registry import meant_host, outline
from store.host import HostRecord
from store.index import Found, View
from store.resources.fields import Key
from store.resources.virtual_service import Destination as Written
from store.resources.virtual_service import (
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPortSelection,
    VirtualService,
)


def routes(view: View, found: Iterable[Found], record: HostRecord, listener_port: int) -> tuple[Route, ...]:
    """Return the routes of all *found* VirtualServices (oldest first) as one list.

    Rules keep their order; what stands behind a catch-all in its own VirtualService can never match and is dropped.
    Catch-alls of all go last, so that one VirtualService does not hide another (Istio merges so on gateways; here
    hosts do the same).

    Args:
        listener_port: the port that a destination without one means when its service has several.
    """
    merged: list[Route] = []
    catch_alls: list[Route] = []
    for each in found:
        for route in _routes(view, each, record, listener_port):
            if route.match.catches_all:
                catch_alls.append(route)
                break
            merged.append(route)
    return (*merged, *catch_alls[:1])


def _routes(view: View, found: Found, record: HostRecord, listener_port: int) -> Iterator[Route]:
    spec = found.spec
    assert isinstance(spec, VirtualService), "filed under its kind"
    for position, rule in enumerate(spec.http):
        action = _action(view, found.key, rule, record, listener_port)
        for number, block in enumerate(rule.match or (HTTPMatchRequest(),)):
            name = f"{found.key.namespace}/{found.key.name}#{position}.{number}"
            yield Route(name, _match(block), action, found.key)


def _match(block: HTTPMatchRequest) -> Match:
    conditions = tuple(HeaderCondition(name.lower(), value) for name, value in sorted(block.headers.items()))
    return Match(block.uri, conditions)


def _action(view: View, key: Key, rule: HTTPRoute, record: HostRecord, listener_port: int) -> Forward | Redirect:
    if rule.redirect is not None:
        return _redirect(rule.redirect, listener_port)
    destinations = _shares(view, key, rule.route, record, listener_port)
    return Forward(destinations, float(rule.timeout) if rule.timeout else None, _rewrite(rule.rewrite))


def _shares(
    view: View, key: Key, written: tuple[HTTPRouteDestination, ...], record: HostRecord, listener_port: int
) -> tuple[Destination, ...]:
    """Return the destinations that get requests. One alone gets all; of several, those of weight 0 get none."""
    if len(written) == 1:
        return (destination(view, written[0].destination, key.namespace, record, listener_port, weight=1),)
    return tuple(
        destination(view, each.destination, key.namespace, record, listener_port, weight=int(each.weight))
        for each in written
        if each.weight > 0
    )


def destination(
    view: View, written: Written, namespace: str, record: HostRecord, listener_port: int, *, weight: int
) -> Destination:
    """Return what a destination in a rule of *namespace* means on this host, `missing` when the mesh has it not."""
    host = meant_host(view, written.host, namespace)
    found = outline(view, host, record)
    ports = found.ports if found else {}
    port = int(written.port.number) if written.port else (next(iter(ports)) if len(ports) == 1 else listener_port)
    subset = written.subset or None
    there = found is not None and port in ports
    if found is not None and subset is not None:
        there = there and policy(view, host, found.namespace, record).subset(subset) is not None
    return Destination(host, port, subset, weight, missing=not there)


def _rewrite(written: HTTPRewrite | None) -> Rewrite:
    if written is None:
        return Rewrite()
    regex = written.uri_regex_rewrite
    return Rewrite(
        uri=written.uri or None,
        authority=written.authority or None,
        regex=(regex.match, regex.rewrite) if regex else None,
    )


def _redirect(written: HTTPRedirect, listener_port: int) -> Redirect:
    """Return the redirect. `FROM_PROTOCOL_DEFAULT` is what Envoy does anyway when the authority is replaced."""
    from_request = written.derive_port is RedirectPortSelection.FROM_REQUEST_PORT
    return Redirect(
        code=int(written.redirect_code or 301),
        uri=written.uri or None,
        authority=written.authority or None,
        port=int(written.port) if written.port else listener_port if from_request else None,
        scheme=written.scheme or None,
    )
