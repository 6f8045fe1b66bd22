"""ServiceEntry: a service of the registry, its ports, and where its instances are.

What an instance says of itself is `workload_entry.py`; where it may be under which resolution, `resolution.py`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.export_to import check_export_to, check_own_namespace
from store.resources.fields import Metadata, Old, Uint32, documented
from store.resources.names import check_limit, check_port, fqdn_problem, host_problem, is_cidr, is_dns_label, is_ip
from store.resources.ports import SUPPORTED_PROTOCOLS, check_protocol, is_http, is_protocol, is_tls
from store.resources.resolution import LOOKED_UP, SUPPORTED_RESOLUTIONS, Resolution, check_endpoint
from store.resources.workload_entry import WorkloadEntry
from store.resources.workload_selector import WorkloadSelector, check_selector
from store.scalars import describe


class Location(StrEnum):
    """`location`. Decides mutual TLS and where policy is enforced; routing is the same for both."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


@frozen
class ServicePort:
    """`ports[]`."""

    number: Uint32 = documented("The port that clients ask for, 1 to 65535; unique in the entry.",
                                default=attrs.NOTHING, since="0.8", example="80")  # fmt: skip
    name: str = documented("What endpoints' `ports` refer to; a DNS label, unique in the entry.",
                           default=attrs.NOTHING, since="0.8", example="http")  # fmt: skip
    protocol: str = documented(
        "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, REDIS or MYSQL, in any case.", default="", since="0.8",
        unset="found out from the first bytes of a connection", example="HTTP",
    )  # fmt: skip
    target_port: Uint32 | None = documented("The endpoints' port, where they do not say another.", since="1.7",
                                            unset="the number", example="8080")  # fmt: skip


@frozen
class ServiceEntry:
    """`spec` of a ServiceEntry; `ExternalService` in 2018."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"endpoints", "workloadSelector"}),)

    hosts: tuple[str, ...] = documented(
        "The names of the service, `*.` in front for all below a domain; at least one. They are what rules name, what "
        "the Host header and SNI are compared with, and what DNS looks up when there are no endpoints.",
        default=(), since="0.8", example="[reviews.shop.com]",
    )  # fmt: skip
    addresses: tuple[str, ...] = documented(
        "IP addresses or, under STATIC and NONE, ranges by which clients ask for it.", default=(), since="0.8",
        unset="an address that the mesh gives each host", example="[192.0.2.10]",
    )  # fmt: skip
    ports: tuple[ServicePort, ...] = documented("What it listens on.", default=(), since="0.8",
                                                example="[{number: 80, name: http, protocol: HTTP}]")  # fmt: skip
    location: Location = documented("Whether it is part of the mesh: decides mutual TLS, not routing.",
                                    default=Location.MESH_EXTERNAL, since="0.8")  # fmt: skip
    resolution: Resolution = documented(
        "How its instances are found. STATIC: the addresses of the endpoints. DNS: the endpoints' names, or else the "
        "hosts, are looked up. DNS_ROUND_ROBIN: the same with one endpoint at most, whose first address is taken. "
        "NONE: the address that the client has asked for. DYNAMIC_DNS: the name that the client has asked for.",
        default=Resolution.NONE, since="0.8", example="STATIC", old=(Old("discovery"),),
    )  # fmt: skip
    endpoints: tuple[WorkloadEntry, ...] = documented("Its instances.", default=(), since="0.8",
                                                      example="[{address: 192.0.2.7}]")  # fmt: skip
    workload_selector: WorkloadSelector | None = documented(
        "Makes the workloads and WorkloadEntries of its namespace that have these labels its instances.", since="1.6",
        example="{labels: {app: reviews}}", runs=False,
    )  # fmt: skip
    export_to: tuple[str, ...] = documented(
        "The namespaces that see it; `.` is its own, `*` is all, `~` is none.", default=(), since="1.1",
        unset="all namespaces", example='["."]', runs=False, neutral=(("*",),),
    )  # fmt: skip
    subject_alt_names: tuple[str, ...] = documented(
        "Names of which the certificate of a server has to bear one.", default=(), since="1.1",
        unset="not compared", example="[reviews.shop.com]", runs=False,
    )  # fmt: skip


MAX_HOSTS = MAX_ADDRESSES = MAX_PORTS = 256
MAX_ENDPOINTS = 4096


def check(entry: ServiceEntry) -> Iterator[Diagnostic]:
    """Yield what is wrong with *entry*, paths from its `spec` (Istio's `ValidateServiceEntry` and its schema)."""
    yield from _check_hosts(entry)
    yield from _check_addresses(entry)
    yield from _check_ports(entry)
    yield from _check_several_hosts(entry)
    yield from _check_resolution(entry)
    yield from check_limit(len(entry.endpoints), MAX_ENDPOINTS, "endpoints", "endpoints")
    names = {port.name for port in entry.ports}
    for i, endpoint in enumerate(entry.endpoints):
        yield from check_endpoint(endpoint, names, entry.resolution, "endpoints", i)
    if entry.workload_selector is not None:
        yield from check_selector(entry.workload_selector.labels, "workloadSelector")
    yield from check_export_to(entry.export_to, "exportTo", nobody=True)


def check_in_place(metadata: Metadata, entry: ServiceEntry) -> Iterator[Diagnostic]:
    """Yield what is wrong with *entry* where it is, paths from the document."""
    yield from check_own_namespace(entry.export_to, metadata.namespace, "spec", "exportTo")


def _check_hosts(entry: ServiceEntry) -> Iterator[Diagnostic]:
    if not entry.hosts:
        yield error("missing-field", "a ServiceEntry has at least one host", expected="hosts")
    yield from check_limit(len(entry.hosts), MAX_HOSTS, "hosts", "hosts")
    for i, host in enumerate(entry.hosts):
        problem = _host_problem(host, entry)
        if problem:
            message = f"{describe(host)} cannot be a host of a service: {problem}"
            expected = "*.name" if entry.resolution is Resolution.DYNAMIC_DNS else "a DNS name or *.name"
            hint = "list the names to look up as endpoints" if "cannot be looked up" in problem else None
            yield error("bad-host", message, "hosts", i, expected=expected, hint=hint)
        elif host.startswith("*") and not host.startswith("*."):
            yield warning("partial-wildcard", f"{describe(host)} covers names that merely end like it", "hosts", i,
                          hint="write *.name")  # fmt: skip


def _host_problem(host: str, entry: ServiceEntry) -> str | None:
    if host == "*":
        return "it would be every host"
    if is_ip(host):
        return "it is an IP address; write it under addresses"
    problem = host_problem(host)
    if problem:
        return problem
    wildcard = host.startswith("*")
    if entry.resolution in LOOKED_UP and not entry.endpoints and fqdn_problem(host):
        what = "a wildcard" if wildcard else "a number"
        return f"{what} cannot be looked up; resolution {entry.resolution} without endpoints looks up the hosts"
    if not wildcard and entry.resolution is Resolution.DYNAMIC_DNS:
        return "resolution DYNAMIC_DNS is for wildcards; DNS looks up a name"
    return None


def _check_addresses(entry: ServiceEntry) -> Iterator[Diagnostic]:
    ranges = entry.resolution in (Resolution.NONE, Resolution.STATIC)
    yield from check_limit(len(entry.addresses), MAX_ADDRESSES, "addresses", "addresses")
    for i, address in enumerate(entry.addresses):
        at, shown = ("addresses", i), describe(address)
        if is_cidr(address) and ranges:
            message = f"an address range, {shown}, is not supported yet"
            yield not_supported(message, *at, expected="IP addresses")
        elif is_cidr(address):
            message = f"{shown} is a range, which resolution {entry.resolution} does not allow"
            yield error("bad-value", message, *at, expected="an IP address")
        elif not is_ip(address):
            hint = 'names belong into "hosts"' if fqdn_problem(address) is None else None
            expected = "an IP address or a range such as 10.0.0.0/8" if ranges else "an IP address"
            yield error("bad-value", f"{shown} is not an IP address", *at, expected=expected, hint=hint)


def _check_ports(entry: ServiceEntry) -> Iterator[Diagnostic]:
    yield from check_limit(len(entry.ports), MAX_PORTS, "ports", "ports")
    names: set[str] = set()
    numbers: set[int] = set()
    for i, port in enumerate(entry.ports):
        at = ("ports", i)
        yield from _check_port(port, *at)
        if port.name in names:
            yield error("duplicate", f"port name {describe(port.name)} is used twice", *at, "name")
        if port.number in numbers:
            yield error("duplicate", f"port {port.number} is used twice", *at, "number")
        names.add(port.name)
        numbers.add(port.number)
        if port.protocol.upper() in ("", "TCP") and not entry.addresses and not _gets_addresses(entry):
            message = f"without addresses, every raw TCP connection to port {port.number} is for this service"
            yield warning("no-address", message, *at, "protocol",
                          hint='list its IP addresses under "addresses"')  # fmt: skip


def _check_port(port: ServicePort, *at: str | int) -> Iterator[Diagnostic]:
    yield from check_port(port.number, *at, "number")
    if port.target_port is not None:
        yield from check_port(port.target_port, *at, "targetPort")
    if not is_dns_label(port.name):
        expected = "letters, digits and -, up to 63 characters"
        yield error("bad-value", f"{describe(port.name)} is not a name of a port", *at, "name", expected=expected)
    if port.protocol:
        yield from check_protocol(port.protocol, *at, "protocol")
    else:
        expected = f"one of {', '.join(sorted(SUPPORTED_PROTOCOLS))}"
        yield not_supported("a port without protocol (detection) is not supported yet", *at, "protocol",
                            expected=expected)  # fmt: skip


def _gets_addresses(entry: ServiceEntry) -> bool:
    """Say whether the mesh gives each host an address of its own: names that resolve to its endpoints or by its name.

    Under NONE the name resolves upstream, and a wildcard is many names (DESIGN.md, "Host").
    """
    if entry.resolution is Resolution.NONE:
        return False
    found = entry.resolution is Resolution.DYNAMIC_DNS or (
        entry.resolution is Resolution.STATIC and (entry.endpoints or entry.workload_selector is not None)
    )
    return bool(found) or not any(host.startswith("*") for host in entry.hosts)


def _check_several_hosts(entry: ServiceEntry) -> Iterator[Diagnostic]:
    """Several hosts on a port are told apart by what a request says, its Host header or SNI. Under NONE nobody asks."""
    if len(entry.hosts) < 2 or entry.resolution is Resolution.NONE:
        return
    for i, port in enumerate(entry.ports):
        at = ("ports", i, "protocol")
        if is_http(port.protocol) or (port.protocol and not is_protocol(port.protocol)):
            continue
        if not is_tls(port.protocol):
            spoken = f"speaks {port.protocol}" if port.protocol else "has no protocol"
            message = f"port {port.number} {spoken}: a connection does not say which of the hosts it is for"
            yield error("conflict", message, *at, expected="a protocol of HTTP or TLS",
                        hint="write a ServiceEntry for each host")  # fmt: skip
        elif entry.addresses and entry.resolution in LOOKED_UP:
            yield warning("conflict", f"the {len(entry.hosts)} hosts share their addresses on port {port.number}, "
                          "where connections without SNI do not say which they are for", *at,
                          hint="write a ServiceEntry for each host")  # fmt: skip


def _check_resolution(entry: ServiceEntry) -> Iterator[Diagnostic]:
    resolution = entry.resolution
    if resolution not in SUPPORTED_RESOLUTIONS:
        message = f"resolution {describe(resolution)} is not supported yet"
        if resolution is Resolution.NONE:
            message += " (it is the default)"
        yield not_supported(message, "resolution", expected=f"one of {', '.join(SUPPORTED_RESOLUTIONS)}")
    if resolution is Resolution.DNS_ROUND_ROBIN and len(entry.endpoints) > 1:
        message = f"resolution DNS_ROUND_ROBIN has one endpoint at most, there are {len(entry.endpoints)}"
        yield error("limit", message, "endpoints", expected="at most 1", hint="resolution: DNS takes several")
    if resolution is Resolution.NONE:
        yield from _check_none(entry)
    elif resolution is Resolution.DYNAMIC_DNS:
        yield from _check_dynamic(entry)


def _check_none(entry: ServiceEntry) -> Iterator[Diagnostic]:
    """NONE sends a connection where it was going to: nobody is chosen. It is also what an entry has that names none."""
    if entry.endpoints:
        named = any(not is_ip(e.address) and fqdn_problem(e.address) is None for e in entry.endpoints)
        fitting = Resolution.DNS if named else Resolution.STATIC
        yield error("conflict", "resolution NONE (which is the default) does not use the endpoints", "resolution",
                    hint=f"write resolution: {fitting}")  # fmt: skip
    if entry.workload_selector is not None:
        yield warning("ignored", "resolution NONE (which is the default) does not use the workloadSelector",
                      "resolution", hint="write resolution: STATIC")  # fmt: skip


def _check_dynamic(entry: ServiceEntry) -> Iterator[Diagnostic]:
    """DYNAMIC_DNS looks up whatever name the client asks for, so that it has to be said, and nothing else is."""
    for name, given in (("endpoints", entry.endpoints), ("addresses", entry.addresses)):
        if given:
            message = f"resolution DYNAMIC_DNS does not use {name}: it looks up the name that a client asks for"
            yield error("conflict", message, name, hint=f'take "{name}" out')
    if entry.workload_selector is not None:
        yield warning("ignored", "resolution DYNAMIC_DNS chooses nobody", "workloadSelector")
    if entry.location is Location.MESH_INTERNAL:
        yield warning("ignored", "resolution DYNAMIC_DNS is for services outside the mesh", "location")
    for i, port in enumerate(entry.ports):
        named = is_http(port.protocol) or port.protocol.upper() == "TLS"
        if not named and (not port.protocol or is_protocol(port.protocol)):
            what = f"protocol {port.protocol}" if port.protocol else "a port without protocol"
            yield error("conflict", f"resolution DYNAMIC_DNS cannot serve {what}", "ports", i, "protocol",
                        expected="one of HTTP, HTTP2, GRPC, TLS")  # fmt: skip
