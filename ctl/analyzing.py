"""What `meshctl analyze` does, and what `apply` and `delete` say of the findings that a change adds.

What is found, and what it means, is decided in `store/analysis/`; here documents become a mesh, and findings get the
places that they are about.
"""

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from ctl.inputs import Loaded
from store.analysis.analyze import added
from store.analysis.code import key_of
from store.analysis.mesh import Mesh
from store.analysis.outline import Document as Plain
from store.analysis.shelf import Shelf
from store.client import State
from store.codec import Record, Source, encode
from store.diagnostic import Diagnostic, FieldPath, Level, Place
from store.etcd.client import Etcd
from store.host import HostRecord
from store.hosts import read_or_none
from store.keys import Keys
from store.reader import Document
from store.resources.fields import Key
from store.resources.kinds import Resource

ETCD = "etcd"
"""The place of a stored resource whose source is not known."""


class Places:
    """Where resources are written: the documents of files, and of what is stored, the lines they were applied from."""

    def __init__(self, documents: Mapping[Key, Document], sources: Mapping[Key, Source]) -> None:
        self._documents = documents
        self._sources = sources

    def of(self, key: Key, path: FieldPath = ()) -> Place:
        """Return where *path* of *key* stands; of a stored resource, where its document begins."""
        if key in self._documents:
            return self._documents[key].place(path)
        source = self._sources.get(key)
        return Place(source.file, max(source.line, 1)) if source and source.file else Place(ETCD, 1)

    def located(self, said: Diagnostic) -> Diagnostic:
        """Return *said* with its place and those of what it points to, where they are not known yet."""
        related = [
            evolve(each, place=each.place or self.of(key, each.path)) if (key := key_of(each.resource)) else each
            for each in said.related
        ]
        key = key_of(said.resource)
        place = said.place or (self.of(key, said.path) if key else None)
        return evolve(said, place=place, related=related)  # type: ignore[arg-type]  # attrs loses tuple's type


def stored_records(state: State, keys: Keys) -> dict[Key, Record]:
    """Return the records of *state* that are records, oldest first."""
    found = ((keys.parse_resource(text), state.record(text)) for text in state.raw)
    records = [(key, record) for key, record in found if key is not None and record is not None]
    return dict(sorted(records, key=lambda each: (each[1].created, each[0])))


async def live_hosts(etcd: Etcd, keys: Keys) -> list[HostRecord]:
    """Return the records of the hosts that are live.

    Raises:
        StoreUnavailable: etcd does not answer.
    """
    items = (await etcd.list(keys.hosts)).items
    records = (read_or_none(item.value, HostRecord) for item in items if keys.parse_host(item.key))
    return [record for record in records if record is not None]


def over(documents: Mapping[Key, Plain], made: Mapping[Key, Resource | None]) -> dict[Key, Plain]:
    """Return *documents* with the resources of *made* in their places, new ones last, and without its Nones."""
    encoded = {key: encode(resource) for key, resource in made.items() if resource is not None}
    return {key: each for key, each in {**documents, **encoded}.items() if made.get(key, each) is not None}


def added_by(
    made: Mapping[Key, Resource | None],
    before: State,
    keys: Keys,
    hosts: Iterable[HostRecord],
    loaded: Sequence[Loaded] = (),
) -> tuple[Diagnostic, ...]:
    """Return the findings that a change adds. None is an error any more: what they are about is, or may be, applied.

    Args:
        made: what each changed key becomes; None is deleted.
        before: the mesh that is changed.
        hosts: the live ones.
        loaded: the documents of *made*, for places.
    """
    records = stored_records(before, keys)
    old = {key: record.document for key, record in records.items()}
    new = over(old, made)
    found = added(_mesh(old, hosts), _mesh(new, hosts), made.keys())
    places = Places(
        {each.resource.key: each.document for each in loaded}, {key: record.source for key, record in records.items()}
    )
    return tuple(_at_most_a_warning(places.located(said)) for said in found)


def _mesh(documents: Mapping[Key, Plain], hosts: Iterable[HostRecord]) -> Mesh:
    return Mesh(Shelf(documents), hosts, documents=documents)


def _at_most_a_warning(said: Diagnostic) -> Diagnostic:
    return evolve(said, level=Level.WARNING) if said.is_error else said
