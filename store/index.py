"""Host names → Keys, so that the cost of a change follows the change.

A `View` answers the compiler's questions about one Snapshot and remembers each question as a `Token`. A changed
resource touches the tokens under which it is filed, before and after; whatever was computed from questions that share
none of them is still right. That is the whole rule of incremental work: nobody lists dependencies by hand.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from attrs import evolve

from store.keys import MESH_CONFIG
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.kinds import Resource
from store.resources.mesh_config import DEFAULT_SUFFIXES, MeshConfig
from store.resources.service_entry import ServiceEntry
from store.resources.virtual_service import VirtualService
from store.snapshot import Entry, Snapshot, age

MESH = "mesh"


class Token(NamedTuple):
    """One question: a family, and the name asked for."""

    family: str
    name: str = ""


def canonical(host: str) -> str:
    """Return *host* as indexes and Envoy names have it: lower case, without the trailing dot."""
    return host.lower().rstrip(".")


def candidates(host: str, namespace: str, suffixes: Iterable[str] = DEFAULT_SUFFIXES) -> tuple[str, ...]:
    """Return the names that *host*, written in a rule of *namespace*, may mean; the first that exists is meant.

    Args:
        host: as written.
        namespace: of the rule.
        suffixes: the mesh's (`MeshConfig.serviceSuffixes`): `reviews` → `reviews.<namespace of the rule>.<suffix>`.

    `reviews`, `reviews.shop` and `reviews.shop.svc` are ways to write `reviews.shop.svc.cluster.local`; clients use
    them too, see `aliases` in `agent/compiler/resolve/registry.py`.
    """
    name = canonical(host)
    if name.startswith("*") or ":" in name:
        return (name,)
    match name.split("."):
        case [_]:
            return (name, *(f"{name}.{namespace}.{suffix}" for suffix in suffixes))
        case [_, _]:
            return (name, *(f"{name}.{suffix}" for suffix in suffixes))
        case [_, _, "svc"]:
            return (name, *(f"{name}.{suffix[4:]}" for suffix in suffixes if suffix.startswith("svc.")))
    return (name,)


def suffixes_of(entries: Mapping[Key, Entry]) -> tuple[str, ...]:
    """Return the suffixes of the mesh that has *entries*: those of its MeshConfig, else the usual ones."""
    entry = entries.get(MESH_CONFIG)
    spec = entry.resource.spec if entry is not None and entry.resource is not None else None
    return spec.service_suffixes if isinstance(spec, MeshConfig) else DEFAULT_SUFFIXES


def canonical_address(address: str) -> str:
    """Return the one spelling of an IP *address* that is compared: `FD00:0::1` is `fd00::1`."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def covers(pattern: str, host: str) -> bool:
    """Say whether *pattern* is *host* or a wildcard above it (`*foo.com` also covers text that abuts)."""
    return pattern == host or (pattern.startswith("*") and host.endswith(pattern[1:]) and len(host) >= len(pattern))


def wildcards_above(host: str) -> Iterator[str]:
    """Yield the wildcard patterns that cover *host*, the most specific first; a pattern covers itself."""
    if host.startswith("*"):
        yield host
        host = host[1:].lstrip(".")
    rest = host
    while "." in rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}"
    yield "*"


def gateway_names(spec: VirtualService, namespace: str) -> tuple[str, ...]:
    """Return the gateways of *spec* as `namespace/name`, and `mesh` as it is."""
    return tuple(gateway_name(name, namespace) for name in spec.gateways) or (MESH,)


def gateway_name(name: str, namespace: str) -> str:
    """Return the gateway that *name*, written in a rule of *namespace*, means, as `gateway_names` does."""
    if name == MESH or "/" in name:
        return name
    if "." in name:  # name.namespace.svc…, as documents of 2018 have it
        short, own_namespace = name.split(".")[:2]
        return f"{own_namespace}/{short}"
    return f"{namespace}/{name}"


def _filed(resource: Resource, suffixes: tuple[str, ...]) -> Iterator[Token]:
    """Yield the tokens under which *resource* is found."""
    namespace, spec = resource.metadata.namespace, resource.spec
    match spec:
        case ServiceEntry():
            yield from (Token("service", canonical(host)) for host in spec.hosts)
            yield from (Token("address", canonical_address(address)) for address in spec.addresses)
        case VirtualService():
            for gateway in gateway_names(spec, namespace):
                if gateway != MESH:
                    yield Token("bound", gateway)
                else:
                    names = (name for host in spec.hosts for name in candidates(host, namespace, suffixes))
                    yield from (Token("route", name) for name in names)
        case DestinationRule():
            yield from (Token("rule", name) for name in candidates(spec.host, namespace, suffixes))
        case Gateway():
            yield Token("gateway")


def _claimed(resource: Resource | None) -> object:
    """Return how *resource* writes the hosts that it routes, and nothing of what it says about them."""
    spec = resource.spec if resource else None
    return (spec.hosts, spec.gateways) if isinstance(spec, VirtualService) else None


def _differ_in_endpoints_only(before: Resource | None, after: Resource | None) -> bool:
    if before is None or after is None:
        return False
    old, new = before.spec, after.spec
    if not isinstance(old, ServiceEntry) or not isinstance(new, ServiceEntry):
        return False
    return evolve(old, endpoints=new.endpoints) == new


_SETS = {"service": Token("service-hosts"), "route": Token("route-hosts")}
_WILDCARDS = Token("service-wildcards")


class Index:
    """Where each resource is filed. Its state depends on the present resources only, not on how they came to be.

    Attributes:
        suffixes: see `candidates`. They are for good: other ones file everything anew.
    """

    def __init__(self, suffixes: tuple[str, ...] = DEFAULT_SUFFIXES) -> None:
        self.suffixes = suffixes
        self._keys: dict[Token, set[Key]] = defaultdict(set)
        self._names: dict[str, set[str]] = {family: set() for family in _SETS}
        self._wildcards: set[str] = set()
        self._partial: dict[str, set[str]] = {family: set() for family in ("service", "route", "rule")}

    def __repr__(self) -> str:
        return f"<Index {len(self._keys)} names>"

    def replace(
        self, key: Key, before: Resource | None, after: Resource | None, *, same_age: bool = False
    ) -> set[Token]:
        """File *key* under what *after* says instead of what *before* said.

        Args:
            same_age: whether both versions stand at the same place in the order of age.

        Returns:
            Every token whose answer may differ now.
        """
        old = set(_filed(before, self.suffixes)) if before else set()
        new = set(_filed(after, self.suffixes)) if after else set()
        touched = old | new
        if not (same_age and _differ_in_endpoints_only(before, after)):
            touched |= {Token("outline", token.name) for token in touched if token.family == "service"}
        if _claimed(before) != _claimed(after):
            touched |= {Token("claim", token.name) for token in touched if token.family == "route"}
        for token in old - new:
            touched |= self._remove(token, key)
        for token in new - old:
            touched |= self._add(token, key)
        return touched

    def _add(self, token: Token, key: Key) -> set[Token]:
        fresh = token not in self._keys
        self._keys[token].add(key)
        return self._appeared(token) if fresh else set()

    def _remove(self, token: Token, key: Key) -> set[Token]:
        keys = self._keys[token]
        keys.discard(key)
        if keys:
            return set()
        del self._keys[token]
        return self._appeared(token)

    def _appeared(self, token: Token) -> set[Token]:
        """Note that *token* went from nothing to something or back, and return what that touches."""
        touched = {Token("exists", token.name)} if token.family == "service" else set()
        present = token in self._keys
        if token.family in _SETS:
            (self._names[token.family].add if present else self._names[token.family].discard)(token.name)
            touched.add(_SETS[token.family])
        if token.family == "service" and token.name.startswith("*"):
            (self._wildcards.add if present else self._wildcards.discard)(token.name)
            touched.add(_WILDCARDS)
        if token.family in self._partial and token.name.startswith("*") and token.name[1:2] not in ("", "."):
            partial = self._partial[token.family]
            (partial.add if present else partial.discard)(token.name)
            touched.add(Token(f"{token.family}-partial"))
        return touched

    def keys(self, token: Token) -> frozenset[Key]:
        """Return the Keys filed under *token*; empty when there are none."""
        return frozenset(self._keys.get(token, ()))

    def names(self, family: str) -> frozenset[str]:
        """Return all names of *family* (`service` or `route`)."""
        return frozenset(self._names[family])

    def wildcards(self) -> list[str]:
        """Return the wildcard hosts of the registry, sorted."""
        return sorted(self._wildcards)

    def partial(self, family: str) -> frozenset[str]:
        """Return the patterns of *family* whose `*` abuts text (`*-bar.foo.com`), which no label walk finds."""
        return frozenset(self._partial[family])

    def has(self, token: Token) -> bool:
        return token in self._keys


def build(entries: Mapping[Key, Entry]) -> Index:
    """Return the index of *entries*, from scratch."""
    index = Index(suffixes_of(entries))
    for key, entry in entries.items():
        index.replace(key, None, entry.resource)
    return index


class Found(NamedTuple):
    """A resource that answers a question, with its age and key."""

    key: Key
    entry: Entry

    @property
    def spec(self) -> object:
        resource = self.entry.resource
        assert resource is not None, "only what could be read is filed"
        return resource.spec


Means = Callable[[Found], bool]
"""Whether a resource that is filed under a name speaks for it, or rather for a service that goes before it."""


class View:
    """One Snapshot, asked by the compiler. Every answer is oldest first.

    Attributes:
        reads: the questions asked so far.
    """

    def __init__(self, snapshot: Snapshot, index: Index) -> None:
        self._snapshot = snapshot
        self._index = index
        self.reads: set[Token] = set()

    def _find(self, token: Token, *, asked: Token | None = None) -> tuple[Found, ...]:
        self.reads.add(asked or token)
        found = (Found(key, self._snapshot.entries[key]) for key in self._index.keys(token))
        return tuple(sorted(found, key=lambda f: age(f.key, f.entry)))

    def candidates(self, host: str, namespace: str) -> tuple[str, ...]:
        """Return the names that *host*, written in a rule of *namespace*, may mean in this mesh; see `candidates`.

        No question: other suffixes are another mesh, in which everything is computed again.
        """
        return candidates(host, namespace, self._index.suffixes)

    def services(self, host: str) -> tuple[Found, ...]:
        """Return the ServiceEntries that list *host* (canonical, or a wildcard as written)."""
        return self._find(Token("service", host))

    def outlines(self, host: str) -> tuple[Found, ...]:
        """Return the same as `services`, to somebody who looks at everything but endpoints.

        Routes need to know that a destination is there, and endpoints are what changes most: who asks so is not
        computed again for them.
        """
        return self._find(Token("service", host), asked=Token("outline", host))

    def addressed(self, address: str) -> tuple[Found, ...]:
        """Return the ServiceEntries that list the IP *address*."""
        return self._find(Token("address", canonical_address(address)))

    def covering_service(self, host: str) -> str | None:
        """Return the most specific service of the registry that is *host* or a wildcard above it, or None."""
        return next((pattern for pattern in self._patterns("service", host) if self.exists(pattern)), None)

    def exists(self, host: str) -> bool:
        """Return whether *host* is in the registry."""
        self.reads.add(Token("exists", host))
        return self._index.has(Token("service", host))

    def service_hosts(self) -> frozenset[str]:
        """Return all hosts of the registry, wildcards included."""
        self.reads.add(Token("service-hosts"))
        return self._index.names("service")

    def wildcard_services(self) -> list[str]:
        """Return the wildcard hosts of the registry, sorted."""
        self.reads.add(_WILDCARDS)
        return self._index.wildcards()

    def route_hosts(self) -> frozenset[str]:
        """Return all hosts that mesh-bound VirtualServices may mean, wildcards included."""
        self.reads.add(Token("route-hosts"))
        return self._index.names("route")

    def routes(self, host: str, means: Means) -> tuple[Found, ...]:
        """Return the mesh-bound VirtualServices for *host*: of its most specific name or pattern that *means* it."""
        return self._most_specific("route", host, means)

    def routes_named(self, host: str) -> tuple[Found, ...]:
        """Return the mesh-bound VirtualServices that name *host* itself (a wildcard: as written)."""
        return self._find(Token("route", host))

    def claims(self, host: str) -> tuple[tuple[str, str], ...]:
        """Return (host as written, namespace) of each way in which a mesh-bound VirtualService may mean *host*.

        Cheaper to depend on than `routes_named`: a change of the rules does not touch it.
        """
        self.reads.add(Token("claim", host))
        ways: set[tuple[str, str]] = set()
        for key in self._index.keys(Token("route", host)):
            resource = self._snapshot.entries[key].resource
            assert resource is not None, "only what could be read is filed"
            assert isinstance(resource.spec, VirtualService), "filed under its kind"
            ways |= {(w, key.namespace) for w in resource.spec.hosts if host in self.candidates(w, key.namespace)}
        return tuple(sorted(ways))

    def rules(self, host: str, namespace: str, means: Means) -> tuple[Found, ...]:
        """Return the DestinationRules of *namespace* for *host*: of its most specific name that *means* it."""
        return self._most_specific("rule", host, lambda found: found.key.namespace == namespace and means(found))

    def gateways(self) -> tuple[Found, ...]:
        """Return all Gateways."""
        return self._find(Token("gateway"))

    def bound(self, gateway: str) -> tuple[Found, ...]:
        """Return the VirtualServices that name *gateway* (`namespace/name`)."""
        return self._find(Token("bound", gateway))

    def _most_specific(self, family: str, host: str, means: Means) -> tuple[Found, ...]:
        for pattern in self._patterns(family, host):
            found = tuple(filter(means, self._find(Token(family, pattern))))
            if found:
                return found
        return ()

    def _patterns(self, family: str, host: str) -> Iterator[str]:
        """Yield *host* and the patterns of *family* that cover it: exact, then the longest first."""
        yield host
        self.reads.add(Token(f"{family}-partial"))
        partial = [p for p in self._index.partial(family) if p != host and covers(p, host)]
        walk = (p for p in wildcards_above(host) if p != host)
        yield from sorted((*walk, *partial), key=lambda p: (-len(p), p)) if partial else walk
