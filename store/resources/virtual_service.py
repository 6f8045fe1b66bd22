"""VirtualService: what happens to a request or connection for a host, rule by rule, the first match wins.

The rules themselves are in `http_route.py` and `l4_route.py`; which of them can never match is in `reachability.py`.
"""

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.export_to import check_export_to, check_own_namespace
from store.resources.fields import Metadata, documented
from store.resources.http_route import (
    Destination,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPortSelection,
    RegexRewrite,
    check_route,
)
from store.resources.l4_route import TCPRoute, TLSRoute, check_tcp_route, check_tls_route
from store.resources.names import fqdn_problem, host_problem, is_cidr, is_dns_label, is_ip
from store.resources.reachability import check_reachability
from store.resources.redirect_loops import check_redirect_loops
from store.resources.sni import is_outbound_sni
from store.scalars import describe

__all__ = [
    "MESH",
    "Destination",
    "HTTPMatchRequest",
    "HTTPRedirect",
    "HTTPRewrite",
    "HTTPRoute",
    "HTTPRouteDestination",
    "RedirectPortSelection",
    "RegexRewrite",
    "VirtualService",
    "check",
]

MESH = "mesh"


@frozen
class VirtualService:
    """`spec` of a VirtualService. Without hosts it is a delegate: rules that others refer to."""

    hosts: tuple[str, ...] = documented(
        "Names that clients use: of services, short or whole, or any DNS name; `*.` in front for all below a domain; "
        "IP addresses and ranges.",
        default=(),
        unset="the VirtualService is a delegate",
        example='[reviews, "*.example.com"]',
    )
    gateways: tuple[str, ...] = documented(
        "Who applies the rules: Gateways as `name` or `namespace/name`, and `mesh`, the clients inside the mesh.",
        default=(),
        unset="[mesh]",
        example="[edge, mesh]",
    )
    http: tuple[HTTPRoute, ...] = documented(
        "Rules for HTTP requests, in order. One of `http`, `tls` and `tcp` is required.",
        default=(),
        example="[{route: [{destination: {host: reviews}}]}]",
    )
    tls: tuple[TLSRoute, ...] = documented(
        "Rules for TLS connections that nobody opens on the way, in order.",
        default=(),
        since="1.0",
        example="[{match: [{sniHosts: [login.example.com]}], route: [{destination: {host: login}}]}]",
        runs=False,
    )
    tcp: tuple[TCPRoute, ...] = documented(
        "Rules for all other connections, in order.",
        default=(),
        example="[{match: [{port: 27017}], route: [{destination: {host: mongo}}]}]",
        runs=False,
    )
    export_to: tuple[str, ...] = documented(
        'The namespaces whose clients and gateways see the rules: "*" is all, "." the own.',
        default=(),
        since="1.1",
        unset='["*"]',
        example='["."]',
        runs=False, neutral=(("*",),),
    )


def check(service: VirtualService) -> Iterator[Diagnostic]:
    """Yield what is wrong with *service*, paths from its `spec` (Istio's `ValidateVirtualService`, and Envoy)."""
    for_gateways = bool(service.gateways) and MESH not in service.gateways
    delegate = not service.hosts
    if delegate:
        yield from _check_delegate(service)
    yield from _check_hosts(service, for_gateways)
    yield from check_gateway_names(service.gateways, "gateways")
    if not service.http and not service.tls and not service.tcp:
        yield error("missing-field", "a VirtualService has at least one rule", expected="http, tls or tcp")
    for i, rule in enumerate(service.http):
        yield from check_route(rule, "http", i, delegate=delegate, for_gateways=for_gateways)
        for j, block in enumerate(rule.match):
            yield from check_gateway_names(block.gateways, "http", i, "match", j, "gateways")
    yield from _check_l4(service, for_gateways)
    yield from check_export_to(service.export_to, "exportTo")
    yield from check_reachability(service.http, service.tls, service.tcp, service.gateways or (MESH,))
    yield from check_redirect_loops(service.http, "http")


def check_in_place(metadata: Metadata, service: VirtualService) -> Iterator[Diagnostic]:
    """Yield what is wrong with *service* where it is, paths from the document."""
    yield from check_own_namespace(service.export_to, metadata.namespace, "spec", "exportTo")


def _check_delegate(service: VirtualService) -> Iterator[Diagnostic]:
    hosted = [name for name in ("gateways", "tls", "tcp") if getattr(service, name)]
    if hosted:
        message = f"a VirtualService with {' and '.join(hosted)} has hosts; only a delegate, without them, has none"
        yield error("missing-field", message, expected="hosts")
    else:
        message = "a VirtualService without hosts is a delegate, which is not supported yet"
        yield not_supported(message, expected="hosts", hint="if it is no delegate, write its hosts")


def _check_l4(service: VirtualService, for_gateways: bool) -> Iterator[Diagnostic]:
    for i, tls in enumerate(service.tls):
        yield from check_tls_route(tls, service.hosts, "tls", i, for_gateways=for_gateways)
        for j, client in enumerate(tls.match):
            yield from check_gateway_names(client.gateways, "tls", i, "match", j, "gateways")
    for i, tcp in enumerate(service.tcp):
        yield from check_tcp_route(tcp, "tcp", i)
        for j, block in enumerate(tcp.match):
            yield from check_gateway_names(block.gateways, "tcp", i, "match", j, "gateways")


# --- hosts --------------------------------------------------------------------------------------------------


def _check_hosts(service: VirtualService, for_gateways: bool) -> Iterator[Diagnostic]:
    with_sni = for_gateways and any(block.sni_hosts for rule in service.tls for block in rule.match)
    for i, host in enumerate(service.hosts):
        if host == "*" and not for_gateways:
            hint = "name gateways, or the hosts"
            yield error("bad-host", 'host "*" is for gateways only: in the mesh it would be every service',
                        "hosts", i, hint=hint)  # fmt: skip
        elif is_cidr(host):
            yield not_supported(f"an address range, {describe(host)}, is not supported yet", "hosts", i)
        elif with_sni and is_outbound_sni(host):
            continue
        elif not is_ip(host) and (problem := _host_problem(host)):
            expected = "a DNS name, *.name, an IP address or a range of them"
            yield error("bad-host", f"{describe(host)} is not a host: {problem}", "hosts", i, expected=expected)
    yield from _check_overlap(service.hosts)


def _host_problem(host: str) -> str | None:
    address, slash, _ = host.partition("/")
    return "it is no range of addresses" if slash and is_ip(address) else host_problem(host)


def _check_overlap(hosts: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield each host that overlaps an earlier one (`names.hosts_overlap`), without comparing each with each.

    A name overlaps a wildcard that it ends with, and an equal name; a wildcard also another one that it ends with.
    """
    first: dict[str, int] = {}
    endings: dict[str, int] = {}
    for i, host in enumerate(map(str.lower, hosts)):
        first.setdefault(host, i)
        if host.startswith("*"):
            endings.setdefault(host[1:], i)
    lengths = sorted({len(ending) for ending in endings})
    found: dict[int, int] = {}
    for i, host in enumerate(map(str.lower, hosts)):
        text = host.removeprefix("*")
        others = [endings.get(text[len(text) - length :]) for length in lengths if length <= len(text)]
        for j in (first[host], *others):
            if j is not None and j != i:
                found.setdefault(max(i, j), min(i, j))
    for i, j in sorted(found.items()):
        message = f"{describe(hosts[i])} overlaps {describe(hosts[j])}"
        hint = "remove one, or give each a VirtualService of its own"
        yield error("duplicate", message, "hosts", i, expected="hosts that do not overlap", hint=hint)


# --- gateways -----------------------------------------------------------------------------------------------

_PAIR = re.compile(r"[^/]+/[^/]+")


def check_gateway_names(names: Sequence[str], *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with each of the gateway *names* at *at* (Istio judges none after a name without slash)."""
    for i, name in enumerate(names):
        if _PAIR.fullmatch(name):
            good = all(is_dns_label(part) for part in name.split("/"))
        else:
            good = fqdn_problem(name) is None
            if good and "." in name:
                yield _long_name(name, *at, i)
        if not good:
            message = f"{describe(name)} is not a gateway"
            yield error("bad-value", message, *at, i, expected="name, namespace/name or mesh")


def _long_name(name: str, *at: str | int) -> Diagnostic:
    """Return the warning for `name.namespace.svc.cluster.local`, as gateways were named in 2018."""
    short, _, rest = name.partition(".")
    today = f"{rest.partition('.')[0]}/{short}" if rest else short
    return warning("old-spelling", f"{describe(name)} is an old way to name a gateway", *at, hint=f'write "{today}"')
