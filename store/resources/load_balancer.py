"""`loadBalancer`: which endpoint of a service gets a request."""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.fields import Double, Duration, Old, Uint32, Uint64, documented
from store.resources.legacy import below
from store.resources.locality import (
    LocalityLoadBalancerSetting,
    ZoneAwareLoadBalancerSetting,
    check_locality,
    check_zone_aware,
)
from store.resources.names import check_duration, header_name_problem
from store.scalars import describe, render_duration

MAGLEV_LIMIT = 5_000_011
"""Envoy's largest Maglev table is the largest prime below it."""
MAX_RING_SIZE = 8 * 1024 * 1024
"""Envoy's limit (`RingHashLbConfig.minimum_ring_size`)."""


class SimpleLB(StrEnum):
    """`loadBalancer.simple`. UNSPECIFIED leaves the choice to the mesh (LEAST_REQUEST)."""

    UNSPECIFIED = "UNSPECIFIED"
    LEAST_CONN = "LEAST_CONN"
    RANDOM = "RANDOM"
    PASSTHROUGH = "PASSTHROUGH"
    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"


@frozen
class CookieAttribute:
    """One of `httpCookie.attributes`."""

    name: str = documented("Its name.", default=attrs.NOTHING, since="1.28", example="SameSite")
    value: str = documented("Its value.", default="", since="1.28", example="Strict")


@frozen
class HTTPCookie:
    """`consistentHash.httpCookie`."""

    name: str = documented("The cookie's name.", default=attrs.NOTHING, since="1.0", example="user")
    path: str = documented("The path of a cookie that is made.", default="", since="1.0", example="/")
    ttl: Duration | None = documented(
        "How long a cookie lasts that is made for clients without one; 0s is as long as the browser runs.",
        since="1.0",
        unset="none is made",
        example="1h",
    )
    attributes: tuple[CookieAttribute, ...] = documented(
        "More attributes of a cookie that is made.", default=(), since="1.28", example="[{name: SameSite, value: Lax}]"
    )


@frozen
class RingHash:
    """`consistentHash.ringHash`."""

    minimum_ring_size: Uint64 = documented(
        "How many places the ring has at least; more spread the load more evenly.",
        default=Uint64(0),
        since="1.16",
        unset="1024, as is 0",
        example="4096",
    )


@frozen
class MagLev:
    """`consistentHash.maglev`."""

    table_size: Uint64 = documented(
        "How many places the table has: a prime number below 5000011.",
        default=attrs.NOTHING,
        since="1.16",
        example="65537",
    )


@frozen
class ConsistentHashLB:
    """`loadBalancer.consistentHash`: requests with the same key go to the same endpoint, as long as it is there."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"}),
        frozenset({"ringHash", "maglev"}),
    )

    http_header_name: str | None = documented(
        "The key is this request header.", since="1.0", example="x-user", old=(Old("httpHeader"),)
    )
    http_cookie: HTTPCookie | None = documented("The key is a cookie.", since="1.0", example="{name: user, ttl: 0s}")
    use_source_ip: bool | None = documented(
        "The key is the client's address; the only one for TCP.", since="1.0", example="true"
    )
    http_query_parameter_name: str | None = documented("The key is this query parameter.", since="1.6", example="user")
    ring_hash: RingHash | None = documented(
        "Endpoints stand on a ring.",
        since="1.16",
        unset="a ring of 1024 places",
        example="{minimumRingSize: 4096}",
        old=(Old("minimumRingSize", below("minimumRingSize"), written="ringHash.minimumRingSize"),),
    )
    maglev: MagLev | None = documented("Endpoints stand in a table.", since="1.16", example="{tableSize: 65537}")


@frozen
class BackendUtilizationLB:
    """`loadBalancer.backendUtilization`: endpoints that report more load (ORCA) get fewer requests.

    Envoy's policy `client_side_weighted_round_robin`.
    """

    weight_stabilization_period: Duration | None = documented(
        "How long an endpoint reports before it is believed.", since="1.32", unset="10s", example="30s"
    )
    weight_expiration_period: Duration | None = documented(
        "How long a report is believed.", since="1.32", unset="3m", example="1m"
    )
    weight_update_period: Duration | None = documented(
        "How often weights are computed; at most every 100ms.", since="1.32", unset="1s", example="5s"
    )
    error_utilization_penalty_percent: Uint32 = documented(
        "How much the share of errors counts as load, in percent.",
        default=Uint32(0),
        since="1.32",
        unset="not at all",
        example="100",
    )
    metric_names_for_computing_utilization: tuple[str, ...] = documented(
        "The reported metrics of which the largest counts, `named_metrics.NAME`.",
        default=(),
        since="1.32",
        unset="application_utilization",
        example="[named_metrics.queue]",
    )


@frozen
class WarmupConfiguration:
    """`loadBalancer.warmup`: a new endpoint gets few requests first, then more and more."""

    duration: Duration = documented(
        "How long it takes until it gets its full share.", default=attrs.NOTHING, since="1.24", example="1m"
    )
    minimum_percent: Double | None = documented(
        "The share that it begins with, in percent.", since="1.24", unset="10", example="5"
    )
    aggression: Double | None = documented(
        "How the share grows: 1 is evenly, more is fast at first.", since="1.24", unset="1", example="2"
    )


@frozen
class LoadBalancerSettings:
    """`loadBalancer`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"simple", "consistentHash", "backendUtilization"}),
        frozenset({"localityLbSetting", "zoneAwareLbSetting"}),
    )

    simple: SimpleLB | None = documented(
        "A way that needs no settings.", unset="as the mesh says (LEAST_REQUEST)", example="ROUND_ROBIN"
    )
    consistent_hash: ConsistentHashLB | None = documented(
        "The same key goes to the same endpoint.", example="{httpHeaderName: x-user}", runs=False
    )
    locality_lb_setting: LocalityLoadBalancerSetting | None = documented(
        "Where requests go by the client's locality.",
        since="1.5",
        unset="as the mesh says",
        example="{failover: [{from: eu, to: us}]}",
        runs=False,
    )
    warmup: WarmupConfiguration | None = documented(
        "How new endpoints are eased in; for ROUND_ROBIN and LEAST_REQUEST.",
        since="1.24",
        unset="at once",
        example="{duration: 1m}",
        old=(Old("warmupDurationSecs", below("duration"), written="warmup.duration"),),
        runs=False,
    )
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = documented(
        "Requests stay in the client's zone.", since="1.31", unset="they do not", example="{enabled: true}", runs=False
    )
    backend_utilization: BackendUtilizationLB | None = documented(
        "Endpoints that report more load get fewer requests.", since="1.32", example="{}", runs=False
    )


def check_load_balancer(settings: LoadBalancerSettings, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *settings* at *path* (Istio's `validateLoadBalancer`)."""
    if settings.simple is SimpleLB.LEAST_CONN:
        message = '"LEAST_CONN" is an old spelling'
        yield warning("old-spelling", message, *path, "simple", hint='write "LEAST_REQUEST"')
    elif settings.simple is SimpleLB.PASSTHROUGH:
        yield not_supported('the load balancer "PASSTHROUGH" is not supported yet', *path, "simple")
    if settings.consistent_hash is not None:
        yield from _check_hash(settings.consistent_hash, *path, "consistentHash")
    if settings.backend_utilization is not None:
        yield from _check_utilization(settings.backend_utilization, *path, "backendUtilization")
    if settings.warmup is not None:
        yield from _check_warmup(settings.warmup, *path, "warmup")
    if settings.locality_lb_setting is not None:
        yield from check_locality(settings.locality_lb_setting, *path, "localityLbSetting")
    if settings.zone_aware_lb_setting is not None:
        yield from check_zone_aware(settings.zone_aware_lb_setting, *path, "zoneAwareLbSetting")


def check_failover_acts(settings: LoadBalancerSettings, *path: str | int, sick_are_found: bool) -> Iterator[Diagnostic]:
    """Yield that failover in *settings* does nothing, unless *sick_are_found*: there is an outlierDetection."""
    for name, setting in (
        ("localityLbSetting", settings.locality_lb_setting),
        ("zoneAwareLbSetting", settings.zone_aware_lb_setting),
    ):
        if sick_are_found or setting is None or not (setting.failover or setting.failover_priority):
            continue
        field = "failover" if setting.failover else "failoverPriority"
        message = f"{field} does nothing in this rule: without outlierDetection no endpoint is found to be sick"
        hint = "add outlierDetection: {} to the same trafficPolicy"
        yield warning("ineffective-failover", message, *path, name, field, hint=hint)


def _check_hash(hashed: ConsistentHashLB, *path: str | int) -> Iterator[Diagnostic]:
    problem = None if hashed.http_header_name is None else header_name_problem(hashed.http_header_name)
    if problem:
        message = f"{describe(hashed.http_header_name)} cannot be the key: {problem}"
        yield error("bad-value", message, *path, "httpHeaderName", expected="the name of a header")
    if hashed.http_query_parameter_name == "":
        message = "the name of the query parameter is empty"
        yield error("bad-value", message, *path, "httpQueryParameterName", expected="a name")
    if hashed.http_cookie is not None:
        yield from _check_cookie(hashed.http_cookie, *path, "httpCookie")
    if hashed.ring_hash is not None and hashed.ring_hash.minimum_ring_size > MAX_RING_SIZE:
        message = f"a ring of {hashed.ring_hash.minimum_ring_size} places is too large"
        yield error("bad-value", message, *path, "ringHash", "minimumRingSize", expected=f"at most {MAX_RING_SIZE}")
    if hashed.maglev is not None:
        yield from _check_maglev(hashed.maglev.table_size, *path, "maglev", "tableSize")


def _check_cookie(cookie: HTTPCookie, *path: str | int) -> Iterator[Diagnostic]:
    if not cookie.name:
        yield error("bad-value", "the cookie's name is empty", *path, "name", expected="a name")
    if cookie.ttl is not None and cookie.ttl < 0:
        message = f"{render_duration(cookie.ttl)} is no lifetime: it is negative"
        yield error("bad-value", message, *path, "ttl", expected="0s (a session) or more")
    names: set[str] = set()
    for i, attribute in enumerate(cookie.attributes):
        if not attribute.name:
            yield error("bad-value", "the attribute's name is empty", *path, "attributes", i, "name", expected="a name")
        elif attribute.name in names:
            message = f"the attribute {describe(attribute.name)} is given twice"
            yield error("duplicate", message, *path, "attributes", i, "name")
        names.add(attribute.name)


def _check_maglev(size: int, *path: str | int) -> Iterator[Diagnostic]:
    expected = f"a prime number below {MAGLEV_LIMIT}, such as 65537"
    if not 0 < size < MAGLEV_LIMIT:
        yield error("bad-value", f"a table of {size} places cannot be", *path, expected=expected)
    elif not _is_prime(size):
        near = next((number for number in range(size + 1, MAGLEV_LIMIT) if _is_prime(number)), None)
        hint = f"the next prime number is {near}" if near else None
        yield error("bad-value", f"{size} is not a prime number", *path, expected=expected, hint=hint)


def _is_prime(number: int) -> bool:
    """Say whether *number* is prime; 1 counts, as with Envoy. About 1,000 divisions at most below `MAGLEV_LIMIT`."""
    if number < 4:
        return True
    return number % 2 == 1 and all(number % factor for factor in range(3, int(number**0.5) + 1, 2))


def _check_utilization(settings: BackendUtilizationLB, *path: str | int) -> Iterator[Diagnostic]:
    for name, period in (
        ("weightStabilizationPeriod", settings.weight_stabilization_period),
        ("weightExpirationPeriod", settings.weight_expiration_period),
        ("weightUpdatePeriod", settings.weight_update_period),
    ):
        if period is not None and period < 0:
            yield error("bad-value", f"{render_duration(period)} is negative", *path, name, expected="0s or more")


def _check_warmup(warmup: WarmupConfiguration, *path: str | int) -> Iterator[Diagnostic]:
    yield from check_duration(warmup.duration, *path, "duration")
    if warmup.minimum_percent is not None and not 0 <= warmup.minimum_percent <= 100:
        message = f"{warmup.minimum_percent:g} is not a percentage"
        yield error("bad-value", message, *path, "minimumPercent", expected="0 to 100")
    if warmup.aggression is not None and warmup.aggression <= 0:
        message = f"with an aggression of {warmup.aggression:g} no share grows"
        yield error("bad-value", message, *path, "aggression", expected="more than 0")
