"""DestinationRule: what happens after routing has chosen a host: its subsets, and how load is spread."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from attrs import frozen

from store.resources.fields import labels_field


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
        {"consistentHash", "localityLbSetting", "zoneAwareLbSetting", "warmup", "warmupDurationSecs", "backendUtilization"}
    )

    simple: SimpleLB | None = None


@frozen
class TrafficPolicy:
    """`trafficPolicy`, of the rule and of each subset. A subset's blocks replace the rule's, block by block."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {"connectionPool", "outlierDetection", "tls", "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"}
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

    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
