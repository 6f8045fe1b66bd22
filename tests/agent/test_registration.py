"""A host's name: one agent holds it, through restarts of its own and of etcd, and gives it back when it leaves."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from agent.registration import Registration
from store.errors import Conflict
from store.etcd.client import Etcd
from store.host import HostRecord, HostStatus, pack, unpack
from store.keys import Keys
from tests.embedded import EmbeddedEtcd, start_etcd

SECONDS = 20
LEASE_SECONDS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    with start_etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
async def etcd(server: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    async with Etcd([server.endpoint]) as etcd:
        yield etcd


class Machine:
    """A host with directories of its own, on which agents come and go."""

    def __init__(self, etcd: Etcd, keys: Keys, directory: Path, address: str = "10.0.0.1") -> None:
        self._etcd = etcd
        self.keys = keys
        self.state_dir, self.run_dir = directory / "state", directory / "run"
        for each in (self.state_dir, self.run_dir):
            each.mkdir(parents=True)
        self._record = HostRecord("vm-1", address=address)

    def agent(self) -> Registration:
        where = {"run_dir": self.run_dir, "state_dir": self.state_dir}
        return Registration(self._etcd, self.keys, self._record, **where, lease_seconds=LEASE_SECONDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Registration]:
        """An agent that has claimed the name; at the end it is gone like after a SIGKILL."""
        agent = self.agent()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            await agent.registered.wait()
            yield agent
            nursery.cancel_scope.cancel()


@pytest.fixture
def machine(etcd: Etcd, tmp_path: Path) -> Machine:
    return Machine(etcd, Keys(str(tmp_path)), tmp_path / "one")


async def lease_of(etcd: Etcd, machine: Machine) -> int:
    """Return the lease that the host's record lives by; 0 when there is no record."""
    item = await etcd.get(machine.keys.host("vm-1"))
    return item.lease if item else 0


async def test_a_name_is_claimed_with_a_lease(etcd: Etcd, machine: Machine) -> None:
    """The record under the host's key is what was to be registered, and dies with its lease."""
    with trio.fail_after(SECONDS):
        async with machine.running() as agent:
            item = await etcd.get(machine.keys.host("vm-1"))
            assert item is not None
            remaining = await etcd.lease_remaining(item.lease)

    assert agent.record == unpack(item.value, HostRecord)
    assert remaining is not None
    assert LEASE_SECONDS - 2 <= remaining <= LEASE_SECONDS


async def test_a_second_machine_is_refused(etcd: Etcd, machine: Machine, tmp_path: Path) -> None:
    """Another installation with the same name gets a Conflict that says who holds it, and changes nothing."""
    other = Machine(etcd, machine.keys, tmp_path / "two", "10.0.0.2")
    with trio.fail_after(SECONDS):
        async with machine.running() as agent:
            with pytest.raises(Conflict, match=rf"by the agent at 10\.0\.0\.1 \(instance {agent.record.instance}"):
                await other.agent().run()
            await other.agent().leave()
            item = await etcd.get(machine.keys.host("vm-1"))
            said = await etcd.get(machine.keys.status("vm-1"))

    assert item is not None
    assert agent.record == unpack(item.value, HostRecord)
    assert said is None


async def test_two_at_the_same_moment(etcd: Etcd, machine: Machine, tmp_path: Path) -> None:
    """Of two machines that start together one has the name, and the other a Conflict that names it."""
    machines = (machine, Machine(etcd, machine.keys, tmp_path / "two", "10.0.0.2"))
    refused: list[str] = []

    async def run(agent: Registration) -> None:
        try:
            await agent.run()
        except Conflict as e:
            refused.append(str(e))

    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for each in machines:
                nursery.start_soon(run, each.agent())
            while not refused:
                await trio.sleep(0.01)
            item = await etcd.get(machine.keys.host("vm-1"))
            nursery.cancel_scope.cancel()

    assert item is not None
    assert [True] == [f"the agent at {unpack(item.value, HostRecord).address}" in words for words in refused]


async def test_a_restarted_agent_takes_its_lease_over(etcd: Etcd, machine: Machine) -> None:
    """After a crash the next agent of the machine goes on with the same lease and identity, at once."""
    with trio.fail_after(SECONDS):
        async with machine.running() as first:
            lease = await lease_of(etcd, machine)
        with trio.fail_after(2):
            async with machine.running() as second:
                again = await lease_of(etcd, machine)

    assert 0 != lease == again
    assert first.record.instance == second.record.instance


async def test_a_machine_that_lost_its_run_directory_takes_over_after_a_look(etcd: Etcd, machine: Machine) -> None:
    """After a reboot the lease is unknown and nobody renews it: the name is ours again before it would have run out."""
    with trio.fail_after(SECONDS):
        async with machine.running():
            lease = await lease_of(etcd, machine)
        (machine.run_dir / "lease.json").unlink()
        began = trio.current_time()
        async with machine.running():
            again = await lease_of(etcd, machine)

    assert lease != again != 0
    assert trio.current_time() - began < LEASE_SECONDS * 0.7


async def test_a_cloned_machine_is_refused(etcd: Etcd, machine: Machine, tmp_path: Path) -> None:
    """A copy of the state directory, run beside the original, sees that the lease is being renewed, and says so."""
    clone = Machine(etcd, machine.keys, tmp_path / "two", "10.0.0.2")
    with trio.fail_after(SECONDS):
        async with machine.running() as agent:
            (clone.state_dir / "instance").write_text(agent.record.instance)
            with pytest.raises(Conflict, match=r"its state directory was cloned; remove .*/two/state/instance"):
                await clone.agent().run()
            item = await etcd.get(machine.keys.host("vm-1"))

    assert item is not None
    assert agent.record == unpack(item.value, HostRecord)


async def test_a_lost_lease_is_replaced(etcd: Etcd, machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """The lease is revoked under a running agent, as by an etcd that was restored: it claims the name again."""
    with caplog.at_level(logging.WARNING), trio.fail_after(SECONDS):
        async with machine.running():
            lease = await lease_of(etcd, machine)
            await etcd.revoke(lease)
            while (again := await lease_of(etcd, machine)) == 0:
                await trio.sleep(0.05)

    assert lease != again
    assert ["the lease of this host ran out: registering again"] == caplog.messages


async def test_leaving_gives_the_name_back(etcd: Etcd, machine: Machine, tmp_path: Path) -> None:
    """After leave there is no record, the status says that the host left, and another machine may have the name."""
    other = Machine(etcd, machine.keys, tmp_path / "two", "10.0.0.2")
    with trio.fail_after(SECONDS):
        await etcd.put(machine.keys.status("vm-1"), pack(HostStatus(apply="3-0000", envoy_state="live")))
        async with machine.running() as agent:
            pass
        await agent.leave()
        lease = await lease_of(etcd, machine)
        said = await etcd.get(machine.keys.status("vm-1"))
        async with other.running():
            pass

    assert 0 == lease
    assert said is not None
    assert HostStatus(apply="3-0000", left=True) == unpack(said.value, HostStatus)
    assert [] == list(machine.run_dir.iterdir())


async def test_a_dead_agents_name_is_given_back_by_the_next(etcd: Etcd, machine: Machine) -> None:
    """`mesh-agent leave` after a crash: an agent that never ran revokes the lease of the one before."""
    with trio.fail_after(SECONDS):
        async with machine.running():
            pass
        await machine.agent().leave()

        assert 0 == await lease_of(etcd, machine)


async def test_garbage_under_the_name_is_nobodys(etcd: Etcd, machine: Machine) -> None:
    """What is no record holds no name."""
    with trio.fail_after(SECONDS):
        await etcd.put(machine.keys.host("vm-1"), b"garbage")
        async with machine.running() as agent:
            item = await etcd.get(machine.keys.host("vm-1"))

    assert item is not None
    assert agent.record == unpack(item.value, HostRecord)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lease": "x", "instance": 1}', '{"lease": 5, "instance": "z"}'])
async def test_a_torn_lease_file_is_none(etcd: Etcd, machine: Machine, text: str) -> None:
    """A file that says nothing, or speaks of another installation, is as good as none."""
    (machine.run_dir / "lease.json").write_text(text)
    with trio.fail_after(SECONDS):
        async with machine.running():
            lease = await lease_of(etcd, machine)

    assert lease not in (0, 5)


async def test_directories_that_take_nothing_are_no_reason_to_end(
    etcd: Etcd, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """A full or read-only disk costs the take-over after a restart; the host is in the mesh all the same."""
    for directory in (machine.run_dir, machine.state_dir):
        directory.rmdir()
    with caplog.at_level(logging.WARNING), trio.fail_after(SECONDS):
        async with machine.running():
            lease = await lease_of(etcd, machine)

    assert 0 != lease
    assert 2 == len([words for words in caplog.messages if words.startswith("cannot write")])


async def test_files_are_ours_alone(machine: Machine) -> None:
    """0600: the instance is what tells us from an impostor."""
    with trio.fail_after(SECONDS):
        async with machine.running():
            modes = {f.stat().st_mode & 0o777 for d in (machine.run_dir, machine.state_dir) for f in d.iterdir()}

    assert {0o600} == modes


async def test_etcd_away_at_the_start(tmp_path: Path) -> None:
    """The agent waits for etcd as long as it takes, and is registered as soon as it is there."""
    server = EmbeddedEtcd(tmp_path)
    async with Etcd([server.endpoint]) as etcd:
        machine = Machine(etcd, Keys(), tmp_path / "one")
        try:
            with trio.fail_after(SECONDS):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.to_thread.run_sync, server.start)
                    async with machine.running():
                        lease = await lease_of(etcd, machine)
        finally:
            server.kill()

    assert 0 != lease
