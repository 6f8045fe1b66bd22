"""Do several VirtualServices have rules for one host of the mesh? (Istio: IST0109.)

Istio drops all but the oldest without a word. Here they are merged, as they are at gateways, so that what is said is in
which order. Conflicts at gateways are not judged: several VirtualServices for one host are the custom there.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.visibility import meet
from store.diagnostic import Diagnostic, Level
from store.index import MESH, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService
from store.scalars import describe

MAX_NAMED = 5

SHARED_HOST = Code(
    "IST0109",
    "several VirtualServices for one host",
    Level.WARNING,
    "More than one VirtualService has rules for the same host inside the mesh. Their rules become one list: those of"
    " the oldest VirtualService come first, and rules without conditions go to the end, where the first of them counts."
    " Istio itself uses the oldest one alone and ignores the others.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{redirect: {authority: b.example.com}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: more-reviews}
spec:
  hosts: [reviews]
  http: [{match: [{uri: {prefix: /new}}], redirect: {authority: b.example.com}}]
""",
    "If the rules belong together, put them into one VirtualService, where their order is plain to see; if teams share"
    " the host on purpose, keep their matches apart and suppress the finding.",
)
CODES = (SHARED_HOST,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each host of a mesh-bound VirtualService among *keys* that others have rules for too."""
    for key, service in mesh.of(VirtualService, keys):
        if MESH not in gateway_names(service, key.namespace):
            continue
        for i, host in enumerate(service.hosts):
            others = [other for other, spec in _sharing(mesh, key, service, host) if other != key]
            if others:
                yield _shared(mesh, key, host, others, i)


def _shared(mesh: Mesh, key: Key, host: str, others: list[Key], i: int) -> Diagnostic:
    oldest = mesh.oldest_first([key, *others])[0]
    order = "its rules come first" if oldest == key else f"those of {oldest} come first"
    named = ", ".join(map(str, others[:MAX_NAMED]))
    more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
    message = f"{describe(host)} has rules in {named}{more} too: they are merged, {order}"
    related = [see(other, "rules for the same host", "spec", "hosts") for other in others[:MAX_NAMED]]
    return SHARED_HOST.at(key, message, "spec", "hosts", i, related=related)


def _sharing(mesh: Mesh, key: Key, service: VirtualService, host: str) -> Iterator[tuple[Key, VirtualService]]:
    names = _names(mesh, host, key.namespace)
    found = {other: spec for name in sorted(names) for other, spec in mesh.routes(name)}
    for other, spec in found.items():
        same = any(not names.isdisjoint(_names(mesh, each, other.namespace)) for each in spec.hosts)
        if same and meet((key.namespace, service.export_to), (other.namespace, spec.export_to)):
            yield other, spec


def _names(mesh: Mesh, host: str, namespace: str) -> frozenset[str]:
    """Return the names that *host* answers to: of the service that it means, or all that it may mean."""
    names = mesh.candidates(host, namespace)
    return frozenset(next(((name,) for name in names if mesh.exists(name)), names))
