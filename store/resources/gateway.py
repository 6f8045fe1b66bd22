"""Gateway: ports of chosen hosts, opened for traffic from outside the mesh."""

from collections.abc import Iterator, Mapping

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.fields import Uint32, documented
from store.resources.names import (
    UNIX,
    check_labels,
    check_port,
    dotted_host_problem,
    is_dns_label,
    is_ip,
    unix_socket_problem,
)
from store.resources.ports import check_protocol, is_http, is_protocol, is_tls
from store.resources.server_tls import PASSING, ServerTLSSettings, certificate_files, check_server_tls
from store.scalars import describe


@frozen
class ServerPort:
    """`servers[].port`."""

    number: Uint32 = documented("1 to 65535; 0 with a unix socket as `bind`.", default=attrs.NOTHING, example="80")
    protocol: str = documented("HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, REDIS or MYSQL, in any case.",
                               default=attrs.NOTHING, example="HTTP")  # fmt: skip
    name: str = documented("Unique in the Gateway; required.", default="", example="http")
    target_port: Uint32 = documented("Has no meaning here and is refused.", default=Uint32(0), since="1.7")


@frozen
class Server:
    """One slice of a listener."""

    port: ServerPort = documented("What is opened.", default=attrs.NOTHING,
                                  example="{number: 80, name: http, protocol: HTTP}")  # fmt: skip
    bind: str | None = documented("The IP address to listen on, or a socket: `unix:///path`, `unix://@abstract`.",
                                  since="1.1", unset="the host's gatewayBind", example="192.0.2.1")  # fmt: skip
    hosts: tuple[str, ...] = documented(
        "`[namespace/]name`: VirtualServices of that namespace (`*` is any, `.` the Gateway's own) may answer for such "
        "names here. `*.foo.com` is every name that ends in .foo.com, `*` every name. At least one.",
        default=(), example='["shop/*.shop.com"]',
    )  # fmt: skip
    tls: ServerTLSSettings | None = documented("How TLS is ended, or passed on.", unset="no TLS", runs=False,
                                               example="{mode: SIMPLE, credentialName: shop-cert}")  # fmt: skip
    default_endpoint: str = documented("Where requests without a route go. Istio reads it and does nothing.",
                                       default="", since="1.1", example="127.0.0.1:8080", runs=False)  # fmt: skip
    name: str | None = documented("Unique in the Gateway; names its statistics.", since="1.7", example="public")


@frozen
class Gateway:
    """`spec` of a Gateway."""

    servers: tuple[Server, ...] = documented("What is opened; at least one.", default=())
    selector: Mapping[str, str] = documented("Labels that a host must have, all of them, to open the ports.",
                                             default={}, unset="every host",
                                             example="{istio: ingressgateway}")  # fmt: skip


def check(gateway: Gateway) -> Iterator[Diagnostic]:
    """Yield what is wrong with *gateway*, paths from its `spec` (Istio's `ValidateGateway`)."""
    if not gateway.servers:
        yield error("missing-field", "a Gateway has at least one server", expected="servers")
    yield from check_labels(gateway.selector, "selector")
    port_names: set[str] = set()
    server_names: set[str] = set()
    for i, server in enumerate(gateway.servers):
        yield from _check_server(server, "servers", i)
        name = server.port.name
        if name and name in port_names:
            yield error("duplicate", f"port name {describe(name)} is used twice", "servers", i, "port", "name",
                        expected="names that are unique in the Gateway")  # fmt: skip
        if server.name and server.name in server_names:
            yield warning("duplicate", f"server name {describe(server.name)} is used twice", "servers", i, "name",
                          hint="give each a name of its own: statistics are counted by it")  # fmt: skip
        port_names.add(name)
        server_names.add(server.name or "")


def _check_server(server: Server, *at: str | int) -> Iterator[Diagnostic]:
    yield from _check_port(server.port, *at, "port")
    yield from _check_bind(server, *at)
    if not server.hosts:
        yield error("missing-field", "a server has at least one host", *at, expected="hosts")
    for i, host in enumerate(server.hosts):
        problem = _host_problem(host)
        if problem:
            yield error("bad-host", f"{describe(host)} cannot be a host of a server: {problem}", *at, "hosts", i,
                        expected="[namespace/]name, where name is a DNS name with a dot, *.name or *")  # fmt: skip
    yield from _check_tls_for_protocol(server.port.protocol, server.tls, *at)
    if server.tls is not None:
        refused = certificate_files(server.tls) if is_http(server.port.protocol) else ()
        for said in check_server_tls(server.tls, *at, "tls"):
            if not (said.code == "ignored" and said.path[-1] in refused):
                yield said


def _check_port(port: ServerPort, *at: str | int) -> Iterator[Diagnostic]:
    if not port.name:
        yield error("missing-field", "the port has no name", *at, expected="name")
    if port.protocol:
        yield from check_protocol(port.protocol, *at, "protocol")
    else:
        yield error("bad-value", "a port of a Gateway has a protocol: nothing is detected there", *at, "protocol",
                    expected="HTTP, HTTPS, TLS, TCP or another one")  # fmt: skip
    if port.target_port:
        yield error("conflict", "a port of a Gateway has no targetPort: routes say where requests go", *at,
                    "targetPort", hint="take it out; a route's destination has a port")  # fmt: skip


def _check_bind(server: Server, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with where *server* listens: its `bind` and, as a socket has none, its port."""
    bind, number = server.bind or "", server.port.number
    if not bind.startswith(UNIX):
        yield from check_port(number, *at, "port", "number")
        if bind and not is_ip(bind):
            yield error("bad-value", f"{describe(bind)} is not an IP address", *at, "bind", expected="an IP address")
        return
    problem = unix_socket_problem(bind)
    if problem:
        yield error("bad-value", f"{describe(bind)} cannot be bound: {problem}", *at, "bind",
                    expected="unix:///path or unix://@name")  # fmt: skip
    else:
        yield not_supported("binding to a unix socket is not supported yet", *at, "bind", expected="an IP address")
    if number:
        yield error("bad-value", f"a unix socket has no port, and {number} is one", *at, "port", "number", expected="0")


def _check_tls_for_protocol(
    protocol: str, tls: ServerTLSSettings | None, *at: str | int
) -> Iterator[Diagnostic]:
    """Yield whether *tls* is missing or out of place with *protocol*. An unknown protocol says nothing."""
    if not is_protocol(protocol):
        return
    if tls is None:
        if is_tls(protocol):
            yield error("missing-field", f"protocol {describe(protocol)} needs tls", *at, expected="tls",
                        hint="with {mode: PASSTHROUGH}, TLS is passed on as it is")  # fmt: skip
    elif is_http(protocol):
        yield from _check_tls_of_plain_http(tls, *at, "tls")
    elif not is_tls(protocol):
        yield error("conflict", f"protocol {describe(protocol)} has no tls", *at, "tls",
                    hint="write protocol: TLS, or take tls out")  # fmt: skip
    if tls is not None and tls.https_redirect and not is_http(protocol):
        yield warning("ignored", f"httpsRedirect is not used: there is no plain HTTP on a {protocol} port", *at, "tls",
                      "httpsRedirect")  # fmt: skip


def _check_tls_of_plain_http(tls: ServerTLSSettings, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what plain HTTP cannot have: anything but a redirect to https."""
    hint = "write protocol: HTTPS to end TLS here"
    if tls.mode not in PASSING:
        yield error("conflict", f"plain HTTP has no tls mode {tls.mode}", *at, "mode", expected="httpsRedirect alone",
                    hint=hint)  # fmt: skip
    for name in certificate_files(tls):
        yield error("conflict", f"plain HTTP has no {name}", *at, name, expected="httpsRedirect alone", hint=hint)


def _host_problem(host: str) -> str | None:
    namespace, slash, name = host.rpartition("/")
    if slash and namespace not in ("*", ".") and not is_dns_label(namespace):
        return f'{describe(namespace)} is not a namespace, "*" or "."'
    return None if is_ip(name) else dotted_host_problem(name)
