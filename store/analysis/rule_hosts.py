"""Is there a service for every DestinationRule, and an endpoint for every subset? (Istio: IST0174, IST0173.)"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh, has_labels
from store.diagnostic import Diagnostic, Level
from store.index import canonical
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.scalars import describe, did_you_mean

MAX_NAMED = 5

EMPTY_SUBSET = Code(
    "IST0173",
    "a subset without endpoints",
    Level.ERROR,
    "No endpoint of the service has all labels of the subset. Requests that a rule sends there get a 503.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v2, labels: {version: v2}}]
""",
    "Correct the labels of the subset or of the endpoints; remove the subset once no rule uses it.",
)
NO_SERVICE = Code(
    "IST0174",
    "a DestinationRule for no service",
    Level.WARNING,
    "The host of the DestinationRule is none that a ServiceEntry has, so the rule does nothing.",
    """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
""",
    "Correct the host, or apply its ServiceEntry. A short name is looked for as it is, then below the namespace of the"
    " rule.",
)
CODES = (EMPTY_SUBSET, NO_SERVICE)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the DestinationRules among *keys* whose host, or a subset of it, nobody has."""
    labels = _Labels(mesh)
    for key, rule in mesh.of(DestinationRule, keys):
        hosts = _hosts(mesh, key, rule)
        if not hosts:
            message = f"no ServiceEntry has the host {describe(rule.host)}: the rule does nothing"
            hint = mesh.service_hint(rule.host, key.namespace)
            yield NO_SERVICE.at(key, message, "spec", "host", hint=hint)
        else:
            yield from _subsets(mesh, labels, key, rule, hosts)


def _hosts(mesh: Mesh, key: Key, rule: DestinationRule) -> tuple[str, ...]:
    name = canonical(rule.host)
    if name.startswith("*"):
        return mesh.covered(name)
    meant = mesh.meant(rule.host, key.namespace)
    return (meant,) if meant else ()


class _Labels:
    """The labels of services' endpoints, each set once: many endpoints have the same."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known: dict[str, Sequence[Mapping[str, str]] | None] = {}

    def of(self, hosts: tuple[str, ...]) -> Sequence[Mapping[str, str]] | None:
        """Return those of all *hosts*; None when not all endpoints are known, since some register themselves."""
        found: list[Mapping[str, str]] = []
        for host in hosts:
            if host not in self._known:
                self._known[host] = self._of(host)
            known = self._known[host]
            if known is None:
                return None
            found += known
        return found

    def _of(self, host: str) -> Sequence[Mapping[str, str]] | None:
        endpoints = self._mesh.endpoints(host)
        if endpoints is None:
            return None
        return list({frozenset(endpoint.labels.items()): endpoint.labels for endpoint in endpoints}.values())


def _subsets(
    mesh: Mesh, labels: _Labels, key: Key, rule: DestinationRule, hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    labelled = labels.of(hosts) if rule.subsets else None
    if not labelled:
        return  # without any endpoint at all, that is not the subset's doing
    for i, subset in enumerate(rule.subsets):
        if not any(has_labels(there, subset.labels) for there in labelled):
            written = ", ".join(f"{name}={value}" for name, value in subset.labels.items())
            message = f"no endpoint of {describe(rule.host)} has {written}: subset {describe(subset.name)} answers 503"
            entries = (entry for host in hosts for entry, _ in mesh.services(host))
            related = [see(entry, "its endpoints", "spec", "endpoints") for entry in islice(entries, MAX_NAMED)]
            hint = _labels_hint(subset.labels, labelled)
            yield EMPTY_SUBSET.at(key, message, "spec", "subsets", i, "labels", hint=hint, related=related)


def _labels_hint(wanted: Mapping[str, str], labelled: Iterable[Mapping[str, str]]) -> str:
    """Return the endpoints' values of the first label that is *wanted* in vain, or which labels they have at all."""
    there = list(labelled)
    for name, value in wanted.items():
        values = sorted({labels[name] for labels in there if name in labels})
        if values and value not in values:
            return f"the endpoints have {name} {', '.join(values[:MAX_NAMED])}"
    names = sorted({name for labels in there for name in labels})
    missing = next((name for name in wanted if name not in names), None)
    near = did_you_mean(missing, names) if missing else None
    return near or (f"the endpoints' labels are {', '.join(names[:MAX_NAMED])}" if names else "no endpoint has labels")
