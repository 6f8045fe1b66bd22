"""One look at the whole mesh: what it should be, and what its hosts say. For `status` and `hosts`."""

import re
from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from store import digest
from store.client import State, refuse_unexpected
from store.errors import Conflict
from store.etcd.client import Etcd
from store.host import BadHostRecord, Head, pack, unpack
from store.hosts import KnownHost, read_hosts
from store.keys import Keys
from store.replica import Replica
from store.snapshot import Snapshot

_APPLY_ID = re.compile(r"\d{1,10}-\w+", re.ASCII)


@frozen
class Survey:
    """What was seen.

    Attributes:
        head: the latest apply; None before the first.
        revisions: id of an apply → the etcd revision in which it was written: of head, and of those that hosts are at,
            as far as the journal has them.
        snapshot: the mesh as it is stored; None when there are records without a head.
        held: why agents do not follow it, and what to do; None when it is what an apply wrote.
        foreign: `Kind namespace/name` of the records that no apply wrote, as far as that can be told.
        unread: `Kind namespace/name` → why this version cannot read its record.
        hosts: all that are live or ever reported, by name.
    """

    head: Head | None
    revisions: Mapping[str, int]
    snapshot: Snapshot | None
    held: str | None
    foreign: frozenset[str]
    unread: dict[str, str]
    hosts: tuple[KnownHost, ...]


async def look(etcd: Etcd, keys: Keys) -> Survey:
    """Read everything once.

    Raises:
        StoreUnavailable: etcd does not answer.
    """
    listing = await etcd.list(keys.config)
    values = {item.key: item.value for item in listing.items}
    raw = {key: value for key, value in values.items() if keys.parse_resource(key) is not None}
    revisions = {item.key: item.mod_revision for item in listing.items}
    head = _head(values.get(keys.head))
    state = State(listing.revision, head, revisions.get(keys.head, 0), raw, revisions)
    held = _held(state, keys, has_head=keys.head in values)
    if held and head:  # a head that fits what is there: people are shown that, though no agent follows it
        values[keys.head] = pack(evolve(head, records=len(raw), digest=digest.render(digest.digest_of(raw.items()))))
    replica = Replica(keys)
    replica.load(values.items(), listing.revision)
    hosts = (await read_hosts(etcd, keys)).hosts
    foreign = frozenset(state.foreign(keys)) if held else frozenset()
    written = await _revisions(etcd, keys, state, hosts)
    return Survey(head, written, replica.snapshot, held, foreign, dict(replica.unread), hosts)


async def _revisions(etcd: Etcd, keys: Keys, state: State, hosts: Iterable[KnownHost]) -> dict[str, int]:
    """Return when head and the applies of *hosts* were written; a host knows only what etcd was at when it read."""
    found = {state.head.apply: state.head_revision} if state.head else {}
    for apply in sorted({host.active_apply for host in hosts if host.active_apply} - found.keys()):
        entry = await etcd.get(keys.journal_part(apply, 0)) if _APPLY_ID.fullmatch(apply) else None
        if entry is not None:
            found[apply] = entry.mod_revision
    return found


def _held(state: State, keys: Keys, *, has_head: bool) -> str | None:
    """Return why agents do not follow *state*, in the words that `apply` refuses it with."""
    if has_head and state.head is None:
        return f"{keys.head} was not written by meshctl; agents keep the last good state. Put it back from a backup"
    try:
        refuse_unexpected(state, keys)
    except Conflict as conflict:
        return str(conflict)
    return None


def _head(value: bytes | None) -> Head | None:
    try:
        return unpack(value, Head) if value is not None else None
    except BadHostRecord:
        return None
