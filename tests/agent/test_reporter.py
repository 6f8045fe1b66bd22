"""What a host says of itself, with a real etcd and a real Envoy: it claims what Envoy shows, once, and when it can."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import attrs
import pytest
import trio
import trio.testing

from agent.compiler.envoy_config import Id, Type
from agent.reporter import Conditions, Reporter
from agent.status import EnvoyState
from ctl.waiting import host_row
from store.errors import StoreUnavailable
from store.etcd.client import Etcd
from store.host import Head, HostRecord, HostStatus, Seen, unpack
from store.hosts import KnownHost
from store.keys import Keys
from store.snapshot import Snapshot
from tests.agent.one_envoy import OneEnvoy, service, split
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.hosts import Upstream
from tests.meshes import snapshot

Servers = dict[str, Upstream]
KEYS = Keys()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    with start_etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


class Reporting:
    """A host whose agent reports: applies go in, `seen` and `status` come out."""

    def __init__(self, host: OneEnvoy, etcd: Etcd) -> None:
        self.host = host
        self.etcd = etcd
        self.problems: dict[str, str] = {}
        self.number = 0
        self.reporter = Reporter(
            etcd,
            KEYS,
            "vm-1",
            host.rollout,
            host.envoy.admin,
            agent_version="1",
            conditions=self._conditions,
            envoy_state=lambda: EnvoyState(host.envoy.pid is not None, "1.40.0", host.envoy.restarts, None),
        )
        host.on_change = self.reporter.poke

    def _conditions(self) -> Conditions:
        return None, {}, self.problems

    def apply(self, *texts: str, without: Id | None = None) -> str:
        """Deliver *texts* as the next apply, *without* one of the resources made of it; return its id."""
        self.number += 1
        mesh = snapshot(*texts)
        head = Head(f"{self.number}-0000", "test", 0.0, "", len(mesh.entries), "0")
        mesh = Snapshot(self.number, head, mesh.entries)
        config = self.host.compile(mesh)
        if without is not None:
            config = attrs.evolve(config, resources=config.resources.delete(without))
        self.reporter.note(mesh, self.host.offer(config))
        return head.apply

    async def seen(self) -> Seen | None:
        item = await self.etcd.get(KEYS.seen("vm-1"))
        return unpack(item.value, Seen) if item else None

    async def verdict(self, apply: str, *, pending: bool = False) -> str:
        """Wait for the verdict on *apply*; the caller holds the deadline."""
        while True:
            seen = await self.seen()
            if seen is not None and seen.apply == apply and (pending or seen.verdict != "pending"):
                return seen.verdict
            await trio.sleep(0.01)

    async def status(self) -> HostStatus:
        item = await self.etcd.get(KEYS.status("vm-1"))

        assert item is not None

        return unpack(item.value, HostStatus)

    async def says(self, **fields: object) -> HostStatus:
        """Wait until the status has these values; the caller holds the deadline."""
        while True:
            if await self.etcd.get(KEYS.status("vm-1")):
                status = await self.status()
                if all(getattr(status, name) == value for name, value in fields.items()):
                    return status
            await trio.sleep(0.02)


@pytest.fixture
async def reporting(host: OneEnvoy, server: EmbeddedEtcd) -> AsyncIterator[Reporting]:
    """A host that reports, into an empty store."""
    async with Etcd([server.endpoint]) as etcd, trio.open_nursery() as nursery:
        await etcd.delete_prefix(KEYS.report)
        made = Reporting(host, etcd)
        await nursery.start(made.reporter.run)
        yield made
        nursery.cancel_scope.cancel()


GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  selector: {{}}
  servers: [{{port: {{number: {port}, name: http, protocol: HTTP}}, hosts: ["*"]}}]
"""


async def test_active(reporting: Reporting, servers: Servers) -> None:
    """An apply is active once Envoy's admin shows all of it; one that changes nothing here is unaffected."""
    mesh = service("a.test", servers["v1"].port, servers["v2"].port)
    apply = reporting.apply(mesh)

    assert "active" == await reporting.verdict(apply)

    table = reporting.host.rollout.config.resources[Type.ROUTES, "80|a.test"]
    shown = await reporting.host.envoy.admin.active_versions("routes", ["80|a.test"])

    assert {"80|a.test": table.version} == shown
    assert "unaffected" == await reporting.verdict(reporting.apply(mesh))

    apply = reporting.apply(mesh + "---" + split("a.test", 0, 100))

    assert "active" == await reporting.verdict(apply)

    status = await reporting.says(active_apply=apply)

    assert ("live", apply, 3, ()) == (status.envoy_state, status.apply, status.active_revision, status.rejections)
    assert all(c.active == c.accepted > 0 for c in status.xds.values()), status.xds


async def test_rejected(reporting: Reporting) -> None:
    """A Gateway whose port is taken is rejected, with the resource's name, file and line; the next apply repairs it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        apply = reporting.apply(GATEWAY.format(port=taken.getsockname()[1]))

        assert "rejected" == await reporting.verdict(apply)

    (rejection,) = (await reporting.status()).rejections

    assert ("Gateway default/edge", "test.yaml", 1) == (rejection.resource, rejection.file, rejection.line)
    assert rejection.xds.startswith("listeners/gateway|")
    assert "Address already in use" in rejection.message
    assert "active" == await reporting.verdict(reporting.apply())
    assert () == (await reporting.says(active_apply="2-0000")).rejections


async def test_rejection_heals(reporting: Reporting) -> None:
    """When the port is free and another Envoy takes all of an apply that was rejected, the apply is active."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        apply = reporting.apply(GATEWAY.format(port=taken.getsockname()[1]))

        assert "rejected" == await reporting.verdict(apply)

    pid = reporting.host.envoy.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    status = await reporting.says(active_apply=apply, rejections=(), envoy_restarts=1)
    while await reporting.verdict(apply) != "active":
        await trio.sleep(0.01)
    known = KnownHost("vm-1", HostRecord("vm-1"), await reporting.seen(), status)
    row = host_row(known, apply, frozenset({"Gateway default/edge"}))

    assert row is not None
    assert ("active", ()) == (row.verdict, row.rejections)


async def test_rejection_stays_while_anything_is_refused(reporting: Reporting) -> None:
    """Another Envoy that refuses the same again changes nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        apply = reporting.apply(GATEWAY.format(port=taken.getsockname()[1]))
        await reporting.verdict(apply)
        pid = reporting.host.envoy.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        status = await reporting.says(active_apply=apply, envoy_restarts=1)

        assert "rejected" == await reporting.verdict(apply)
        assert 1 == len(status.rejections)


class SlowEtcd(Etcd):
    """A real etcd, behind a network that loses or delays writes of the status.

    Attributes:
        loses: whether they are lost.
        may_go: they wait for it.
        at_once: how many are under way.
        most: the most that were.
    """

    def __init__(self, endpoints: list[str]) -> None:
        super().__init__(endpoints)
        self.loses = False
        self.may_go = trio.Event()
        self.at_once = self.most = 0

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        if key != KEYS.status("vm-1"):
            return await super().put(key, value, lease=lease)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.may_go.wait()
            if self.loses:
                raise StoreUnavailable("lost")
            return await super().put(key, value, lease=lease)
        finally:
            self.at_once -= 1


async def test_reasons_come_before_the_verdict(host: OneEnvoy, server: EmbeddedEtcd) -> None:
    """While the status cannot be written, or is being written, a rejection is not told; statuses go one by one."""
    async with SlowEtcd([server.endpoint]) as etcd, trio.open_nursery() as nursery:
        await etcd.delete_prefix(KEYS.report)
        reporting = Reporting(host, etcd)
        await nursery.start(reporting.reporter.run)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            apply = reporting.apply(GATEWAY.format(port=taken.getsockname()[1]))
            while "verdict='rejected'" not in repr(reporting.reporter):
                await trio.sleep(0.01)
            await trio.sleep(0.2)
            while_slow = await reporting.seen()
            etcd.loses = True
            etcd.may_go.set()
            await trio.sleep(1.5)
            while_lost = await reporting.seen()
            etcd.loses = False

            assert "rejected" == await reporting.verdict(apply)
            assert 1 == len((await reporting.status()).rejections)

        nursery.cancel_scope.cancel()

    assert "rejected" not in {seen.verdict for seen in (while_slow, while_lost) if seen}
    assert 1 == etcd.most


async def test_pending(reporting: Reporting, servers: Servers) -> None:
    """While a cluster cannot warm its apply is pending after a second, with the reason; it is active once it can."""
    mesh = service("a.test", servers["v1"].port)
    cold = (Type.ENDPOINTS, "outbound|80||a.test")
    await reporting.verdict(reporting.apply())  # an Envoy that starts would not ask for tables before it is warm
    began = trio.current_time()
    apply = reporting.apply(mesh, without=cold)

    assert "pending" == await reporting.verdict(apply, pending=True)
    assert 0.9 < trio.current_time() - began < 3

    status = await reporting.says(notes=("routes/80|a.test waits for a cluster to warm",))

    assert "1-0000" == status.active_apply

    apply = reporting.apply(mesh)

    assert "active" == await reporting.verdict(apply)
    await reporting.says(notes=(), active_apply=apply)


async def test_envoy_is_killed(reporting: Reporting, servers: Servers) -> None:
    """When Envoy dies nothing is claimed until the next one has shown it; the verdict of the apply stays."""
    apply = reporting.apply(service("a.test", servers["v1"].port))
    await reporting.verdict(apply)
    await reporting.says(active_apply=apply)
    pid = reporting.host.envoy.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while reporting.host.rollout.is_connected:
        await trio.sleep(0.001)
    await trio.testing.wait_all_tasks_blocked()

    assert reporting.reporter._status().active_apply is None

    status = await reporting.says(active_apply=apply, envoy_restarts=1)

    assert "live" == status.envoy_state
    assert "active" == await reporting.verdict(apply)


async def test_silence(reporting: Reporting) -> None:
    """When nothing happens nothing is written, and Envoy is not asked."""
    apply = reporting.apply()
    await reporting.verdict(apply)
    await reporting.says(active_apply=apply)
    await trio.sleep(1.1)
    before = await reporting.etcd.revision(KEYS.head)
    await trio.sleep(3)

    assert before == await reporting.etcd.revision(KEYS.head)

    reporting.problems["x.test"] = "no such name"
    await reporting.says(notes=("DNS x.test: no such name",))


async def test_etcd_is_away(reporting: Reporting, server: EmbeddedEtcd, servers: Servers) -> None:
    """What was to be said while etcd was away is said when it is back, and only the latest of it."""
    mesh = service("a.test", servers["v1"].port, servers["v2"].port)
    await reporting.verdict(reporting.apply(mesh))
    server.kill()
    reporting.apply(mesh + "---" + split("a.test", 0, 100))
    await trio.sleep(0.2)
    apply = reporting.apply(mesh + "---" + split("a.test", 50, 50))
    await trio.sleep(0.5)
    server.start()

    assert "active" == await reporting.verdict(apply)
    await reporting.says(active_apply=apply)


async def test_cluster_that_an_agent_left_warming(host: OneEnvoy, server: EmbeddedEtcd, servers: Servers) -> None:
    """A cluster that Envoy took from an agent that died before it sent the endpoints again, gets them from the next."""
    mesh = service("a.test", servers["v1"].port)
    host.apply(mesh)
    await host.settled()
    await host.take_only(Type.CLUSTER, mesh + RANDOM)
    async with Etcd([server.endpoint]) as etcd, trio.open_nursery() as nursery:
        await host.restart_agent(nursery)
        await etcd.delete_prefix(KEYS.report)
        reporting = Reporting(host, etcd)
        await nursery.start(reporting.reporter.run)
        began = trio.current_time()

        assert "active" == await reporting.verdict(reporting.apply(mesh + RANDOM))
        assert trio.current_time() - began < 5

        nursery.cancel_scope.cancel()


RANDOM = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a.test}
spec:
  host: a.test
  subsets: [{name: s0, labels: {v: s0}}]
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
"""
