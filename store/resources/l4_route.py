"""`tls[]` and `tcp[]`: rules for connections that are not read as HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.destination import RouteDestination, check_destination, check_weights
from store.resources.fields import Old, Uint32, documented
from store.resources.http_match import check_client
from store.resources.legacy import in_list, number_of_port
from store.resources.names import host_problem, is_cidr, is_ip
from store.resources.sni import HostSet, is_outbound_sni
from store.scalars import describe

_SUBNETS = "The address that the client dialled: IP addresses or ranges, instead of the service's own addresses."
_PORT = "The port that the client dialled, or the port of the gateway's server."
_LABELS = "The block is only for clients (or gateways) whose workload has all these labels."
_GATEWAYS = "Takes the place of the VirtualService's `gateways` for this block."
_NAMESPACE = "The block is only for clients of this namespace."
_OLD_SUBNET = (Old("destinationSubnet", in_list),)
_OLD_PORT = (Old("port", number_of_port, "port: NUMBER"),)


@frozen
class TLSMatchAttributes:
    """`tls[].match[]`: all of its conditions have to hold. Of several blocks, one is enough."""

    DROPPED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"sourceSubnet": "remove it: no Istio ever acted on it; sourceLabels choose clients"}
    )

    sni_hosts: tuple[str, ...] = documented(
        "Names that the client asks for in its ClientHello; each lies inside one of the VirtualService's hosts.",
        default=(),
        since="1.0",
        example="[login.example.com]",
    )
    destination_subnets: tuple[str, ...] = documented(
        _SUBNETS, default=(), since="1.0", example="[10.1.0.0/16]", old=_OLD_SUBNET
    )
    port: Uint32 = documented(_PORT, default=Uint32(0), since="1.0", unset="any port", example="443", old=_OLD_PORT)
    source_labels: Mapping[str, str] = documented(_LABELS, default={}, since="1.0", example="{app: cart}")
    gateways: tuple[str, ...] = documented(
        _GATEWAYS, default=(), since="1.0", unset="those of the VirtualService", example="[mesh]"
    )
    source_namespace: str = documented(_NAMESPACE, default="", since="1.6", unset="any namespace", example="shop")


@frozen
class TLSRoute:
    """`tls[]`: one rule for TLS connections that are passed on as they are."""

    match: tuple[TLSMatchAttributes, ...] = documented(
        "Which connections the rule is for: one block is enough. Required.",
        default=(),
        since="1.0",
        example="[{sniHosts: [login.example.com]}]",
    )
    route: tuple[RouteDestination, ...] = documented(
        "Where they go. Required.", default=(), since="1.0", example="[{destination: {host: login}}]"
    )


@frozen
class L4MatchAttributes:
    """`tcp[].match[]`: all of its conditions have to hold. Of several blocks, one is enough."""

    destination_subnets: tuple[str, ...] = documented(
        _SUBNETS, default=(), since="1.0", example="[10.1.0.0/16]", old=_OLD_SUBNET
    )
    port: Uint32 = documented(_PORT, default=Uint32(0), unset="any port", example="27017", old=_OLD_PORT)
    source_subnet: str = documented(
        "The address of the client. No Istio ever acted on it; sourceLabels choose clients.", default="", runs=False
    )
    source_labels: Mapping[str, str] = documented(_LABELS, default={}, example="{app: cart}")
    gateways: tuple[str, ...] = documented(_GATEWAYS, default=(), unset="those of the VirtualService", example="[mesh]")
    source_namespace: str = documented(_NAMESPACE, default="", since="1.6", unset="any namespace", example="shop")


@frozen
class TCPRoute:
    """`tcp[]`: one rule for plain connections."""

    match: tuple[L4MatchAttributes, ...] = documented(
        "Which connections the rule is for: one block is enough.",
        default=(),
        unset="all",
        example="[{port: 27017}]",
    )
    route: tuple[RouteDestination, ...] = documented(
        "Where they go. Required.", default=(), example="[{destination: {host: mongo}}]"
    )


def check_tls_route(rule: TLSRoute, hosts: Sequence[str], *at: str | int, for_gateways: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, which stands at *at*; `gateways` are judged by who knows their names.

    Args:
        rule: what is judged.
        hosts: those of the VirtualService.
        at: where it stands.
        for_gateways: whether the VirtualService is for gateways alone.
    """
    if not rule.match:
        yield error("missing-field", "a TLS rule says which names it is for", *at, expected="match with sniHosts")
    within = HostSet(hosts) if hosts else None  # a delegate has no tls at all, which is said there
    for i, block in enumerate(rule.match):
        where = (*at, "match", i)
        if not block.sni_hosts:
            yield error("missing-field", "a TLS match has at least one name", *where, expected="sniHosts")
        for j, name in enumerate(block.sni_hosts):
            yield from _check_sni(name, within, *where, "sniHosts", j, for_gateways=for_gateways)
        yield from _check_subnets(block.destination_subnets, *where)
        yield from check_client(block.port, block.source_labels, block.source_namespace, *where)
    yield from _check_shares(rule.route, *at)


def check_tcp_route(rule: TCPRoute, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, which stands at *at*; `gateways` are judged by who knows their names."""
    for i, block in enumerate(rule.match):
        yield from _check_subnets(block.destination_subnets, *at, "match", i)
        yield from check_client(block.port, block.source_labels, block.source_namespace, *at, "match", i)
    yield from _check_shares(rule.route, *at)


def _check_sni(name: str, within: HostSet | None, *at: str | int, for_gateways: bool) -> Iterator[Diagnostic]:
    if is_ip(name):
        message = f"{describe(name)} is an IP address, and most clients send none as server name"
        yield warning("bad-host", message, *at, hint="match destinationSubnets, in tls or tcp")
        return
    problem = None if for_gateways and is_outbound_sni(name) else host_problem(name)
    if problem:
        message = f"{describe(name)} is not a server name: {problem}"
        yield error("bad-host", message, *at, expected="a DNS name or *.name")
    elif within and not within.covers(name):
        message = f"{describe(name)} is none of the hosts of the VirtualService and inside none of them"
        yield error("bad-host", message, *at, hint=f'add it to "hosts": [{describe(name)}]')


def _check_subnets(subnets: Sequence[str], *at: str | int) -> Iterator[Diagnostic]:
    for i, subnet in enumerate(subnets):
        if not is_ip(subnet) and not is_cidr(subnet):
            message = f"{describe(subnet)} is not an address"
            yield error("bad-value", message, *at, "destinationSubnets", i, expected="10.1.2.3 or 10.1.0.0/16")


def _check_shares(shares: Sequence[RouteDestination], *at: str | int) -> Iterator[Diagnostic]:
    if not shares:
        yield error("missing-field", "a rule says where connections go", *at, expected="route")
    for i, share in enumerate(shares):
        yield from check_destination(share.destination, *at, "route", i, "destination")
    yield from check_weights([share.weight for share in shares], *at, "route")
