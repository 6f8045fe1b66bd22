"""Do ServiceEntries of one host say the same of it?

Who wins is the compiler's rule (`agent/compiler/resolve/registry.py`): of the client's own namespace the oldest, else
the oldest of all; entries of the winner's namespace and resolution join it, all others lose. What a port speaks is
another question (`port_protocols.py`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache

from attrs import frozen

from store.analysis.code import Code
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.analysis.visibility import Export, is_seen_in
from store.diagnostic import Diagnostic, Level, Related
from store.index import canonical
from store.resources.fields import Key
from store.resources.service_entry import ServiceEntry
from store.scalars import describe

CONFLICT = Code(
    "service-conflict",
    "ServiceEntries of one host that disagree",
    Level.WARNING,
    "Several ServiceEntries have the same host. Those of one namespace with the same resolution add up; of others, one"
    " wins: that of the client's namespace, else the oldest. Endpoints of those that lose get no requests, and ports"
    " that they alone have answer 503. Location is the oldest's for all.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews-new}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: DNS
  endpoints: [{address: reviews.example.com}]
""",
    "Give all of them the same resolution and location, put them into one namespace, or use another host for one."
    " Where namespaces are to have services of their own under one name, exportTo keeps each to its namespace.",
)
CODES = (CONFLICT,)

_Claim = tuple[Key, ServiceEntry]


@frozen
class _Host:
    """Who says what a host is.

    Attributes:
        name: the host.
        owners: namespace → its oldest entry; the oldest of all comes first.
        losers: owner → the entries of its namespace that have another resolution.
        located: owner → the entries that join it and have another location.
    """

    name: str
    owners: Mapping[str, _Claim]
    losers: Mapping[Key, Sequence[_Claim]]
    located: Mapping[Key, Sequence[_Claim]]


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield what ServiceEntries among *keys* lose to others of the same host, and take from them."""
    hosts = cache(lambda name: _host(mesh, name))
    clients = None if mesh.hosts is None else {host.namespace for host in mesh.hosts}
    for key, entry in mesh.of(ServiceEntry, keys):
        for i, name in enumerate(entry.hosts):
            host = hosts(canonical(name))
            if host is not None:
                yield from _in_namespace(host, key, entry)
                yield from _across(host, key, entry, i, clients)


def _host(mesh: Mesh, name: str) -> _Host | None:
    """Return what is said of *name*; None when one entry says all."""
    claims = mesh.services(name)
    if len(claims) < 2:
        return None
    owners: dict[str, _Claim] = {}
    losers: dict[Key, list[_Claim]] = {}
    located: dict[Key, list[_Claim]] = {}
    for key, entry in claims:
        owner, first = owners.setdefault(key.namespace, (key, entry))
        if entry.resolution != first.resolution:
            losers.setdefault(owner, []).append((key, entry))
        elif entry.location != first.location:
            located.setdefault(owner, []).append((key, entry))
    return _Host(name, owners, losers, located)


def _in_namespace(host: _Host, key: Key, entry: ServiceEntry) -> Iterator[Diagnostic]:
    owner, first = host.owners[key.namespace]
    shown = describe(host.name)
    if owner == key:
        for field, others in (("resolution", host.losers.get(key)), ("location", host.located.get(key))):
            if others:
                message = f"{shown} is in {_named(others)} too, with another {field}: this one is older and counts"
                yield CONFLICT.at(key, message, "spec", field, related=_related(others, field))
    elif entry.resolution != first.resolution:
        own = sorted({int(p.number) for p in entry.ports} - {int(p.number) for p in first.ports})
        lost = f", and port {', '.join(map(str, own))} answers 503" if own else ""
        message = f"{shown} has resolution {first.resolution} by {owner}, which is older: nothing is sent here{lost}"
        yield CONFLICT.at(key, message, "spec", "resolution", related=_related([(owner, first)], "resolution"))
    elif entry.location != first.location:
        message = f"{shown} is {first.location} by {owner}, which is older, and not {entry.location}"
        yield CONFLICT.at(key, message, "spec", "location", related=_related([(owner, first)], "location"))


def _across(
    host: _Host, key: Key, entry: ServiceEntry, i: int, clients: Collection[str] | None
) -> Iterator[Diagnostic]:
    """Yield that other namespaces take this entry for the host, or not, where the oldest of another one differs."""
    (oldest, first), *others = host.owners.values()
    mine = host.owners[key.namespace][0] == key
    at, shown = ("spec", "hosts", i), describe(host.name)
    met = _meeting(host, clients)
    if mine and key != oldest and _differ(entry, first) and met((key, entry), (oldest, first)):
        message = f"clients outside namespace {key.namespace} take {shown} from {oldest}, which is older"
        yield CONFLICT.at(key, message, *at, related=_related([(oldest, first)], "hosts"))
    elif key == oldest:
        differing = [each for each in others if _differ(each[1], first) and met(each, (oldest, first))]
        if differing:
            message = f"{shown} is in {_named(differing)} too, of another namespace: clients there do not get here"
            yield CONFLICT.at(key, message, *at, related=_related(differing, "hosts"))


def _differ(one: ServiceEntry, other: ServiceEntry) -> bool:
    return _said(one) != _said(other)


def _said(entry: ServiceEntry) -> object:
    return entry.resolution, entry.location, entry.ports, entry.endpoints, entry.workload_selector


def _meeting(host: _Host, clients: Collection[str] | None) -> Callable[[_Claim, _Claim], bool]:
    """Return whether somebody who owns no entry of *host* sees both of two: some of *clients*, or anybody for None."""

    def met(one: _Claim, other: _Claim) -> bool:
        named = {*one[1].export_to, *other[1].export_to, _ANY} if clients is None else clients
        exported = (_export(one), _export(other))
        return any(name not in host.owners and all(is_seen_in(name, each) for each in exported) for name in named)

    return met


_ANY = ""
"""A namespace that sees what is exported to all."""


def _export(claim: _Claim) -> Export:
    return claim[0].namespace, claim[1].export_to


def _named(claims: Sequence[_Claim]) -> str:
    return named([key for key, _ in claims])


def _related(claims: Sequence[_Claim], field: str) -> list[Related]:
    return pointers(((key, ("spec", field)) for key, _ in claims), "the same host")
