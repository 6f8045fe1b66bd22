"""Is a short name among the hosts of a VirtualService one that only another namespace has a service for?

Rules for such a host are not refused, since a host need not be in the registry: they wait for requests that nobody
makes. (Destinations and DestinationRules for a name without service are `references.py`'s and `rule_hosts.py`'s.)
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.index import MESH, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService
from store.scalars import describe

OTHER_NAMESPACE = Code(
    "short-name",
    "a short name of another namespace",
    Level.WARNING,
    "A VirtualService has a short name as host, and there is a service of that name in another namespace only. A short"
    " name means the service of just that name, or else the one of the rule's own namespace. The rules do not apply to"
    " the service of the other namespace.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{redirect: {authority: b.example.com}}]
""",
    "Write the whole name, `reviews.shop.svc.cluster.local`, or `reviews.shop`; or put the rules into the namespace of"
    " the service.",
)
CODES = (OTHER_NAMESPACE,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the hosts of mesh-bound VirtualServices among *keys* that mean a service in other namespaces alone."""
    for key, service in mesh.of(VirtualService, keys):
        if MESH not in gateway_names(service, key.namespace):
            continue
        for i, host in enumerate(service.hosts):
            others = mesh.elsewhere(host)
            if others and mesh.meant(host, key.namespace) is None:
                message = f"{describe(host)} is no service of namespace {key.namespace}, and {named(others)} is one"
                hint = f"write {others[0]}" if len(others) == 1 else None
                entries = (entry for other in others for entry, _ in mesh.services(other))
                related = pointers(
                    ((entry, ("spec", "hosts")) for entry in entries), "the service of another namespace"
                )
                yield OTHER_NAMESPACE.at(key, message, "spec", "hosts", i, hint=hint, related=related)
