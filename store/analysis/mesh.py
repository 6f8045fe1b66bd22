"""All resources together, and what their names mean: the only thing that analyzers look at.

The map of this room:

    code.py       `Code`: what one code means, and `Code.at(key, message, *path)`, which makes a finding of it
    mesh.py       `Mesh`: every question about names that more than one analyzer has
    workloads.py  the workloads that resources describe
    routing.py    what the rules of a VirtualService name: destinations and gateways, each with its path
    visibility.py who sees what (`exportTo`)
    added_tls.py  where rules add TLS to what goes to a port
    outline.py    the names in a document, read without reading the rest of it
    reach.py      whose findings a change may change
    shelf.py      stored documents that are read when somebody looks at them
    <question>.py one question: its `Code`s, and `findings(mesh, keys)`, which yields what is found *at* resources of
                  `keys`; when two resources disagree, at both, each pointing to the other by `related=[see(…)]`
    analyze.py    ANALYZERS, the table of questions; `analyze`: all findings; `added`: those that a change adds
    codes.py      the table of all codes, those of the kinds' own checks (`checked_codes.py`) too
    suppression.py  findings that somebody does not want to hear

A new question is a file and a line in ANALYZERS; its codes' examples are its first tests (tests/store/analysis/
test_codes.py runs them). An analyzer asks the Mesh, or follows names that a document has: it never walks over all
resources for each key. Whatever it reads of another resource has to be within reach of `added`: through a name that
`outline.py` finds in both.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice, takewhile
from typing import TypeVar, cast

from store.analysis.outline import Document, Outline, outline
from store.codec import encode
from store.host import HostRecord
from store.index import MESH, Index, Token, candidates, canonical, covers, gateway_names, wildcards_above
from store.keys import MESH_CONFIG
from store.resources.destination_rule import DestinationRule, Subset
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.kinds import KINDS, Resource
from store.resources.mesh_config import DEFAULT_SUFFIXES, MeshConfig
from store.resources.resolution import Resolution
from store.resources.service_entry import ServiceEntry, ServicePort
from store.resources.virtual_service import VirtualService
from store.resources.workload_entry import WorkloadEntry
from store.scalars import did_you_mean

S = TypeVar("S")

MAX_HINTS = 20
"""So many names are looked for among those that are like them."""


class Mesh:
    """Resources, oldest first, and the live hosts. Nothing is computed before it is asked for, and then once.

    Attributes:
        resources: Key → resource, oldest first; may read them when they are looked at.
        hosts: the live ones; None when they are not known, as offline.
    """

    def __init__(
        self,
        resources: Mapping[Key, Resource],
        hosts: Iterable[HostRecord] | None = None,
        *,
        documents: Mapping[Key, Document] | None = None,
        like: "Mesh | None" = None,
    ) -> None:
        """Args:
        documents: the same resources as documents in today's spelling, so that finding names reads nothing.
        like: a mesh of which most documents are the same objects: what was found in them is taken over.
        """
        self.resources = resources
        self.hosts = tuple(hosts) if hosts is not None else None
        self._documents = documents
        self._like = like
        self._hints: dict[tuple[str, str], str | None] = {}
        self._found: dict[Token, object] = {}
        self._ports: dict[str, Mapping[int, tuple[Key, ServicePort]]] = {}
        self._rules: dict[str, tuple[tuple[Key, DestinationRule], ...]] = {}
        self._joined: dict[tuple[str, ...], tuple[tuple[Key, DestinationRule], ...]] = {}
        self._covered: dict[str, tuple[str, ...]] = {}
        self._subsets: dict[str, Mapping[str, tuple[tuple[Key, Subset], ...]]] = {}

    def __repr__(self) -> str:
        return f"<Mesh {len(self.resources)} resources, hosts {'unknown' if self.hosts is None else len(self.hosts)}>"

    # --- resources ------------------------------------------------------------------------------------------

    def get(self, key: Key, kind: type[S]) -> S | None:
        """Return the spec of *key*; None when there is no such resource, or it is no *kind*."""
        resource = self.resources.get(key)
        return resource.spec if resource is not None and isinstance(resource.spec, kind) else None

    def of(self, kind: type[S], keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, S]]:
        """Yield key and spec of those of *keys* that are a *kind*, in their order; None is all there are."""
        name = _NAMES[kind]
        for key in self.resources if keys is None else keys:
            spec = self.get(key, kind) if key.kind == name else None
            if spec is not None:
                yield key, spec

    @property
    def root_namespace(self) -> str:
        """The namespace whose policies are for every namespace."""
        return (self.get(MESH_CONFIG, MeshConfig) or MeshConfig()).root_namespace

    @cached_property
    def suffixes(self) -> tuple[str, ...]:
        """What a short name may stand for, see `store.index.candidates`."""
        settings = self.get(MESH_CONFIG, MeshConfig)
        return DEFAULT_SUFFIXES if settings is None else settings.service_suffixes

    def in_namespace(self, namespace: str) -> Sequence[Key]:
        """Return the keys of *namespace*, oldest first."""
        return self._namespaces.get(namespace, ())

    @cached_property
    def _namespaces(self) -> Mapping[str, Sequence[Key]]:
        found: dict[str, list[Key]] = defaultdict(list)
        for key in self.resources:
            found[key.namespace].append(key)
        return found

    @cached_property
    def outlines(self) -> Mapping[Key, Outline]:
        """The names in each resource."""
        documents = self._documents
        if documents is None:
            documents = {key: encode(resource) for key, resource in self.resources.items()}
        known = self._known(documents)
        return {key: known.get(key) or outline(key, each, self.suffixes) for key, each in documents.items()}

    def _known(self, documents: Mapping[Key, Document]) -> Mapping[Key, Outline]:
        like = self._like
        if like is None or like._documents is None or like.suffixes != self.suffixes:
            return {}
        theirs = like._documents
        return {key: found for key, found in like.outlines.items() if documents.get(key) is theirs[key]}

    @cached_property
    def _index(self) -> Index:
        index = Index(self.suffixes)
        for key, each in self.outlines.items():
            if each.filed is not None:
                index.replace(key, None, each.filed)
        return index

    @cached_property
    def _age(self) -> Mapping[Key, int]:
        return {key: n for n, key in enumerate(self.resources)}

    def oldest_first(self, keys: Iterable[Key]) -> list[Key]:
        """Return *keys* in the order of the resources' age; what is not there is left out."""
        return sorted((key for key in set(keys) if key in self._age), key=self._age.__getitem__)

    def _filed(self, family: str, name: str, kind: type[S]) -> tuple[tuple[Key, S], ...]:
        token = Token(family, name)
        if token not in self._found:
            self._found[token] = tuple(self.of(kind, self.oldest_first(self._index.keys(token))))
        return cast("tuple[tuple[Key, S], ...]", self._found[token])  # a family is of one kind

    # --- services -------------------------------------------------------------------------------------------

    @property
    def service_hosts(self) -> frozenset[str]:
        """All hosts of the registry, wildcards included."""
        return self._index.names("service")

    def exists(self, host: str) -> bool:
        """Return whether a ServiceEntry has just this *host* (canonical, or a wildcard)."""
        return self._index.has(Token("service", host))

    def candidates(self, host: str, namespace: str) -> tuple[str, ...]:
        """Return the names that *host*, written in a rule of *namespace*, may mean; the first that exists is meant."""
        return candidates(host, namespace, self.suffixes)

    def meant(self, host: str, namespace: str) -> str | None:
        """Return the registry's host that *host*, written in a rule of *namespace*, means, or None.

        A short name is the service of just that name, or else the one below a suffix, or one that a wildcard covers:
        as in `agent/compiler/resolve/registry.py`.
        """
        names = self.candidates(host, namespace)
        exact = next((name for name in names if self.exists(name)), None)
        return exact or next((pattern for name in names for pattern in self._covering(name)), None)

    def _covering(self, name: str) -> Iterator[str]:
        partial = [p for p in self._index.partial("service") if covers(p, name)]
        return filter(self.exists, _longest_first({*wildcards_above(name), *partial}))

    def service_hint(self, host: str, namespace: str) -> str | None:
        """Return which name of a service *host*, written in a rule of *namespace*, was meant for: that of another
        namespace, the short form of a long name, or one like it. None when there is none, and from the MAX_HINTS-th on:
        looking through 10,000 names takes its time.
        """
        if others := self.elsewhere(host):
            return f"write {' or '.join(others[:3])}, the name of another namespace"
        if short := self._shorter(canonical(host)):
            entry, _ = self.services(short)[0]
            long = f"add the long name to the hosts of {entry}"
            return f"the service is called {short} here: write host: {short}, or {long}"
        asked = (host, namespace)
        if asked not in self._hints and len(self._hints) < MAX_HINTS:
            self._hints[asked] = did_you_mean(host, self._spellings(namespace))
        return self._hints.get(asked)

    def _shorter(self, long: str) -> str | None:
        """Return the service of the registry that *long*, `name.namespace.svc.cluster.local` or a part of it, has as
        its first label; None when there is none.
        """
        short, dot, rest = long.partition(".")
        if not dot or not self.exists(short):
            return None
        names = self.candidates(short, rest.partition(".")[0])[1:]
        return short if any(f"{name}.".startswith(f"{long}.") for name in names) else None

    def _spellings(self, namespace: str) -> set[str]:
        """Return all names that mean a service in a rule of *namespace*."""
        first = (host.partition(".")[0] for host in self.service_hosts)
        return {*self.service_hosts, *(name for name in first if name and self.meant(name, namespace))}

    def elsewhere(self, host: str) -> tuple[str, ...]:
        """Return the services that *host*, a short name, means in rules of their own namespaces, sorted."""
        return self._in_namespaces.get(canonical(host), ())

    @cached_property
    def _in_namespaces(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, set[str]] = defaultdict(set)
        for host in self.service_hosts:
            short, _, rest = host.partition(".")
            namespace = rest.partition(".")[0]
            if namespace and host in self.candidates(short, namespace)[1:]:
                found[short].add(host)
        return {short: tuple(sorted(hosts)) for short, hosts in found.items()}

    def services(self, host: str) -> tuple[tuple[Key, ServiceEntry], ...]:
        """Return the ServiceEntries that list *host*, a host of the registry, oldest first."""
        return self._filed("service", host, ServiceEntry)

    def ports(self, host: str) -> Mapping[int, tuple[Key, ServicePort]]:
        """Return port number → its oldest definition for *host*, a host of the registry, and whose it is."""
        if host not in self._ports:
            found: dict[int, tuple[Key, ServicePort]] = {}
            for key, entry in self.services(host):
                for port in entry.ports:
                    found.setdefault(int(port.number), (key, port))
            self._ports[host] = found
        return self._ports[host]

    def covered(self, pattern: str) -> tuple[str, ...]:
        """Return the hosts of the registry that *pattern*, a name or a wildcard, is or covers; sorted from the end."""
        if not pattern.startswith("*"):
            return (pattern,) if self.exists(pattern) else ()
        if pattern not in self._covered:
            end = pattern[:0:-1]
            first = bisect_left(self._reversed_hosts, end)
            found = takewhile(lambda name: name.startswith(end), islice(self._reversed_hosts, first, None))
            self._covered[pattern] = tuple(host for name in found if covers(pattern, host := name[::-1]))
        return self._covered[pattern]

    @cached_property
    def _reversed_hosts(self) -> list[str]:
        return sorted(host[::-1] for host in self.service_hosts)

    def endpoints(self, host: str) -> tuple[WorkloadEntry, ...] | None:
        """Return all endpoints of *host*, a host of the registry; None when not all can be known from resources.

        They cannot where workloads register themselves (`workloadSelector`), or the client's address is dialled. Under
        DNS without endpoints, the host itself is the one.
        """
        found: list[WorkloadEntry] = []
        for _, entry in self.services(host):
            if entry.workload_selector is not None or entry.resolution not in _LISTED:
                return None
            itself = () if entry.resolution is Resolution.STATIC else (WorkloadEntry(address=host),)
            found += entry.endpoints or itself
        return tuple(found)

    # --- destination rules ----------------------------------------------------------------------------------

    def rules(self, host: str) -> tuple[tuple[Key, DestinationRule], ...]:
        """Return the DestinationRules that some host of the mesh may apply to *host*, a host of the registry.

        In each namespace those of the most specific name or pattern speak alone. Oldest first within a namespace. Hosts
        for which the same wildcards speak, and no name, get the same object.
        """
        if host not in self._rules:
            names = (name for name in (host, *self._rule_patterns(host)) if self._index.has(Token("rule", name)))
            self._rules[host] = self._rules_of(tuple(dict.fromkeys(names)), host)
        return self._rules[host]

    def _rules_of(self, names: tuple[str, ...], host: str) -> tuple[tuple[Key, DestinationRule], ...]:
        """Hosts that have nothing but wildcards above them share what these say: one object for 10,000 hosts."""
        if names not in self._joined:
            namespaces: dict[str, list[tuple[Key, DestinationRule]]] = defaultdict(list)
            for name in names:
                found: dict[str, list[tuple[Key, DestinationRule]]] = defaultdict(list)
                for key, rule in self._filed("rule", name, DestinationRule):
                    if key.namespace not in namespaces and self.speaks_for(rule, key.namespace, host):
                        found[key.namespace].append((key, rule))
                namespaces |= found
            self._joined[names] = tuple(each for found_there in namespaces.values() for each in found_there)
        return self._joined[names]

    def speaks_for(self, rule: DestinationRule, namespace: str, host: str) -> bool:
        """Return whether the host that *rule* of *namespace* names means *host*, or covers it as a wildcard."""
        name = canonical(rule.host)
        return covers(name, host) if name.startswith("*") else self.meant(rule.host, namespace) == host

    def _rule_patterns(self, host: str) -> list[str]:
        partial = [p for p in self._index.partial("rule") if covers(p, host)]
        return _longest_first({*wildcards_above(host), *partial})

    def subsets(self, host: str) -> Mapping[str, tuple[tuple[Key, Subset], ...]]:
        """Return subset name → its definitions for *host*, a host of the registry."""
        if host not in self._subsets:
            found: dict[str, list[tuple[Key, Subset]]] = defaultdict(list)
            for key, rule in self.rules(host):
                for subset in rule.subsets:
                    found[subset.name].append((key, subset))
            self._subsets[host] = {name: tuple(definitions) for name, definitions in found.items()}
        return self._subsets[host]

    # --- virtual services and gateways ----------------------------------------------------------------------

    def routes(self, name: str) -> tuple[tuple[Key, VirtualService], ...]:
        """Return the mesh-bound VirtualServices that may mean *name*, a host or wildcard, by one of theirs."""
        return self._filed("route", name, VirtualService)

    def bound(self, gateway: str) -> tuple[tuple[Key, VirtualService], ...]:
        """Return the VirtualServices that name *gateway* (`namespace/name`) for all of their rules."""
        return self._filed("bound", gateway, VirtualService)

    def gateway(self, name: str) -> tuple[Key, Gateway] | None:
        """Return the Gateway *name* (`namespace/name`), or None."""
        namespace, _, short = name.partition("/")
        key = Key(namespace, short, "Gateway")
        spec = self.get(key, Gateway)
        return (key, spec) if spec is not None else None

    @cached_property
    def gateways(self) -> tuple[tuple[Key, Gateway], ...]:
        """All Gateways, oldest first."""
        return tuple(self.of(Gateway))

    def bound_to(self, key: Key, service: VirtualService) -> list[tuple[Key, Gateway]]:
        """Return the Gateways that *service* names for all of its rules, those that exist."""
        names = (name for name in gateway_names(service, key.namespace) if name != MESH)
        return [found for name in dict.fromkeys(names) if (found := self.gateway(name))]

    # --- hosts ----------------------------------------------------------------------------------------------

    def selected(self, labels: Mapping[str, str]) -> tuple[HostRecord, ...] | None:
        """Return the live hosts that have all of *labels*, all hosts for none; None when hosts are not known."""
        if self.hosts is None:
            return None
        return tuple(host for host in self._narrowest(labels) if has_labels(host.labels, labels))

    def _narrowest(self, labels: Mapping[str, str]) -> Collection[HostRecord]:
        groups = (self._labelled.get(label, ()) for label in labels.items())
        return min(groups, key=len, default=self.hosts or ())

    @cached_property
    def _labelled(self) -> Mapping[tuple[str, str], Collection[HostRecord]]:
        found: dict[tuple[str, str], list[HostRecord]] = defaultdict(list)
        for host in self.hosts or ():
            for label in host.labels.items():
                found[label].append(host)
        return found


_LISTED = frozenset({Resolution.STATIC, Resolution.DNS, Resolution.DNS_ROUND_ROBIN})
"""Resolutions whose endpoints are those that are written down."""

_NAMES: Mapping[type, str] = {kind.spec: kind.name for kind in KINDS.values()}


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether *labels* have all that are *wanted*."""
    return all(labels.get(name) == value for name, value in wanted.items())


def may_both_select(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether everything that one of two selectors selects, the other selects too: so they surely meet."""
    return one.items() <= other.items() or other.items() <= one.items()


def _longest_first(patterns: Iterable[str]) -> list[str]:
    return sorted(patterns, key=lambda pattern: (-len(pattern), pattern))
