"""Gateway: ports of chosen hosts, opened for traffic from outside the mesh."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Uint32, labels_field
from store.resources.names import check_labels, check_port, fqdn_problem, host_problem, is_dns_label, is_ip
from store.scalars import describe


@frozen
class ServerPort:
    """`servers[].port`."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"targetPort"})

    number: Uint32
    protocol: str
    name: str = ""


@frozen
class Server:
    """One listener slice.

    Attributes:
        hosts: `[namespace/]dns` names whose VirtualServices may bind here; namespace is a name, `*` or `.`.
        port: what is opened.
        bind: IP address to listen on; None is the host's `gatewayBind`.
        name: for people.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"tls", "defaultEndpoint"})

    port: ServerPort
    hosts: tuple[str, ...] = ()
    bind: str | None = None
    name: str | None = None


@frozen
class Gateway:
    """`spec` of a Gateway.

    Attributes:
        servers: at least one.
        selector: labels that a host must have, all of them; empty selects every host.
    """

    servers: tuple[Server, ...] = ()
    selector: Mapping[str, str] = labels_field()


SUPPORTED_PROTOCOLS = frozenset({"HTTP", "HTTP2", "GRPC"})
KNOWN_PROTOCOLS = SUPPORTED_PROTOCOLS | {
    "HTTPS", "GRPC-WEB", "TCP", "TLS", "MONGO", "REDIS", "MYSQL", "UDP", "HTTP_PROXY",
}  # fmt: skip
"""Istio's protocols; it takes them in any case."""


def check(gateway: Gateway) -> Iterator[Diagnostic]:
    """Yield what is wrong with *gateway*, paths from its `spec` (Istio's `ValidateGateway`)."""
    if not gateway.servers:
        yield error("missing-field", "a Gateway has at least one server", expected="servers")
    yield from check_labels(gateway.selector, "selector")
    port_names: set[str] = set()
    server_names: set[str] = set()
    for i, server in enumerate(gateway.servers):
        yield from _check_server(server, i)
        if server.port.name and server.port.name in port_names:
            message = f"port name {describe(server.port.name)} is used twice"
            yield error(
                "duplicate",
                message,
                "servers",
                i,
                "port",
                "name",
                expected="names that are unique in the Gateway",
            )
        if server.name and server.name in server_names:
            yield error("duplicate", f"server name {describe(server.name)} is used twice", "servers", i, "name")
        port_names.add(server.port.name)
        server_names.add(server.name or "")


def _check_server(server: Server, i: int) -> Iterator[Diagnostic]:
    at = ("servers", i)
    yield from check_port(server.port.number, *at, "port", "number")
    if not server.port.name:
        yield error("missing-field", "a port has a name", *at, "port", expected="name")
    yield from check_protocol(server.port.protocol, *at, "port", "protocol")
    if not server.hosts:
        yield error("missing-field", "a server has at least one host", *at, expected="hosts")
    for j, host in enumerate(server.hosts):
        problem = _host_problem(host)
        if problem:
            expected = "[namespace/]name, where name is a DNS name with a dot, *.name or *"
            yield error(
                "bad-host",
                f"{describe(host)} cannot be a host of a server: {problem}",
                *at,
                "hosts",
                j,
                expected=expected,
            )
    if server.bind and server.bind.startswith("unix://"):
        yield error(
            "not-supported",
            "binding to a unix socket is not supported yet",
            *at,
            "bind",
            expected="an IP address",
        )
    elif server.bind and not is_ip(server.bind):
        yield error("bad-value", f"{describe(server.bind)} is not an IP address", *at, "bind", expected="an IP address")


def check_protocol(protocol: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with the *protocol* of a port at *path*; it may be written in any case."""
    expected = "one of GRPC, HTTP, HTTP2"
    upper = protocol.upper()
    if upper in SUPPORTED_PROTOCOLS:
        return
    if upper in KNOWN_PROTOCOLS:
        yield error("not-supported", f"protocol {describe(protocol)} is not supported yet", *path, expected=expected)
    else:
        yield error("bad-value", f"{describe(protocol)} is not a protocol", *path, expected=expected)


def _host_problem(host: str) -> str | None:
    namespace, slash, name = host.rpartition("/")
    if slash and namespace not in ("*", ".") and not is_dns_label(namespace):
        return f'{describe(namespace)} is not a namespace, "*" or "."'
    if is_ip(name):
        return None
    problem = host_problem(name, partial=False)
    if problem is None and name != "*" and "." not in name and fqdn_problem(name) is None:
        return "short names mean nothing outside the mesh"
    return problem
