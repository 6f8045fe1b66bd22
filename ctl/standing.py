"""What every host really runs of each resource. Pure: computed from a Snapshot and what the hosts say.

Which resources a host is concerned with is found by compiling what the host compiles (DESIGN.md, law 8); how far it is
with them is in its own status, which counts as active only what was read back from Envoy.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from agent.compiler.compile import compile as compile_for
from store.host import HostRecord, HostStatus, Rejection, to_json
from store.hosts import KnownHost, has_reached
from store.resources.fields import Key
from store.snapshot import Entry, Snapshot

WORST_FIRST = ("unread", "rejected", "warming", "active", "unaffected", "offline")
"""The verdict of a resource is the first of these that any host gives it; hosts that are away say nothing about it."""


@frozen
class Refused:
    """A host's rejection of a resource."""

    host: str
    rejection: Rejection


@frozen
class Standing:
    """How one resource stands.

    Attributes:
        key, entry: the resource.
        verdict: see `WORST_FIRST`; `unread` when this version cannot read the record.
        hosts: verdict → number of hosts.
        refused: see `Refused`.
    """

    key: Key
    entry: Entry
    verdict: str
    hosts: Mapping[str, int]
    refused: tuple[Refused, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as the contract has it."""
        source = self.entry.record.source
        return {
            "resource": str(self.key),
            "apply": self.entry.record.apply,
            "file": source.file,
            "line": source.line,
            "verdict": self.verdict,
            "hosts": dict(self.hosts),
            "rejections": [{"host": each.host, **to_json(each.rejection)} for each in self.refused],
        }


def standings(snapshot: Snapshot, hosts: Iterable[KnownHost]) -> list[Standing]:
    """Return how each resource of *snapshot* stands on *hosts*, by kind, namespace, name. Who left does not count."""
    known = [host for host in hosts if host.state != "gone"]
    concerned = _concerned(snapshot, [host.record for host in known if host.record])
    ordered = sorted(snapshot.entries.items(), key=lambda item: (item[0].kind, item[0]))
    return [_standing(key, entry, known, concerned) for key, entry in ordered]


def _concerned(snapshot: Snapshot, records: Iterable[HostRecord]) -> dict[str, frozenset[Key]]:
    """Return host name → the resources that its configuration is made of. Hosts that are alike are compiled once."""
    found: dict[str, frozenset[Key]] = {}
    alike: list[tuple[HostRecord, frozenset[Key]]] = []
    for record in records:
        # Name and address are in the fallback's own domains only. They take no rule's last domain, which is `host:*`.
        shape = evolve(record, name="", instance="", address="", since=0.0, agent="", envoy=None)
        keys = next((keys for known, keys in alike if known == shape), None)
        if keys is None:
            keys = _origins(snapshot, record)
            alike.append((shape, keys))
        found[record.name] = keys
    return found


def _origins(snapshot: Snapshot, record: HostRecord) -> frozenset[Key]:
    config = compile_for(snapshot, record)
    made = (*config.resources.values(), *config.lookups.values())
    return frozenset(key for each in made for key in each.origins)


def _standing(key: Key, entry: Entry, hosts: Iterable[KnownHost], concerned: Mapping[str, frozenset[Key]]) -> Standing:
    listed = list(hosts)
    said = Counter(_on_host(key, entry, host, concerned) for host in listed)
    refused = tuple(
        Refused(host.name, each)
        for host in listed
        for each in _rejections(host.status)
        if host.state == "live" and each.resource == str(key)
    )
    verdict = "unread" if entry.resource is None else next((v for v in WORST_FIRST if said[v]), "unaffected")
    return Standing(key, entry, verdict, {v: said[v] for v in WORST_FIRST if said[v]}, refused)


def _on_host(key: Key, entry: Entry, host: KnownHost, concerned: Mapping[str, frozenset[Key]]) -> str:
    if host.state != "live":
        return "offline"
    if any(each.resource == str(key) for each in _rejections(host.status)):
        return "rejected"
    if key not in concerned.get(host.name, ()):
        return "unaffected"
    return "active" if has_reached(host.active_apply, entry.record.apply) else "warming"


def _rejections(status: HostStatus | None) -> tuple[Rejection, ...]:
    return status.rejections if status else ()
