"""ServiceEntry: a service of the registry, its ports, and where its instances are."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from attrs import field, frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import Uint32, labels_field
from store.resources.gateway import check_protocol
from store.resources.names import (
    check_labels,
    check_limit,
    check_port,
    fqdn_problem,
    host_problem,
    is_cidr,
    is_dns_label,
    is_ip,
)
from store.scalars import describe


class Location(StrEnum):
    """`location`. Decides mutual TLS and where policy is enforced; routing is the same for both."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


class Resolution(StrEnum):
    """`resolution`: how the endpoints' addresses are found."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@frozen
class ServicePort:
    """`ports[]`.

    Attributes:
        number: the port that clients ask for.
        name: what endpoints' `ports` refer to.
        protocol: `HTTP`, `HTTP2` or `GRPC` so far, in any case.
        target_port: the endpoints' port, where they do not say another; None is *number*.
    """

    number: Uint32
    name: str
    protocol: str = ""
    target_port: Uint32 | None = None


@frozen
class WorkloadEntry:
    """`endpoints[]`: one instance.

    Attributes:
        address: an IP address; under DNS also a name.
        ports: service port name → port of this instance.
        labels: what subsets select.
        weight: share of load; None is 1.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"network", "locality", "serviceAccount"})

    address: str
    ports: Mapping[str, Uint32] = field(factory=dict, hash=False)
    labels: Mapping[str, str] = labels_field()
    weight: Uint32 | None = None


@frozen
class ServiceEntry:
    """`spec` of a ServiceEntry."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"workloadSelector", "exportTo", "subjectAltNames"})
    OLD: ClassVar[Mapping[str, str]] = MappingProxyType({"discovery": "resolution"})

    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: Location = Location.MESH_EXTERNAL
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntry, ...] = ()


MAX_HOSTS = MAX_ADDRESSES = MAX_PORTS = 256
MAX_ENDPOINTS = 4096
MAX_ENDPOINT_PORTS = 128
MAX_ADDRESS_CHARACTERS = 256
SUPPORTED_RESOLUTIONS = (Resolution.STATIC, Resolution.DNS)


def check(entry: ServiceEntry) -> Iterator[Diagnostic]:
    """Yield what is wrong with *entry*, paths from its `spec` (Istio's `ValidateServiceEntry` and its schema)."""
    yield from _check_hosts(entry)
    yield from _check_addresses(entry)
    yield from _check_ports(entry)
    if entry.resolution not in SUPPORTED_RESOLUTIONS:
        message = f"resolution {describe(entry.resolution)} is not supported yet"
        if entry.resolution is Resolution.NONE:
            message += " (it is the one of an entry that names none)"
        yield error("not-supported", message, "resolution", expected=f"one of {', '.join(SUPPORTED_RESOLUTIONS)}")
        return
    yield from check_limit(len(entry.endpoints), MAX_ENDPOINTS, "endpoints", "endpoints")
    names = {port.name for port in entry.ports}
    for i, endpoint in enumerate(entry.endpoints):
        yield from _check_endpoint(endpoint, names, entry.resolution, "endpoints", i)


def _check_hosts(entry: ServiceEntry) -> Iterator[Diagnostic]:
    if not entry.hosts:
        yield error("missing-field", "a ServiceEntry has at least one host", expected="hosts")
    yield from check_limit(len(entry.hosts), MAX_HOSTS, "hosts", "hosts")
    looked_up = entry.resolution is Resolution.DNS and not entry.endpoints
    for i, host in enumerate(entry.hosts):
        problem = host_problem(host)
        if host == "*":
            problem = "it would be every host"
        elif is_ip(host):
            problem = "it is an IP address; write it under addresses"
        elif problem is None and looked_up and host.startswith("*"):
            problem = "a wildcard cannot be looked up; DNS without endpoints looks up the hosts"
        if problem:
            yield error(
                "bad-host",
                f"{describe(host)} cannot be a host of a service: {problem}",
                "hosts",
                i,
                expected="a DNS name or *.name",
            )
        elif host.startswith("*") and not host.startswith("*."):
            yield warning(
                "partial-wildcard",
                f"{describe(host)} covers names that merely end like it",
                "hosts",
                i,
                hint="write *.name",
            )


def _check_addresses(entry: ServiceEntry) -> Iterator[Diagnostic]:
    yield from check_limit(len(entry.addresses), MAX_ADDRESSES, "addresses", "addresses")
    for i, address in enumerate(entry.addresses):
        if is_cidr(address):
            yield error(
                "not-supported",
                f"an address range, {describe(address)}, is not supported yet",
                "addresses",
                i,
                expected="IP addresses",
            )
        elif not is_ip(address):
            yield error(
                "bad-value", f"{describe(address)} is not an IP address", "addresses", i, expected="IP addresses"
            )


def _check_ports(entry: ServiceEntry) -> Iterator[Diagnostic]:
    yield from check_limit(len(entry.ports), MAX_PORTS, "ports", "ports")
    names: set[str] = set()
    numbers: set[int] = set()
    for i, port in enumerate(entry.ports):
        at = ("ports", i)
        yield from check_port(port.number, *at, "number")
        if port.target_port is not None:
            yield from check_port(port.target_port, *at, "targetPort")
        if not is_dns_label(port.name):
            expected = "letters, digits and -, up to 63 characters"
            yield error("bad-value", f"{describe(port.name)} is not a name of a port", *at, "name", expected=expected)
        if port.name in names:
            yield error("duplicate", f"port name {describe(port.name)} is used twice", *at, "name")
        if port.number in numbers:
            yield error("duplicate", f"port {port.number} is used twice", *at, "number")
        names.add(port.name)
        numbers.add(port.number)
        if port.protocol:
            yield from check_protocol(port.protocol, *at, "protocol")
        else:
            message = "a port without protocol (detection) is not supported yet"
            yield error("not-supported", message, *at, "protocol", expected="one of GRPC, HTTP, HTTP2")


def _check_endpoint(
    endpoint: WorkloadEntry, service_ports: set[str], resolution: Resolution, *at: str | int
) -> Iterator[Diagnostic]:
    yield from _check_address(endpoint.address, resolution, *at, "address")
    yield from check_limit(len(endpoint.ports), MAX_ENDPOINT_PORTS, "ports", *at, "ports")
    for name, number in endpoint.ports.items():
        yield from check_port(number, *at, "ports", name)
        if name not in service_ports:
            expected = f"one of {', '.join(sorted(service_ports))}" if service_ports else None
            yield error("bad-value", f"the service has no port {describe(name)}", *at, "ports", name, expected=expected)
    yield from check_labels(endpoint.labels, *at, "labels")


def _check_address(address: str, resolution: Resolution, *at: str | int) -> Iterator[Diagnostic]:
    expected = "an IP address" if resolution is Resolution.STATIC else "an IP address or a DNS name"
    yield from check_limit(len(address), MAX_ADDRESS_CHARACTERS, "characters", *at)
    if address.startswith("unix://"):
        if resolution is Resolution.STATIC:
            yield error("not-supported", "a unix socket as endpoint is not supported yet", *at, expected=expected)
        else:
            yield error("bad-value", "a unix socket has no place under DNS", *at, expected=expected)
    elif is_ip(address):
        return
    elif resolution is Resolution.STATIC:
        hint = "resolution: DNS looks names up" if fqdn_problem(address) is None else None
        yield error("bad-value", f"{describe(address)} is not an IP address", *at, expected=expected, hint=hint)
    elif fqdn_problem(address):
        message = f"{describe(address)} is not an address: {fqdn_problem(address)}"
        yield error("bad-host", message, *at, expected=expected)
