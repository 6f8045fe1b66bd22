"""Is it clear which Sidecar a workload has? (Istio: IST0110, IST0111.)"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh, has_labels
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

_Sidecars = list[tuple[Key, Mapping[str, str]]]
"""Key and labels of each, oldest first."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the Sidecars among *keys* that select what others select."""
    judged = {key for key, _ in mesh.of(Sidecar, keys)}
    if not judged:
        return
    namespaces: dict[str, _Sidecars] = defaultdict(list)
    for key, sidecar in mesh.of(Sidecar):
        selector = sidecar.workload_selector
        namespaces[key.namespace].append((key, selector.labels if selector else {}))
    for namespace in dict.fromkeys(key.namespace for key in judged):
        yield from _in_namespace(mesh, namespaces[namespace], judged)


def _in_namespace(mesh: Mesh, sidecars: _Sidecars, judged: set[Key]) -> Iterator[Diagnostic]:
    for key, labels in sidecars:
        if key in judged:
            others = [other for other in sidecars if other[0] != key and bool(other[1]) == bool(labels)]
            same = next((other for other in others if _overlap(mesh, key.namespace, labels, other[1])), None)
            if same is not None:
                code = SAME_WORKLOADS if labels else SAME_NAMESPACE
                used = "it" if sidecars.index(same) < sidecars.index((key, labels)) else "this one"
                at = ("spec", "workloadSelector") if labels else ("spec",)
                what = "selects the same workloads" if labels else "is for the whole namespace too"
                message = f"{same[0]} {what}: {used} is used, being older"
                yield code.at(key, message, *at, related=[see(same[0], "the other Sidecar", *at)])


def _overlap(mesh: Mesh, namespace: str, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two selectors are equal, or select a workload together."""
    if one == other:
        return True
    return any(has_labels(labels, one) and has_labels(labels, other) for labels in workloads(mesh, namespace))
