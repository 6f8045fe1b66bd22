"""DestinationRule: what happens after routing has chosen a host: its subsets, and how load is spread."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import labels_field
from store.resources.names import check_labels, host_problem, is_dns_label, is_ip
from store.scalars import describe


class SimpleLB(StrEnum):
    """`loadBalancer.simple`. UNSPECIFIED leaves the choice to the mesh (LEAST_REQUEST)."""

    UNSPECIFIED = "UNSPECIFIED"
    LEAST_CONN = "LEAST_CONN"
    RANDOM = "RANDOM"
    PASSTHROUGH = "PASSTHROUGH"
    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"


@frozen
class LoadBalancerSettings:
    """`loadBalancer`."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "consistentHash",
            "localityLbSetting",
            "zoneAwareLbSetting",
            "warmup",
            "warmupDurationSecs",
            "backendUtilization",
        }
    )

    HINTS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"warmupDurationSecs": 'an old spelling; today it is "warmup.duration"'}
    )

    simple: SimpleLB | None = None


@frozen
class TrafficPolicy:
    """`trafficPolicy`, of the rule and of each subset. A subset's blocks replace the rule's, block by block."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "connectionPool",
            "outlierDetection",
            "tls",
            "portLevelSettings",
            "tunnel",
            "proxyProtocol",
            "retryBudget",
        }
    )

    load_balancer: LoadBalancerSettings | None = None


@frozen
class Subset:
    """A named part of a service: the endpoints that have all of *labels*; empty labels are all endpoints."""

    name: str
    labels: Mapping[str, str] = labels_field()
    traffic_policy: TrafficPolicy | None = None


@frozen
class DestinationRule:
    """`spec` of a DestinationRule."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"exportTo", "workloadSelector"})
    OLD: ClassVar[Mapping[str, str]] = MappingProxyType({"name": "host"})

    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()


SUPPORTED_LB = frozenset(SimpleLB) - {SimpleLB.PASSTHROUGH}


def check(rule: DestinationRule) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, paths from its `spec` (Istio's `ValidateDestinationRule`)."""
    problem = "it is an IP address" if is_ip(rule.host) else host_problem(rule.host)
    if problem:
        yield error(
            "bad-host",
            f"{describe(rule.host)} cannot be the host: {problem}",
            "host",
            expected="a DNS name, *.name or *",
        )
    if rule.traffic_policy is not None:
        yield from _check_policy(rule.traffic_policy, "trafficPolicy")
    names: set[str] = set()
    for i, subset in enumerate(rule.subsets):
        yield from _check_subset(subset, "subsets", i)
        if subset.name in names:
            yield error("duplicate", f"subset {describe(subset.name)} is defined twice", "subsets", i, "name")
        names.add(subset.name)


def _check_subset(subset: Subset, *at: str | int) -> Iterator[Diagnostic]:
    if not is_dns_label(subset.name):
        expected = "letters, digits and -, up to 63 characters"
        yield error("bad-value", f"{describe(subset.name)} is not a name of a subset", *at, "name", expected=expected)
    yield from check_labels(subset.labels, *at, "labels")
    if subset.traffic_policy is not None:
        yield from _check_policy(subset.traffic_policy, *at, "trafficPolicy")


def _check_policy(policy: TrafficPolicy, *at: str | int) -> Iterator[Diagnostic]:
    if policy.load_balancer is None:
        yield error("missing-field", "a trafficPolicy says something", *at, expected="loadBalancer")
        return
    simple = policy.load_balancer.simple
    where = (*at, "loadBalancer", "simple")
    if simple is SimpleLB.LEAST_CONN:
        yield warning("old-spelling", '"LEAST_CONN" is an old spelling', *where, hint='write "LEAST_REQUEST"')
    elif simple is not None and simple not in SUPPORTED_LB:
        expected = f"one of {', '.join(sorted(SUPPORTED_LB))}"
        yield error(
            "not-supported", f"load balancer {describe(simple)} is not supported yet", *where, expected=expected
        )
