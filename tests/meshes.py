"""Snapshots from YAML, for tests that need a mesh and no etcd."""

from collections.abc import Mapping, Sequence

from store.codec import Record, Source, decode, encode
from store.host import Head
from store.reader import read
from store.resources.fields import Key
from store.resources.kinds import Resource
from store.snapshot import Entry, Snapshot


def resources(text: str) -> list[Resource]:
    """Return the resources of a YAML text; a mistake in it fails the test."""
    reading = read(text.encode(), "test.yaml")
    assert not [d for d in reading.diagnostics if d.is_error], reading.diagnostics
    found = []
    for document in reading.documents:
        resource, diagnostics = decode(document.value)
        assert resource is not None, diagnostics
        found.append(resource)
    return found


def entry(resource: Resource, created: int = 1) -> Entry:
    """Return *resource* as the store would hold it after apply number *created*."""
    return Entry(Record(encode(resource), Source("test.yaml", 1), created, f"{created}-0000"))


def snapshot(*texts: str) -> Snapshot:
    """Return the mesh after one apply for each of *texts*."""
    entries: dict[Key, Entry] = {}
    for number, text in enumerate(texts, start=1):
        entries.update((r.key, entry(r, number)) for r in resources(text))
    return of_entries(entries, revision=len(texts))


def of_entries(entries: Mapping[Key, Entry], revision: int = 1) -> Snapshot:
    """Return a Snapshot of *entries*."""
    return Snapshot(revision, Head(f"{revision}-0000", "test", 0.0, "", len(entries), "0"), entries)


def joined(documents: Sequence[str]) -> str:
    """Return *documents* as one YAML text."""
    return "\n---\n".join(documents)
