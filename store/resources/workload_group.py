"""WorkloadGroup: what workloads of one sort have in common when they register, and how one sees that they are ready."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import Int32, Uint32, documented
from store.resources.names import check_labels, check_limit, check_port
from store.resources.workload_entry import WorkloadEntry, check_address, check_all_but_address
from store.scalars import describe

_PORT = "1 to 65535."


@frozen
class HTTPHeader:
    """`probe.httpGet.httpHeaders[]`. A name may come several times."""

    name: str = documented("Letters, digits and `-`.", default=attrs.NOTHING, since="1.8", example="X-Probe")
    value: str = documented("Sent as it is.", default="", since="1.8")


@frozen
class HTTPHealthCheckConfig:
    """`probe.httpGet`: healthy is who answers with a status of 200 to 399."""

    port: Uint32 = documented(_PORT, default=attrs.NOTHING, since="1.8", example="8080")
    path: str = documented("What is asked for.", default="", since="1.8", unset="/", example="/ready")
    host: str = documented("Who is asked. For a virtual host, rather write the header Host.", default="", since="1.8",
                           unset="the workload's own address")  # fmt: skip
    scheme: str = documented("`HTTP` or `HTTPS`; certificates are not verified.", default="", since="1.8",
                             unset="HTTP", example="HTTPS")  # fmt: skip
    http_headers: tuple[HTTPHeader, ...] = documented("Sent along.", default=(), since="1.8",
                                                      example="[{name: Host, value: shop.com}]")  # fmt: skip


@frozen
class TCPHealthCheckConfig:
    """`probe.tcpSocket`: healthy is who accepts a connection."""

    port: Uint32 = documented(_PORT, default=attrs.NOTHING, since="1.8", example="5432")
    host: str = documented("Whom to connect to.", default="", since="1.8", unset="localhost")


@frozen
class ExecHealthCheckConfig:
    """`probe.exec`: healthy is whose command ends with status 0."""

    command: tuple[str, ...] = documented("The program and its arguments; there is no shell.", default=attrs.NOTHING,
                                          since="1.8", example='[pg_isready, "-q"]')  # fmt: skip


@frozen
class GrpcHealthCheckConfig:
    """`probe.grpc`: healthy is who says so by gRPC's health protocol."""

    port: Uint32 = documented(_PORT, default=attrs.NOTHING, since="1.25", example="9090")
    service: str = documented("The full name of the service to ask about.", default="", since="1.25",
                              unset="the server as a whole", example="shop.Cart")  # fmt: skip


@frozen
class ReadinessProbe:
    """`probe`: how the agent finds out that a workload is ready. Exactly one way of asking."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"httpGet", "tcpSocket", "exec", "grpc"}),)

    initial_delay_seconds: Int32 = documented("How long to wait before the first probe.", default=Int32(0),
                                              since="1.8", unset="0", example="5")  # fmt: skip
    timeout_seconds: Int32 = documented("How long a probe may take.", default=Int32(0), since="1.8", unset="1")
    period_seconds: Int32 = documented("How often to probe.", default=Int32(0), since="1.8", unset="10")
    success_threshold: Int32 = documented("So many successes in a row make it ready.", default=Int32(0), since="1.8",
                                          unset="1")  # fmt: skip
    failure_threshold: Int32 = documented("So many failures in a row make it unready.", default=Int32(0), since="1.8",
                                          unset="1, as Istio's agent does; its documentation says 3")  # fmt: skip
    http_get: HTTPHealthCheckConfig | None = documented("Ask by HTTP.", since="1.8",
                                                        example="{path: /ready, port: 8080}")  # fmt: skip
    tcp_socket: TCPHealthCheckConfig | None = documented("Connect.", since="1.8", example="{port: 5432}")
    exec: ExecHealthCheckConfig | None = documented("Run a program.", since="1.8", example="{command: [pg_isready]}")
    grpc: GrpcHealthCheckConfig | None = documented("Ask by gRPC's health protocol.", since="1.25",
                                                    example="{port: 9090}")  # fmt: skip


@frozen
class ObjectMeta:
    """`spec.metadata`: what each WorkloadEntry of the group gets; names are given by the mesh."""

    labels: Mapping[str, str] = documented("What selectors and subsets choose by.", default={}, since="1.8",
                                           example="{app: reviews}")  # fmt: skip
    annotations: Mapping[str, str] = documented("For people and their programs.", default={}, since="1.8")


@frozen
class WorkloadGroup:
    """`spec` of a WorkloadGroup."""

    template: WorkloadEntry = documented("What the group's entries say; `{}` will do.", default=attrs.NOTHING,
                                         since="1.8", example="{serviceAccount: reviews}")  # fmt: skip
    metadata: ObjectMeta | None = documented("Labels and annotations of the group's entries.", since="1.8",
                                             example="{labels: {app: reviews}}")  # fmt: skip
    probe: ReadinessProbe | None = documented("How one sees that a workload is ready.", since="1.8",
                                              unset="ready from the start")  # fmt: skip


MAX_ANNOTATIONS = 256
SCHEMES = ("HTTP", "HTTPS")
_HEADER_NAME = re.compile(r"[-A-Za-z0-9]+", re.ASCII)


def check(group: WorkloadGroup) -> Iterator[Diagnostic]:
    """Yield what is wrong with *group*, paths from its `spec` (Istio's `ValidateWorkloadGroup`; gRPC is ours)."""
    if group.metadata is not None:
        yield from check_labels(group.metadata.labels, "metadata", "labels")
        yield from check_limit(
            len(group.metadata.annotations), MAX_ANNOTATIONS, "annotations", "metadata", "annotations"
        )
    yield from _check_template(group.template, "template")
    if group.probe is not None:
        yield from _check_probe(group.probe, "probe")


def _check_template(template: WorkloadEntry, *at: str | int) -> Iterator[Diagnostic]:
    yield from check_all_but_address(template, *at)
    if template.address:
        yield from check_address(template, *at)
        yield warning("ignored", "each workload of the group has its own address, this one is not used", *at,
                      "address", hint='take "address" out')  # fmt: skip


def _check_probe(probe: ReadinessProbe, *at: str | int) -> Iterator[Diagnostic]:
    numbers = {
        "initialDelaySeconds": probe.initial_delay_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }
    for name, number in numbers.items():
        if number < 0:
            yield error("bad-value", f"{number} is negative", *at, name, expected="0 (the default) or more")
    if probe.http_get is not None:
        yield from _check_http(probe.http_get, *at, "httpGet")
    if probe.tcp_socket is not None:
        yield from check_port(probe.tcp_socket.port, *at, "tcpSocket", "port")
    if probe.grpc is not None:
        yield from check_port(probe.grpc.port, *at, "grpc", "port")
    if probe.exec is not None:
        yield from _check_command(probe.exec.command, *at, "exec")
    if all(method is None for method in (probe.http_get, probe.tcp_socket, probe.exec, probe.grpc)):
        expected = "one of httpGet, tcpSocket, exec, grpc"
        yield error("missing-field", "the probe does not say how to ask", *at, expected=expected)


def _check_http(http: HTTPHealthCheckConfig, *at: str | int) -> Iterator[Diagnostic]:
    yield from check_port(http.port, *at, "port")
    if http.scheme and http.scheme not in SCHEMES:
        hint = f'write "{http.scheme.upper()}"' if http.scheme.upper() in SCHEMES else None
        yield error("bad-value", f"{describe(http.scheme)} is not a scheme", *at, "scheme",
                    expected=f"one of {', '.join(SCHEMES)}", hint=hint)  # fmt: skip
    for i, header in enumerate(http.http_headers):
        if not _HEADER_NAME.fullmatch(header.name):
            yield error("bad-value", f"{describe(header.name)} is not a name of a probe's header", *at, "httpHeaders",
                        i, "name", expected="letters, digits and -")  # fmt: skip


def _check_command(command: tuple[str, ...], *at: str | int) -> Iterator[Diagnostic]:
    if not command:
        yield error("missing-field", "there is no command", *at, expected="command")
    for i, word in enumerate(command):
        if not word:
            yield error("bad-value", "a word of the command is empty", *at, "command", i)
