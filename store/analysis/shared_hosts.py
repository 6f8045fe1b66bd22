"""Do several VirtualServices have rules for one host of the mesh? (Istio: IST0109.)

Istio drops all but the oldest without a word. Here they are merged, as they are at gateways, so that what is said is in
which order. Conflicts at gateways are not judged: several VirtualServices for one host are the custom there.
"""

from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

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


@frozen
class _Group:
    """The VirtualServices that have rules for one host and are seen together with those of one namespace.

    Attributes:
        keys: of all of them.
        first: a few of them.
        oldest: None of an empty group.
    """

    keys: frozenset[Key]
    first: Sequence[Key]
    oldest: Key | None


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each host of a mesh-bound VirtualService among *keys* that others have rules for too."""
    groups = _Groups(mesh)
    for key, service in mesh.of(VirtualService, keys):
        if MESH not in gateway_names(service, key.namespace):
            continue
        for i, host in enumerate(service.hosts):
            group = groups.of(key.namespace, service, host)
            if len(group.keys) > (key in group.keys):
                yield _shared(mesh, key, host, group, i)


def _shared(mesh: Mesh, key: Key, host: str, group: _Group, i: int) -> Diagnostic:
    oldest = mesh.oldest_first([key, group.oldest] if group.oldest else [key])[0]
    order = "its rules come first" if oldest == key else f"those of {oldest} come first"
    others = [other for other in group.first if other != key][:MAX_NAMED]
    hidden = len(group.keys) - (key in group.keys) - len(others)
    more = f" and {hidden} more" if hidden else ""
    message = f"{describe(host)} has rules in {', '.join(map(str, others))}{more} too: they are merged, {order}"
    related = [see(other, "rules for the same host", "spec", "hosts") for other in others]
    return SHARED_HOST.at(key, message, "spec", "hosts", i, related=related)


class _Groups:
    """Who shares what, asked for once where the answer is the same: thousands may have rules for one host."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._groups: dict[tuple[frozenset[str], str, frozenset[str]], _Group] = {}
        self._meant: dict[tuple[str, str], frozenset[str]] = {}

    def of(self, namespace: str, service: VirtualService, host: str) -> _Group:
        """Return who has rules for *host*, a host of *service* of *namespace*."""
        names = self._names(host, namespace)
        asked = (names, namespace, frozenset(service.export_to))
        if asked not in self._groups:
            keys = list(self._sharing(names, namespace, service))
            oldest = next(iter(self._mesh.oldest_first(keys)), None)
            self._groups[asked] = _Group(frozenset(keys), keys[: MAX_NAMED + 1], oldest)
        return self._groups[asked]

    def _sharing(self, names: frozenset[str], namespace: str, service: VirtualService) -> Iterator[Key]:
        found = {other: spec for name in sorted(names) for other, spec in self._mesh.routes(name)}
        for other, spec in found.items():
            same = any(not names.isdisjoint(self._names(each, other.namespace)) for each in spec.hosts)
            if same and meet((namespace, service.export_to), (other.namespace, spec.export_to)):
                yield other

    def _names(self, host: str, namespace: str) -> frozenset[str]:
        """Return the names that *host* answers to: of the service that it means, or all that it may mean."""
        asked = (host, namespace)
        if asked not in self._meant:
            names = self._mesh.candidates(host, namespace)
            self._meant[asked] = frozenset(next(((name,) for name in names if self._mesh.exists(name)), names))
        return self._meant[asked]
