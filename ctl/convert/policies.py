"""DestinationPolicies → traffic policies of services and of their subsets. They meet in `destination_rules.py`."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ctl.convert.hosts import Host, Names
from ctl.convert.model import Original, Part, written
from ctl.convert.old_policies import DestinationPolicy, SimpleCircuitBreaker, SimpleLB
from ctl.convert.subsets import Labels, Use, labels_of
from store.diagnostic import Diagnostic, FieldPath
from store.scalars import render_duration

_LOAD_BALANCERS = {SimpleLB.LEAST_CONN: "LEAST_REQUEST"}
"""Those that have another name today."""


@frozen
class Policy:
    """What one DestinationPolicy says.

    Attributes:
        host: the service.
        labels: of the versions that are meant; empty is the whole service.
        blocks: today's `trafficPolicy`, with parts in it; empty when nothing has a counterpart.
        original: the document.
    """

    host: Host
    labels: Labels
    blocks: Mapping[str, object]
    original: Original

    @property
    def use(self) -> Use:
        return Use(self.host, self.labels, self.original, ("spec", "destination", "labels"))


def policies(originals: Iterable[Original], names: Names) -> tuple[list[Policy], list[Diagnostic]]:
    """Return what *originals*, by namespace and name, say today; of two about the same, the first was taken."""
    found: dict[tuple[Host, Labels], Policy] = {}
    said: list[Diagnostic] = []
    for original in originals:
        spec: DestinationPolicy = original.spec
        if spec.source:
            message = "a policy for the calls of one service has no counterpart: the policy is left out"
            hint = "a DestinationRule with workloadSelector is for hosts with some labels: write it by hand"
            said.append(original.lost(message, "spec", "source", hint=hint))
            continue
        key = names.host(spec.destination, original.namespace), labels_of(spec.destination.labels)
        if key in found:
            message = f"the policy was never used: {found[key].original.metadata.name} has the same destination"
            said.append(original.lost(message, "spec", "destination", other=found[key].original))
            continue
        said += _lost(original)
        found[key] = Policy(*key, dict(_blocks(original)), original)
    return list(found.values()), said


def _blocks(original: Original) -> Iterator[tuple[str, object]]:
    """Yield today's blocks, in the order in which documents are shown."""
    spec: DestinationPolicy = original.spec
    simple = spec.circuit_breaker.simple_cb if spec.circuit_breaker else None
    if spec.load_balancing and spec.load_balancing.name is not None:
        name = spec.load_balancing.name
        at: FieldPath = ("spec", "loadBalancing")
        yield "loadBalancer", {"simple": Part(str(_LOAD_BALANCERS.get(name, name)), original, (*at, "name"))}
    if simple is None:
        return
    pool = _connection_pool(simple, original)
    if pool:
        yield "connectionPool", pool
    # Instances were left out after 5 errors in a row as soon as there was a circuit breaker, whatever it said.
    yield "outlierDetection", _outlier_detection(simple, original)


def _connection_pool(simple: SimpleCircuitBreaker, original: Original) -> Mapping[str, object]:
    tcp = written(maxConnections=_number(original, simple.max_connections, "maxConnections"))
    http = written(
        http1MaxPendingRequests=_number(original, simple.http_max_pending_requests, "httpMaxPendingRequests"),
        http2MaxRequests=_number(original, simple.http_max_requests, "httpMaxRequests"),
        maxRequestsPerConnection=_number(
            original, simple.http_max_requests_per_connection, "httpMaxRequestsPerConnection"
        ),
        maxRetries=_number(original, simple.http_max_retries, "httpMaxRetries"),
    )
    return written(tcp=tcp, http=http)


def _outlier_detection(simple: SimpleCircuitBreaker, original: Original) -> Mapping[str, object]:
    interval, window = simple.http_detection_interval, simple.sleep_window
    return written(
        consecutive5xxErrors=_number(original, simple.http_consecutive_errors, "httpConsecutiveErrors"),
        interval=None if interval is None else _at(original, render_duration(interval), "httpDetectionInterval"),
        baseEjectionTime=None if window is None else _at(original, render_duration(window), "sleepWindow"),
        maxEjectionPercent=_number(original, simple.http_max_ejection_percent, "httpMaxEjectionPercent"),
    )


def _number(original: Original, number: int, name: str) -> Part | None:
    """Return *number* with its place; 0 was "not said"."""
    return _at(original, int(number), name) if number else None


def _at(original: Original, value: object, name: str) -> Part:
    return Part(value, original, ("spec", "circuitBreaker", "simpleCb", name))


_LOST = (
    (("loadBalancing", "ringHash"), "it never said what the hash is of; today that is consistentHash"),
    (("loadBalancing", "custom"), "a policy of one's own has no counterpart"),
    (("circuitBreaker", "custom"), "a policy of one's own has no counterpart"),
    (("custom",), "a policy of one's own has no counterpart"),
)


def _lost(original: Original) -> Iterator[Diagnostic]:
    for path, why in _LOST:
        if original.says(*path):
            yield original.lost(f"{path[-1]} is left out: {why}", "spec", *path)
