"""The store as operators use it: read the mesh, and change it by one atomic apply.

An apply is one etcd transaction, compared on `config/head` only, since every writer changes it. When `head` moved but
none of our keys did, the apply is put on top of the newer state and tried again.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeGuard

import trio
from attrs import field, frozen

from store import digest, journal
from store.codec import BadRecord, Record, Source, encode, pack, unpack
from store.errors import Conflict, StoreUnavailable, TooLarge
from store.etcd.client import Etcd, KeyValue, OutcomeUnknown
from store.etcd.txn import Delete, DeletePrefix, Op, Put, Txn, Unchanged, request
from store.host import BadHostRecord, Head
from store.host import pack as pack_head
from store.host import unpack as unpack_host
from store.hosts import KnownHost, read_hosts
from store.keys import Keys
from store.resources.fields import Key
from store.resources.kinds import Resource

ATTEMPTS = 20
"""Writers that keep overtaking us so often are an incident of their own."""
LONGEST_PAUSE_SECONDS = 0.5
"""Pauses before another attempt grow from none to this, at random, so that writers do not stay in step."""
MAX_NAMED = 5
"""So many keys are named in a message; the rest are counted."""


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
        revision: the etcd revision in which *head* was written, whenever that was; 0 in an empty mesh.
        results: Key → what happened, in the order asked for.
        written: whether an apply was made; False when nothing differed.
    """

    head: Head | None
    revision: int
    results: Mapping[Key, Result]
    written: bool = True

    @property
    def changed(self) -> bool:
        return any(result is not Result.UNCHANGED for result in self.results.values())


@frozen
class State:
    """`config/` at one revision, as writers need it.

    Attributes:
        revision: the revision.
        head: None when no apply was made yet.
        head_revision: of the last change of `head`; 0 without one.
        raw: etcd key → record as bytes.
        revisions: etcd key → revision of the record's last change.
    """

    revision: int
    head: Head | None
    head_revision: int
    raw: Mapping[str, bytes]
    revisions: Mapping[str, int] = field(factory=dict)

    def record(self, etcd_key: str) -> Record | None:
        """Return the record, or None when there is none or its bytes are not one (somebody else wrote them)."""
        value = self.raw.get(etcd_key)
        try:
            return unpack(value) if value is not None else None
        except BadRecord:
            return None

    @property
    def is_intact(self) -> bool:
        """Whether the records are those that `head` was written with; if not, somebody changed them without apply."""
        if self.head is None:
            return not self.raw
        found = len(self.raw), digest.render(digest.digest_of(self.raw.items()))
        return found == (self.head.records, self.head.digest)

    def foreign(self, keys: Keys) -> tuple[str, ...]:
        """Return the records that were written after `head`, so not by an apply. What was removed cannot be named."""
        newer = (key for key in self.raw if self.revisions.get(key, 0) > self.head_revision)
        return tuple(sorted(str(keys.parse_resource(key)) for key in newer))


async def read_state(etcd: Etcd, keys: Keys) -> State:
    """Return `config/` at its current revision.

    Raises:
        StoreUnavailable: etcd does not answer, or `head` is not ours to read.
    """
    listing = await etcd.list(keys.config)
    head_item = next((item for item in listing.items if item.key == keys.head), None)
    records = [item for item in listing.items if keys.parse_resource(item.key) is not None]
    return State(
        revision=listing.revision,
        head=_head(head_item),
        head_revision=head_item.mod_revision if head_item else 0,
        raw={item.key: item.value for item in records},
        revisions={item.key: item.mod_revision for item in records},
    )


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
    return {each.key: _judge(state, keys.resource(each.key), each) for each in wanted}


def _judge(state: State, etcd_key: str, wanted: Wanted) -> Result:
    if wanted.resource is None:
        return Result.DELETED if etcd_key in state.raw else Result.UNCHANGED
    if etcd_key not in state.raw:
        return Result.CREATED
    before = state.record(etcd_key)  # None: there are bytes, and they are no record
    return Result.UNCHANGED if before and before.document == document_of(wanted) else Result.CONFIGURED


async def apply(
    etcd: Etcd,
    keys: Keys,
    wanted: Sequence[Wanted],
    origin: Origin,
    *,
    if_head: str | None = None,
    adopt: bool = False,
    seen: State | None = None,
) -> Applied:
    """Make *wanted* so, all of it or nothing.

    Args:
        wanted: each key at most once.
        origin: see `Origin`.
        if_head: id of the apply that *wanted* was made for; None takes any.
        adopt: take over records that were changed without an apply, or a store that lost its own, instead of refusing.
        seen: what the caller has just read and judged; None reads it.

    Returns:
        What happened to each key. When nothing differs, nothing is written.

    Raises:
        Conflict: another writer changed one of our keys between our reading and our writing, `head` is not *if_head*,
            records were changed without an apply, or hosts serve a mesh that this store has nothing of.
        TooLarge: more than one transaction holds.
        StoreUnavailable: etcd does not answer; whether the apply happened is said in the message when it is not known.
    """
    state = base = seen or await read_state(etcd, keys)
    reported = 0
    if state.head is None or adopt:
        hosts = (await read_hosts(etcd, keys)).hosts
        reported = max((host.latest_number for host in hosts), default=0)
        if state.head is None and not adopt:
            _refuse_emptied(hosts)
    for attempt in range(ATTEMPTS):
        refuse_unexpected(state, keys, if_head=if_head, adopt=adopt)
        results = judge(state, keys, wanted)
        if all(result is Result.UNCHANGED for result in results.values()) and state.is_intact:
            return Applied(state.head, state.head_revision, results, written=False)
        head, txn = transaction(state, keys, wanted, results, origin, above=reported)
        revision = await _commit(etcd, keys, txn, head)
        if revision is not None:
            return Applied(head, revision, results)
        await trio.sleep(random.uniform(0.0, LONGEST_PAUSE_SECONDS * attempt / ATTEMPTS))
        state = await read_state(etcd, keys)
        _refuse_overtaken(base, state, keys, wanted)
    raise Conflict(f"other writers changed the mesh {ATTEMPTS} times while this apply was tried; try again")


def refuse_unexpected(state: State, keys: Keys, *, if_head: str | None = None, adopt: bool = False) -> None:
    """Refuse to build on a *state* that is not what the caller, or `head`, thinks it is; see `apply`.

    Raises:
        Conflict: `head` is not *if_head*, or records were changed without an apply and *adopt* is not set.
    """
    head = state.head.apply if state.head else None
    if if_head is not None and if_head != head:
        by = f" by {state.head.author}" if state.head else ""
        raise Conflict(f"the mesh is at apply {head}{by}, not at {if_head}; nothing was changed")
    if not adopt and not state.is_intact:
        raise Conflict(
            f"records were changed without an apply: {_foreign(state, keys)}; agents keep the last good state. "
            "Look at them with `meshctl get`, then take them over with `meshctl apply --adopt`, or put them back"
        )


def refuse_too_large(
    state: State, keys: Keys, wanted: Sequence[Wanted], results: Mapping[Key, Result], origin: Origin
) -> None:
    """Refuse what `apply` would refuse for its size, before anything is written.

    Raises:
        TooLarge: more than one transaction holds, or a resource larger than a record may be.
    """
    if any(result is not Result.UNCHANGED for result in results.values()):
        request(transaction(state, keys, wanted, results, origin)[1])


def _refuse_emptied(hosts: Iterable[KnownHost]) -> None:
    """Refuse the first apply of a store whose hosts serve something already: it lost its data, and they would too."""
    serving = [(host.name, host.status) for host in hosts if host.status and not host.status.left]
    found = [f"{name} ({status.apply})" for name, status in serving if status.apply]
    if found:
        more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
        raise Conflict(
            f"this store has no apply, but hosts serve one: {', '.join(found[:MAX_NAMED])}{more}. It lost its data, or"
            " is the wrong store. Restore a backup; or apply with --adopt all that shall be, and the hosts follow that"
        )


def _foreign(state: State, keys: Keys) -> str:
    named = state.foreign(keys)
    counted = f"{len(state.raw)} are there, {state.head.records if state.head else 0} were applied"
    if not named:
        return counted
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return f"{', '.join(named[:MAX_NAMED])}{more} ({counted})"


def transaction(
    state: State, keys: Keys, wanted: Sequence[Wanted], results: Mapping[Key, Result], origin: Origin, *, above: int = 0
) -> tuple[Head, Txn]:
    """Return the head after applying *wanted* to *state*, and the transaction that does it. Pure.

    Args:
        above: the apply's number is higher than this: what hosts have said of applies that the store lost must not
            pass for their word on this one.
    """
    number = max(state.head.number if state.head else 0, above) + 1
    apply_id = f"{number}-{origin.tag}"
    changes = {
        keys.resource(each.key): _change(state, keys, each, apply_id, number)
        for each in wanted
        if results[each.key] is not Result.UNCHANGED
    }
    total = digest.digest_of(state.raw.items())
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
    try:
        return journal.Change(state.raw.get(etcd_key), pack(record))
    except BadRecord as refused:
        raise TooLarge(f"{wanted.key} cannot be stored: {refused}") from refused


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
    """Return the revision, or None when `head` had moved. A lost answer is settled by the journal, which has our entry.

    Raises:
        OutcomeUnknown: the journal does not have it, yet, or cannot be read.
    """
    try:
        done = await etcd.commit(txn)
    except OutcomeUnknown as lost:
        part = keys.journal_part(head.apply, 0)
        try:
            written = await etcd.get(part)
        except StoreUnavailable:
            raise lost from None
        if written is None or not any(op.value == written.value for op in txn.operations if _puts(op, part)):
            raise
        return written.mod_revision
    return done.revision if done.succeeded else None


def _puts(op: Op, key: str) -> TypeGuard[Put]:
    return isinstance(op, Put) and op.key == key


def _refuse_overtaken(base: State, now: State, keys: Keys, wanted: Sequence[Wanted]) -> None:
    moved = [key for key in (each.key for each in wanted) if _raw(base, keys, key) != _raw(now, keys, key)]
    if moved:
        listed = ", ".join(f"{key} by apply {_writer(now, keys, key)}" for key in moved[:MAX_NAMED])
        more = f" and {len(moved) - MAX_NAMED} more" if len(moved) > MAX_NAMED else ""
        raise Conflict(f"changed meanwhile: {listed}{more}; look with `meshctl get`, then apply again")


def _raw(state: State, keys: Keys, key: Key) -> bytes | None:
    return state.raw.get(keys.resource(key))


def _writer(state: State, keys: Keys, key: Key) -> str:
    """Return the apply that wrote *key* last, and of whom if it was the latest; of a deletion, only that is known."""
    record, head = state.record(keys.resource(key)), state.head
    if record and head and record.apply != head.apply:
        return record.apply
    return f"{head.apply} of {head.author}" if head else "none"
