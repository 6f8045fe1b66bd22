"""Follows the store: one watch over `config/`, one over `live/`, both resumed for ever, listed again when they must be.

What of `config/` may be served is `store.replica`'s to say. When etcd is away at the start, the copy on disk is served.
"""

import logging
import math
import random
from collections.abc import Awaitable, Callable, Mapping

import trio
from attrs import frozen

from agent.cache import Cache, Cached
from agent.watchable import Watchable
from store.errors import StoreUnavailable
from store.etcd.client import Compacted, Etcd, Listing
from store.etcd.failure import ClusterChanged
from store.etcd.watch import Batch, Watch, open_watch
from store.host import BadHostRecord, HostRecord, unpack
from store.keys import Keys
from store.replica import Published, Replica
from store.resources.fields import Key
from store.snapshot import Snapshot

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
"""How long etcd may take for the first list before the copy on disk is served."""
CHECK_SECONDS = 300.0
"""How often `head` is read and compared: a watch is a hint, and one that went silent must be found out."""


@frozen
class StoreState:
    """Whether the watch of `config/` stands. *reason* says why not, or who serves it."""

    connected: bool
    reason: str = ""


class _ListAgain(Exception):  # noqa: N818
    """What the watch brought does not fit; a list will tell."""


def _ignore(_connected: bool, _reason: str) -> None:
    """`live/` goes the way of `config/`: one state is enough."""


class _Range:
    """One of the two watched ranges: what to do with it, and when to see whether the watch is whole.

    Args:
        prefix: the range.
        load: takes a complete list.
        take: takes one revision; may raise _ListAgain.
        check: asks the store whether the watch brought everything; raises _ListAgain if not.
        say: told whether the watch stands.
        spread_seconds: a check after a reconnect comes within so long, so that a fleet does not ask at once.
    """

    def __init__(
        self,
        prefix: str,
        load: Callable[[Listing], None],
        take: Callable[[Batch], None],
        check: Callable[[], Awaitable[None]],
        say: Callable[[bool, str], None],
        *,
        spread_seconds: float = 0.0,
    ) -> None:
        self.prefix = prefix
        self.load = load
        self.take = take
        self.check = check
        self._say = say
        self._spread_seconds = spread_seconds
        self._waiting = trio.CancelScope()
        self._check_at = math.inf
        self._lost = False

    def __repr__(self) -> str:
        return f"<_Range {self.prefix} check at {self._check_at:g}>"

    def say(self, connected: bool, reason: str) -> None:
        """Pass it on; back after a loss, check soon: the store may have been restored from a backup meanwhile."""
        if connected and self._lost:
            self.check_within(random.uniform(0.0, self._spread_seconds))
        self._lost = not connected
        self._say(connected, reason)

    def check_within(self, seconds: float) -> None:
        """Check in so many seconds from now."""
        self._check_at = self._waiting.deadline = trio.current_time() + seconds

    def until_check(self) -> trio.CancelScope:
        """Return a scope that ends when it is time to check."""
        self._waiting = trio.CancelScope(deadline=self._check_at)
        return self._waiting


class Follower:
    """Keeps the latest Snapshot and the latest hosts.

    Attributes:
        published: the latest Snapshot; None before the first complete one.
        hosts: host name → live record.
        state: see `StoreState`.
        replica: for what is held and unread.
    """

    def __init__(self, etcd: Etcd, keys: Keys, cache: Cache) -> None:
        self.published: Watchable[Snapshot | None] = Watchable(None)
        self.hosts: Watchable[Mapping[str, HostRecord]] = Watchable({})
        self.state: Watchable[StoreState] = Watchable(StoreState(False, "not connected yet"))
        self.replica = Replica(keys)
        self._etcd = etcd
        self._keys = keys
        self._cache = cache
        self._changed: set[Key] = set()
        self._held: str | None = None

    def __repr__(self) -> str:
        return f"<Follower {'connected' if self.state.value.connected else 'disconnected'} {self.replica!r}>"

    def take(self) -> Published | None:
        """Return the latest Snapshot with every Key changed since the last call; None before the first."""
        snapshot = self.published.value
        if snapshot is None:
            return None
        changed, self._changed = frozenset(self._changed), set()
        return Published(snapshot, changed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow for ever.

        Raises:
            StoreUnavailable: etcd refuses the watch for good, such as for want of a permission.
        """
        async with trio.open_nursery() as nursery:
            live = _Range(
                self._keys.live, self._load_live, self._take_live, self._check_live, _ignore, spread_seconds=10.0
            )
            nursery.start_soon(self._follow_config)
            nursery.start_soon(self._follow, live)
            nursery.start_soon(self._save)
            task_status.started()

    async def _follow(self, range_: _Range) -> None:
        """List, then watch from the next revision on; list again after a compaction, or when the cluster is another."""
        while True:
            try:
                listing = await self._etcd.list(range_.prefix)
            except (StoreUnavailable, Compacted) as e:
                range_.say(False, str(e))
                await trio.sleep(random.uniform(0.2, 1.0))
                continue
            range_.load(listing)
            try:
                async with open_watch(
                    self._etcd,
                    range_.prefix,
                    start_revision=listing.revision + 1,
                    cluster_id=listing.cluster_id,
                    on_state=range_.say,
                ) as watch:
                    await self._take_batches(watch, range_)
            except (Compacted, ClusterChanged, _ListAgain) as e:
                log.info("reading %s again: %s", range_.prefix, e)

    async def _take_batches(self, watch: Watch, range_: _Range) -> None:
        """Take what the watch brings; now and then, and after each reconnect, see whether it brings everything."""
        range_.check_within(CHECK_SECONDS * random.uniform(0.9, 1.1))
        while True:
            batch = None
            with range_.until_check():
                batch = await anext(watch)
            if batch is not None:
                range_.take(batch)
            else:
                range_.check_within(CHECK_SECONDS * random.uniform(0.9, 1.1))
                await range_.check()

    def _say(self, connected: bool, reason: str) -> None:
        if connected != self.state.value.connected:
            log.log(logging.INFO if connected else logging.WARNING, "store: %s", reason)
        self.state.set(StoreState(connected, reason))

    # config/

    def _load_config(self, listing: Listing) -> None:
        self._publish(self.replica.load(((item.key, item.value) for item in listing.items), listing.revision))

    def _take_config(self, batch: Batch) -> None:
        was_held = self.replica.held
        self._publish(self.replica.follow(batch.revision, ((e.key, e.value) for e in batch.events)))
        if self.replica.held and not was_held:
            raise _ListAgain(self.replica.held)  # perhaps it is we who missed something

    async def _check_config(self) -> None:
        """Compare `head` with the store's: a restored etcd may have gone another way up to a revision above ours."""
        try:
            item = await self._etcd.get(self._keys.head)
        except StoreUnavailable as e:
            log.info("cannot compare with the store: %s", e)
            return
        if not self.replica.agrees_with(item.value if item else None):
            raise _ListAgain("config/head is another than the watch has shown")

    def _publish(self, published: Published | None) -> None:
        """Hand *published* on, or what was read from disk when the store has nothing better; say what is held."""
        held, self._held = self._held, self.replica.held
        if self.replica.held and self.replica.held != held:
            log.error("not following the store: %s", self.replica.held)
        elif held and not self.replica.held:
            log.info("following the store again")
        if published is not None:
            self._changed |= published.changed
        if self.replica.snapshot is not None:
            self.published.set(self.replica.snapshot)

    async def _follow_config(self) -> None:
        """Read the copy on disk, then follow the store.

        The copy stays silent for a second. It tells an emptied or half restored store from a new mesh, it has what
        stays in the place of records that cannot be read, and it is served when the store is away.
        """
        copy = await self._cache.load()
        async with trio.open_nursery() as nursery:
            if copy is not None:
                read = self.replica.load(copy.items, copy.revision, good=copy.good)
                self._changed |= read.changed if read else frozenset()
                nursery.start_soon(self._serve_from_disk, copy.revision)
            say, load = self._say, self._load_config
            await self._follow(_Range(self._keys.config, load, self._take_config, self._check_config, say))

    async def _serve_from_disk(self, revision: int) -> None:
        await trio.sleep(PATIENCE_SECONDS)
        if self.published.value is None and self.replica.snapshot is not None:
            log.warning("etcd is away: serving the copy on disk, of revision %d", revision)
            self._publish(None)

    async def _save(self) -> None:
        seen = self.published.generation
        while True:
            seen = await self.published.changed(seen)
            snapshot = self.replica.snapshot
            assert snapshot is not None, "published"
            await self._cache.save(Cached(self.replica.published(), snapshot.revision, self.replica.good))
            await trio.sleep(1.0)

    # live/

    def _load_live(self, listing: Listing) -> None:
        found = (self._host(item.key, item.value) for item in listing.items)
        self.hosts.set({record.name: record for record in found if record})

    async def _check_live(self) -> None:
        """Nothing tells cheaply whether the watch brings everything; a list does."""
        raise _ListAgain("it is time")

    def _take_live(self, batch: Batch) -> None:
        hosts = dict(self.hosts.value)
        for event in batch.events:
            name = self._keys.parse_host(event.key)
            if name is None:
                continue
            hosts.pop(name, None)
            record = self._host(event.key, event.value) if event.value is not None else None
            if record is not None:
                hosts[name] = record
        self.hosts.set(hosts)

    def _host(self, key: str, value: bytes) -> HostRecord | None:
        """Return the record under *key*, None when it is none, or speaks of another host than its key."""
        name = self._keys.parse_host(key)
        try:
            record = unpack(value, HostRecord) if name else None
        except BadHostRecord as e:
            log.warning("%s: %s", key, e)
            return None
        return record if record and record.name == name else None
