"""The agent's half that faces Envoy, without a store: compiler, Rollout and AdsServer with one real Envoy."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable

import httpx
import trio

from agent.ads.protocol import render
from agent.ads.server import AdsServer
from agent.compiler.compile import compile as compile_mesh
from agent.compiler.emit.routes import refused_table
from agent.compiler.envoy_config import EnvoyConfig, Id, Type
from agent.envoy.process import Envoy, EnvoySettings
from agent.rollout import Rollout
from store.host import HostRecord
from store.snapshot import Snapshot
from tests.embedded import free_port
from tests.meshes import snapshot


class OneEnvoy:
    """One host.

    Attributes:
        proxy: port of its explicit proxy.
        record: what its configuration depends on.
        socket: that Envoy connects to.
        rollout, ads, envoy: the real ones; the first two are new after `restart_agent`.
        on_change: called after anything that Envoy said.
    """

    def __init__(self, settings: EnvoySettings) -> None:
        self.proxy = free_port()
        self.record = HostRecord("vm-1", http_proxy=(f"127.0.0.1:{self.proxy}",), outbound_policy="REGISTRY_ONLY")
        self.envoy = Envoy(settings)
        self.on_change: Callable[[], None] = lambda: None
        self.socket = settings.ads_socket
        self._new_agent()

    def _new_agent(self) -> None:
        self.rollout = Rollout(refused_table)
        self.ads = AdsServer(self.socket, self.rollout, lambda: self.on_change())
        self._serving = trio.CancelScope()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["OneEnvoy"]:
        """Serve, with Envoy, for the length of the context."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._serve)
            await nursery.start(self.envoy.supervise)
            yield self
            nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await self.envoy.admin.aclose()

    async def _serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with self._serving:
            await self.ads.serve(task_status=task_status)

    async def restart_agent(self, nursery: trio.Nursery) -> None:
        """End the agent's half, and start one that knows nothing but what is desired."""
        config = self.rollout.config
        self._serving.cancel()
        await trio.sleep(0.05)
        self._new_agent()
        self.offer(config)
        await nursery.start(self._serve)

    async def take_only(self, kind: Type, *texts: str) -> None:
        """Change the mesh to *texts*, and die after the first response, which is of *kind*, was read."""
        config = self.compile(snapshot(*texts))
        self.rollout.offer(config, {i for i in config.resources if i not in self._same(config)})
        first = self.rollout.responses(time.monotonic())[0]

        assert kind is first.type

        stream = self.ads._current
        assert stream is not None
        stream.outgoing.put(render(first))
        await trio.sleep(0.1)

    def _same(self, config: EnvoyConfig) -> set[Id]:
        before = self.rollout.config.resources
        return {i for i, r in config.resources.items() if before.get(i) == r}

    def compile(self, mesh: Snapshot) -> EnvoyConfig:
        """Return what this host gets under *mesh*."""
        return compile_mesh(mesh, self.record)

    def offer(self, config: EnvoyConfig) -> frozenset[Id]:
        """Deliver *config*; return in what it differs from the one before."""
        before, after = self.rollout.config.resources, config.resources
        changed = frozenset(i for i in {*before, *after} if before.get(i) != after.get(i))
        self.rollout.offer(config, changed)
        self.ads.flush()
        return changed

    def apply(self, *texts: str) -> frozenset[Id]:
        """Deliver the mesh that *texts* make."""
        return self.offer(self.compile(snapshot(*texts)))

    async def settled(self, ids: Iterable[Id] | None = None) -> None:
        """Wait until Envoy has answered all of *ids* (None: all that is desired); the caller holds the deadline."""
        wanted = set(self.rollout.config.resources if ids is None else ids)
        while not self.rollout.is_connected or self.rollout.unsettled(wanted):
            await trio.sleep(0.005)

    def client(self) -> httpx.AsyncClient:
        """Return a client whose requests go through the proxy."""
        return httpx.AsyncClient(proxy=f"http://127.0.0.1:{self.proxy}", timeout=5, trust_env=False)


def service(host: str, *ports: int) -> str:
    """Return a service whose port 80 is served by these *ports* of 127.0.0.1, in subsets `s0`, `s1` …"""
    endpoints = "".join(
        f"\n  - {{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{v: s{n}}}}}" for n, port in enumerate(ports)
    )
    subsets = "".join(f"\n  - {{name: s{n}, labels: {{v: s{n}}}}}" for n in range(len(ports)))
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host}}}
spec:
  hosts: [{host}]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints:{endpoints}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host}}}
spec:
  host: {host}
  subsets:{subsets}
"""


def split(host: str, *weights: int) -> str:
    """Return the share of each subset of *host*, in per cent."""
    routes = "".join(
        f"\n    - {{destination: {{host: {host}, subset: s{n}}}, weight: {w}}}" for n, w in enumerate(weights)
    )
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host}}}
spec:
  hosts: [{host}]
  http:
  - route:{routes}
"""
