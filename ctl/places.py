"""Where findings are: documents of files know each field's line, stored resources the line they were applied from."""

from collections.abc import Mapping

from attrs import evolve

from store.analysis.code import key_of
from store.client import State
from store.codec import Record, Source
from store.diagnostic import Diagnostic, FieldPath, Place
from store.etcd.client import Etcd
from store.host import HostRecord
from store.hosts import read_or_none
from store.keys import Keys
from store.reader import Document
from store.resources.fields import Key

ETCD = "etcd"
"""The place of a stored resource whose source is not known."""


class Places:
    """Key → where it is written."""

    def __init__(self, documents: Mapping[Key, Document], records: Mapping[Key, Record]) -> None:
        """Args:
        documents: of files; they go before records.
        records: what is stored.
        """
        self._documents = documents
        self._records = records

    def of(self, key: Key, path: FieldPath = ()) -> Place:
        """Return where *path* of *key* stands; of a stored resource, where its document began."""
        if key in self._documents:
            return self._documents[key].place(path)
        source = self._records[key].source if key in self._records else Source("", 0)
        return Place(source.file, max(source.line, 1), 0) if source.file else Place(ETCD, 1, 0)

    def is_in_files(self, said: Diagnostic) -> bool:
        """Return whether *said* is about a document of a file, whose lines are known."""
        key = key_of(said.resource)
        return key is None or key in self._documents

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
    """Return those of *state* that are records, oldest first."""
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
