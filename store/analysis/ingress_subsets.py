"""Do requests from outside pass by the rules that the mesh has for a service? (Istio: IST0140.)

A gateway that routes to a service does what its own VirtualService says, and nothing of the rules that clients inside
the mesh follow for that service.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.routing import destinations
from store.diagnostic import Diagnostic, Level
from store.index import MESH, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService
from store.scalars import describe

PASSED_BY = Code(
    "IST0140",
    "rules of a service that do not apply to a gateway's requests",
    Level.WARNING,
    "A VirtualService of a gateway routes to a service without choosing a subset, and another VirtualService has rules"
    " that choose subsets of that service, for clients inside the mesh. Requests from the gateway do not follow those:"
    " they go to all endpoints.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: from-outside}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{route: [{destination: {host: reviews}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews, subset: v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]
""",
    "Choose the subset in the gateway's VirtualService too, or repeat the rules there.",
)
CODES = (PASSED_BY,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the destinations of gateways' VirtualServices among *keys* that pass by the rules for a service."""
    for key, service in mesh.of(VirtualService, keys):
        if all(name == MESH for name in gateway_names(service, key.namespace)):
            continue
        for use in destinations(service):
            host = None if use.destination.subset or use.is_mirror else mesh.meant(use.destination.host, key.namespace)
            others = [other for other in _choosing(mesh, host) if other != key] if host else []
            if host and others:
                named = ", ".join(map(str, others[:5]))
                message = f"requests from a gateway do not follow the rules of {named} for {describe(host)}"
                related = [see(other, "rules for clients inside the mesh", "spec", "hosts") for other in others[:5]]
                yield PASSED_BY.at(key, f"{message}: they go to all of its endpoints", *use.path, related=related)


def _choosing(mesh: Mesh, host: str) -> Iterator[Key]:
    """Yield the VirtualServices that route clients of *host* to subsets of it."""
    for key, service in mesh.routes(host):
        if any(mesh.meant(each, key.namespace) == host for each in service.hosts):
            chosen = (use.destination for use in destinations(service) if use.destination.subset)
            if any(mesh.meant(each.host, key.namespace) == host for each in chosen):
                yield key
