"""Does a DestinationRule hide the one that defines a subset in use?

Which rules speak is the compiler's answer (`agent/compiler/resolve/policies.py`): those of the client's namespace, else
those of the service's, whole; within a namespace those of the most specific name alone. That nobody at all defines the
subset is `references.py`'s to say.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from attrs import frozen

from store.analysis.code import Code
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.analysis.routing import Use, destinations
from store.analysis.visibility import is_seen_in
from store.diagnostic import Diagnostic, Level, Related
from store.index import MESH, canonical, gateway_names, wildcards_above
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.virtual_service import VirtualService
from store.scalars import describe

HIDDEN_SUBSET = Code(
    "hidden-subset",
    "a subset that another DestinationRule hides",
    Level.ERROR,
    "A rule sends requests to a subset that a DestinationRule defines, and some clients do not see that definition. A"
    " client takes the DestinationRules of its own namespace, and those of the service's namespace only where its own"
    " has none for that service; within a namespace, a rule for the name itself hides one for a wildcard. Nothing is"
    " inherited: such a client finds no such subset and gets 503. As long as the live hosts are not known, it is a"
    " warning.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec: {host: reviews.example.com, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.example.com]
  http: [{route: [{destination: {host: reviews.example.com, subset: v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: default}
spec:
  host: reviews.example.com
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
""",
    "Define the subset in the rule that hides it too, or move what that rule says into the one that defines the subset,"
    " in the namespace of the service.",
)
CODES = (HIDDEN_SUBSET,)


@frozen
class _Subset:
    """A subset that is used.

    Attributes:
        host: of the registry.
        name: its name.
    """

    host: str
    name: str

    def __str__(self) -> str:
        return f"subset {describe(self.name)} of {describe(self.host)}"


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the uses of subsets by VirtualServices among *keys* that some clients do not find, and what hides them."""
    lookup, clients = _Lookup(mesh), _Clients(mesh)
    hiding: dict[tuple[Key, _Subset], list[tuple[Key, Use]]] = defaultdict(list)
    for key, service in mesh.of(VirtualService, keys):
        for use, subset in _used(mesh, key, service):
            if subset.name not in mesh.subsets(subset.host):
                hiders = _more_specific(mesh, subset)
            else:
                possible = clients.possible(key, service, subset.host)
                missed = [
                    name for name in possible if lookup.misses(name, subset) and clients.follow(name, service, use)
                ]
                hiders = list(dict.fromkeys(key for name in missed for key in lookup.rules(subset.host, name).keys[:1]))
                if missed:
                    yield _not_found(mesh, clients.level, key, use, subset, missed, hiders)
            for hider in hiders:
                hiding[hider, subset].append((key, use))
    judged = frozenset(keys)
    for (hider, subset), uses in hiding.items():
        if hider in judged:
            yield _hides(mesh, clients.level, hider, subset, uses)


def _used(mesh: Mesh, key: Key, service: VirtualService) -> Iterator[tuple[Use, _Subset]]:
    for use in destinations(service):
        name = use.destination.subset
        host = mesh.meant(use.destination.host, key.namespace) if name else None
        if name and host:
            yield use, _Subset(host, name)


def _not_found(
    mesh: Mesh, level: Level, key: Key, use: Use, subset: _Subset, clients: Collection[str], hiders: list[Key]
) -> Diagnostic:
    why = f"they use {named(hiders)}, which hides it" if hiders else "it is defined for other namespaces only"
    message = f"clients of namespace {named(sorted(clients))} find no {subset}: {why}"
    related = pointers(((hider, ("spec", "host")) for hider in hiders), "it has no such subset")
    related += _defined(mesh, subset)
    return HIDDEN_SUBSET.at(key, message, *use.path, "subset", level=level, related=related)


def _hides(mesh: Mesh, level: Level, hider: Key, subset: _Subset, uses: list[tuple[Key, Use]]) -> Diagnostic:
    services = list(dict.fromkeys(key for key, _ in uses))
    message = f"this rule hides {subset}, to which {named(services)} sends requests"
    related = pointers(((key, use.path) for key, use in uses), "requests are sent to the subset here")
    return HIDDEN_SUBSET.at(hider, message, "spec", "host", level=level, related=[*_defined(mesh, subset), *related])


def _defined(mesh: Mesh, subset: _Subset) -> list[Related]:
    found = [key for key, _ in mesh.subsets(subset.host).get(subset.name, ())] or list(_for_wildcards(mesh, subset))
    return pointers(((key, ("spec", "subsets")) for key in found), "the subset is defined here")


# --- which rules speak --------------------------------------------------------------------------------------


@frozen
class _Rules:
    """The DestinationRules that clients of a namespace go by for a host.

    Attributes:
        keys: the rules, oldest first.
        subsets: the names of their subsets.
        partial: whether some of these clients go by other rules.
    """

    keys: tuple[Key, ...] = ()
    subsets: frozenset[str] = frozenset()
    partial: bool = False


class _Lookup:
    """Who goes by which rules; what was asked for once is remembered."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._namespaces: dict[str, Mapping[str, _Rules]] = {}
        self._owners: dict[str, Sequence[str]] = {}

    def misses(self, client: str, subset: _Subset) -> bool:
        """Return whether clients of the namespace *client* do not find *subset*."""
        rules = self.rules(subset.host, client)
        return subset.name not in rules.subsets and not rules.partial

    def rules(self, host: str, client: str) -> _Rules:
        """Return the rules that clients of the namespace *client* go by for *host*."""
        if host not in self._owners:
            self._owners[host] = list(dict.fromkeys(key.namespace for key, _ in self._mesh.services(host)))
            self._namespaces[host] = self._by_namespace(host)
        owners, namespaces = self._owners[host], self._namespaces[host]
        service = client if client in owners else next(iter(owners), client)
        return namespaces.get(client) or namespaces.get(service) or _Rules()

    def _by_namespace(self, host: str) -> Mapping[str, _Rules]:
        found: dict[str, list[tuple[Key, DestinationRule]]] = defaultdict(list)
        for key, rule in self._mesh.rules(host):
            found[key.namespace].append((key, rule))
        return {
            namespace: _Rules(
                tuple(key for key, _ in rules),
                frozenset(subset.name for _, rule in rules for subset in rule.subsets),
                any(rule.workload_selector is not None for _, rule in rules),
            )
            for namespace, rules in found.items()
        }


def _more_specific(mesh: Mesh, subset: _Subset) -> list[Key]:
    """Return the rule for the name that hides a definition of *subset* for a wildcard, in the same namespace."""
    definition = next(_for_wildcards(mesh, subset), None)
    found = (key for key, _ in mesh.rules(subset.host) if definition and key.namespace == definition.namespace)
    return list(islice(found, 1))


def _for_wildcards(mesh: Mesh, subset: _Subset) -> Iterator[Key]:
    for pattern in wildcards_above(subset.host):
        for key, rule in mesh.rules(pattern) if pattern != subset.host else ():
            if canonical(rule.host) == pattern and any(each.name == subset.name for each in rule.subsets):
                yield key


# --- whose clients ------------------------------------------------------------------------------------------


@frozen(slots=False)
class _Clients:
    """Namespaces of the hosts that follow a rule."""

    mesh: Mesh

    @property
    def level(self) -> Level:
        return Level.WARNING if self.mesh.hosts is None else HIDDEN_SUBSET.level

    @cached_property
    def _live(self) -> frozenset[str]:
        return frozenset(host.namespace for host in self.mesh.hosts or ())

    @cached_property
    def _opened(self) -> dict[Key, frozenset[str]]:
        return {}

    def possible(self, key: Key, service: VirtualService, host: str) -> list[str]:
        """Return the namespaces with clients, or gateways, to which *service* says where requests for *host* go.

        Where hosts are not known, those of DestinationRules for it, and of the service: of gateways nothing is known.
        """
        if MESH not in gateway_names(service, key.namespace):
            return sorted({name for bound in self.mesh.bound_to(key, service) for name in self._opening(*bound)})
        names: Collection[str] = self._live
        if self.mesh.hosts is None:
            names = {each.namespace for each, _ in (*self.mesh.rules(host), *self.mesh.services(host)[:1])}
        return sorted(name for name in names if is_seen_in(name, (key.namespace, service.export_to)))

    def _opening(self, key: Key, gateway: Gateway) -> frozenset[str]:
        if key not in self._opened:
            self._opened[key] = frozenset(host.namespace for host in self.mesh.selected(gateway.selector) or ())
        return self._opened[key]

    def follow(self, namespace: str, service: VirtualService, use: Use) -> bool:
        """Return whether some block of the rule of *use* is for clients of *namespace*."""
        if not use.blocks or (service.gateways and MESH not in service.gateways):
            return True
        blocks = [block for block in use.blocks if block.source_namespace in ("", namespace)]
        return any(self._has(namespace, block.source_labels) for block in blocks)

    def _has(self, namespace: str, labels: Mapping[str, str]) -> bool:
        hosts = self.mesh.selected(labels) if labels else None
        return hosts is None or any(host.namespace == namespace for host in hosts)
