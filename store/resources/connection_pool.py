"""`connectionPool`: how many connections, requests and retries there may be to a service, and how long they live.

DestinationRules and Sidecars have it; nothing of either is known here.
"""

from collections.abc import Iterator
from enum import StrEnum

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Duration, Int32, Uint32, documented
from store.resources.names import check_duration


class H2UpgradePolicy(StrEnum):
    """`connectionPool.http.h2UpgradePolicy`. DEFAULT leaves it to the mesh."""

    DEFAULT = "DEFAULT"
    DO_NOT_UPGRADE = "DO_NOT_UPGRADE"
    UPGRADE = "UPGRADE"


@frozen
class TcpKeepalive:
    """`connectionPool.tcp.tcpKeepalive`: probes that find dead connections. Written empty, it turns them on."""

    probes: Uint32 = documented(
        "How many probes go unanswered before a connection is given up.",
        default=Uint32(0),
        since="1.1",
        unset="what the host's kernel does (9)",
        example="3",
    )
    time: Duration | None = documented(
        "How long a connection is silent before the first probe.",
        since="1.1",
        unset="what the host's kernel does (2h)",
        example="10m",
    )
    interval: Duration | None = documented(
        "The time between two probes.", since="1.1", unset="what the host's kernel does (75s)", example="30s"
    )


@frozen
class TCPSettings:
    """`connectionPool.tcp`: limits of the connections, those that carry HTTP included."""

    max_connections: Int32 = documented(
        "How many connections there may be at a time.", default=Int32(0), unset="no limit, as is 0", example="100"
    )
    connect_timeout: Duration | None = documented("How long connecting may take.", unset="10s", example="250ms")
    tcp_keepalive: TcpKeepalive | None = documented(
        "Probes that find dead connections.", since="1.1", unset="none", example="{time: 10m, interval: 30s}"
    )
    max_connection_duration: Duration | None = documented(
        "How old a connection may get; it is closed then.", since="1.15", unset="no limit", example="1h"
    )
    idle_timeout: Duration | None = documented(
        "How long a TCP connection may be silent in both directions; 0s is no limit.",
        since="1.21",
        unset="1h",
        example="10m",
    )


@frozen
class ConnectionKeepalive:
    """`connectionPool.http.http2KeepAlive`: HTTP/2 pings that find dead connections."""

    interval: Duration = documented("The time between two pings.", default=attrs.NOTHING, since="1.31", example="30s")
    timeout: Duration = documented(
        "How long the answer to a ping may take.", default=attrs.NOTHING, since="1.31", example="5s"
    )


@frozen
class HTTPSettings:
    """`connectionPool.http`: limits of requests, for HTTP/1.1 and HTTP/2 alike, whatever the names say."""

    http1_max_pending_requests: Int32 = documented(
        "How many requests may wait for a connection.", default=Int32(0), unset="no limit, as is 0", example="1024"
    )
    http2_max_requests: Int32 = documented(
        "How many requests may be under way at a time.", default=Int32(0), unset="no limit, as is 0", example="1000"
    )
    max_requests_per_connection: Int32 = documented(
        "After so many requests a connection is closed; 1 turns keep-alive off.",
        default=Int32(0),
        unset="no limit, as is 0",
        example="10",
    )
    max_retries: Int32 = documented(
        "How many retries may be under way at a time.", default=Int32(0), unset="no limit, as is 0", example="3"
    )
    idle_timeout: Duration | None = documented(
        "How long a connection may have no request before it is closed.", since="1.2", unset="1h", example="10m"
    )
    h2_upgrade_policy: H2UpgradePolicy = documented(
        "Whether HTTP/1.1 requests are sent on as HTTP/2.",
        default=H2UpgradePolicy.DEFAULT,
        since="1.3",
        unset="as the mesh says",
        example="UPGRADE",
    )
    use_client_protocol: bool = documented(
        "Whether to speak to the service what the client speaks.", default=False, since="1.8", example="true"
    )
    max_concurrent_streams: Int32 = documented(
        "How many streams one HTTP/2 connection may have at a time.",
        default=Int32(0),
        since="1.21",
        unset="2147483647, as is 0",
        example="100",
    )
    http2_keep_alive: ConnectionKeepalive | None = documented(
        "HTTP/2 pings that find dead connections.", since="1.31", unset="none", example="{interval: 30s, timeout: 5s}"
    )


@frozen
class ConnectionPoolSettings:
    """`connectionPool`."""

    tcp: TCPSettings | None = documented(
        "Limits of the connections.", unset="defaults of its fields", example="{maxConnections: 100}"
    )
    http: HTTPSettings | None = documented(
        "Limits of HTTP requests.", unset="defaults of its fields", example="{http2MaxRequests: 1000}"
    )


def check_connection_pool(pool: ConnectionPoolSettings, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *pool* at *path* (Istio's `validateConnectionPool`)."""
    if pool.tcp is None and pool.http is None:
        yield error("missing-field", "an empty connectionPool limits nothing", *path, expected="tcp or http")
    if pool.tcp is not None:
        yield from _check_tcp(pool.tcp, *path, "tcp")
    if pool.http is not None:
        yield from _check_http(pool.http, *path, "http")


def _check_tcp(tcp: TCPSettings, *path: str | int) -> Iterator[Diagnostic]:
    yield from _check_limit(tcp.max_connections, *path, "maxConnections")
    yield from check_duration(tcp.connect_timeout, *path, "connectTimeout")
    yield from check_duration(tcp.max_connection_duration, *path, "maxConnectionDuration")
    yield from check_duration(tcp.idle_timeout, *path, "idleTimeout", zero=True)
    if tcp.tcp_keepalive is not None:
        yield from check_duration(tcp.tcp_keepalive.time, *path, "tcpKeepalive", "time")
        yield from check_duration(tcp.tcp_keepalive.interval, *path, "tcpKeepalive", "interval")


def _check_http(http: HTTPSettings, *path: str | int) -> Iterator[Diagnostic]:
    yield from _check_limit(http.http1_max_pending_requests, *path, "http1MaxPendingRequests")
    yield from _check_limit(http.http2_max_requests, *path, "http2MaxRequests")
    yield from _check_limit(http.max_requests_per_connection, *path, "maxRequestsPerConnection")
    yield from _check_limit(http.max_retries, *path, "maxRetries")
    yield from _check_limit(http.max_concurrent_streams, *path, "maxConcurrentStreams")
    yield from check_duration(http.idle_timeout, *path, "idleTimeout")
    if http.use_client_protocol and http.h2_upgrade_policy is H2UpgradePolicy.UPGRADE:
        message = "useClientProtocol keeps what the client speaks, h2UpgradePolicy UPGRADE changes it"
        yield error("conflict", message, *path, "useClientProtocol", expected="one of them")
    if http.http2_keep_alive is not None:
        yield from check_duration(http.http2_keep_alive.interval, *path, "http2KeepAlive", "interval")
        yield from check_duration(http.http2_keep_alive.timeout, *path, "http2KeepAlive", "timeout")


def _check_limit(limit: int, *path: str | int) -> Iterator[Diagnostic]:
    if limit < 0:
        yield error("bad-value", f"{limit} is negative", *path, expected="1 or more", hint="leave it out for no limit")
