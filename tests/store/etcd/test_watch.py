"""Watches against a real etcd that is killed, stopped, compacted and replaced."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio

from store.errors import StoreUnavailable
from store.etcd.client import Etcd, Listing
from store.etcd.txn import Delete, Put, Txn
from store.etcd.watch import Batch, ClusterChanged, Compacted, Event, Watch, open_watch
from tests.embedded import EmbeddedEtcd, free_port, start_etcd

# Idle watches are told the revision this often, instead of every ten minutes.
OFTEN = ("--experimental-watch-progress-notify-interval", "100ms")


class Reader:
    """Reads a watch to a list, and remembers what `on_state` was told."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.states: list[tuple[bool, str]] = []
        self._changed = trio.Event()

    def on_state(self, connected: bool, why: str) -> None:
        self.states.append((connected, why))
        self._wake()

    async def read(self, watch: Watch) -> None:
        async for batch in watch:
            self.batches.append(batch)
            self._wake()

    async def wait_states(self, count: int) -> None:
        await self._wait(lambda: len(self.states) >= count)

    async def wait_revision(self, revision: int) -> None:
        await self._wait(lambda: bool(self.batches) and self.batches[-1].revision >= revision)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(10):
            while not condition():
                await self._changed.wait()


def watch_from(
    client: Etcd, prefix: str, before: Listing, reader: Reader | None = None
) -> AbstractAsyncContextManager[Watch]:
    """Watch what happens after a listing."""
    return open_watch(
        client,
        prefix,
        start_revision=before.revision + 1,
        cluster_id=before.cluster_id,
        on_state=(reader or Reader()).on_state,
    )


async def put_surely(client: Etcd, key: str, value: bytes) -> int:
    """Write, as soon as etcd takes it."""
    while True:
        try:
            return await client.put(key, value)
        except StoreUnavailable:
            await trio.sleep(0.02)


async def take(watch: Watch, count: int) -> list[Batch]:
    with trio.fail_after(15):
        return [await anext(watch) for _ in range(count)]




@asynccontextmanager
async def reading(
    client: Etcd, prefix: str, before: Listing, reader: Reader
) -> AsyncIterator[tuple[Watch, trio.Nursery]]:
    """Have the reader read all that happens after a listing, until the context ends."""
    async with trio.open_nursery() as nursery, watch_from(client, prefix, before, reader) as watch:
        nursery.start_soon(reader.read, watch)
        await reader.wait_states(1)
        yield watch, nursery
        nursery.cancel_scope.cancel()


class TestDelivery:
    async def test_one_batch_a_revision(self, client: Etcd, prefix: str) -> None:
        """Each revision is one batch with all its events, though etcd sends many revisions at once."""
        before = await client.list(prefix)
        first = await client.put(prefix + "a", b"1")
        both = Txn(operations=(Put(prefix + "b", b"2"), Delete(prefix + "a")))
        second = (await client.commit(both)).revision
        await client.put("/elsewhere", b"")
        third = await client.put(prefix + "b", b"3")
        async with watch_from(client, prefix, before) as watch:
            batches = await take(watch, 3)

        assert [
            Batch(first, (Event(prefix + "a", b"1", first),)),
            Batch(second, (Event(prefix + "b", b"2", second), Event(prefix + "a", None, second))),
            Batch(third, (Event(prefix + "b", b"3", third),)),
        ] == batches

    async def test_two_thousand_operations_are_one_batch(self, client: Etcd, prefix: str) -> None:
        """A nested transaction of any width arrives as one batch, live and caught up with."""
        before = await client.list(prefix)
        operations = tuple(Put(key=f"{prefix}{number:05}", value=b"x" * 500) for number in range(2000))
        reader = Reader()
        async with reading(client, prefix, before, reader):
            done = await client.commit(Txn(operations=operations))
            last = await client.put(prefix, b"")
            await reader.wait_revision(last)
        async with watch_from(client, prefix, before) as late:
            caught_up = await take(late, 2)

        seen = reader.batches

        assert caught_up == seen
        assert [done.revision, last] == [batch.revision for batch in seen]
        assert [op.key for op in operations] == [event.key for event in seen[0].events]

    async def test_a_cancelled_wait_loses_nothing(self, client: Etcd, prefix: str) -> None:
        """However often the wait for a batch is cancelled, every one arrives, once."""
        before = await client.list(prefix)
        seen: list[bytes | None] = []

        async def write() -> None:
            for number in range(100):
                await client.put(prefix, b"%d" % number)

        async with watch_from(client, prefix, before) as watch, trio.open_nursery() as nursery:
            nursery.start_soon(write)
            with trio.fail_after(10):
                for milliseconds in itertools.cycle((200, 1, 0, 2)):
                    with trio.move_on_after(milliseconds / 1000):
                        seen.append((await anext(watch)).events[0].value)
                    if len(seen) == 100:
                        break

        assert [b"%d" % number for number in range(100)] == seen

    async def test_more_than_the_window(self, client: Etcd, prefix: str) -> None:
        """A reader that falls far behind holds the stream back, and gets everything in the end."""
        before = await client.list(prefix)
        async with watch_from(client, prefix, before) as watch:
            await client.put(prefix, b"first")
            await take(watch, 1)
            revisions = [await client.put(prefix, b"") for _ in range(100)]

            assert revisions == [batch.revision for batch in await take(watch, 100)]


class TestResuming:
    async def test_kill_and_restart(self, tmp_path: Path) -> None:
        """Over SIGKILL and restart, with writes all the time, nothing is lost or doubled, and order is kept."""
        reader, written = Reader(), list[int]()
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                before = await client.list("/")

                async def write() -> None:
                    while True:
                        written.append(await put_surely(client, "/a", b"%d" % len(written)))

                async with reading(client, "/", before, reader) as (watch, nursery):
                    nursery.start_soon(write)
                    for life in (1, 2):
                        await trio.sleep(0.2)
                        etcd.kill()
                        await reader.wait_states(2 * life)

                        assert not watch.connected
                        etcd.start()
                        await reader.wait_states(2 * life + 1)
                    await trio.sleep(0.2)
                    await reader.wait_revision(written[-1])
                async with watch_from(client, "/", before) as again:
                    truth = await take(again, len(reader.batches))

        assert [True, False, True, False, True] == [connected for connected, _ in reader.states]
        assert f"etcd at {etcd.endpoint} does not answer: connection lost" == reader.states[1][1]
        assert truth == reader.batches
        revisions = {batch.revision for batch in truth}

        # Not equal: a put that was applied but not answered before the kill is written once more.
        assert {revision for revision in written if revision <= max(revisions)} <= revisions

    async def test_stopped_peer(self, tmp_path: Path) -> None:
        """A peer that stops without closing anything is noticed within ten seconds, and resumed from."""
        reader = Reader()
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                before = await client.list("/")
                async with reading(client, "/", before, reader) as (watch, _):
                    etcd.stop_signal()
                    await reader.wait_states(2)
                    while_away = repr(watch)
                    etcd.cont()
                    last = await put_surely(client, "/a", b"")
                    await reader.wait_revision(last)

        assert "disconnected" in while_away
        assert f"etcd at {etcd.endpoint} does not answer: no answer to pings" == reader.states[1][1]
        assert [last] == [batch.revision for batch in reader.batches]

    async def test_other_endpoint(self, shared_etcd: EmbeddedEtcd, prefix: str) -> None:
        """With one dead endpoint of two, the watch is there within a second."""
        for _ in range(4):  # the order is random
            async with Etcd([f"http://127.0.0.1:{free_port()}", shared_etcd.endpoint]) as client:
                before = await client.list(prefix)
                await client.put(prefix, b"")
                with trio.fail_after(1):
                    async with watch_from(client, prefix, before) as watch:
                        await anext(watch)

    async def test_progress_saves_from_compaction(self, tmp_path: Path) -> None:
        """A silent watch moves on with etcd's progress notifications, so that a compaction costs no listing."""
        reader = Reader()
        with start_etcd(tmp_path, options=OFTEN) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                before = await client.list("/quiet/")
                async with reading(client, "/quiet/", before, reader) as (watch, _):
                    revisions = [await client.put("/loud", b"") for _ in range(10)]
                    await trio.sleep(0.5)  # five notifications

                    assert f"next revision {revisions[-1] + 1}>" in repr(watch)
                    etcd.compact(revisions[-1])
                    etcd.kill()
                    await reader.wait_states(2)
                    etcd.start()
                    last = await put_surely(client, "/quiet/a", b"")
                    await reader.wait_revision(last)

        assert [last] == [batch.revision for batch in reader.batches]


class TestEnds:
    async def test_compacted(self, tmp_path: Path) -> None:
        """A start that is compacted raises Compacted with etcd's revision, as often as it is asked."""
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                before = await client.list("/")
                revision = [await client.put("/a", b"") for _ in range(5)][-1]
                etcd.compact(revision)
                async with watch_from(client, "/", before) as watch:
                    for _ in range(2):
                        with trio.fail_after(2), pytest.raises(Compacted) as caught:
                            await anext(watch)

                        assert revision == caught.value.revision
                        assert not watch.connected

    async def test_another_cluster(self, client: Etcd) -> None:
        """Another cluster's id is noticed before anything is delivered."""
        async with open_watch(client, "/", start_revision=1, cluster_id=7) as watch:
            with pytest.raises(ClusterChanged, match="another cluster"):
                await anext(watch)

    async def test_revision_went_back(self, client: Etcd) -> None:
        """A store whose revision is lower than what was read before has been restored."""
        now = await client.list("/")
        start, cluster = now.revision + 100, now.cluster_id
        async with open_watch(client, "/", start_revision=start, cluster_id=cluster) as watch:
            with pytest.raises(ClusterChanged, match="went back"):
                await anext(watch)

    async def test_refused(self, tmp_path: Path) -> None:
        """A watch that needs a permission is refused for good, and the reason is said."""
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                now = await client.list("/")
                etcd.post("auth/user/add", {"name": "root", "password": "x"})
                etcd.post("auth/user/grant", {"user": "root", "role": "root"})
                etcd.post("auth/enable", {})
                async with watch_from(client, "/", now) as watch:
                    with trio.fail_after(2), pytest.raises(StoreUnavailable, match=r"refuses.*permission|user"):
                        await anext(watch)


class TestCancelled:
    async def test_while_connecting(self, stopped_etcd: EmbeddedEtcd) -> None:
        """A watch on a peer that never answers is given up within milliseconds."""
        async with Etcd([stopped_etcd.endpoint]) as client:
            with trio.move_on_after(0.1) as scope:
                async with open_watch(client, "/", start_revision=1, cluster_id=1) as watch:
                    await anext(watch)

            assert scope.cancelled_caught
            assert trio.current_time() - scope.deadline < 0.1

    async def test_while_stopped(self, tmp_path: Path) -> None:
        """An open watch is closed within milliseconds though its peer has stopped."""
        reader = Reader()
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                now = await client.list("/")
                async with reading(client, "/", now, reader) as (_, nursery):
                    etcd.stop_signal()
                    nursery.cancel_scope.cancel()
                    began = trio.current_time()

            assert trio.current_time() - began < 0.1
