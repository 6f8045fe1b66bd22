"""Keeping leases alive against a real etcd."""

from pathlib import Path

import pytest
import trio

from store.etcd.client import Etcd, LeaseLost
from tests.embedded import free_port, start_etcd


async def test_renews(client: Etcd) -> None:
    """A lease that is kept alive outlives its time to live, and `started` tells that time."""
    lease = await client.grant(1)
    async with trio.open_nursery() as nursery:
        ttl = await nursery.start(lambda *, task_status: keep(client, lease, task_status))
        granted = await client.lease_remaining(lease)
        await trio.sleep(2.5)
        remaining = await client.lease_remaining(lease)
        nursery.cancel_scope.cancel()

    assert granted is not None
    assert remaining is not None
    assert ttl >= 1


async def keep(client: Etcd, lease: int, task_status: trio.TaskStatus[int]) -> None:
    await client.keep_alive(lease, every_seconds=0.2, task_status=task_status)


async def test_lost_at_once(client: Etcd) -> None:
    """A lease that does not exist is lost at the first answer."""
    with trio.fail_after(2), pytest.raises(LeaseLost, match="lease 2a has expired"):
        await client.keep_alive(42, every_seconds=1)


async def test_lost_later(client: Etcd) -> None:
    """A lease that somebody revokes is lost at the next renewal."""
    lease = await client.grant(60)
    with trio.fail_after(2), pytest.RaisesGroup(LeaseLost):
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: keep(client, lease, task_status))
            await client.revoke(lease)


async def test_other_endpoint(client: Etcd) -> None:
    """With one dead endpoint of two, a lease is kept alive all the same."""
    lease = await client.grant(60)
    for _ in range(4):  # the order is random
        both = Etcd([f"http://127.0.0.1:{free_port()}", client.endpoints[0].url])
        async with both, trio.open_nursery() as nursery:
            with trio.fail_after(1):
                await nursery.start(lambda *, task_status: keep(both, lease, task_status))  # noqa: B023
            nursery.cancel_scope.cancel()
    await client.revoke(lease)


async def test_restart(tmp_path: Path) -> None:
    """A restart of etcd does not end a lease: renewing goes on when etcd is back."""
    with start_etcd(tmp_path) as etcd:
        async with Etcd([etcd.endpoint]) as client:
            lease = await client.grant(2)
            async with trio.open_nursery() as nursery:
                await nursery.start(lambda *, task_status: keep(client, lease, task_status))
                etcd.kill()
                await trio.sleep(0.3)
                etcd.start()
                await trio.sleep(2.5)
                remaining = await client.lease_remaining(lease)
                nursery.cancel_scope.cancel()

    assert remaining is not None
