"""`resolution`: how a service's instances are found, and where an endpoint may be under which."""

from collections.abc import Collection, Iterator
from enum import StrEnum

from store.diagnostic import Diagnostic, error
from store.resources.names import UNIX, fqdn_problem, is_ip
from store.resources.workload_entry import (
    WorkloadEntry,
    bad_name,
    check_address,
    check_all_but_address,
    check_socket,
    missing_address,
    without_port,
)
from store.scalars import describe


class Resolution(StrEnum):
    """`resolution`: how the endpoints' addresses are found."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


SUPPORTED_RESOLUTIONS = (Resolution.STATIC, Resolution.DNS)
LOOKED_UP = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


def check_endpoint(
    endpoint: WorkloadEntry, service_ports: Collection[str], resolution: Resolution, *at: str | int
) -> Iterator[Diagnostic]:
    """Yield what is wrong with *endpoint* at *at*.

    Args:
        endpoint: what is judged.
        service_ports: the names of the service's ports.
        resolution: that of the service.
        at: where the endpoint stands.
    """
    if resolution is Resolution.STATIC:
        yield from _check_static_address(endpoint, len(service_ports), *at)
    elif resolution in LOOKED_UP:
        yield from _check_looked_up_address(endpoint, *at)
    else:
        yield from check_address(endpoint, *at)
    yield from check_all_but_address(endpoint, *at)
    for name in endpoint.ports:
        if name not in service_ports:
            expected = f"one of {', '.join(sorted(service_ports))}" if service_ports else None
            yield error("bad-value", f"the service has no port {describe(name)}", *at, "ports", name, expected=expected)


def _check_static_address(endpoint: WorkloadEntry, service_ports: int, *at: str | int) -> Iterator[Diagnostic]:
    address = endpoint.address
    if not address:
        yield from missing_address(endpoint, *at)
    elif address.startswith(UNIX):
        yield from check_socket(address, *at, "address")
        if service_ports != 1:
            how_many = f"there are {service_ports}" if service_ports else "the service has no port"
            yield error("conflict", f"a unix socket answers for exactly one port, and {how_many}", *at, "address")
    elif not is_ip(address):
        hint = "resolution: DNS looks names up" if fqdn_problem(address) is None else without_port(address)
        message = f"{describe(address)} is not an IP address, and resolution STATIC looks nothing up"
        yield error("bad-value", message, *at, "address", expected="an IP address", hint=hint)


def _check_looked_up_address(endpoint: WorkloadEntry, *at: str | int) -> Iterator[Diagnostic]:
    address, expected = endpoint.address, "an IP address or a DNS name"
    if not address:
        yield error("missing-field", "there is no address, and nothing else can be looked up", *at, expected="address")
    elif address.startswith(UNIX):
        yield error("bad-value", "a unix socket has no place under DNS", *at, "address", expected=expected,
                    hint="resolution: STATIC takes sockets")  # fmt: skip
    else:
        yield from bad_name(address, *at, "address", expected=expected)
