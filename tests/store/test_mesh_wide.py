"""What is of the whole mesh goes the way of all resources, in a real etcd: apply, journal, digest, Snapshot."""

from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from store import journal
from store.client import Origin, Result, Wanted, apply, read_state
from store.codec import Source
from store.etcd.client import Etcd
from store.index import suffixes_of
from store.keys import MESH_CONFIG, Keys
from store.replica import Replica
from store.resources.fields import Key
from store.resources.mesh_config import DEFAULT_SUFFIXES
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.meshes import resources

SECONDS = 20
KEYS = Keys("/mesh-wide")
GRANT = Key("default", "h1", "Grant")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    with start_etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
async def etcd(server: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    async with Etcd([server.endpoint]) as etcd:
        yield etcd


def wanted(suffix: str) -> list[Wanted]:
    """Return the settings with one *suffix*, and a Grant."""
    found = resources(f"""
{{apiVersion: meshctl/v1, kind: MeshConfig, metadata: {{name: mesh}}, spec: {{serviceSuffixes: [{suffix}]}}}}
---
{{apiVersion: meshctl/v1, kind: Grant, metadata: {{name: h1}}, spec: {{namespaces: [shop]}}}}
""")
    return [Wanted(each.key, each, Source("mesh.yaml", 1)) for each in found]


async def test_it_is_applied_followed_journalled_and_deleted(etcd: Etcd) -> None:
    """One apply writes them at their own places, the digest counts them, and a replica serves what it can read."""
    replica = Replica(KEYS)
    with trio.fail_after(SECONDS):
        first = await apply(etcd, KEYS, wanted("one"), Origin("anne", "", 1.0, "aaaa"))
        listing = await etcd.list(KEYS.config)
        replica.load([(item.key, item.value) for item in listing.items], listing.revision)
        second = await apply(etcd, KEYS, wanted("two"), Origin("anne", "", 2.0, "bbbb"))
        changed = await etcd.list(KEYS.config)
        followed = replica.follow(changed.revision, [(item.key, item.value) for item in changed.items])
        part = await etcd.get(KEYS.journal_part("2-bbbb", 0))
        deleted = [Wanted(MESH_CONFIG, None), Wanted(GRANT, None)]
        third = await apply(etcd, KEYS, deleted, Origin("anne", "", 3.0, "cccc"))
        state = await read_state(etcd, KEYS)

    assert {MESH_CONFIG: Result.CREATED, GRANT: Result.CREATED} == first.results
    assert [f"{KEYS.prefix}/config/{place}" for place in ("grants/h1", "head", "mesh")] == sorted(
        item.key for item in listing.items
    )
    assert {MESH_CONFIG: Result.CONFIGURED, GRANT: Result.UNCHANGED} == second.results
    assert followed is not None
    assert {MESH_CONFIG} == followed.changed
    assert ("two",) == suffixes_of(followed.snapshot.entries)
    assert replica.held is None
    assert part is not None
    assert ["config/mesh"] == list(journal.parse([part.value]).changes)
    assert {MESH_CONFIG: Result.DELETED, GRANT: Result.DELETED} == third.results
    assert state.is_intact
    assert {} == state.raw
    assert DEFAULT_SUFFIXES == suffixes_of({})
