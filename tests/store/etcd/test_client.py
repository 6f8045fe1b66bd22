"""The client against a real etcd."""

import itertools
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from store.errors import Conflict, MeshError, StoreUnavailable, TooLarge
from store.etcd.client import Compacted, Etcd, LeaseLost, OutcomeUnknown
from store.etcd.txn import Delete, DeletePrefix, Put, Txn, Unchanged
from tests.embedded import EmbeddedEtcd, etcd_program, free_port, start_etcd


class TestKeys:
    async def test_put_get_delete(self, client: Etcd, prefix: str) -> None:
        """A key is read as it was written, and is None once it is deleted."""
        revision = await client.put(prefix + "ключ", b"one")

        found = await client.get(prefix + "ключ")

        assert found is not None
        assert (prefix + "ключ", b"one", revision, revision) == (
            found.key,
            found.value,
            found.mod_revision,
            found.create_revision,
        )
        assert revision + 1 == await client.delete(prefix + "ключ")
        assert None is await client.get(prefix + "ключ")

    async def test_list_is_of_one_revision(self, client: Etcd, prefix: str) -> None:
        """A listing in pages shows the first page's revision, whatever is written meanwhile."""
        names = [f"{prefix}{number:03}" for number in range(50)]
        await client.commit(Txn(operations=tuple(Put(key=name, value=b"old") for name in names)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_for_ever, client, names)
            for _ in range(10):
                listing = await client.list(prefix, page=7)
                values = {item.value for item in listing.items}

                assert names == [item.key for item in listing.items]
                assert 1 == len(values), "two revisions in one listing"
                assert listing.revision >= max(item.mod_revision for item in listing.items)
            nursery.cancel_scope.cancel()

    async def test_list_in_the_past(self, client: Etcd, prefix: str) -> None:
        """A listing can be asked for as of an earlier revision, and says that it is of it."""
        revision = await client.put(prefix + "a", b"1")
        await client.delete_prefix(prefix)

        then, now = await client.list(prefix, revision=revision), await client.list(prefix)

        assert [b"1"] == [item.value for item in then.items]
        assert (revision, ()) == (then.revision, now.items)
        assert now.cluster_id == then.cluster_id != 0

    async def test_status(self, client: Etcd, shared_etcd: EmbeddedEtcd) -> None:
        """The status names the member, its version and its cluster."""
        status, listing = await client.status(), await client.list("/none/")
        says = subprocess.run([etcd_program(), "--version"], capture_output=True, text=True, check=True).stdout

        assert f"etcd Version: {status.version}" == says.splitlines()[0]
        assert shared_etcd.endpoint == status.endpoint
        assert (listing.cluster_id, listing.revision) == (status.cluster_id, status.revision)


async def write_for_ever(client: Etcd, names: list[str]) -> None:
    number = 0
    while True:
        number += 1
        await client.commit(Txn(operations=tuple(Put(key=name, value=b"%d" % number) for name in names)))


class TestCommit:
    async def test_two_thousand_operations_are_one_revision(self, client: Etcd, prefix: str) -> None:
        """A nested transaction is one revision, however many operations it has."""
        operations = tuple(Put(key=f"{prefix}{number}", value=b"v") for number in range(2000))

        done = await client.commit(Txn(operations=operations))

        listing = await client.list(prefix)

        assert done.succeeded
        assert {done.revision} == {item.mod_revision for item in listing.items}
        assert 2000 == len(listing.items)

    async def test_compares(self, client: Etcd, prefix: str) -> None:
        """A failed compare leaves everything as it was; a true one lets all happen."""
        revision = await client.put(prefix + "head", b"1")
        await client.put(prefix + "old/a", b"1")
        operations = (Put(key=prefix + "head", value=b"2"), DeletePrefix(prefix=prefix + "old/"))
        old = Unchanged(key=prefix + "head", mod_revision=revision - 1)
        present = Unchanged(key=prefix + "head", mod_revision=revision)
        absent = Unchanged(key=prefix + "absent", mod_revision=0)
        stale = Txn(compares=(absent, old), operations=operations)
        right = Txn(compares=(absent, present), operations=operations)

        refused = await client.commit(stale)
        untouched = await client.list(prefix)
        done = await client.commit(right)

        assert (False, revision + 1) == (refused.succeeded, refused.revision)
        assert [b"1", b"1"] == [item.value for item in untouched.items]
        assert (True, revision + 2) == (done.succeeded, done.revision)
        assert [b"2"] == [item.value for item in (await client.list(prefix)).items]

    @pytest.mark.parametrize(("compares", "count"), [(100, 120), (100, 2000), (1, 3600), (1, 12_000)])
    async def test_etcd_takes_every_shape(self, client: Etcd, prefix: str, compares: int, count: int) -> None:
        """etcd takes each depth of nesting, and a false compare among many stops all of it."""
        wanted = tuple(Unchanged(key=f"{prefix}c{number}", mod_revision=0) for number in range(compares))
        operations = tuple(Put(key=f"{prefix}{number}", value=b"") for number in range(count))
        await client.put(f"{prefix}c0", b"")

        refused = await client.commit(Txn(compares=wanted, operations=operations))
        untouched = await client.list(prefix)
        await client.delete(f"{prefix}c0")
        done = await client.commit(Txn(compares=wanted, operations=operations))
        listing = await client.list(prefix, page=10_000)

        assert (False, 1, True) == (refused.succeeded, len(untouched.items), done.succeeded)
        assert [done.revision] * count == [item.mod_revision for item in listing.items]

    async def test_too_large_is_not_sent(self, client: Etcd, prefix: str) -> None:
        """What does not fit is refused here; the largest that does fit is taken by etcd."""
        with pytest.raises(TooLarge, match="the limit is 1468006"):
            await client.commit(Txn(operations=(Put(key=prefix, value=b"x" * 1_500_000),)))

        assert (await client.commit(Txn(operations=(Put(key=prefix, value=b"x" * 1_460_000),)))).succeeded


class TestLeases:
    async def test_life_of_a_lease(self, client: Etcd, prefix: str) -> None:
        """A key lives by its lease, goes with it, and a lease that is gone is None or LeaseLost."""
        lease = await client.grant(60)
        await client.put(prefix, b"", lease=lease)
        found = await client.get(prefix)
        remaining = await client.lease_remaining(lease)
        await client.revoke(lease)
        await client.revoke(lease)

        assert found is not None
        assert found.lease == lease
        assert remaining in (58, 59, 60)
        assert None is await client.get(prefix)
        assert None is await client.lease_remaining(lease)
        with pytest.raises(LeaseLost):
            await client.put(prefix, b"", lease=lease)

    async def test_an_id_is_given_once(self, client: Etcd) -> None:
        """A lease id that is held already is a Conflict."""
        assert 4711 == await client.grant(60, lease_id=4711)
        with pytest.raises(Conflict):
            await client.grant(60, lease_id=4711)
        await client.revoke(4711)


class TestEndpoints:
    @pytest.mark.parametrize("bad", ["ftp://h:1", "127.0.0.1:2379", "http://", "http://h:99999", "http://h/p"])
    def test_bad_url(self, bad: str) -> None:
        """A URL that is none is named in the message."""
        with pytest.raises(MeshError, match="is no etcd endpoint") as caught:
            Etcd([bad])

        assert repr(bad) in str(caught.value)

    def test_https_and_none(self) -> None:
        """https is refused as not supported yet, and no endpoint at all is a mistake."""
        with pytest.raises(MeshError, match="not supported yet"):
            Etcd(["https://127.0.0.1:2379"])
        with pytest.raises(MeshError, match="no etcd endpoint"):
            Etcd([])

    async def test_refused_is_quick_and_says_so(self) -> None:
        """Nobody listening is said at once, with every endpoint and the reason."""
        urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        async with Etcd(urls) as client:
            with trio.fail_after(1.5), pytest.raises(StoreUnavailable) as caught:
                await client.get("/a")

        for url in urls:
            assert f"etcd at {url} does not answer: connection refused" in str(caught.value)

    async def test_unresolvable_name(self) -> None:
        """A host name that does not exist is said to be the trouble."""
        async with Etcd(["http://nowhere.invalid:2379"]) as client:
            with pytest.raises(StoreUnavailable, match="name cannot be resolved"):
                await client.get("/a")

    async def test_other_endpoint(self, shared_etcd: EmbeddedEtcd, prefix: str) -> None:
        """One dead endpoint of two harms no call, transactions included, for nothing was sent to it."""
        for _ in range(4):  # the order is random
            async with Etcd([f"http://127.0.0.1:{free_port()}", shared_etcd.endpoint]) as client:
                done = await client.commit(Txn(operations=(Put(key=prefix, value=b""),)))

                assert done.succeeded
                assert f"<Etcd {shared_etcd.endpoint}, " in repr(client)


class TestTrouble:
    async def test_stopped_etcd(self, tmp_path: Path) -> None:
        """A stopped etcd makes a read unavailable, and a transaction's outcome unknown."""
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                await client.put("/a", b"1")
                etcd.stop_signal()
                txn = Txn(operations=(Delete(key="/a"),))
                outcomes: list[Exception] = []

                async def attempt(call: Callable[[], Awaitable[object]]) -> None:
                    try:
                        await call()
                    except StoreUnavailable as error:
                        outcomes.append(error)

                with trio.fail_after(5):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(attempt, lambda: client.get("/a"))
                        nursery.start_soon(attempt, lambda: client.commit(txn))
                etcd.cont()

                assert {StoreUnavailable, OutcomeUnknown} == {type(outcome) for outcome in outcomes}
                for outcome in outcomes:
                    assert f"etcd at {etcd.endpoint} " in str(outcome)
                    assert "no answer" in str(outcome)

    async def test_restart(self, tmp_path: Path) -> None:
        """A client outlives its etcd: unavailable while it is gone, itself again soon after."""
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                await client.put("/a", b"1")
                etcd.kill()
                with pytest.raises(StoreUnavailable, match="connection refused"):
                    await client.get("/a")
                etcd.start()

                with trio.fail_after(3):
                    assert await read(client) == b"1"

    async def test_compacted_listing(self, tmp_path: Path) -> None:
        """A listing as of a compacted revision raises Compacted."""
        with start_etcd(tmp_path) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                revision = await client.put("/a", b"1")
                await client.put("/a", b"2")
                etcd.compact(revision + 1)
                with pytest.raises(Compacted) as caught:
                    await client.list("/", revision=revision)

                assert revision == caught.value.revision

    async def test_no_space(self, tmp_path: Path) -> None:
        """A full etcd is said to be out of space, and is still read."""
        with start_etcd(tmp_path, options=("--quota-backend-bytes", "4000000")) as etcd:
            async with Etcd([etcd.endpoint]) as client:
                with pytest.raises(StoreUnavailable, match="NOSPACE"):
                    await fill(client)

                assert await client.get("/0")


async def read(client: Etcd) -> bytes:
    """The value of /a, as soon as etcd answers."""
    while True:
        try:
            found = await client.get("/a")
        except StoreUnavailable:
            await trio.sleep(0.05)
        else:
            return found.value if found else b""


async def fill(client: Etcd) -> None:
    """Write until etcd takes no more; it measures itself a little behind."""
    with trio.fail_after(10):
        for number in itertools.count():
            await client.put(f"/{number}", b"x" * 200_000)


class TestCancelled:
    @pytest.mark.parametrize(
        "call",
        [
            lambda client: client.get("/a"),
            lambda client: client.list("/"),
            lambda client: client.put("/a", b""),
            lambda client: client.commit(Txn(operations=(Put(key="/b", value=b""),))),
            lambda client: client.grant(5),
            lambda client: client.keep_alive(1, every_seconds=1),
            lambda client: client.status(),
        ],
        ids=["get", "list", "put", "commit", "grant", "keep_alive", "status"],
    )
    async def test_in_the_middle(
        self, stopped_etcd: EmbeddedEtcd, call: Callable[[Etcd], Awaitable[object]]
    ) -> None:
        """Every call is cancelled within milliseconds though etcd does not answer, and leaves no thread."""
        async with Etcd([stopped_etcd.endpoint]) as client:
            with trio.move_on_after(0.1) as scope:
                await call(client)
            late = trio.current_time() - scope.deadline

            assert scope.cancelled_caught
            assert late < 0.1
