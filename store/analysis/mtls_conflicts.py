"""Do clients and services agree on mutual TLS? (Istio: IST0113.)

Judged is what is plain from resources: the mode of a whole namespace or of the mesh, against the `tls` of a rule for
one service. Where a PeerAuthentication selects workloads, nothing is said.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.resources.client_tls import ClientTLSMode
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.peer_authentication import MutualTLSMode, PeerAuthentication
from store.resources.service_entry import Location
from store.scalars import describe

DISAGREE = Code(
    "IST0113",
    "clients and service disagree on mutual TLS",
    Level.ERROR,
    "A PeerAuthentication says what connections the workloads of a service accept, and a DestinationRule has clients"
    " open the other sort. Every request gets a 503.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, serviceAccount: reviews}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy: {tls: {mode: DISABLE}}
""",
    "Remove `tls` from the DestinationRule: without it, clients speak mutual TLS to whoever can. Or let the"
    " PeerAuthentication accept both, with mode PERMISSIVE.",
)
CODES = (DISAGREE,)

_REFUSED = {
    MutualTLSMode.STRICT: frozenset({ClientTLSMode.DISABLE, ClientTLSMode.SIMPLE}),
    MutualTLSMode.DISABLE: frozenset({ClientTLSMode.ISTIO_MUTUAL}),
}
"""What workloads of a mode do not accept."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each `tls` of a DestinationRule among *keys* that its service does not accept."""
    for key, rule in mesh.of(DestinationRule, keys):
        tls = rule.traffic_policy.tls if rule.traffic_policy else None
        if tls is None:
            continue
        for namespace in _namespaces(mesh, key, rule):
            found = _mode(mesh, namespace)
            if found is not None and tls.mode in _REFUSED.get(found[1], ()):
                message = f"clients of {describe(rule.host)} use TLS mode {tls.mode}, its workloads accept {found[1]}"
                related = [see(found[0], "what workloads accept", "spec", "mtls", "mode")]
                yield DISAGREE.at(key, message, "spec", "trafficPolicy", "tls", "mode", related=related)


def _namespaces(mesh: Mesh, key: Key, rule: DestinationRule) -> list[str]:
    """Return the namespaces in which workloads of the rule's service are; none of a wildcard, or of a service outside
    the mesh.
    """
    host = None if rule.host.startswith("*") else mesh.meant(rule.host, key.namespace)
    entries = mesh.services(host) if host else ()
    inside = (entry.namespace for entry, spec in entries if spec.location is Location.MESH_INTERNAL)
    return list(dict.fromkeys(inside))


def _mode(mesh: Mesh, namespace: str) -> tuple[Key, MutualTLSMode] | None:
    """Return the mode of a namespace, or else of the mesh, and who says it; None when nobody does, or it depends on the
    workload.
    """
    for place in dict.fromkeys((namespace, mesh.root_namespace)):
        policies = list(mesh.of(PeerAuthentication, mesh.in_namespace(place)))
        if any(policy.selector is not None for _, policy in policies):
            return None
        for key, policy in policies:
            if policy.mtls is not None and policy.mtls.mode is not MutualTLSMode.UNSET:
                return key, policy.mtls.mode
    return None
