"""The range `config/`, followed: which Snapshot may be served, and what is held back.

Pure: it is told what was listed and what the watch brought, and answers with the Snapshot to publish. Only states that
an apply finished are published: `head` names the number of records and their digest, and both must fit. Anything else
(a record changed by etcdctl, half a restore, a deleted prefix) is held and reported; the last good Snapshot stays.

A finished apply is a person's word and is followed wherever it leads: to an older state after a restore, and to what
the first apply in an emptied store says. It is `meshctl apply` that asks a person before that happens.
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
        revision: up to which etcd was listed or followed; 0 before the first list.
        held: why the latest state is not published, in words for the operator; None when it is.
        unread: resource (`Kind namespace/name`) → why its stored record cannot be read. Its last good version stays in
            the Snapshot; without one, the resource is missing there.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._raw: dict[str, bytes] = {}
        self._head_value: bytes | None = None
        self._head: Head | None = None
        self._digest = 0
        # What was published last, and the etcd keys in which `_raw` differs from it.
        self._published: dict[str, bytes] = {}
        self._pending: set[str] = set()
        # Last good bytes of records that cannot be read now.
        self._good: dict[str, bytes] = {}
        self._snapshot: Snapshot | None = None
        self.revision = 0
        self.held: str | None = None
        self.unread: dict[str, str] = {}

    def __repr__(self) -> str:
        state = f"held: {self.held}" if self.held else f"apply {self._head.apply if self._head else None}"
        return f"<Replica {len(self._raw)} records, {state}>"

    @property
    def snapshot(self) -> Snapshot | None:
        """The last one published; None before the first."""
        return self._snapshot

    def agrees_with(self, head: bytes | None) -> bool:
        """Whether `config/head`, just read (None: absent), is the one that was listed or followed last.

        If not, the watch has lost something, or is about to bring it.
        """
        return head == self._head_value

    def load(
        self, items: Iterable[tuple[str, bytes]], revision: int, *, good: Iterable[tuple[str, bytes]] = ()
    ) -> Published | None:
        """Take a complete list of `config/` at *revision*; return what to publish, None when nothing may be or is new.

        Listing the same state again publishes nothing.

        Args:
            good: older records for those of *items* that cannot be read, as `good` gave them.
        """
        raw: dict[str, bytes] = {}
        head: bytes | None = None
        for key, value in items:
            if key == self._keys.head:
                head = value
            elif self._keys.parse_resource(key) is not None:
                raw[key] = value
        self._raw, self.revision = raw, revision
        self._digest = digest.digest_of(raw.items())
        self._pending = {key for key in raw.keys() | self._published.keys() if raw.get(key) != self._published.get(key)}
        self._good |= good
        self._set_head(head)
        return self._judge()

    def follow(self, revision: int, events: Iterable[tuple[str, bytes | None]]) -> Published | None:
        """Take all events of one *revision* (None: deleted); return what to publish, None when nothing may be.

        A revision that a list has shown already is passed over.
        """
        if revision <= self.revision:
            return None
        self.revision = revision
        for key, value in events:
            if key == self._keys.head:
                self._set_head(value)
            elif self._keys.parse_resource(key) is not None:
                self._put(key, value)
        return self._judge()

    def _set_head(self, value: bytes | None) -> None:
        self._head_value = value
        try:
            self._head = unpack_host(value, Head) if value is not None else None
        except BadHostRecord:
            self._head = None

    def _put(self, key: str, value: bytes | None) -> None:
        self._digest = digest.replace(self._digest, key, self._raw.get(key), value)
        if value is None:
            self._raw.pop(key, None)
        else:
            self._raw[key] = value
        (self._pending.discard if value == self._published.get(key) else self._pending.add)(key)

    # what may be published

    def _judge(self) -> Published | None:
        self.held = self._reason()
        if self.held is not None:
            return None
        is_new = self._snapshot is None or self._snapshot.head != self._head or bool(self._pending)
        return self._publish() if is_new else None

    def _reason(self) -> str | None:
        head = self._head
        if head is None:
            return self._reason_without_head()
        if (len(self._raw), digest.render(self._digest)) == (head.records, head.digest):
            return None
        return f"records were changed without an apply ({self._named()}); {self._kept()}"

    def _reason_without_head(self) -> str | None:
        if self._head_value is not None:
            return f"config/head is unreadable: it was not written by meshctl; {self._kept()}"
        if self._snapshot is not None and self._snapshot.head is not None:
            return f"config/head is gone: the prefix was deleted or restored without it; {self._kept()}"
        return f"{len(self._raw)} records without config/head: not written by meshctl apply" if self._raw else None

    def _kept(self) -> str:
        if self._snapshot is None:
            return "there is no good state to keep"
        head = self._snapshot.head
        return f"the state of apply {head.apply} is kept" if head else "the empty state is kept"

    def _named(self) -> str:
        named = sorted(str(self._keys.parse_resource(key)) for key in self._pending)
        more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
        return ", ".join(named[:MAX_NAMED]) + more if named else "which ones is unknown"

    # publishing

    def _publish(self) -> Published:
        entries = self._snapshot.entries.mutate() if self._snapshot else Map[Key, Entry]().mutate()
        changed = set()
        for text in self._pending:
            key = self._keys.parse_resource(text)
            assert key is not None, "only resources are kept"
            before = entries.get(key)
            entry = self._entry(text, key, before)
            if entry == before:
                continue
            changed.add(key)
            if entry is None:
                del entries[key]
            else:
                entries[key] = entry
        self._remember_published()
        self._snapshot = Snapshot(self.revision, self._head, entries.finish())
        return Published(self._snapshot, frozenset(changed))

    def _remember_published(self) -> None:
        for text in self._pending:
            if text in self._raw:
                self._published[text] = self._raw[text]
            else:
                self._published.pop(text, None)
        self._pending.clear()

    def _entry(self, text: str, key: Key, before: Entry | None) -> Entry | None:
        """Return what to publish under *key*; a record that cannot be read leaves its last good version there."""
        self.unread.pop(str(key), None)
        good = before or _entry_of(self._good.get(text))
        entry = _entry_of(self._raw.get(text))
        if text not in self._raw or (entry and entry.resource):
            self._good.pop(text, None)
            return entry
        kept = good if good and good.resource else None
        self.unread[str(key)] = _reason_of(self._raw[text], entry, kept)
        if kept is None:
            self._good.pop(text, None)
            return entry
        if before is not None:
            self._good.setdefault(text, self._published[text])
        return kept

    # for the disk

    @property
    def good(self) -> tuple[tuple[str, bytes], ...]:
        """The last good version of every published record that cannot be read."""
        return tuple(self._good.items())

    def published(self) -> tuple[tuple[str, bytes], ...]:
        """Return all records of the last Snapshot as etcd holds them, with the `head` that they make a whole with."""
        head = self._snapshot.head if self._snapshot else None
        return (*self._published.items(), *(((self._keys.head, pack(head)),) if head else ()))


def _entry_of(value: bytes | None) -> Entry | None:
    """Return the record in *value*, None when there is none or it is not one."""
    try:
        return Entry(unpack(value)) if value is not None else None
    except BadRecord:
        return None


def _reason_of(value: bytes, entry: Entry | None, good: Entry | None) -> str:
    """Say why the record in *value* is not served, and what is instead."""
    stays = "its last good version stays" if good else "it is left out"
    if entry is not None:
        return f"{entry.diagnostics[0].message}; {stays}"
    try:
        unpack(value)
    except BadRecord as e:
        return f"{e}; {stays}"
    raise AssertionError("only what cannot be read is asked about")
