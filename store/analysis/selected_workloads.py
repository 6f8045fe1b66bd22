"""Is there a workload for every policy and Sidecar that selects some? (Istio: IST0127.)

Only asked where the live hosts are known: workloads may be theirs.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from store.analysis.code import Code
from store.analysis.mesh import Mesh, has_labels
from store.analysis.workloads import workloads
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.authorization_policy import AuthorizationPolicy
from store.resources.fields import Key
from store.resources.peer_authentication import PeerAuthentication
from store.resources.sidecar import Sidecar

SELECTS_NOTHING = Code(
    "IST0127",
    "a selector that selects no workload",
    Level.WARNING,
    "No workload of the namespace and no live host has the labels that the resource selects, so it does nothing. A"
    " policy that is meant to protect protects nothing.",
    """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reviews}
spec:
  selector: {matchLabels: {app: reviews}}
  rules: [{from: [{source: {namespaces: [shop]}}]}]
""",
    "Correct the labels; a policy applies to workloads of its own namespace.",
)
CODES = (SELECTS_NOTHING,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the selectors of policies and Sidecars among *keys* that nothing is selected by."""
    if mesh.hosts is None:
        return
    for key, labels, at in _selectors(mesh, keys):
        if not mesh.selected(labels) and not any(has_labels(each, labels) for each in workloads(mesh, key.namespace)):
            written = ", ".join(f"{name}={value}" for name, value in labels.items())
            message = f"no workload in namespace {key.namespace} and no live host has {written}: it does nothing"
            yield SELECTS_NOTHING.at(key, message, *at)


def _selectors(mesh: Mesh, keys: Collection[Key]) -> Iterator[tuple[Key, Mapping[str, str], FieldPath]]:
    policies: Iterator[tuple[Key, AuthorizationPolicy | PeerAuthentication]]
    policies = chain(mesh.of(AuthorizationPolicy, keys), mesh.of(PeerAuthentication, keys))
    for key, policy in policies:
        if policy.selector is not None and key.namespace != mesh.root_namespace:  # which selects everywhere
            yield key, policy.selector.match_labels, ("spec", "selector")
    for key, sidecar in mesh.of(Sidecar, keys):
        if sidecar.workload_selector is not None:
            yield key, sidecar.workload_selector.labels, ("spec", "workloadSelector")
