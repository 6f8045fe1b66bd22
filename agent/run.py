"""One host's agent: the one nursery tree, and who tells whom.

    store ─watch→ Follower ─published→ ┐                       ┌→ AdsServer ⇄ Envoy ← supervise
                  Resolver ─answers──→ ┴ Compiler → Rollout ───┴→ Reporter ─→ store
                  Registration ─lease→ store

Tasks speak by `Watchable`; the compiler, Rollout and the pushes are synchronous, in one task.
"""

import fcntl
import gc
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import trio

from agent.addresses import LookedUp
from agent.ads.server import AdsServer
from agent.cache import Cache
from agent.compiler.emit.routes import refused_table
from agent.compiler.envoy_config import Id
from agent.compiler.incremental import Compiler
from agent.config import AgentConfig
from agent.dns.resolver import Resolver
from agent.envoy.process import Envoy, EnvoySettings
from agent.follower import Follower
from agent.registration import Registration
from agent.reporter import Reporter
from agent.rollout import Rollout
from agent.status import EnvoyState
from agent.watchable import Watchable
from store.errors import Conflict, MeshError, ProcessFailed
from store.etcd.client import Etcd
from store.host import HostRecord
from store.keys import Keys

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
LEAVE_SECONDS = 5.0
"""How long the store may take when this host leaves; then the lease runs out by itself."""


def host_record(config: AgentConfig, resolvers: tuple[str, ...]) -> HostRecord:
    """Return what *config* publishes: everything in it that the compiled configuration depends on."""
    return HostRecord(
        name=config.host,
        agent=version("meshctl"),
        address=config.address,
        gateway_bind=config.gateway_bind,
        labels=dict(config.labels),
        namespace=config.namespace,
        http_proxy=tuple(f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip, port in config.http_proxy),
        outbound_policy=config.outbound_policy,
        resolvers=resolvers,
        since=time.time(),
    )


def envoy_settings(config: AgentConfig) -> EnvoySettings:
    """Return how *config* wants its Envoy to run."""
    return EnvoySettings(
        path=config.envoy_path,
        run_dir=config.run_dir,
        state_dir=config.state_dir,
        host=config.host,
        concurrency=config.envoy_concurrency,
        drain_seconds=config.drain_seconds,
    )


class Agent:
    """Everything of one host, put together."""

    def __init__(self, config: AgentConfig, etcd: Etcd) -> None:
        keys = Keys(config.prefix)
        self._config = config
        self._resolver = Resolver(config.dns_upstream, config.state_dir / "addresses.json")
        record = host_record(config, tuple(map(str, self._resolver.servers)))
        self._registration = Registration(etcd, keys, record, run_dir=config.run_dir, state_dir=config.state_dir)
        self._follower = Follower(etcd, keys, Cache(config.state_dir))
        self._compiler = Compiler(self._registration.record)
        self._looked_up = LookedUp()
        self._rollout = Rollout(refused_table)
        settings = envoy_settings(config)
        self._envoy = Envoy(settings)
        self._ads = AdsServer(settings.ads_socket, self._rollout, self._envoy_said)
        self._envoy_version: str | None = None
        self._reporter = Reporter(
            etcd,
            keys,
            config.host,
            self._rollout,
            self._envoy.admin,
            agent_version=record.agent,
            conditions=lambda: (self._follower.replica.held, self._follower.replica.unread, self._resolver.problems),
            envoy_state=self._envoy_state,
        )

    def __repr__(self) -> str:
        return f"<Agent {self._config.host} {self._rollout!r}>"

    async def run(self) -> None:
        """Serve until cancelled. Nothing of Envoy is touched before the first complete Snapshot.

        Raises:
            Conflict: the host's name is in use.
            ProcessFailed: Envoy cannot be started, or the socket not be made.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(self._registration.run)
            await nursery.start(self._follower.run)
            await nursery.start(self._resolver.run)
            await nursery.start(self._compile)
            await self._registration.looked.wait()
            nursery.start_soon(self._report)
            await nursery.start(self._ads.serve)
            nursery.start_soon(self._envoy.supervise)
            nursery.start_soon(self._ask_version)
            nursery.start_soon(self._retry_listeners)

    async def _report(self) -> None:
        """Report once the host's name is ours: another host's reports are not to be overwritten."""
        await self._registration.registered.wait()
        await self._reporter.run()

    async def withdraw(self) -> None:
        """End the Envoy that was started for a name that turned out to be another host's."""
        if self._envoy.pid is not None and not self._envoy.adopted:
            await self._envoy.stop()

    async def leave(self) -> None:
        """Take the host out of the mesh: drain and end Envoy, give the name back."""
        with trio.move_on_after(LEAVE_SECONDS):
            try:
                await self._registration.leave()
            except MeshError as e:
                log.warning("leaving without the store: %s", e)
        await self._envoy.stop()
        log.info("left the mesh")

    async def _compile(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compile every Snapshot and every change of addresses, and push; `started` after the first."""
        await self._follower.published.wait_for(lambda snapshot: snapshot is not None)
        async with trio.open_nursery() as nursery:
            for source in (self._follower.published, self._resolver.answers):
                await nursery.start(self._push_after, source)
            gc.freeze()  # the mesh as it is will mostly stay: no collection has to walk through it again
            task_status.started()

    async def _push_after(self, source: Watchable[Any], *, task_status: trio.TaskStatus[None]) -> None:
        """Push now, and after every change of *source*."""
        seen = await source.changed(-1)
        self._push()
        task_status.started()
        while True:
            seen = await source.changed(seen)
            self._push()

    def _push(self) -> None:
        published = self._follower.take()
        assert published is not None, "waited for"
        compiled = self._compiler.update(published.snapshot, published.changed)
        self._looked_up.follow(compiled.config, compiled.changed)
        self._resolver.want(self._looked_up.names)
        resolved = self._looked_up.resolve({n: a.addresses for n, a in self._resolver.answers.value.items()})
        changed: frozenset[Id] = compiled.changed | resolved
        if changed:
            self._rollout.offer(self._looked_up.complete(compiled.config), changed)
            self._ads.flush()
        self._reporter.note(published.snapshot, changed)

    async def _retry_listeners(self) -> None:
        """A port that was taken may be free by now; nothing tells."""
        while True:
            await trio.sleep(RETRY_SECONDS)
            if self._rollout.retry_listeners():
                self._ads.flush()

    def _envoy_said(self) -> None:
        self._reporter.poke()

    def _envoy_state(self) -> EnvoyState:
        envoy = self._envoy
        return EnvoyState(envoy.pid is not None, self._envoy_version, envoy.restarts, envoy.last_exit)

    async def _ask_version(self) -> None:
        while True:
            try:
                self._envoy_version = (await self._envoy.admin.server_info()).version
                return
            except MeshError:
                await trio.sleep(0.2)


async def serve(config: AgentConfig) -> None:
    """Run the agent of one host until it is told to end.

    SIGTERM ends the agent and leaves Envoy serving for the next one, unless `envoy.stopWithAgent`; SIGINT leaves the
    mesh: Envoy is drained and ended, the host's name given back.

    Raises:
        Conflict: the host's name, or the run directory, is in use.
        ProcessFailed: Envoy cannot be started.
    """
    for directory in (config.state_dir, config.run_dir):
        _make_private(directory)
    with _only_agent(config):
        async with Etcd(config.etcd_endpoints) as etcd:
            agent = Agent(config, etcd)
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(agent.run)
                        received = await anext(aiter(signals))
                        log.info("%s", signal.Signals(received).name)
                        nursery.cancel_scope.cancel()
                except* Conflict:
                    await agent.withdraw()
                    raise
            if received == signal.SIGINT or config.stop_with_agent:
                await agent.leave()


def running_agent(config: AgentConfig) -> int | None:
    """Return the pid of the agent that runs with *config*'s directories; None when none does."""
    try:
        with (config.run_dir / "agent.pid").open("r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = (config.run_dir / "agent.pid").read_text(encoding="ascii")
        return int(text) if text.isdigit() else None
    except OSError:
        return None
    return None


async def stop_without_agent(config: AgentConfig) -> None:
    """Take the host out of the mesh though no agent runs: what `mesh-agent leave` does after a crash."""
    for directory in (config.state_dir, config.run_dir):
        _make_private(directory)
    with _only_agent(config):
        async with Etcd(config.etcd_endpoints) as etcd:
            await Agent(config, etcd).leave()


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as e:
        raise ProcessFailed(f"cannot make {directory}: {e.strerror}; choose another with stateDir or runDir") from e
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ProcessFailed(
            f"{directory} holds keys and sockets, but others may write to it: give it to this user with mode 0700"
        )


@contextmanager
def _only_agent(config: AgentConfig) -> Iterator[None]:
    """Hold the run directory; its lock file names the agent for `mesh-agent leave`.

    Raises:
        Conflict: another agent holds it.
    """
    path = config.run_dir / "agent.pid"
    try:
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise ProcessFailed(f"cannot open {path}: {e.strerror}") from e
    with os.fdopen(opened, "r+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise Conflict(f"the agent with pid {lock.read().strip()} runs with {config.run_dir} already") from e
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
