"""What the mesh should be at one revision: immutable, whole, and the only thing that compilers read."""

from collections.abc import Mapping

from attrs import field, frozen
from immutables import Map

from store.codec import Record, understand
from store.diagnostic import Diagnostic
from store.host import Head
from store.resources.fields import Key
from store.resources.kinds import Resource


class Entry:
    """A record, and its resource once somebody asks for it: most of 10,000 are never looked at.

    Attributes:
        record: as etcd holds it.
    """

    __slots__ = ("_understood", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._understood: tuple[Resource | None, tuple[Diagnostic, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Entry apply={self.record.apply} source={self.record.source.file}:{self.record.source.line}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.record == other.record

    __hash__ = None  # type: ignore[assignment]

    def _understand(self) -> tuple[Resource | None, tuple[Diagnostic, ...]]:
        if self._understood is None:
            self._understood = understand(self.record.document)
        return self._understood

    @property
    def resource(self) -> Resource | None:
        """The decoded resource; None when this version of ours cannot read it (see `diagnostics`)."""
        return self._understand()[0]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self._understand()[1]

    @property
    def created(self) -> int:
        return self.record.created


def _persistent(value: Mapping[Key, Entry]) -> Map[Key, Entry]:
    return value if isinstance(value, Map) else Map(value)


@frozen
class Snapshot:
    """The mesh at one finished apply.

    Attributes:
        revision: the etcd revision of that apply; 0 for a mesh without any.
        head: the apply that made it; None before the first.
        entries: Key → Entry. A persistent map: the next snapshot shares with this one whatever did not change.
    """

    revision: int = 0
    head: Head | None = None
    entries: Map[Key, Entry] = field(factory=Map, converter=_persistent)


def age(key: Key, entry: Entry) -> tuple[int, str, str]:
    """Return the sort key that decides which of two resources is older: apply number, namespace, name."""
    return entry.created, key.namespace, key.name
