"""DestinationRule: what happens after routing has chosen a host: its subsets, and how hosts talk to its endpoints.

The blocks of a policy have their own files: `load_balancer.py`, `connection_pool.py`, `outlier_detection.py`,
`client_tls.py`, `client_compression.py`.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.client_compression import ClientCompressionSettings
from store.resources.client_tls import ClientTLSSettings, check_client_tls
from store.resources.connection_pool import ConnectionPoolSettings, check_connection_pool
from store.resources.export_to import check_export_to, check_own_namespace, check_private
from store.resources.fields import Double, Duration, Metadata, Old, PortSelector, Uint32, documented
from store.resources.load_balancer import LoadBalancerSettings, SimpleLB, check_failover_acts, check_load_balancer
from store.resources.names import (
    check_duration,
    check_labels,
    check_limit,
    check_port,
    fqdn_problem,
    host_problem,
    is_dns_label,
    is_ip,
)
from store.resources.outlier_detection import NESTED_ERRORS, OutlierDetection, check_outlier_detection
from store.resources.policy_target import PolicySelector, check_policy_selector
from store.scalars import describe, did_you_mean

__all__ = [
    "DestinationRule",
    "LoadBalancerSettings",
    "PortTrafficPolicy",
    "SimpleLB",
    "Subset",
    "TrafficPolicy",
    "check",
]

MAX_PORT_SETTINGS = 4096
"""The limit of Istio's published schema."""


@frozen
class PortTrafficPolicy:
    """One of `portLevelSettings`. It replaces the policy for its port: what it leaves out has the mesh's defaults."""

    port: PortSelector = documented("The service's port.", default=attrs.NOTHING, since="0.8", example="{number: 9080}")
    load_balancer: LoadBalancerSettings | None = documented(
        "Which endpoint gets a request.", since="0.8", unset="as the mesh says", example="{simple: RANDOM}"
    )
    connection_pool: ConnectionPoolSettings | None = documented(
        "How many connections and requests there may be.",
        since="0.8",
        unset="no limits",
        example="{tcp: {maxConnections: 100}}",
    )
    outlier_detection: OutlierDetection | None = documented(
        "When an endpoint is left out for a while.",
        since="0.8",
        unset="never",
        example="{consecutive5xxErrors: 7}",
        old=(NESTED_ERRORS,),
    )
    tls: ClientTLSSettings | None = documented(
        "How connections are secured.",
        since="0.8",
        unset="TLS of the mesh wherever the other side can",
        example="{mode: SIMPLE}",
    )
    compression: ClientCompressionSettings | None = documented(
        "Whether hosts decompress answers for their applications.",
        since="1.32",
        unset="they do not",
        example="{response: {decompress: {enabled: true}}}",
    )


@frozen
class TunnelSettings:
    """`tunnel`: TCP and TLS connections go through the service, which is a proxy, to another host."""

    target_host: str = documented(
        "The host at the other end: a DNS name or an IP address.",
        default=attrs.NOTHING,
        since="1.14",
        example="api.example.com",
    )
    target_port: Uint32 = documented("Its port.", default=attrs.NOTHING, since="1.14", example="443")
    protocol: str = documented(
        "The HTTP method that opens the tunnel.", default="", since="1.14", unset="CONNECT", example="POST"
    )


class ProxyProtocolVersion(StrEnum):
    """`proxyProtocol.version`: V1 is text, V2 binary."""

    V1 = "V1"
    V2 = "V2"


@frozen
class ProxyProtocol:
    """`proxyProtocol`: the service is told the client's address (HAProxy's PROXY protocol)."""

    version: ProxyProtocolVersion = documented(
        "How it is told.", default=ProxyProtocolVersion.V1, since="1.21", example="V2"
    )


@frozen
class RetryBudget:
    """`retryBudget`: how many retries there may be at a time; takes the place of `connectionPool.http.maxRetries`."""

    percent: Double | None = documented(
        "How many of the requests under way may be retries, in percent.", since="1.27", unset="20", example="10"
    )
    min_retry_concurrency: Uint32 = documented(
        "So many retries may be under way in any case.",
        default=Uint32(0),
        since="1.27",
        unset="3, as is 0",
        example="5",
    )
    budget_interval: Duration | None = documented(
        "The time over which requests are counted; with 0s, those under way are.",
        since="1.27",
        unset="as 0s",
        example="10s",
    )


@frozen
class TrafficPolicy:
    """`trafficPolicy`, of the rule and of each subset. A subset's blocks replace the rule's, block by block."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"tunnel", "proxyProtocol"}),)

    load_balancer: LoadBalancerSettings | None = documented(
        "Which endpoint gets a request.", unset="as the mesh says", example="{simple: ROUND_ROBIN}"
    )
    connection_pool: ConnectionPoolSettings | None = documented(
        "How many connections and requests there may be.",
        unset="no limits",
        example="{tcp: {maxConnections: 100}}",
        runs=False,
    )
    outlier_detection: OutlierDetection | None = documented(
        "When an endpoint is left out for a while.",
        unset="never",
        example="{consecutive5xxErrors: 7}",
        old=(NESTED_ERRORS,),
        runs=False,
    )
    tls: ClientTLSSettings | None = documented(
        "How connections are secured.",
        unset="TLS of the mesh wherever the other side can",
        example="{mode: SIMPLE}",
        runs=False,
    )
    port_level_settings: tuple[PortTrafficPolicy, ...] = documented(
        "Policies of single ports, each instead of this one.",
        default=(),
        since="0.8",
        example="[{port: {number: 9080}, loadBalancer: {simple: RANDOM}}]",
        runs=False,
    )
    tunnel: TunnelSettings | None = documented(
        "Sends TCP and TLS through a proxy to another host.",
        since="1.14",
        example="{targetHost: api.example.com, targetPort: 443}",
        runs=False,
    )
    proxy_protocol: ProxyProtocol | None = documented(
        "Tells the service the client's address.", since="1.21", example="{version: V2}", runs=False
    )
    retry_budget: RetryBudget | None = documented(
        "How many retries there may be at a time.", since="1.27", unset="no limit", example="{percent: 10}", runs=False
    )
    compression: ClientCompressionSettings | None = documented(
        "Whether hosts decompress answers for their applications.",
        since="1.32",
        unset="they do not",
        example="{response: {decompress: {enabled: true}}}",
        runs=False,
    )


@frozen
class Subset:
    """A named part of a service: the endpoints that have all of *labels*; empty labels are all endpoints."""

    name: str = documented("The name that routes use.", default=attrs.NOTHING, example="v1")
    labels: Mapping[str, str] = documented(
        "What an endpoint has to have, all of it.", default={}, unset="all endpoints", example="{version: v1}"
    )
    traffic_policy: TrafficPolicy | None = documented(
        "Blocks that replace those of the rule.", unset="the rule's", example="{loadBalancer: {simple: RANDOM}}"
    )


@frozen
class DestinationRule:
    """`spec` of a DestinationRule."""

    host: str = documented(
        "The service: a DNS name, short names in the rule's namespace; `*.` in front is all below a domain.",
        default=attrs.NOTHING,
        since="0.8",
        example="reviews",
        old=(Old("name"),),
    )
    traffic_policy: TrafficPolicy | None = documented(
        "How hosts talk to the service.", unset="as the mesh says", example="{loadBalancer: {simple: ROUND_ROBIN}}"
    )
    subsets: tuple[Subset, ...] = documented(
        "Named parts of the service, for routes.", default=(), example="[{name: v1, labels: {version: v1}}]"
    )
    export_to: tuple[str, ...] = documented(
        "The namespaces whose hosts use the rule: names, `.` for its own, `*` for all.",
        default=(),
        since="1.1",
        unset="all",
        example="[.]",
        runs=False, neutral=(("*",),),
    )
    workload_selector: PolicySelector | None = documented(
        "The hosts of the rule's namespace that use it.",
        since="1.14",
        unset="all",
        example="{matchLabels: {app: ratings}}",
        runs=False,
    )


def check(rule: DestinationRule) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, paths from its `spec` (Istio's `ValidateDestinationRule`)."""
    problem = "it is an IP address" if is_ip(rule.host) else host_problem(rule.host)
    if problem:
        message = f"{describe(rule.host)} cannot be the host: {problem}"
        hint = "write the host of the ServiceEntry that has this address" if is_ip(rule.host) else None
        yield error("bad-host", message, "host", expected="a DNS name, *.name or *", hint=hint)
    if rule.traffic_policy is not None:
        yield from _check_policy(rule.traffic_policy, None, "trafficPolicy")
    names: set[str] = set()
    for i, subset in enumerate(rule.subsets):
        yield from _check_subset(subset, rule.traffic_policy, "subsets", i)
        if subset.name in names:
            yield error("duplicate", f"subset {describe(subset.name)} is defined twice", "subsets", i, "name")
        names.add(subset.name)
    yield from check_export_to(rule.export_to, "exportTo")
    if rule.workload_selector is not None:
        yield from check_policy_selector(rule.workload_selector, "workloadSelector")


def check_in_place(metadata: Metadata, rule: DestinationRule) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule* where it is: a rule with a selector stays in its namespace."""
    yield from check_own_namespace(rule.export_to, metadata.namespace, "spec", "exportTo")
    if rule.workload_selector is not None:
        why = "a workloadSelector"
        yield from check_private(rule.export_to, metadata.namespace, why, "spec", "exportTo")


def _check_subset(subset: Subset, top: TrafficPolicy | None, *path: str | int) -> Iterator[Diagnostic]:
    if not is_dns_label(subset.name):
        expected = "letters, digits and -, up to 63 characters"
        message = f"{describe(subset.name)} is not a name of a subset"
        near = re.sub("[^A-Za-z0-9]", "-", subset.name)[:63].strip("-")
        hint = f'write "{near}", here and in routes' if is_dns_label(near) else None
        yield error("bad-value", message, *path, "name", expected=expected, hint=hint)
    yield from check_labels(subset.labels, *path, "labels")
    if subset.traffic_policy is not None:
        yield from _check_policy(subset.traffic_policy, top, *path, "trafficPolicy")


def _check_policy(policy: TrafficPolicy, above: TrafficPolicy | None, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *policy*, which is laid over the policy *above* when it is a subset's."""
    if policy == TrafficPolicy():
        fields = "loadBalancer, connectionPool, outlierDetection, tls, portLevelSettings, …"
        yield error(
            "missing-field", "this trafficPolicy is empty", *path, expected=f"one of {fields}", hint="leave it out"
        )
    yield from _check_blocks(policy, *path)
    if policy.load_balancer is not None:
        sick_are_found = any(each is not None and each.outlier_detection is not None for each in (policy, above))
        yield from check_failover_acts(policy.load_balancer, *path, "loadBalancer", sick_are_found=sick_are_found)
    yield from _check_ports(policy.port_level_settings, *path, "portLevelSettings")
    if policy.tunnel is not None:
        yield from _check_tunnel(policy.tunnel, *path, "tunnel")
    if policy.retry_budget is not None:
        yield from _check_retry_budget(policy.retry_budget, *path, "retryBudget")


def _check_blocks(policy: TrafficPolicy | PortTrafficPolicy, *path: str | int) -> Iterator[Diagnostic]:
    if policy.load_balancer is not None:
        yield from check_load_balancer(policy.load_balancer, *path, "loadBalancer")
    if policy.connection_pool is not None:
        yield from check_connection_pool(policy.connection_pool, *path, "connectionPool")
    if policy.outlier_detection is not None:
        yield from check_outlier_detection(policy.outlier_detection, *path, "outlierDetection")
    if policy.tls is not None:
        yield from check_client_tls(policy.tls, *path, "tls")


def _check_ports(settings: tuple[PortTrafficPolicy, ...], *path: str | int) -> Iterator[Diagnostic]:
    yield from check_limit(len(settings), MAX_PORT_SETTINGS, "ports", *path)
    seen: set[int] = set()
    for i, entry in enumerate(settings):
        number = entry.port.number
        if number in seen:
            message = f"port {number} has an entry already, which is the one that counts"
            yield warning("duplicate", message, *path, i, "port", "number")
        seen.add(number)
        if not 1 <= number <= 65535:  # Istio takes it, and it is for no port
            yield warning("bad-value", f"{number} is not a port: this entry does nothing", *path, i, "port", "number")
        if entry == PortTrafficPolicy(entry.port):
            expected = "one of loadBalancer, connectionPool, outlierDetection, tls, compression"
            yield error("missing-field", f"the entry says nothing about port {number}", *path, i, expected=expected)
        yield from _check_blocks(entry, *path, i)
        if entry.load_balancer is not None:
            sick_are_found = entry.outlier_detection is not None
            yield from check_failover_acts(entry.load_balancer, *path, i, "loadBalancer", sick_are_found=sick_are_found)


def _check_tunnel(tunnel: TunnelSettings, *path: str | int) -> Iterator[Diagnostic]:
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        message = f"{describe(tunnel.protocol)} opens no tunnel"
        hint = did_you_mean(tunnel.protocol, ("CONNECT", "POST"))
        yield error("bad-value", message, *path, "protocol", expected="CONNECT or POST", hint=hint)
    problem = None if is_ip(tunnel.target_host) else fqdn_problem(tunnel.target_host)
    if problem:
        message = f"{describe(tunnel.target_host)} cannot be the other end: {problem}"
        yield error("bad-host", message, *path, "targetHost", expected="a DNS name or an IP address")
    yield from check_port(tunnel.target_port, *path, "targetPort")


def _check_retry_budget(budget: RetryBudget, *path: str | int) -> Iterator[Diagnostic]:
    if budget.percent is not None and not 0 <= budget.percent <= 100:
        yield error("bad-value", f"{budget.percent:g} is not a percentage", *path, "percent", expected="0 to 100")
    yield from check_duration(budget.budget_interval, *path, "budgetInterval", zero=True)
