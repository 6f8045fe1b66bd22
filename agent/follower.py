"""Follows the store: one watch over `config/`, one over `live/`, both resumed for ever, listed again when they must be.

What of `config/` may be served is `store.replica`'s to say. When etcd is away at the start, the copy on disk is served.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import trio
from attrs import frozen

from agent.cache import Cache
from agent.watchable import Watchable
from store.errors import StoreUnavailable
from store.etcd.client import Compacted, Etcd, KeyValue
from store.etcd.failure import ClusterChanged
from store.etcd.watch import Batch, open_watch
from store.host import BadHostRecord, Head, HostRecord, unpack
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
            nursery.start_soon(self._follow, self._keys.config, self._load_config, self._take_config, self._say)
            nursery.start_soon(self._follow, self._keys.live, self._load_live, self._take_live, _ignore)
            nursery.start_soon(self._start_from_disk)
            nursery.start_soon(self._save)
            nursery.start_soon(self._check_head)
            task_status.started()

    async def _follow(
        self,
        prefix: str,
        load: Callable[[tuple[KeyValue, ...], int], None],
        take: Callable[[Batch], Awaitable[None]],
        say: Callable[[bool, str], None],
    ) -> None:
        """List, then watch from the next revision on; list again after a compaction, or when the cluster is another."""
        while True:
            try:
                listing = await self._etcd.list(prefix)
            except StoreUnavailable as e:
                say(False, str(e))
                await trio.sleep(random.uniform(0.2, 1.0))
                continue
            load(listing.items, listing.revision)
            try:
                async with open_watch(
                    self._etcd,
                    prefix,
                    start_revision=listing.revision + 1,
                    cluster_id=listing.cluster_id,
                    on_state=say,
                ) as watch:
                    async for batch in watch:
                        await take(batch)
            except (Compacted, ClusterChanged, _ListAgain) as e:
                log.info("reading %s again: %s", prefix, e)

    def _say(self, connected: bool, reason: str) -> None:
        if connected != self.state.value.connected:
            log.log(logging.INFO if connected else logging.WARNING, "store: %s", reason)
        self.state.set(StoreState(connected, reason))

    # config/

    def _load_config(self, items: tuple[KeyValue, ...], revision: int) -> None:
        self._publish(self.replica.load(((item.key, item.value) for item in items), revision))

    async def _take_config(self, batch: Batch) -> None:
        was_held = self.replica.held
        self._publish(self.replica.follow(batch.revision, ((e.key, e.value) for e in batch.events)))
        if self.replica.held and not was_held:
            raise _ListAgain(self.replica.held)  # perhaps it is we who missed something

    def _publish(self, published: Published | None) -> None:
        if self.replica.held:
            log.error("not following the store: %s", self.replica.held)
        if published is not None:
            self._changed |= published.changed
            self.published.set(published.snapshot)

    async def _start_from_disk(self) -> None:
        with trio.move_on_after(PATIENCE_SECONDS):
            await self.published.wait_for(lambda snapshot: snapshot is not None)
            return
        cached = await self._cache.load()
        if cached is None or self.published.value is not None:
            return
        log.warning("etcd is away: serving the copy on disk, of revision %d", cached.revision)
        self._publish(self.replica.load(cached.items, cached.revision))

    async def _save(self) -> None:
        seen = self.published.generation
        while True:
            seen = await self.published.changed(seen)
            snapshot = self.published.value
            assert snapshot is not None, "never unset"
            await self._cache.save(self.replica.raw(), snapshot.revision)
            await trio.sleep(1.0)

    async def _check_head(self) -> None:
        while True:
            await trio.sleep(CHECK_SECONDS * random.uniform(0.9, 1.1))
            try:
                item = await self._etcd.get(self._keys.head)
                if not self.replica.agrees_with(unpack(item.value, Head) if item else None):
                    listing = await self._etcd.list(self._keys.config)
                    log.warning("the watch missed something: took the list of revision %d", listing.revision)
                    self._load_config(listing.items, listing.revision)
            except (StoreUnavailable, BadHostRecord) as e:
                log.info("cannot compare with the store: %s", e)

    # live/

    def _load_live(self, items: tuple[KeyValue, ...], _revision: int) -> None:
        self.hosts.set({record.name: record for item in items if (record := self._host(item.key, item.value))})

    async def _take_live(self, batch: Batch) -> None:
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


class _ListAgain(Exception):  # noqa: N818
    """What the watch brought does not fit; a list will tell."""


def _ignore(_connected: bool, _reason: str) -> None:
    """`live/` goes the way of `config/`: one state is enough."""
