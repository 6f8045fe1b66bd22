"""Sidecar: what a workload hears and whom it can reach: its inbound and outbound listeners, one by one.

Source: Istio's `networking.v1alpha3` and its `ValidateSidecar`. 2018 had no such kind.
"""

from collections.abc import Iterator
from enum import StrEnum

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.connection_pool import ConnectionPoolSettings, check_connection_pool
from store.resources.destination import Destination, check_destination
from store.resources.egress_hosts import check_egress_hosts, check_egress_repeats
from store.resources.fields import Metadata, Uint32, documented
from store.resources.names import UNIX, check_port, is_dns_label, is_ip, unix_socket_problem
from store.resources.ports import check_known_protocol, is_http, is_protocol, is_tls
from store.resources.server_tls import ServerTLSSettings, TLSMode, check_server_tls
from store.resources.workload_selector import WorkloadSelector, check_selector
from store.scalars import describe


class CaptureMode(StrEnum):
    """`captureMode`: how connections come to a listener. DEFAULT is what the host does otherwise."""

    DEFAULT = "DEFAULT"
    IPTABLES = "IPTABLES"
    NONE = "NONE"


class OutboundMode(StrEnum):
    """`outboundTrafficPolicy.mode`."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"


@frozen
class SidecarPort:
    """`ingress[].port`, `egress[].port`."""

    number: Uint32 = documented("1 to 65535; 0 with a unix socket as `bind` of an egress listener.",
                                default=Uint32(0), since="1.1", example="9080")  # fmt: skip
    protocol: str = documented("HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, REDIS or MYSQL, in any case.",
                               default="", since="1.1", unset="found out from the first bytes of a connection",
                               example="HTTP")  # fmt: skip
    name: str = documented("A DNS label, for people.", default="", since="1.1", example="http")
    target_port: Uint32 = documented("Has no meaning here and is refused.", default=Uint32(0), since="1.7")


@frozen
class IngressListener:
    """`ingress[]`: a port on which the workload is reached."""

    port: SidecarPort = documented("Where it listens.", default=attrs.NOTHING, since="1.1",
                                   example="{number: 9080, protocol: HTTP, name: http}")  # fmt: skip
    bind: str = documented("The IP address to listen on.", default="", since="1.1", unset="those of the workload",
                           example="192.0.2.7")  # fmt: skip
    capture_mode: CaptureMode = documented("How connections come here; NONE: clients name this very port.",
                                           default=CaptureMode.DEFAULT, since="1.1", example="NONE")  # fmt: skip
    default_endpoint: str = documented(
        "Where the application listens: `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT` or `[::]:PORT` for the "
        "workload's own address, `unix:///path` or `unix://@abstract`.",
        default="", since="1.1", unset="the same port of the workload", example="127.0.0.1:8080",
    )  # fmt: skip
    tls: ServerTLSSettings | None = documented(
        "How TLS from outside the mesh is ended; needs protocol HTTPS or TLS.", since="1.13", unset="no TLS",
        example="{mode: SIMPLE, serverCertificate: /etc/certs/server.pem, privateKey: /etc/certs/server.key}",
    )  # fmt: skip
    connection_pool: ConnectionPoolSettings | None = documented(
        "Limits of this port.", since="1.21", unset="inboundConnectionPool", example="{tcp: {maxConnections: 100}}"
    )


@frozen
class EgressListener:
    """`egress[]`: services that the workload reaches, on one port or, without `port`, on all that are left."""

    port: SidecarPort | None = documented("Where it listens.", since="1.1",
                                          unset="the ports of the hosts; only the last listener may leave it out",
                                          example="{number: 9080, protocol: HTTP, name: http}")  # fmt: skip
    bind: str = documented("The IP address to listen on, or a socket: `unix:///path`, `unix://@abstract`.", default="",
                           since="1.1", unset="the addresses of the hosts", example="127.0.0.1")  # fmt: skip
    capture_mode: CaptureMode = documented("How connections come here; NONE: the application names this very address.",
                                           default=CaptureMode.DEFAULT, since="1.1", example="NONE")  # fmt: skip
    hosts: tuple[str, ...] = documented(
        "`namespace/name` of what is reached: `*` is any namespace, `.` the own one; the name is a DNS name, `*.name` "
        "or `*`. `~namespace/name` takes hosts out again, `~/name` of every namespace; `~/*` reaches nothing. At "
        "least one.",
        default=(), since="1.1", example='["./*", "shop/*", "~shop/old.shop.com"]',
    )  # fmt: skip


@frozen
class OutboundTrafficPolicy:
    """`outboundTrafficPolicy`."""

    mode: OutboundMode = documented(
        "REGISTRY_ONLY: hosts that no service has are not reached. ALLOW_ANY: they are, as if there were no mesh.",
        default=OutboundMode.REGISTRY_ONLY, since="1.3", example="ALLOW_ANY",
    )  # fmt: skip
    egress_proxy: Destination | None = documented("The service through which unknown hosts are reached.", since="1.6",
                                                  example="{host: out.shop.com, port: {number: 80}}")  # fmt: skip


@frozen
class Sidecar:
    """`spec` of a Sidecar. It says something, or is refused."""

    workload_selector: WorkloadSelector | None = documented(
        "The workloads that it is for.", since="1.1", unset="every one of the namespace that no other Sidecar selects",
        example="{labels: {app: reviews}}",
    )  # fmt: skip
    ingress: tuple[IngressListener, ...] = documented("Where the workload is reached.", default=(), since="1.1",
                                                      unset="on the ports of its services",
                                                      example="[{port: {number: 80}}]")  # fmt: skip
    inbound_connection_pool: ConnectionPoolSettings | None = documented(
        "Limits of what reaches the workload.", since="1.20", unset="those of the DestinationRule of its service",
        example="{http: {http2MaxRequests: 1000}}",
    )  # fmt: skip
    egress: tuple[EgressListener, ...] = documented("Whom the workload reaches.", default=(), since="1.1",
                                                    unset="every service that is exported to it",
                                                    example='[{hosts: ["./*"]}]')  # fmt: skip
    outbound_traffic_policy: OutboundTrafficPolicy | None = documented(
        "What becomes of requests for hosts that no service has.", since="1.3", unset="what the mesh says",
        example="{mode: REGISTRY_ONLY}",
    )  # fmt: skip


def check(sidecar: Sidecar) -> Iterator[Diagnostic]:
    """Yield what is wrong with *sidecar*, paths from its `spec` (Istio's `ValidateSidecar`)."""
    if sidecar.workload_selector is not None:
        yield from check_selector(sidecar.workload_selector.labels, "workloadSelector")
    policy, pool = sidecar.outbound_traffic_policy, sidecar.inbound_connection_pool
    if not sidecar.ingress and not sidecar.egress and policy is None and pool is None:
        yield error("missing-field", "an empty Sidecar says nothing",
                    expected="ingress, egress, outboundTrafficPolicy or inboundConnectionPool")  # fmt: skip
    yield from _check_ingress(sidecar.ingress)
    yield from _check_egress(sidecar.egress)
    if pool is not None:
        yield from check_connection_pool(pool, "inboundConnectionPool")
    if policy is not None and policy.egress_proxy is not None:
        yield from _check_egress_proxy(policy.egress_proxy, policy.mode, "outboundTrafficPolicy")


def check_in_place(metadata: Metadata, sidecar: Sidecar) -> Iterator[Diagnostic]:
    """Yield which hosts of *sidecar* say nothing new where it is, paths from the document."""
    for i, listener in enumerate(sidecar.egress):
        yield from check_egress_repeats(listener.hosts, metadata.namespace, "spec", "egress", i, "hosts")


# --- ingress ------------------------------------------------------------------------------------------------


def _check_ingress(listeners: tuple[IngressListener, ...]) -> Iterator[Diagnostic]:
    numbers: set[int] = set()
    for i, listener in enumerate(listeners):
        at, port = ("ingress", i), listener.port
        yield from _check_port(port, *at, "port")
        yield from check_port(port.number, *at, "port", "number")
        if listener.bind and not is_ip(listener.bind):
            yield error("bad-value", f"{describe(listener.bind)} is not an IP address", *at, "bind",
                        expected="an IP address")  # fmt: skip
        if port.number in numbers:
            yield error("duplicate", f"port {port.number} has a listener already", *at, "port", "number")
        numbers.add(port.number)
        problem = _endpoint_problem(listener.default_endpoint)
        if problem:
            message = f"{describe(listener.default_endpoint)} is not where an application listens: {problem}"
            yield error("bad-value", message, *at, "defaultEndpoint",
                        expected="127.0.0.1:PORT, [::1]:PORT, 0.0.0.0:PORT, [::]:PORT or unix:///path")  # fmt: skip
        if listener.tls is not None:
            yield from _check_tls(listener.tls, port.protocol, *at)
        if listener.connection_pool is not None:
            yield from _check_pool(listener.connection_pool, port, *at, "connectionPool")


def _endpoint_problem(endpoint: str) -> str | None:
    """Say what keeps *endpoint* from being an address of the workload's own, with a port, or a socket, or None."""
    if not endpoint:
        return None
    if endpoint.startswith(UNIX):
        return unix_socket_problem(endpoint)
    host, colon, port = endpoint.rpartition(":")
    if not colon or endpoint.endswith("]"):
        return "it has no port"
    if host not in ("", "127.0.0.1", "0.0.0.0", "[127.0.0.1]", "[0.0.0.0]", "[::1]", "[::]"):
        return f"{describe(host)} is no address of the host itself"
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        return f"{describe(port)} is not a port"
    return None


def _check_tls(tls: ServerTLSSettings, protocol: str, *at: str | int) -> Iterator[Diagnostic]:
    if not is_tls(protocol) and (not protocol or is_protocol(protocol)):
        what = f"protocol {describe(protocol)}" if protocol else "a port without protocol"
        yield error("conflict", f"{what} has no tls", *at, "tls", hint="write protocol: HTTPS or TLS")
    if tls.mode in (TLSMode.ISTIO_MUTUAL, TLSMode.AUTO_PASSTHROUGH):
        yield error("conflict", f"a Sidecar has no tls mode {tls.mode}", *at, "tls", "mode",
                    expected="one of PASSTHROUGH, SIMPLE, MUTUAL, OPTIONAL_MUTUAL")  # fmt: skip
    refused = {
        "httpsRedirect": tls.https_redirect, "subjectAltNames": tls.subject_alt_names,
        "credentialName": tls.credential_name, "credentialNames": tls.credential_names,
        "tlsCertificates": tls.tls_certificates,
    }  # fmt: skip
    for name in (name for name, value in refused.items() if value):
        credential = name.startswith(("credential", "tlsCert"))
        hint = "name files: serverCertificate and privateKey" if credential else "take it out"
        yield error("conflict", f"tls of a Sidecar has no {name}", *at, "tls", name, hint=hint)
    yield from check_server_tls(tls, *at, "tls", secrets=False)


def _check_pool(pool: ConnectionPoolSettings, port: SidecarPort, *at: str | int) -> Iterator[Diagnostic]:
    yield from check_connection_pool(pool, *at)
    if pool.http is not None and not is_http(port.protocol):
        what = f"protocol {describe(port.protocol)} is not HTTP" if port.protocol else "the port has no protocol"
        yield warning("ignored", f"limits of HTTP are not used: {what}", *at, "http")


# --- egress -------------------------------------------------------------------------------------------------


def _check_egress(listeners: tuple[EgressListener, ...]) -> Iterator[Diagnostic]:
    taken: set[int | str] = set()
    for i, listener in enumerate(listeners):
        at, port = ("egress", i), listener.port
        if port is None:
            if i != len(listeners) - 1:
                yield error("conflict", "a listener without port takes what is left, and so comes last", *at,
                            hint="move it to the end, or give it a port")  # fmt: skip
        else:
            yield from _check_port(port, *at, "port")
            yield from _check_egress_bind(listener, port, *at)
            place: int | str = port.number or listener.bind
            if place in taken:
                what = f"port {place}" if port.number else f"socket {describe(place)}"
                where = ("port", "number") if port.number else ("bind",)
                yield error("duplicate", f"{what} has a listener already", *at, *where)
            taken.add(place)
        if not listener.hosts:
            yield error("missing-field", "an egress listener has at least one host", *at, expected="hosts",
                        hint='"~/*" reaches nothing')  # fmt: skip
        yield from check_egress_hosts(listener.hosts, *at, "hosts")


def _check_egress_bind(listener: EgressListener, port: SidecarPort, *at: str | int) -> Iterator[Diagnostic]:
    bind = listener.bind
    if port.number:
        yield from check_port(port.number, *at, "port", "number")
        if bind.startswith(UNIX):
            yield error("conflict", f"a unix socket has no port, and {port.number} is one", *at, "port", "number",
                        expected="0")  # fmt: skip
        elif bind and not is_ip(bind):
            yield error("bad-value", f"{describe(bind)} is not an IP address", *at, "bind", expected="an IP address")
        return
    if not bind.startswith(UNIX):
        yield error("bad-value", "0 is not a port, and there is no unix socket to bind", *at, "port", "number",
                    expected="1 to 65535, or 0 with bind: unix:///path")  # fmt: skip
        return
    problem = unix_socket_problem(bind)
    if problem:
        yield error("bad-value", f"{describe(bind)} cannot be bound: {problem}", *at, "bind",
                    expected="unix:///path or unix://@name")  # fmt: skip
    if listener.capture_mode is CaptureMode.IPTABLES:
        yield error("conflict", "connections to a unix socket cannot be captured", *at, "captureMode",
                    expected="DEFAULT or NONE")  # fmt: skip


def _check_egress_proxy(proxy: Destination, mode: OutboundMode, *at: str | int) -> Iterator[Diagnostic]:
    if mode is not OutboundMode.ALLOW_ANY:
        yield error("conflict", f"under {mode} nothing goes through the egressProxy", *at, "egressProxy",
                    hint="write mode: ALLOW_ANY")  # fmt: skip
    if proxy.host.startswith("*") and proxy.host != "*":
        yield error("bad-host", f"{describe(proxy.host)} cannot be the proxy: it is a wildcard", *at, "egressProxy",
                    "host", expected="a DNS name")  # fmt: skip
    yield from check_destination(proxy, *at, "egressProxy")
    if proxy.port is None:
        yield error("missing-field", "the egressProxy is a port of a service", *at, "egressProxy", expected="port")


# --- both ---------------------------------------------------------------------------------------------------


def _check_port(port: SidecarPort, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *port* but its number."""
    if port.name and not is_dns_label(port.name):
        yield error("bad-value", f"{describe(port.name)} is not a name of a port", *at, "name",
                    expected="letters, digits and -, up to 63 characters")  # fmt: skip
    if port.protocol:
        yield from check_known_protocol(port.protocol, *at, "protocol")
    if port.target_port:
        yield error("conflict", "a port of a Sidecar has no targetPort", *at, "targetPort",
                    hint="an ingress listener has a defaultEndpoint")  # fmt: skip
