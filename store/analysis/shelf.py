"""Stored documents that are read when somebody looks at them: most of 30,000 never are.

How a document is read is the codec's. Nothing is judged here.
"""

from collections.abc import Iterator, Mapping

from store.analysis.outline import Document
from store.codec import decode
from store.resources.fields import Key
from store.resources.kinds import Resource


class Shelf(Mapping[Key, Resource]):
    """Key → resource, in the order of *documents*.

    A document that cannot be read is among the keys, and looking it up says that it is not there (KeyError).
    """

    def __init__(self, documents: Mapping[Key, Document]) -> None:
        self.documents = documents
        self._read: dict[Key, Resource | None] = {}

    def __repr__(self) -> str:
        return f"<Shelf {len(self.documents)} documents, {len(self._read)} read>"

    def __getitem__(self, key: Key) -> Resource:
        if key not in self._read:
            self._read[key] = decode(self.documents[key])[0]
        resource = self._read[key]
        if resource is None:
            raise KeyError(key)
        return resource

    def __iter__(self) -> Iterator[Key]:
        return iter(self.documents)

    def __len__(self) -> int:
        return len(self.documents)
