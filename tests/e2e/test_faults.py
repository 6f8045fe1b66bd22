"""Faults of the store and of operators, each under load: nobody's request is lost, and somebody is told."""

import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from store.client import Applied, Origin, Wanted, apply
from store.codec import Source
from store.errors import Conflict, StoreUnavailable
from store.etcd.client import Etcd
from store.host import HostStatus
from store.keys import Keys
from tests.e2e.test_agent import Load, both, loaded, service, split
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.hosts import AGENT, Host, Upstream, is_running, put, settled, status, upstreams
from tests.meshes import resources

SECONDS = 30
CANARY = "canary-in-a-secret-place"
URL = "http://reviews:9080/"
NewHost = Callable[..., Host]


@pytest.fixture(autouse=True)
def clean_logs(directory: Path) -> Iterator[None]:
    """After each test: no agent's log has a traceback, and none what a request or a rule carried."""
    yield
    for log in directory.rglob("vm-*.log"):
        text = log.read_text()

        assert "Traceback" not in text, text[-3000:]
        assert CANARY not in text


@pytest.fixture
def reviews() -> Iterator[dict[str, Upstream]]:
    with upstreams("v1", "v2") as servers:
        yield servers


def mesh(servers: dict[str, Upstream], v1: int, v2: int) -> str:
    """Return the service and a rule that shares it out, with a note on it that is nobody's business."""
    noted = f"{{name: reviews, annotations: {{note: {CANARY}}}}}"
    return both(servers) + "---" + split("reviews", v1, v2).replace("{name: reviews}", noted)


@asynccontextmanager
async def under_load(host: Host) -> AsyncIterator[Load]:
    """Ask for `URL` through *host*'s proxy for the length of the context; at its end, every request was answered."""
    async with host.client() as client:
        client.headers["authorization"] = f"Bearer {CANARY}"
        async with loaded(client, URL) as running:
            yield running
            await _answered(running)

    assert [] == running.failures


async def _answered(running: Load) -> None:
    """Wait for another answer: the last one may be of before."""
    before = sum(running.answers.values())
    while sum(running.answers.values()) < before + 5 and not running.failures:
        await trio.sleep(0.01)


async def _answered_by(running: Load, name: str) -> None:
    """Wait until all new answers come from *name*."""
    others = {n: count for n, count in running.answers.items() if n != name}
    await _answered(running)
    while others != {n: count for n, count in running.answers.items() if n != name}:
        others = {n: count for n, count in running.answers.items() if n != name}
        await _answered(running)


async def status_that(etcd: Etcd, host: str, fits: Callable[[HostStatus], bool]) -> HostStatus:
    """Wait for a status of *host* that *fits*; the caller holds the deadline."""
    while True:
        try:
            said = await status(etcd, host)
        except StoreUnavailable:
            said = None
        if said is not None and fits(said):
            return said
        await trio.sleep(0.05)


async def adopt(etcd: Etcd, text: str) -> Applied:
    wanted = [Wanted(r.key, r, Source("f.yaml", 1)) for r in resources(text)]
    return await apply(etcd, Keys(), wanted, Origin("test", "", 0.0, "0000"), adopt=True)


class TestStore:
    async def test_compaction_while_an_agent_is_frozen(
        self, server: EmbeddedEtcd, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """300 applies, a restart of etcd and a compaction pass a frozen agent by: it ends where it should."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            async with under_load(host) as running:
                host.agent.send_signal(signal.SIGSTOP)
                for n in range(299):
                    await put(etcd, split("reviews", 1 + n % 99, 99 - n % 99))  # only the last one is all v2
                last = await put(etcd, split("reviews", 0, 100))
                server.kill()
                await trio.to_thread.run_sync(server.start)  # the load goes on meanwhile
                server.compact(last.revision)
                host.agent.send_signal(signal.SIGCONT)
                word = await settled(etcd, "vm-1", last)
                await _answered_by(running, "v2")

        assert last.head
        assert (last.head.apply, "active") == (word.apply, word.verdict)

    async def test_a_store_restored_from_a_backup(
        self, server: EmbeddedEtcd, etcd: Etcd, directory: Path, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """Revisions go back: what the backup says is served again, nothing is ever missing between."""
        host = new_host("vm-1")
        data, backup = directory / "etcd", directory / "backup"
        with trio.fail_after(SECONDS):
            older = await put(etcd, mesh(reviews, 100, 0))
            await settled(etcd, "vm-1", older)
            async with under_load(host) as running:
                server.kill()
                shutil.copytree(data, backup)
                await trio.to_thread.run_sync(server.start)
                newer = mesh(reviews, 0, 100) + "---" + service("other", ("v1", 1))
                await settled(etcd, "vm-1", await put(etcd, newer))
                await _answered_by(running, "v2")
                server.kill()
                shutil.rmtree(data)
                shutil.copytree(backup, data)
                await trio.to_thread.run_sync(server.start)
                assert older.head
                apply_id = older.head.apply
                said = await status_that(etcd, "vm-1", lambda s: s.active_apply == apply_id and not s.held)
                await _answered_by(running, "v1")

        assert apply_id == said.apply

    async def test_a_store_that_lost_everything(
        self, server: EmbeddedEtcd, etcd: Etcd, directory: Path, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """An empty etcd: the last good state is served, by a new agent too, and said to be; what is adopted counts."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0) + "---" + service("other", ("v1", 1))))
            await trio.sleep(1.2)  # the copy on disk is written at most once a second
            async with under_load(host) as running:
                server.kill()
                shutil.rmtree(directory / "etcd")
                await trio.to_thread.run_sync(server.start)
                held = await status_that(etcd, "vm-1", lambda s: s.held is not None)
                await trio.to_thread.run_sync(host.end, signal.SIGKILL)
                host.start()
                await etcd.delete(Keys().status("vm-1"))
                again = await status_that(etcd, "vm-1", lambda s: s.active_apply is not None)
                with pytest.raises(Conflict, match=r"hosts serve one: vm-1 \(1-0000\)"):
                    await put(etcd, mesh(reviews, 0, 100))
                done = await adopt(etcd, mesh(reviews, 0, 100))
                await settled(etcd, "vm-1", done)
                await _answered_by(running, "v2")
                healed = await status_that(etcd, "vm-1", lambda s: s.held is None)

        assert "config/head is gone" in str(held.held)
        assert held.held == again.held
        assert "2-0000" == healed.active_apply  # counted on above what the host has seen

    async def test_a_store_without_space(self, directory: Path, reviews: dict[str, Upstream]) -> None:
        """NOSPACE: reads go on, an apply says what is wrong in words, reports pause, and all comes back with space."""
        quota = ("--quota-backend-bytes", str(1 << 21))
        with start_etcd(directory, options=quota) as server, trio.fail_after(SECONDS):
            host = Host("vm-1", server.endpoint, directory)
            host.start()
            try:
                async with Etcd([server.endpoint]) as etcd:
                    await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
                    async with under_load(host) as running:
                        with pytest.raises(StoreUnavailable):
                            await _fill(etcd)
                        with pytest.raises(StoreUnavailable, match=r"out of space \(NOSPACE alarm\) .* defragment"):
                            await put(etcd, mesh(reviews, 0, 100))
                        assert host.envoy_pid is not None
                        before = await status(etcd, "vm-1")
                        await trio.to_thread.run_sync(host.end, signal.SIGTERM)
                        host.start()
                        await trio.sleep(2.5)
                        assert before == await status(etcd, "vm-1")
                        assert host.agent.poll() is None
                        await _make_space(server, etcd)
                        word = await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 0, 100)))
                        await _answered_by(running, "v2")
                        live = await etcd.get(Keys().host("vm-1"))
                        await status_that(etcd, "vm-1", lambda s: s.active_apply == word.apply)
            finally:
                await trio.to_thread.run_sync(host.close)

        assert live is not None
        assert "active" == word.verdict

    async def test_a_store_that_hangs_for_ten_seconds(
        self, server: EmbeddedEtcd, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """etcd keeps its connections and answers nothing: traffic goes on, and so do applies once it is back."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            async with under_load(host) as running:
                server.stop_signal()
                await trio.sleep(10)
                server.cont()
                while True:
                    try:
                        done = await put(etcd, mesh(reviews, 0, 100))
                        break
                    except StoreUnavailable:
                        await trio.sleep(0.1)
                await settled(etcd, "vm-1", done)
                await _answered_by(running, "v2")
                live = await etcd.get(Keys().host("vm-1"))

        assert live is not None


async def _fill(etcd: Etcd) -> None:
    for n in range(100):
        await etcd.put(f"/filler/{n}", b"x" * 500_000)


async def _make_space(server: EmbeddedEtcd, etcd: Etcd) -> None:
    """Do what the message says: delete, compact, defragment, disarm."""
    revision = await etcd.delete_prefix("/filler/")
    server.compact(revision)
    server.post("maintenance/defragment", {})
    async with httpx.AsyncClient(base_url=f"{server.endpoint}/v3/maintenance/", trust_env=False) as client:
        raised = (await client.post("alarm", json={"action": "GET"})).json()["alarms"]
        for alarm in raised:
            (await client.post("alarm", json={"action": "DEACTIVATE", **alarm})).raise_for_status()


class TestOperators:
    @pytest.mark.parametrize("is_running_agent", [True, False])
    async def test_leave(
        self, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream], is_running_agent: bool
    ) -> None:
        """`mesh-agent leave` ends agent and Envoy and gives the name back, whether the agent runs or crashed."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            pid = host.envoy_pid
            assert pid is not None
            if not is_running_agent:
                host.end(signal.SIGKILL)
            left = await trio.run_process([*AGENT, *host._flags, "leave"], capture_stderr=True, check=False)
            live = await etcd.get(Keys().host("vm-1"))
            said = await status(etcd, "vm-1")

        assert 0 == left.returncode, left.stderr
        assert not is_running(pid)
        assert host.agent.poll() == (0 if is_running_agent else -signal.SIGKILL)
        assert live is None
        assert said is not None
        assert said.left

    async def test_a_second_agent_on_one_run_directory(
        self, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """It exits with 3, names the pid of the first, and nobody's request is lost."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            async with under_load(host):
                second = await trio.run_process([*AGENT, *host._flags], capture_stderr=True, check=False)

        assert 3 == second.returncode
        assert f"the agent with pid {host.agent.pid} runs with" in second.stderr.decode()

    async def test_a_cloned_machine(
        self, etcd: Etcd, directory: Path, server: EmbeddedEtcd, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """Two hosts with one name and one state directory's contents: the later one exits with 3 and says why."""
        host = new_host("vm-1")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            clone = Host("vm-1", server.endpoint, directory / "clone")
            clone.log.parent.mkdir()
            shutil.copytree(host.state_dir, clone.state_dir)
            try:
                async with under_load(host):
                    clone.start()
                    code = await trio.to_thread.run_sync(clone.agent.wait, 20)
            finally:
                await trio.to_thread.run_sync(clone.close)
            live = await etcd.get(Keys().host("vm-1"))

        assert 3 == code
        assert "its state directory was cloned" in clone.log.read_text()
        assert live is not None

    async def test_sigterm_with_stop_with_agent(
        self, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
    ) -> None:
        """Where Envoy is to end with its agent, SIGTERM is a leave."""
        host = new_host("vm-1", "--stop-with-agent")
        with trio.fail_after(SECONDS):
            await settled(etcd, "vm-1", await put(etcd, mesh(reviews, 100, 0)))
            pid = host.envoy_pid
            assert pid is not None
            code = await trio.to_thread.run_sync(host.end, signal.SIGTERM)
            live = await etcd.get(Keys().host("vm-1"))

        assert 0 == code
        assert not is_running(pid)
        assert live is None
