"""Following a real etcd: what is published when it is away, emptied, restored, compacted or written by others."""

import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from agent.cache import Cache
from agent.follower import Follower
from store.client import Origin, Wanted, apply
from store.codec import Source
from store.etcd.client import Etcd
from store.host import HostRecord, pack
from store.keys import Keys
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.hosts import put
from tests.meshes import resources

SECONDS = 20
KEYS = Keys()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedEtcd]:
    (tmp_path / "server").mkdir()
    with start_etcd(tmp_path / "server") as server:
        yield server


@pytest.fixture
async def etcd(server: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    async with Etcd([server.endpoint]) as etcd:
        yield etcd


def rule(name: str, host: str = "reviews") -> str:
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {host}}}
"""


def all_of(names: str) -> str:
    return "---".join(map(rule, names))


async def adopt(etcd: Etcd, text: str) -> None:
    """Apply *text* on top of records that nobody applied."""
    wanted = [Wanted(r.key, r, Source("f.yaml", 1)) for r in resources(text)]
    await apply(etcd, KEYS, wanted, Origin("test", "", 0.0, "0000"), adopt=True)


@asynccontextmanager
async def following(etcd: Etcd, directory: Path) -> AsyncIterator[Follower]:
    """A follower with its copy in *directory*, for the length of the context."""
    follower = Follower(etcd, KEYS, Cache(directory))
    async with trio.open_nursery() as nursery:
        await nursery.start(follower.run)
        yield follower
        nursery.cancel_scope.cancel()


def names(follower: Follower) -> str:
    """Return the names of what is published, as one word; "-" before anything is."""
    snapshot = follower.published.value
    return "".join(sorted(key.name for key in snapshot.entries)) if snapshot else "-"


async def until(follower: Follower, expected: str) -> None:
    while names(follower) != expected:
        await trio.sleep(0.01)


async def until_held(follower: Follower) -> str:
    while not follower.replica.held:
        await trio.sleep(0.01)
    return follower.replica.held


async def saved(follower: Follower, directory: Path, expected: str) -> None:
    """Wait until the copy on disk is of *expected*."""
    while True:
        copy = await Cache(directory).load()
        keys = (KEYS.parse_resource(key) for key, _ in (copy.items if copy else ()))
        if "".join(sorted(key.name for key in keys if key)) == expected:
            return
        await trio.sleep(0.02)


async def test_hosts_speak_for_themselves_only(
    etcd: Etcd, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A live record that names another host than its key, or that is none, is nobody's; listed or watched."""
    await etcd.put(KEYS.host("a"), pack(HostRecord("a", address="10.0.0.1")))
    await etcd.put(KEYS.host("b"), pack(HostRecord("a", address="6.6.6.6")))
    await etcd.put(KEYS.host("c"), b"garbage")
    await etcd.put(f"{KEYS.host('a')}/x", pack(HostRecord("a", address="6.6.6.6")))
    with trio.fail_after(SECONDS):
        async with following(etcd, tmp_path) as follower:
            listed = await follower.hosts.wait_for(lambda hosts: bool(hosts))
            await etcd.put(KEYS.host("d"), pack(HostRecord("a", address="6.6.6.6")))
            await etcd.put(KEYS.host("e"), pack(HostRecord("e")))
            watched = await follower.hosts.wait_for(lambda hosts: "e" in hosts)
            await etcd.put(KEYS.host("e"), pack(HostRecord("a")))
            await etcd.delete(KEYS.host("b"))
            turned = await follower.hosts.wait_for(lambda hosts: "e" not in hosts)

    assert {"a": "10.0.0.1"} == {name: record.address for name, record in listed.items()}
    assert {"a", "e"} == watched.keys()
    assert {"a": "10.0.0.1"} == {name: record.address for name, record in turned.items()}
    assert any("live/hosts/c" in words for words in caplog.messages)


async def test_every_changed_key_is_taken_once(etcd: Etcd, tmp_path: Path) -> None:
    """`take` sums up what changed since it was last asked, and then starts anew."""
    with trio.fail_after(SECONDS):
        await put(etcd, all_of("ab"))
        async with following(etcd, tmp_path) as follower:
            await until(follower, "ab")
            first = follower.take()
            await put(etcd, all_of("c"))
            await put(etcd, "", delete=rule("a"))
            await until(follower, "bc")
            second, third = follower.take(), follower.take()

    assert [["a", "b"], ["a", "c"], []] == [sorted(k.name for k in p.changed) for p in (first, second, third) if p]


async def test_a_restored_store_is_followed_though_its_revision_is_above_ours(
    server: EmbeddedEtcd, tmp_path: Path
) -> None:
    """A backup is put back, and other hosts write so much that the watch resumes without noticing: head tells."""
    data, backup = tmp_path / "server" / "etcd", tmp_path / "backup"
    with trio.fail_after(SECONDS):
        async with Etcd([server.endpoint]) as etcd:
            await put(etcd, all_of("ab"))
        server.kill()
        shutil.copytree(data, backup)
        server.start()
        async with Etcd([server.endpoint]) as etcd:
            await put(etcd, all_of("c"))
            async with following(etcd, tmp_path) as follower:
                await until(follower, "abc")
                server.kill()
                shutil.rmtree(data)
                shutil.copytree(backup, data)
                server.start()
                for n in range(20):
                    await etcd.put(f"{KEYS.report}x/{n}", b"")
                await until(follower, "ab")

                assert follower.replica.held is None


async def test_an_agent_that_starts_before_an_emptied_store_serves_its_copy(
    server: EmbeddedEtcd, tmp_path: Path
) -> None:
    """etcd answers, and has nothing: that is not a new mesh to a host which knows of one. It says why it waits."""
    with trio.fail_after(SECONDS):
        async with Etcd([server.endpoint]) as etcd:
            await put(etcd, all_of("ab"))
            async with following(etcd, tmp_path) as follower:
                await until(follower, "ab")
                await saved(follower, tmp_path, "ab")
            await etcd.delete_prefix(KEYS.config)
            async with following(etcd, tmp_path) as again:
                words = await until_held(again)
                await until(again, "ab")
                await put(etcd, all_of("a"))
                await until(again, "a")

    assert "config/head is gone" in words
    assert again.replica.held is None


async def test_the_copy_is_of_what_is_served_never_of_what_is_held(etcd: Etcd, tmp_path: Path) -> None:
    """A copy taken while somebody tampers is whole, and serves after a restart without etcd."""
    with trio.fail_after(SECONDS):
        await put(etcd, all_of("ab"))
        async with following(etcd, tmp_path) as follower:
            await until(follower, "ab")
            await put(etcd, all_of("c"))
            await etcd.delete(KEYS.resources + "default/DestinationRule/a")
            await until_held(follower)
            await saved(follower, tmp_path, "abc")
        async with Etcd(["http://127.0.0.1:9"]) as nowhere, following(nowhere, tmp_path) as alone:
            await until(alone, "abc")

            assert alone.replica.held is None


async def test_the_last_good_version_outlives_a_restart(
    etcd: Etcd, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that turned unreadable stays at its last good version in the next agent as well."""
    key = KEYS.resources + "default/DestinationRule/a"
    with trio.fail_after(SECONDS):
        await put(etcd, all_of("ab"))
        async with following(etcd, tmp_path) as follower:
            await until(follower, "ab")
            await etcd.put(key, b"garbage")
            await until_held(follower)
            await adopt(etcd, rule("c"))
            await until(follower, "abc")
            await saved(follower, tmp_path, "abc")
        async with following(etcd, tmp_path) as again:
            await until(again, "abc")

            assert ["DestinationRule default/a"] == list(again.replica.unread)

    held = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert 1 == len(held)


async def test_compaction_costs_no_change(server: EmbeddedEtcd, etcd: Etcd, tmp_path: Path) -> None:
    """History is thrown away while the agent is disconnected: it lists, and takes exactly what differs."""
    with trio.fail_after(SECONDS):
        await put(etcd, all_of("abc"))
        async with following(etcd, tmp_path) as follower:
            await until(follower, "abc")
            follower.take()
            server.kill()
            await follower.state.wait_for(lambda state: not state.connected)
            server.start()
            done = await put(etcd, all_of("d"), delete=rule("a"))
            server.compact(done.revision)
            await until(follower, "bcd")
            taken = follower.take()

    assert taken is not None
    assert ["a", "d"] == sorted(key.name for key in taken.changed)
