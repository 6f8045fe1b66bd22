"""WorkloadEntry: one instance of a service. It is a kind, and the type of a ServiceEntry's `endpoints`.

What an endpoint's address may be depends on how its service is resolved; that is in `service_entry.py`.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.fields import Uint32, documented
from store.resources.names import (
    UNIX,
    check_labels,
    check_limit,
    check_port,
    fqdn_problem,
    is_dns_label,
    is_ip,
    unix_socket_problem,
)
from store.scalars import describe


@frozen
class WorkloadEntry:
    """`spec` of a WorkloadEntry, an item of a ServiceEntry's `endpoints`, the `template` of a WorkloadGroup."""

    SHORT: ClassVar[str] = "address"

    address: str = documented(
        "Where it is, without port: an IP address, a name that is looked up, or a socket of the client's host, "
        "`unix:///path` or `unix://@abstract`. Required unless there is a `network`.",
        default="", since="0.8", unset="the gateways of its network", example="192.0.2.7",
    )  # fmt: skip
    ports: Mapping[str, Uint32] = documented(
        "Name of the service's port → port of this instance. It goes before the service's `targetPort`.", default={},
        since="0.8", unset="the service's targetPort, or else its number", example="{http: 8080}",
    )  # fmt: skip
    labels: Mapping[str, str] = documented("What subsets and selectors choose by.", default={}, since="0.8",
                                           example="{app: reviews, version: v1}")  # fmt: skip
    network: str = documented(
        "Instances of one network reach each other without a gateway.", default="", since="1.1",
        unset="the network of everybody", example="datacenter-2", runs=False,
    )  # fmt: skip
    locality: str = documented(
        "Where it is, from the large to the small, `region/zone/subzone`: near instances are preferred.", default="",
        since="1.1", example="eu/west/a", runs=False,
    )  # fmt: skip
    weight: Uint32 | None = documented("Its share of the load, in proportion to the weights of the others.",
                                       since="1.1", unset="1, as is 0", example="2")  # fmt: skip
    service_account: str = documented(
        "The identity that it proves by its certificate; with it, clients speak mutual TLS to it.", default="",
        since="1.6", unset="no proxy, no identity", example="reviews", runs=False,
    )  # fmt: skip


MAX_PORTS = 128
MAX_ADDRESS_CHARACTERS = 256
MAX_NETWORK_CHARACTERS = MAX_LOCALITY_CHARACTERS = 2048
MAX_SERVICE_ACCOUNT_CHARACTERS = 253
"""All these limits are those of Istio's published schema."""


def check(entry: WorkloadEntry) -> Iterator[Diagnostic]:
    """Yield what is wrong with the kind's *entry*, paths from its `spec` (Istio's `ValidateWorkloadEntry`)."""
    yield from check_address(entry)
    yield from check_all_but_address(entry)


def check_address(entry: WorkloadEntry, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with the address of *entry*, which stands at *at* and is resolved nobody knows how."""
    address, expected = entry.address, "an IP address, a DNS name or unix:///path"
    if not address:
        yield from missing_address(entry, *at)
    elif address.startswith(UNIX):
        yield from check_socket(address, *at, "address")
    else:
        yield from bad_name(address, *at, "address", expected=expected)


def bad_name(address: str, *path: str | int, expected: str) -> Iterator[Diagnostic]:
    """Yield that *address* at *path* is neither an IP address nor a name that can be looked up."""
    problem = None if is_ip(address) else fqdn_problem(address)
    if problem:
        yield error("bad-host", f"{describe(address)} is not an address: {problem}", *path, expected=expected,
                    hint=without_port(address))  # fmt: skip


def missing_address(entry: WorkloadEntry, *at: str | int) -> Iterator[Diagnostic]:
    """Yield that *entry*, which has no address, needs one, or that it is left to the gateways of its network."""
    if not entry.network:
        yield error("missing-field", "there is no address", *at, expected="address",
                    hint="only an entry with a network can do without")  # fmt: skip
    else:
        message = f"without address it is reached through the gateways of the network {describe(entry.network)} only"
        yield warning("no-address", message, *at, "network", hint='add "address" if it can be reached directly')


def check_socket(address: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with a unix socket as *address* at *path*, or that it cannot be served yet."""
    problem = unix_socket_problem(address)
    if problem:
        yield error("bad-value", f"{describe(address)} is not a unix socket: {problem}", *path,
                    expected="unix:///path or unix://@name")  # fmt: skip
    else:
        yield not_supported("a unix socket as address is not supported yet", *path, expected="an IP address")


def without_port(address: str) -> str | None:
    """Return the advice to take the port out of *address*, if there is one."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and (is_ip(host.strip("[]")) or fqdn_problem(host) is None):
        return f'write address: {describe(host.strip("[]"))}; the port belongs into "ports"'
    return None


def check_all_but_address(entry: WorkloadEntry, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *entry* at *at*, whoever has it, leaving its address aside but for its length."""
    yield from check_limit(len(entry.address), MAX_ADDRESS_CHARACTERS, "characters", *at, "address")
    yield from check_limit(len(entry.network), MAX_NETWORK_CHARACTERS, "characters", *at, "network")
    yield from check_limit(len(entry.locality), MAX_LOCALITY_CHARACTERS, "characters", *at, "locality")
    yield from check_limit(
        len(entry.service_account), MAX_SERVICE_ACCOUNT_CHARACTERS, "characters", *at, "serviceAccount"
    )
    yield from _check_ports(entry, *at, "ports")
    yield from check_labels(entry.labels, *at, "labels")


def _check_ports(entry: WorkloadEntry, *path: str | int) -> Iterator[Diagnostic]:
    if entry.ports and entry.address.startswith(UNIX):
        yield error("conflict", "a unix socket has no ports", *path, hint='take "ports" out')
    yield from check_limit(len(entry.ports), MAX_PORTS, "ports", *path)
    for name, number in entry.ports.items():
        yield from check_port(number, *path, name)
        if not is_dns_label(name):
            expected = "letters, digits and -, up to 63 characters"
            yield error("bad-value", f"{describe(name)} is not a name of a port", *path, name, expected=expected)
