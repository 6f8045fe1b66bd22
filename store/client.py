"""The store as operators use it: read the mesh, and change it by one atomic apply.

An apply is one etcd transaction, compared on `config/head` only, since every writer changes it. When `head` moved but
none of our keys did, the apply is put on top of the newer state and tried again.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import frozen

from store import digest, journal
from store.codec import Record, Source, encode, pack, unpack
from store.errors import Conflict, StoreUnavailable
from store.etcd.client import Etcd, KeyValue, OutcomeUnknown
from store.etcd.txn import Delete, DeletePrefix, Op, Put, Txn, Unchanged
from store.host import BadHostRecord, Head, apply_number
from store.host import pack as pack_head
from store.host import unpack as unpack_host
from store.keys import Keys
from store.resources.fields import Key
from store.resources.kinds import Resource

ATTEMPTS = 8
"""Writers that keep overtaking us so often are an incident of their own."""


class Result(StrEnum):
    """What an apply did to a resource."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@frozen
class Wanted:
    """What a key should become.

    Attributes:
        key: the resource's.
        resource: None to delete it.
        source: where it was read; None with *resource* None.
    """

    key: Key
    resource: Resource | None
    source: Source | None = None


@frozen
class Origin:
    """Who applies, and the values that make the apply's id: given, so that nothing here is random.

    Attributes:
        author: for people.
        message: why.
        time: seconds since the epoch.
        tag: four hex digits that tell this id from the same number in another store.
    """

    author: str
    message: str
    time: float
    tag: str


@frozen
class Applied:
    """A finished apply.

    Attributes:
        head: of the mesh now; of an apply that changed nothing, the one that was there. None in an empty mesh.
        revision: the etcd revision of it.
        results: Key → what happened, in the order asked for.
    """

    head: Head | None
    revision: int
    results: Mapping[Key, Result]

    @property
    def changed(self) -> bool:
        return any(result is not Result.UNCHANGED for result in self.results.values())


@frozen
class State:
    """`config/` at one revision, as writers need it: raw, with the modification of `head`."""

    revision: int
    head: Head | None
    head_revision: int
    raw: Mapping[str, bytes]

    def record(self, etcd_key: str) -> Record | None:
        value = self.raw.get(etcd_key)
        return unpack(value) if value is not None else None


async def read_state(etcd: Etcd, keys: Keys) -> State:
    """Return `config/` at its current revision.

    Raises:
        StoreUnavailable: etcd does not answer, or `head` is not ours to read.
    """
    listing = await etcd.list(keys.config)
    head_item = next((item for item in listing.items if item.key == keys.head), None)
    raw = {item.key: item.value for item in listing.items if keys.parse_resource(item.key) is not None}
    return State(listing.revision, _head(head_item), head_item.mod_revision if head_item else 0, raw)


def _head(item: KeyValue | None) -> Head | None:
    if item is None:
        return None
    try:
        return unpack_host(item.value, Head)
    except BadHostRecord as e:
        raise StoreUnavailable(f"{item.key} was not written by meshctl: {e}") from e


def document_of(wanted: Wanted) -> dict[str, object]:
    """Return the document that is stored for *wanted*."""
    assert wanted.resource is not None, "deletions have no document"
    return encode(wanted.resource)


def judge(state: State, keys: Keys, wanted: Sequence[Wanted]) -> dict[Key, Result]:
    """Return what applying *wanted* to *state* does to each key. Equal documents are unchanged, wherever they stand."""
    return {each.key: _judge(state.record(keys.resource(each.key)), each) for each in wanted}


def _judge(before: Record | None, wanted: Wanted) -> Result:
    if wanted.resource is None:
        return Result.DELETED if before else Result.UNCHANGED
    if before is None:
        return Result.CREATED
    return Result.UNCHANGED if before.document == document_of(wanted) else Result.CONFIGURED


async def apply(etcd: Etcd, keys: Keys, wanted: Sequence[Wanted], origin: Origin) -> Applied:
    """Make *wanted* so, all of it or nothing.

    Args:
        wanted: each key at most once.
        origin: see `Origin`.

    Returns:
        What happened to each key. When nothing differs, nothing is written.

    Raises:
        Conflict: another writer changed one of our keys between our reading and our writing.
        TooLarge: more than one transaction holds.
        StoreUnavailable: etcd does not answer; whether the apply happened is said in the message when it is not known.
    """
    state = base = await read_state(etcd, keys)
    for _ in range(ATTEMPTS):
        results = judge(state, keys, wanted)
        if all(result is Result.UNCHANGED for result in results.values()):
            return Applied(state.head, state.revision, results)
        head, txn = transaction(state, keys, wanted, results, origin)
        revision = await _commit(etcd, keys, txn, head)
        if revision is not None:
            return Applied(head, revision, results)
        state = await read_state(etcd, keys)
        _refuse_overtaken(base, state, keys, wanted)
    raise Conflict(f"other writers changed the mesh {ATTEMPTS} times while this apply was tried; try again")


def transaction(
    state: State, keys: Keys, wanted: Sequence[Wanted], results: Mapping[Key, Result], origin: Origin
) -> tuple[Head, Txn]:
    """Return the head after applying *wanted* to *state*, and the transaction that does it. Pure."""
    number = apply_number(state.head.apply) + 1 if state.head else 1
    apply_id = f"{number}-{origin.tag}"
    changes = {
        keys.resource(each.key): _change(state, keys, each, apply_id, number)
        for each in wanted
        if results[each.key] is not Result.UNCHANGED
    }
    total = int(state.head.digest, 16) if state.head else digest.digest_of(state.raw.items())
    count = len(state.raw)
    for key, change in changes.items():
        total = digest.replace(total, key, change.before, change.after)
        count += (change.after is not None) - (change.before is not None)
    parent = state.head.apply if state.head else None
    head = Head(apply_id, origin.author, origin.time, origin.message, count, digest.render(total), parent)
    entry = journal.Entry(apply_id, parent, origin.author, origin.time, origin.message, _below(keys, changes))
    return head, Txn((Unchanged(keys.head, state.head_revision),), _operations(keys, head, changes, entry))


def _change(state: State, keys: Keys, wanted: Wanted, apply_id: str, number: int) -> journal.Change:
    etcd_key = keys.resource(wanted.key)
    before = state.record(etcd_key)
    if wanted.resource is None:
        return journal.Change(state.raw.get(etcd_key), None)
    assert wanted.source is not None, "a resource was read somewhere"
    record = Record(
        document=document_of(wanted),
        source=wanted.source,
        created=before.created if before else number,
        apply=apply_id,
        set=before.set if before else None,
        vips=before.vips if before else {},
    )
    return journal.Change(state.raw.get(etcd_key), pack(record))


def _below(keys: Keys, changes: Mapping[str, journal.Change]) -> dict[str, journal.Change]:
    return {key[len(keys.prefix) + 1 :]: change for key, change in changes.items()}


def _operations(keys: Keys, head: Head, changes: Mapping[str, journal.Change], entry: journal.Entry) -> tuple[Op, ...]:
    operations: list[Op] = [
        Put(key, change.after) if change.after is not None else Delete(key) for key, change in changes.items()
    ]
    operations.append(Put(keys.head, pack_head(head)))
    operations += (Put(keys.journal_part(head.apply, n), part) for n, part in enumerate(journal.render(entry)))
    outlived = head.number - journal.KEPT_APPLIES
    if outlived > 0:
        operations.append(DeletePrefix(f"{keys.journal}{outlived:010d}-"))
    return tuple(operations)


async def _commit(etcd: Etcd, keys: Keys, txn: Txn, head: Head) -> int | None:
    """Return the revision, or None when `head` had moved. A lost answer is settled by the journal: it says who did it."""
    try:
        done = await etcd.commit(txn)
    except OutcomeUnknown:
        written = await etcd.get(keys.journal_part(head.apply, 0))
        if written is None:
            raise
        return written.mod_revision
    return done.revision if done.succeeded else None


def _refuse_overtaken(base: State, now: State, keys: Keys, wanted: Sequence[Wanted]) -> None:
    moved = [
        each.key for each in wanted if base.raw.get(keys.resource(each.key)) != now.raw.get(keys.resource(each.key))
    ]
    if moved:
        who = f" by apply {now.head.apply} of {now.head.author}" if now.head else ""
        listed = ", ".join(map(str, moved))
        raise Conflict(f"changed meanwhile{who}: {listed}; look at it with `meshctl get`, then apply again")
