"""Does a VirtualService have rules that never match, since an older one for the same host takes all of it?

Several VirtualServices for a host become one list (`agent/compiler/resolve/routes.py`): the rules of the oldest first,
and what asks for nothing but the client goes to the end, where the first such rule counts. What one VirtualService
covers of itself is IST0130 and IST0131 (`store/resources/reachability.py`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, frozen

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import MESH, canonical, gateway_names
from store.resources.export_to import EVERYBODY
from store.resources.fields import Key, Uint32
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_route import HTTPRoute
from store.resources.reachability import EarlierBlocks, PlacedBlock, takes_everything
from store.resources.virtual_service import VirtualService

COVERED = Code(
    "covered-rule",
    "a rule that an older VirtualService leaves no requests for",
    Level.WARNING,
    "Two VirtualServices have rules for the same host, at the same gateway or in the mesh. Their rules become one list,"
    " those of the older one first, and a rule of the older one takes every request that this rule is for. Of several"
    " rules without conditions, that of the oldest VirtualService counts.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {prefix: /api/}}]
    route: [{destination: {host: reviews}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews-new}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {prefix: /api/v2/}}]
    route: [{destination: {host: reviews-new}}]
""",
    "Put the rules into one VirtualService, the narrower ones first, or make the rule of the older one narrower.",
)
CODES = (COVERED,)

_Place = tuple[int, int | None]
"""Position of a rule, and of a block in it; None for a rule without conditions."""
_Covers = Mapping[_Place, PlacedBlock | None]
"""Blocks of one VirtualService that are in a list → what takes all of it, None for those that are reached."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the rules and blocks of VirtualServices among *keys* that are reached in none of the lists they are in."""
    lists = _Lists(mesh)
    for key, service in mesh.of(VirtualService, keys):
        shared = [covers.get(key, {}) for covers in map(lists.merged, lists.of(key))]
        if not any(cover for covers in shared for cover in covers.values()):
            continue
        for i, rule in enumerate(service.http):
            yield from _unreached(key, i, rule, shared)


def _unreached(key: Key, i: int, rule: HTTPRoute, lists: Sequence[_Covers]) -> Iterator[Diagnostic]:
    dead = {place: cover for place, _ in _blocks(i, rule) if (cover := _cover(place, lists))}
    if dead and len(dead) == max(len(rule.match), 1):
        cover = next(iter(dead.values()))
        yield _covered(key, "this rule is", cover, ("spec", "http", i))
    else:
        for (_, j), cover in dead.items():
            yield _covered(key, "this block is", cover, ("spec", "http", i, "match", j or 0))


def _cover(place: _Place, lists: Sequence[_Covers]) -> PlacedBlock | None:
    """Return what covers the block at *place*, None when it is reached in some list, or is in none."""
    found = [covers[place] for covers in lists if place in covers]
    return found[0] if found and all(found) else None


def _covered(key: Key, what: str, cover: PlacedBlock, at: FieldPath) -> Diagnostic:
    owner = cover.owner or key
    message = f"{what} never reached: {cover} of {owner}, which is older, takes everything that it is for"
    there: FieldPath = ("spec", "http", cover.rule) if cover.match is None else _at(cover.rule, cover.match)
    return COVERED.at(key, message, *at, related=[see(owner, "the rule that is reached", *there)])


def _at(rule: int, match: int) -> FieldPath:
    return "spec", "http", rule, "match", match


# --- lists of rules -----------------------------------------------------------------------------------------

_List = tuple[str, str]
"""Where rules become one list: `mesh` or the gateway (`namespace/name`), and the host."""


@frozen(slots=False)
class _Lists:
    """The lists of rules; they are made when they are asked for."""

    mesh: Mesh

    @cached_property
    def _members(self) -> Mapping[_List, Sequence[Key]]:
        """Each list → the VirtualServices that are in it. Names are enough for that: nothing is read."""
        found: dict[_List, dict[Key, None]] = defaultdict(dict)
        for key, outline in self.mesh.outlines.items():
            if outline.filed is not None and isinstance(outline.filed.spec, VirtualService):
                for name in self._named(key, outline.filed.spec):
                    found[name][key] = None
        return {name: self.mesh.oldest_first(members) for name, members in found.items() if len(members) > 1}

    @cached_property
    def _made(self) -> dict[_List, Mapping[Key, _Covers]]:
        return {}

    def _named(self, key: Key, service: VirtualService) -> Iterator[_List]:
        for gateway in gateway_names(service, key.namespace):
            for host in service.hosts:
                for name in self._meant(host, key.namespace) if gateway == MESH else (canonical(host),):
                    yield gateway, name

    def _meant(self, host: str, namespace: str) -> Sequence[str]:
        """Return the names that *host* answers to: of the service that it means, or all that it may mean."""
        names = self.mesh.candidates(host, namespace)
        return next(([name] for name in names if self.mesh.exists(name)), list(names))

    def of(self, key: Key) -> Sequence[_List]:
        """Return the lists that *key* has rules in; none when there is one that it has for itself."""
        filed = self.mesh.outlines[key].filed
        assert filed is not None, "it is a VirtualService"
        assert isinstance(filed.spec, VirtualService), "it is filed as what it is"
        names = list(dict.fromkeys(self._named(key, filed.spec)))
        return names if all(name in self._members for name in names) else ()

    def merged(self, name: _List) -> Mapping[Key, _Covers]:
        """Return what covers the blocks of each VirtualService in the list *name*."""
        if name not in self._made:
            self._made[name] = _merge(name[0], self.mesh.of(VirtualService, self._members[name]))
        return self._made[name]


def _merge(gateway: str, services: Iterable[tuple[Key, VirtualService]]) -> Mapping[Key, _Covers]:
    """Return what covers each block of *services* (oldest first) in the list of rules of *gateway*."""
    narrow, wide = EarlierBlocks(frozenset({gateway})), EarlierBlocks(frozenset({gateway}))
    found: dict[Key, dict[_Place, PlacedBlock | None]] = {}
    for key, service in services:
        found[key] = {}
        own: list[PlacedBlock] = []
        for i, j, block in _applied(gateway, key, service):
            earlier = wide if _asks_for_clients_alone(block) else narrow
            found[key][i, j] = earlier.same(block) or earlier.covering(block)
            own.append(PlacedBlock(i, j, block, key))
            if takes_everything(HTTPRoute(match=(block,))):
                break  # what stands behind it in its own VirtualService is never reached, and covers nothing
        if not service.export_to or EVERYBODY in service.export_to:  # what some do not see, covers nothing for them
            for each in own:
                (wide if _asks_for_clients_alone(each.block) else narrow).add(each)
    return found


def _applied(gateway: str, key: Key, service: VirtualService) -> Iterator[tuple[int, int | None, HTTPMatchRequest]]:
    """Yield the blocks that *gateway* applies, as if each were for it alone. A delegate's rules are not known."""
    for i, rule in enumerate(service.http):
        for (_, j), block in _blocks(i, rule) if rule.delegate is None else ():
            if not block.gateways:
                yield i, j, block
            elif gateway in gateway_names(VirtualService(gateways=block.gateways), key.namespace):
                yield (
                    i,
                    j,
                    evolve(block, gateways=(), source_labels={}, source_namespace=""),
                )  # labels do not count then


def _blocks(i: int, rule: HTTPRoute) -> Iterator[tuple[_Place, HTTPMatchRequest]]:
    yield from (((i, j), block) for j, block in enumerate(rule.match))
    if not rule.match:
        yield (i, None), HTTPMatchRequest()


def _asks_for_clients_alone(block: HTTPMatchRequest) -> bool:
    """Return whether *block* takes all requests of those clients that it is for: such blocks go to the end."""
    return takes_everything(HTTPRoute(match=(evolve(block, source_labels={}, source_namespace="", port=Uint32(0)),)))
