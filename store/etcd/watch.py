"""Watching a prefix through any loss of stream: every revision once, complete and in order.

Resuming needs nothing but the next revision. It moves on when a revision was delivered, and when etcd says
that there is none before a certain one (a progress notification), never because nothing was heard. What the
keys mean is not known here, nor what to do after a compaction.
https://etcd.io/docs/v3.5/learning/api_guarantees/#watch-apis
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from typing import Any, Self

import trio
from attrs import frozen
from etcd3 import etcdrpc

from store.errors import StoreUnavailable
from store.etcd.bridge import Stream, open_stream
from store.etcd.client import Etcd
from store.etcd.endpoint import Turns
from store.etcd.failure import CallFailed, ClusterChanged, Compacted, refused, silent
from store.etcd.txn import prefix_range

__all__ = ["Batch", "ClusterChanged", "Compacted", "Event", "Watch", "open_watch"]

# A restarting etcd accepts connections before it serves; creating a watch asks nobody but the member itself.
CREATED_SECONDS = 1.5


@frozen
class Event:
    """One key changed.

    Attributes:
        key: the whole key.
        value: what it is now; None = it was deleted.
        mod_revision: the revision of this change.
    """

    key: str
    value: bytes | None
    mod_revision: int


@frozen
class Batch:
    """Everything under the prefix that one revision changed.

    Attributes:
        revision: the revision.
        events: at least one, in etcd's order.
    """

    revision: int
    events: tuple[Event, ...]


def _ignore(connected: bool, why: str) -> None:
    """The `on_state` of a caller that does not care."""


class Watch:
    """An endless async iterator of `Batch`; made by `open_watch`.

    It connects, and connects again, while somebody waits for the next batch. A cancelled wait loses nothing.
    """

    def __init__(
        self,
        etcd: Etcd,
        prefix: str,
        *,
        start_revision: int,
        cluster_id: int,
        on_state: Callable[[bool, str], None],
    ) -> None:
        """Remember what to watch; see `open_watch`."""
        self._etcd = etcd
        self._prefix = prefix
        self._next = start_revision
        self._cluster_id = cluster_id
        self._on_state = on_state
        self._state: bool | None = None  # None = never told
        self._turns = Turns(etcd.endpoints)
        self._ready: deque[Batch] = deque()
        self._stream: Stream | None = None
        self._stack = AsyncExitStack()

    def __repr__(self) -> str:
        state = "connected" if self.connected else "disconnected"
        return f"<Watch {self._prefix} at {self._turns.endpoint.url}: {state}, next revision {self._next}>"

    @property
    def connected(self) -> bool:
        """A stream is open, and etcd has confirmed the watch on it."""
        return self._state is True

    def __aiter__(self) -> Self:
        """It is its own iterator; there is no second one."""
        return self

    async def __anext__(self) -> Batch:
        """Wait for the next revision that changed something; see `open_watch` for what it raises."""
        await trio.lowlevel.checkpoint()
        while not self._ready:
            try:
                if self._stream is None:
                    await self._connect()
                else:
                    self._take(await self._stream.receive())
            except CallFailed as failed:
                await self._lost(failed)
            except (Compacted, ClusterChanged, StoreUnavailable) as end:
                await self._ended(str(end))
                raise
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Close the stream, if there is one; it can be opened again by waiting for a batch."""
        self._stream = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def _connect(self) -> None:
        """Open a stream and wait until etcd has confirmed the watch on it."""
        url = self._turns.endpoint.url
        try:
            stream = await self._stack.enter_async_context(open_stream(self._turns.endpoint, _method))
            stream.send(_create(self._prefix, self._next))
            created: Any = None
            with trio.move_on_after(CREATED_SECONDS):
                created = await stream.receive()
            if created is None:
                raise CallFailed("no answer in time")
            self._raise_if_canceled(created)
            await self._check_history(created.header)
        except trio.Cancelled:
            # A caller that waits only briefly must not knock at one stopped member for ever.
            self._turns.failed()
            await self.aclose()
            raise
        self._stream = stream
        self._turns.succeeded()
        self._tell(True, url)

    async def _check_history(self, header: Any) -> None:
        """Is this the cluster we read before, and does it still know what it told us?

        A member that lags behind its leader has a low revision too, so the cluster itself is asked before
        that is taken for a step back.
        """
        if header.cluster_id != self._cluster_id:
            url = self._turns.endpoint.url
            raise ClusterChanged(f"etcd at {url} is of another cluster: {header.cluster_id:x}")
        if header.revision >= self._next - 1:
            return
        try:
            revision = await self._etcd.revision(self._prefix)
        except StoreUnavailable as error:
            raise CallFailed(str(error)) from error
        if revision < self._next - 1:
            raise ClusterChanged(f"etcd went back from revision {self._next - 1} to {revision}")

    def _take(self, response: Any) -> None:
        """Turn a response into batches, and note what to resume from. Never awaits."""
        self._raise_if_canceled(response)
        for revision, events in groupby(response.events, key=lambda event: event.kv.mod_revision):
            if revision >= self._next:
                self._ready.append(Batch(revision=revision, events=tuple(map(_event, events))))
                self._next = revision + 1
        if not response.events and not response.created:
            self._next = max(self._next, response.header.revision + 1)

    def _raise_if_canceled(self, response: Any) -> None:
        if not response.canceled:
            return
        if response.compact_revision:
            raise Compacted(response.compact_revision)
        url, reason = self._turns.endpoint.url, response.cancel_reason or "no reason given"
        raise StoreUnavailable(f"etcd at {url} refuses to watch {self._prefix}: {reason}")

    async def _lost(self, failed: CallFailed) -> None:
        """The stream is gone, or never came: say so, pause, and let the next endpoint have its turn."""
        url = self._turns.endpoint.url
        await self._ended(silent({url: failed}))
        if not failed.elsewhere:
            raise refused(url, failed) from failed
        await trio.sleep(self._turns.failed())

    async def _ended(self, why: str) -> None:
        self._tell(False, why)
        await self.aclose()

    def _tell(self, connected: bool, why: str) -> None:
        if self._state is not connected:
            self._state = connected
            self._on_state(connected, why)


@asynccontextmanager
async def open_watch(
    etcd: Etcd,
    prefix: str,
    *,
    start_revision: int,
    cluster_id: int,
    on_state: Callable[[bool, str], None] = _ignore,
) -> AsyncIterator[Watch]:
    """Watch all keys under a prefix.

    The stream is opened when the first batch is waited for. After a loss it is opened again, at the next
    endpoint, with pauses of 0.1 to 1 s, for ever; a peer that stopped answering is noticed within 8 s.

    Args:
        etcd: an open client.
        prefix: "" watches everything.
        start_revision: the first revision to deliver; one more than that of the listing it follows.
        cluster_id: of that listing.
        on_state: called when the watch becomes connected (with the endpoint's URL) or disconnected (with the
            reason), and with the first failure if it never was connected; must not block.

    Returns:
        The watch. Waiting for its next batch raises:

        Compacted: `start_revision`, or the one to resume from, is no longer kept. List again.
        ClusterChanged: another cluster answers, or this one went back in time. List again and compare.
        StoreUnavailable: etcd refuses the watch for good, such as for want of a permission.
    """
    watch = Watch(
        etcd, prefix, start_revision=start_revision, cluster_id=cluster_id, on_state=on_state
    )
    try:
        yield watch
    finally:
        await watch.aclose()


def _method(channel: Any) -> Any:
    return etcdrpc.WatchStub(channel).Watch


def _create(prefix: str, start_revision: int) -> Any:
    start, end = prefix_range(prefix)
    request = etcdrpc.WatchCreateRequest(
        key=start, range_end=end, start_revision=start_revision, progress_notify=True
    )
    return etcdrpc.WatchRequest(create_request=request)


def _event(event: Any) -> Event:
    key = event.kv.key.decode(errors="surrogateescape")
    value = None if event.type else event.kv.value  # EventType: 0 = PUT, 1 = DELETE
    return Event(key=key, value=value, mod_revision=event.kv.mod_revision)
