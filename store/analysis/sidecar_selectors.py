"""Is it clear which Sidecar a workload has? (Istio: IST0110, IST0111.)"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.workloads import workloads
from store.diagnostic import Diagnostic, Level
from store.resources.fields import Key
from store.resources.sidecar import Sidecar

SAME_WORKLOADS = Code(
    "IST0110",
    "Sidecars that select the same workloads",
    Level.ERROR,
    "Two Sidecars of a namespace select the same workloads. A workload has one Sidecar: the oldest one is used.",
    """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: reviews}
spec:
  workloadSelector: {labels: {app: reviews}}
  egress: [{hosts: ["./*"]}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: reviews-too}
spec:
  workloadSelector: {labels: {app: reviews}}
  egress: [{hosts: ["shop/*"]}]
""",
    "Make one Sidecar of them, or let them select different labels.",
)
SAME_NAMESPACE = Code(
    "IST0111",
    "several Sidecars for a whole namespace",
    Level.ERROR,
    "More than one Sidecar of a namespace has no workloadSelector. There is one default for a namespace: the oldest one"
    " is used.",
    """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec: {egress: [{hosts: ["./*"]}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: other}
spec: {egress: [{hosts: ["shop/*"]}]}
""",
    "Make one Sidecar of them, or give one a workloadSelector.",
)
CODES = (SAME_WORKLOADS, SAME_NAMESPACE)

_Selector = frozenset[tuple[str, str]]
"""Labels, each with its value; none is for the whole namespace."""
_Sidecars = list[tuple[Key, _Selector]]
"""Key and labels of each, oldest first."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the Sidecars among *keys* that select what others select."""
    judged = {key for key, _ in mesh.of(Sidecar, keys)}
    if not judged:
        return
    namespaces: dict[str, _Sidecars] = defaultdict(list)
    for key, sidecar in mesh.of(Sidecar):
        selector = sidecar.workload_selector
        namespaces[key.namespace].append((key, frozenset(selector.labels.items() if selector else ())))
    for namespace in dict.fromkeys(key.namespace for key in judged):
        yield from _in_namespace(namespaces[namespace], judged, workloads(mesh, namespace))


def _in_namespace(sidecars: _Sidecars, judged: set[Key], there: Iterable[Mapping[str, str]]) -> Iterator[Diagnostic]:
    points = _points({selector for _, selector in sidecars}, there)
    first: dict[Hashable, list[int]] = defaultdict(list)
    for n, (_, selector) in enumerate(sidecars):
        for point in points[selector]:
            if len(first[point]) < 2:  # whoever looks: one of two is another one
                first[point].append(n)
    for n, (key, selector) in enumerate(sidecars):
        others = (other for point in points[selector] for other in first[point] if other != n)
        other = min(others, default=None) if key in judged else None
        if other is not None:
            yield _same(key, sidecars[other][0], older=other < n, labels=bool(selector))


def _same(key: Key, other: Key, *, older: bool, labels: bool) -> Diagnostic:
    code = SAME_WORKLOADS if labels else SAME_NAMESPACE
    at = ("spec", "workloadSelector") if labels else ("spec",)
    what = "selects the same workloads" if labels else "is for the whole namespace too"
    message = f"{other} {what}: {'it' if older else 'this one'} is used, being older"
    return code.at(key, message, *at, related=[see(other, "the other Sidecar", *at)])


def _points(selectors: Collection[_Selector], there: Iterable[Mapping[str, str]]) -> Mapping[_Selector, set[Hashable]]:
    """Return for each selector itself and what it selects among the workloads *there*: selectors that are equal, or
    select a workload together, have something in common. One without labels meets its like only.

    Each is tried at the workloads only that have its rarest label, and workloads that no selector tells apart are one.
    """
    points: dict[_Selector, set[Hashable]] = {selector: {selector} for selector in selectors}
    wanted = Counter(label for selector in selectors for label in selector)
    filed: dict[tuple[str, str], list[_Selector]] = defaultdict(list)
    for selector in filter(None, selectors):
        filed[min(selector, key=lambda label: (wanted[label], label))].append(selector)
    for n, labels in enumerate({frozenset(wanted.keys() & each.items()) for each in there}):
        for selector in (each for label in labels for each in filed[label] if each <= labels):
            points[selector].add(n)
    return points
