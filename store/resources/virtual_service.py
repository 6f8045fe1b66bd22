"""VirtualService: what happens to a request for a host, rule by rule, the first match wins.

The rules themselves are in `http_route.py`.
"""

from collections.abc import Iterator
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
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
    takes_everything,
)
from store.resources.names import fqdn_problem, host_problem, hosts_overlap, is_cidr, is_dns_label, is_ip
from store.scalars import describe

__all__ = [
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
    """`spec` of a VirtualService.

    Attributes:
        hosts: names that clients use; `*.` prefix for all below a domain.
        gateways: `name`, `namespace/name` or `mesh`; None is `mesh` alone.
        http: rules in order.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"tls", "tcp", "exportTo"})

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()


def check(service: VirtualService) -> Iterator[Diagnostic]:
    """Yield what is wrong with *service*, paths from its `spec` (Istio's `ValidateVirtualService`, and Envoy)."""
    yield from _check_hosts(service)
    yield from _check_gateways(service)
    if not service.http:
        yield error("missing-field", "a VirtualService has at least one rule", expected="http")
    catch_all: int | None = None
    for i, route in enumerate(service.http):
        yield from check_route(route, "http", i)
        if catch_all is not None:
            message = f"this rule is never reached: http[{catch_all}] takes every request"
            yield warning("IST0130", message, "http", i, hint="move it before the rule without conditions")
        elif takes_everything(route):
            catch_all = i


def _check_hosts(service: VirtualService) -> Iterator[Diagnostic]:
    if not service.hosts:
        yield error(
            "not-supported",
            "a VirtualService without hosts (a delegate) is not supported yet",
            expected="hosts",
        )
    bound_to_mesh = not service.gateways or MESH in service.gateways
    for i, host in enumerate(service.hosts):
        if host == "*" and bound_to_mesh:
            yield error("bad-host", 'host "*" is for gateways only', "hosts", i, hint="name gateways, or the hosts")
        elif is_cidr(host):
            yield error("not-supported", f"an address range, {describe(host)}, is not supported yet", "hosts", i)
        elif not is_ip(host) and (problem := host_problem(host)):
            yield error(
                "bad-host",
                f"{describe(host)} is not a host: {problem}",
                "hosts",
                i,
                expected="a DNS name, *.name or an IP address",
            )
    yield from _check_overlap(service.hosts)


def _check_overlap(hosts: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Yield the hosts that overlap an earlier one. Names meet in a set; only wildcards are compared one by one."""
    seen: set[str] = set()
    wildcards: list[str] = []
    for i, host in enumerate(hosts):
        among = seen if host.startswith("*") else wildcards
        earlier = host if host.lower() in seen else next((other for other in among if hosts_overlap(host, other)), None)
        if earlier is not None:
            yield error(
                "duplicate",
                f"{describe(host)} overlaps {describe(earlier)}",
                "hosts",
                i,
                expected="hosts that do not overlap",
            )
        seen.add(host.lower())
        if host.startswith("*"):
            wildcards.append(host)


def _check_gateways(service: VirtualService) -> Iterator[Diagnostic]:
    for i, name in enumerate(service.gateways):
        parts = name.split("/")
        if len(parts) <= 2 and all(is_dns_label(part) for part in parts):
            continue
        if len(parts) == 1 and fqdn_problem(name) is None:
            short, namespace = [*name.split("."), ""][:2]
            hint = f'write "{namespace}/{short}"'
            yield error(
                "not-supported",
                f"the long name of a gateway, {describe(name)}, is not supported yet",
                "gateways",
                i,
                hint=hint,
            )
        else:
            yield error(
                "bad-value",
                f"{describe(name)} is not a gateway",
                "gateways",
                i,
                expected="name, namespace/name or mesh",
            )
