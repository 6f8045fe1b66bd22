"""The range `config/`, followed: which Snapshot may be served, and what is held back.

Pure: it is told what was listed and what the watch brought, and answers with the Snapshot to publish. Only states that
an apply finished are published: `head` names the number of records and their digest, and both must fit. Anything else
(a record changed by etcdctl, half a restore, a deleted prefix) is held and reported; the last good Snapshot stays.
"""

from collections.abc import Iterable

from attrs import frozen
from immutables import Map

from store import digest
from store.codec import BadRecord, unpack
from store.host import BadHostRecord, Head, pack
from store.host import unpack as unpack_host
from store.keys import Keys
from store.resources.fields import Key
from store.snapshot import Entry, Snapshot

MAX_NAMED = 5
"""So many keys are named in a message; the rest are counted."""


@frozen
class Published:
    """A Snapshot to work with.

    Attributes:
        snapshot: see `Snapshot`.
        changed: every Key that differs from the one published before.
    """

    snapshot: Snapshot
    changed: frozenset[Key]


class Replica:
    """What this process knows of `config/`.

    Attributes:
        held: why the latest state is not published, in words for the operator; None when it is.
        unread: keys whose record this version cannot read, with the reason.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._raw: dict[str, bytes] = {}
        self._head: Head | None = None
        self._digest = 0
        self._pending: set[str] = set()
        self._snapshot: Snapshot | None = None
        self.held: str | None = None
        self.unread: dict[str, str] = {}

    def __repr__(self) -> str:
        state = f"held: {self.held}" if self.held else f"apply {self._head.apply if self._head else None}"
        return f"<Replica {len(self._raw)} records, {state}>"

    @property
    def snapshot(self) -> Snapshot | None:
        """The last one published; None before the first."""
        return self._snapshot

    def agrees_with(self, head: Head | None) -> bool:
        """Whether *head*, just read, is the one that is published. If not, the watch has lost something."""
        return self.held is None and head == self._head

    def load(self, items: Iterable[tuple[str, bytes]], revision: int) -> Published | None:
        """Take a complete list of `config/` at *revision*; return what to publish, None when nothing may be or is new.

        Listing the same state again publishes nothing.
        """
        raw: dict[str, bytes] = {}
        head: bytes | None = None
        for key, value in items:
            if key == self._keys.head:
                head = value
            elif self._keys.parse_resource(key) is not None:
                raw[key] = value
        self._pending |= {key for key in raw.keys() | self._raw.keys() if raw.get(key) != self._raw.get(key)}
        self._raw = raw
        self._digest = digest.digest_of(raw.items())
        self._head = _parse_head(head)
        first = self._snapshot is None
        return self._judge(revision) if first or self._pending or self.held or self._moved() else None

    def _moved(self) -> bool:
        return self._snapshot is None or self._snapshot.head != self._head

    def follow(self, revision: int, events: Iterable[tuple[str, bytes | None]]) -> Published | None:
        """Take all events of one *revision* (None: deleted); return what to publish, None when nothing may be."""
        touched = False
        for key, value in events:
            if key == self._keys.head:
                self._head = _parse_head(value)
                touched = True
            elif self._keys.parse_resource(key) is not None:
                touched = True
                self._put(key, value)
        return self._judge(revision) if touched else None

    def _put(self, key: str, value: bytes | None) -> None:
        before = self._raw.get(key)
        self._digest = digest.replace(self._digest, key, before, value)
        if value is None:
            self._raw.pop(key, None)
        else:
            self._raw[key] = value
        self._pending.add(key)

    def _judge(self, revision: int) -> Published | None:
        self.held = self._reason()
        return self._publish(revision) if self.held is None else None

    def _reason(self) -> str | None:
        head = self._head
        if head is None:
            if self._snapshot is not None and self._snapshot.head is not None:
                return "config/head is gone: the prefix was deleted or restored without it; the last good state is kept"
            return f"{len(self._raw)} records without config/head: not written by meshctl apply" if self._raw else None
        if (len(self._raw), digest.render(self._digest)) == (head.records, head.digest):
            return None
        return f"records were changed without an apply ({self._named()}); the state of apply {head.apply} is kept"

    def _named(self) -> str:
        named = sorted(str(self._keys.parse_resource(key)) for key in self._pending)
        more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
        return ", ".join(named[:MAX_NAMED]) + more if named else "which ones is unknown"

    def _publish(self, revision: int) -> Published:
        entries = self._snapshot.entries.mutate() if self._snapshot else Map[Key, Entry]().mutate()
        changed = set()
        for text in self._pending:
            key = self._keys.parse_resource(text)
            assert key is not None, "only resources are kept"
            changed.add(key)
            entry = self._entry(text)
            if entry is None:
                entries.pop(key, None)
            else:
                entries[key] = entry
        self._pending.clear()
        hosts = self._snapshot.hosts if self._snapshot else {}
        self._snapshot = Snapshot(revision, self._head, entries.finish(), hosts)
        return Published(self._snapshot, frozenset(changed))

    def _entry(self, text: str) -> Entry | None:
        self.unread.pop(text, None)
        if text not in self._raw:
            return None
        try:
            return Entry(unpack(self._raw[text]))
        except BadRecord as e:
            self.unread[text] = str(e)
            return None

    def raw(self) -> tuple[tuple[str, bytes], ...]:
        """Return everything that was last loaded or followed, `head` included, for the cache on disk."""
        from_head = ((self._keys.head, pack(self._head)),) if self._head else ()
        return (*self._raw.items(), *from_head)


def _parse_head(value: bytes | None) -> Head | None:
    try:
        return unpack_host(value, Head) if value is not None else None
    except BadHostRecord:
        return None
