"""`localityLbSetting` and `zoneAwareLbSetting`: which endpoints are near, and where requests go when those are sick.

A locality is `region/zone/sub-zone` or its beginning; `*` at the end is everything below.
"""

from collections.abc import Iterator, Mapping

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Uint32, documented
from store.scalars import describe

TOPOLOGY_LABELS = frozenset(
    {"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}
)
"""Labels that say what the order of localities says already."""


@frozen
class Distribute:
    """One of `localityLbSetting.distribute`: where requests from one locality go."""

    from_: str = documented("Where requests come from.", default=attrs.NOTHING, since="1.5", example="eu/west/*")
    to: Mapping[str, Uint32] = documented(
        "Locality → its share in percent, 100 in all; localities that are not named get nothing.",
        default={},
        since="1.5",
        example='{"eu/west/*": 80, "eu/east/*": 20}',
    )


@frozen
class Failover:
    """One of `failover`: the region that takes over for another."""

    from_: str = documented("The region whose endpoints are sick.", default="", since="1.5", example="eu")
    to: str = documented("The region that requests go to then.", default="", since="1.5", example="us")


@frozen
class LocalityLoadBalancerSetting:
    """`localityLbSetting`: replaces the mesh's setting as a whole."""

    distribute: tuple[Distribute, ...] = documented(
        "Where requests from each locality go; the first entry that fits the client counts.",
        default=(),
        since="1.5",
        example='[{from: "eu/*", to: {"eu/*": 90, "us/*": 10}}]',
    )
    failover: tuple[Failover, ...] = documented(
        "Which region takes over for which. Needs outlierDetection.",
        default=(),
        since="1.5",
        unset="the nearest",
        example="[{from: eu, to: us}]",
    )
    failover_priority: tuple[str, ...] = documented(
        "Labels, or label=value, by which endpoints are sorted: those that share all of them with the client come "
        "first, those that share all but the last come second. Needs outlierDetection.",
        default=(),
        since="1.12",
        example="[rack, topology.istio.io/network]",
    )
    enabled: bool | None = documented(
        "Whether localities count at all.", since="1.5", unset="as the mesh says", example="false"
    )


@frozen
class ZoneAwareLoadBalancerSetting:
    """`zoneAwareLbSetting`: requests stay in the client's zone as far as its endpoints can carry them."""

    enabled: bool | None = documented(
        "Whether zones count at all.", since="1.31", unset="as the mesh says", example="true"
    )
    failover: tuple[Failover, ...] = documented(
        "Which region takes over for which. Needs outlierDetection.",
        default=(),
        since="1.31",
        unset="any other",
        example="[{from: eu, to: us}]",
    )
    failover_priority: tuple[str, ...] = documented(
        "Labels, or label=value, by which endpoints are sorted; not region, zone and sub-zone. Needs outlierDetection.",
        default=(),
        since="1.31",
        example="[rack]",
    )
    min_cluster_size: Uint32 | None = documented(
        "With fewer endpoints in the client's region, zones do not count.", since="1.31", unset="6", example="3"
    )


def check_locality(setting: LocalityLoadBalancerSetting, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *setting* at *path* (Istio's `ValidateLocalityLbSetting`)."""
    if setting.distribute and setting.failover:
        message = "distribute and failover exclude each other"
        yield error("conflict", message, *path, "failover", expected="one of them")
    if setting.failover:
        message = "failover orders regions, zones and sub-zones already: {} cannot do so again"
        yield from _check_no_topology(setting.failover_priority, message, *path, "failoverPriority")
    origins = _Localities()
    for i, each in enumerate(setting.distribute):
        yield from _check_locality(each.from_, origins, *path, "distribute", i, "from")
        yield from _check_shares(each.to, *path, "distribute", i, "to")
    yield from _check_failover(setting.failover, *path, "failover")


def check_zone_aware(setting: ZoneAwareLoadBalancerSetting, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *setting* at *path*."""
    message = "regions, zones and sub-zones are ordered already: {} cannot do so again"
    yield from _check_no_topology(setting.failover_priority, message, *path, "failoverPriority")
    yield from _check_failover(setting.failover, *path, "failover")
    if setting.min_cluster_size == 0:
        yield error("bad-value", "0 is not a number of endpoints", *path, "minClusterSize", expected="1 or more")


def _check_no_topology(labels: tuple[str, ...], message: str, *path: str | int) -> Iterator[Diagnostic]:
    for i, label in enumerate(labels):
        if label in TOPOLOGY_LABELS:
            yield error("conflict", message.format(describe(label)), *path, i)


def _check_failover(rules: tuple[Failover, ...], *path: str | int) -> Iterator[Diagnostic]:
    for i, rule in enumerate(rules):
        if rule.from_ == rule.to:
            message = f"{describe(rule.to)} cannot take over for itself"
            yield error("bad-value", message, *path, i, "to", expected="another region")
        for name, region in (("from", rule.from_), ("to", rule.to)):
            if "/" in region or "*" in region:
                message = f"{describe(region)} is not a region"
                yield error("bad-value", message, *path, i, name, expected='a region, without "/" and "*"')


def _check_shares(shares: Mapping[str, int], *path: str | int) -> Iterator[Diagnostic]:
    wrong = {locality: share for locality, share in shares.items() if not 1 <= share <= 100}
    for locality, share in wrong.items():
        yield error("bad-value", f"{share} is not a share", *path, locality, expected="1 to 100")
    total = sum(shares.values())
    if total != 100 and not wrong:
        yield error("bad-value", f"the shares add up to {total}", *path, expected="100 in all")
    seen = _Localities()
    for locality in sorted(shares, key=_depth):  # an overlap is said at the narrower of the two
        yield from _check_locality(locality, seen, *path, locality)


def _check_locality(locality: str, earlier: "_Localities", *path: str | int) -> Iterator[Diagnostic]:
    problem = None
    if "*" in locality[:-1]:
        problem = 'a "*" may stand at the end only'
    elif "" in locality.split("/", 2):
        problem = "its region, zone or sub-zone is empty"
    if problem:
        expected = 'region, region/zone or region/zone/sub-zone, a "*" as the last of them'
        yield error("bad-value", f"{describe(locality)} is not a locality: {problem}", *path, expected=expected)
    elif taken := earlier.overlap(locality):
        yield _overlap(locality, taken, *path)


def _overlap(locality: str, earlier: str, *path: str | int) -> Diagnostic:
    if locality == earlier:
        return error("duplicate", f"{describe(locality)} is listed twice", *path)
    if _depth(earlier) > _depth(locality):
        message = f"{describe(locality)} takes in {describe(earlier)}, which is listed already"
        return error("conflict", message, *path, hint=f"{describe(locality + '/*')} is the rest of it")
    message = f"{describe(locality)} is part of {describe(earlier)}, which is listed too"
    return error("conflict", message, *path, hint="remove one of them")


def _base(locality: str) -> tuple[str, ...]:
    """Return region, zone and sub-zone as far as they are named."""
    parts = tuple(locality.split("/", 2))
    return parts[:-1] if parts[-1] == "*" else parts


def _depth(locality: str) -> int:
    return len(_base(locality))


class _Localities:
    """Localities of one list, to find those that an earlier one has to do with."""

    def __init__(self) -> None:
        self._bases: dict[tuple[str, ...], str] = {}
        self._above: dict[tuple[str, ...], str] = {}

    def overlap(self, locality: str) -> str | None:
        """Return the earlier one that *locality* overlaps with, or None, and keep it.

        A wildcard after what is inside it is "the rest"; a plain region or zone there is refused, as by Istio.
        """
        base = _base(locality)
        prefixes = [base[:length] for length in range(len(base) + 1)]
        found = next((self._bases[each] for each in prefixes if each in self._bases), None)
        if found is None and not locality.endswith("*"):
            found = self._above.get(base)
        self._bases.setdefault(base, locality)
        for each in prefixes[:-1]:
            self._above.setdefault(each, locality)
        return found
