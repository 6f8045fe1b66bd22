"""Change to served: from sending the put until the first answer by the new route, ours against a bare probe.

    python tests/bench/propagation.py --services 1 100 1000 --changes 60

The probe is the floor: it watches one key, compiles nothing, and pushes one table of one service to its own Envoy.
Both ask over one kept-alive connection in a tight loop, take turns in one run, and use one etcd: read the ratio.
"""

import argparse
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from etcd3 import etcdrpc

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent.compiler.emit.messages import ads, pack, socket_address
from agent.envoy.process import Envoy, EnvoySettings
from store.client import Origin, Result, Wanted, apply, read_state, transaction
from store.codec import Source
from store.etcd.bridge import open_channel
from store.etcd.client import Etcd
from store.etcd.endpoint import parse_endpoint
from store.keys import Keys
from tests.agent.envoy.ads_double import AdsDouble
from tests.embedded import EmbeddedEtcd, free_port, start_etcd
from tests.hosts import Host, settled
from tests.meshes import resources

PROBE_KEY = "/probe"
TABLE = "probe"
CHUNK = 500


class Asker:
    """Asks one thing over one connection until the answer holds a marker."""

    def __init__(self, port: int, request: bytes) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def until(self, marker: str, seconds: float = 5.0) -> float:
        """Return when the first answer with *marker* was there, on `time.perf_counter`'s clock."""
        wanted = marker.encode()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._connection.sendall(self._request)
            if wanted in self._connection.recv(65536):
                return time.perf_counter()
        raise TimeoutError(f"{marker} was not served within {seconds} s")

    def close(self) -> None:
        self._connection.close()


def service(number: int) -> str:
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: svc{number}}}
spec:
  hosts: [svc{number}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 9080, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.2}}, {{address: 127.0.0.3}}]
---
"""


def route(marker: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {{name: svc0}}
spec:
  hosts: [svc0]
  http: [{{redirect: {{uri: /{marker}}}}}]
"""


def wanted(text: str) -> list[Wanted]:
    return [Wanted(r.key, r, Source("bench.yaml", 1)) for r in resources(text)]


def origin() -> Origin:
    return Origin("bench", "", time.time(), secrets.token_hex(2))


def table(marker: str) -> Any:
    """Return the probe's whole configuration of routes: one service, one answer."""
    redirect = route_components_pb2.RedirectAction(path_redirect=f"/{marker}")
    one = route_components_pb2.Route(match=route_components_pb2.RouteMatch(prefix="/"), redirect=redirect)
    host = route_components_pb2.VirtualHost(name="probe", domains=["*"], routes=[one])
    return route_pb2.RouteConfiguration(name=TABLE, virtual_hosts=[host])


def listener(port: int) -> Any:
    """Return the leanest listener that takes its routes from the probe's table."""
    router = hcm_pb2.HttpFilter(name="router", typed_config=pack(router_pb2.Router()))
    rds = hcm_pb2.Rds(route_config_name=TABLE, config_source=ads())
    manager = hcm_pb2.HttpConnectionManager(stat_prefix="probe", rds=rds, http_filters=[router])
    chain = listener_components_pb2.FilterChain(
        filters=[listener_components_pb2.Filter(name="hcm", typed_config=pack(manager))]
    )
    return listener_pb2.Listener(name="listener", address=socket_address("127.0.0.1", port), filter_chains=[chain])


@contextmanager
def watching(endpoint: str, on_value: Callable[[str], object]) -> Iterator[None]:
    """Call *on_value* with each value of the probe's key: the bare stub, nothing around it."""
    channel = open_channel(parse_endpoint(endpoint))
    create = etcdrpc.WatchCreateRequest(key=PROBE_KEY.encode())
    done = threading.Event()

    def requests() -> Iterator[object]:
        yield etcdrpc.WatchRequest(create_request=create)
        done.wait()

    call = etcdrpc.WatchStub(channel).Watch(requests())

    def read() -> None:
        try:
            for response in call:
                for event in response.events:
                    on_value(event.kv.value.decode())
        except Exception:
            if not done.is_set():
                raise

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield
    done.set()
    call.cancel()
    thread.join()
    channel.close()


async def fill(etcd: Etcd, count: int) -> None:
    """Apply *count* services, and the route that is going to change."""
    for start in range(0, count, CHUNK):
        text = "".join(service(n) for n in range(start, min(count, start + CHUNK)))
        await apply(etcd, Keys(), wanted(text), origin())


async def change_ours(etcd: Etcd, asker: Asker, marker: str) -> float:
    change = wanted(route(marker))
    state = await read_state(etcd, Keys())
    _, txn = transaction(state, Keys(), change, {change[0].key: Result.CONFIGURED}, origin())
    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(etcd.commit, txn)
        return await trio.to_thread.run_sync(asker.until, marker) - begun


async def change_probe(etcd: Etcd, asker: Asker, marker: str) -> float:
    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(etcd.put, PROBE_KEY, marker.encode())
        return await trio.to_thread.run_sync(asker.until, marker) - begun


async def measure(etcd: Etcd, host: Host, probe_port: int, changes: int) -> tuple[list[float], list[float]]:
    """Return the latencies of ours and of the probe, in seconds; the two take turns."""
    ours = Asker(host.proxy, b"GET http://svc0:9080/ HTTP/1.1\r\nhost: svc0:9080\r\n\r\n")
    probe = Asker(probe_port, b"GET / HTTP/1.1\r\nhost: probe\r\n\r\n")
    first, second = [], []
    for turn in range(changes):
        marker = f"m{turn}{secrets.token_hex(3)}"
        first.append(await change_ours(etcd, ours, marker))
        await trio.sleep(0.02)
        second.append(await change_probe(etcd, probe, marker))
        await trio.sleep(0.02)
    ours.close()
    probe.close()
    return first, second


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


def report(count: int, ours: list[float], probe: list[float]) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, probe, strict=True))
    row = (f"{quantile(v, q):8.1f}" for v in (ours, probe) for q in (0.5, 0.9, 0.99))
    print(f"{count:9d} {' '.join(row)} {ratio:7.2f}", flush=True)


async def run_size(server: EmbeddedEtcd, directory: Path, count: int, probe_port: int, changes: int) -> None:
    async with Etcd([server.endpoint]) as etcd:
        await etcd.delete_prefix(Keys().prefix)
        await fill(etcd, count)
        host = Host(f"b{count}", server.endpoint, directory)
        host.start()
        try:
            with trio.fail_after(120):
                await settled(etcd, host.name, await apply(etcd, Keys(), wanted(route("start")), origin()))
            report(count, *await measure(etcd, host, probe_port, changes))
        finally:
            host.close()


async def main(sizes: list[int], changes: int) -> None:
    with tempfile.TemporaryDirectory(prefix="b") as name, start_etcd(Path(name)) as server:
        directory = Path(name)
        settings = EnvoySettings("envoy", directory / "p", directory / "ps", "probe", 1, 1.0)
        for each in (settings.run_dir, settings.state_dir):
            each.mkdir()
        double = AdsDouble(str(settings.ads_socket))
        port = free_port()
        double.offer("listener", listener(port))
        double.offer(TABLE, table("start"))
        envoy = Envoy(settings)
        async with trio.open_nursery() as nursery:
            await nursery.start(envoy.supervise)
            print("           ours ms: p50      p90      p99  probe ms: p50   p90      p99   ratio")
            with watching(server.endpoint, lambda marker: double.offer(TABLE, table(marker))):
                for count in sizes:
                    await run_size(server, directory, count, port, changes)
            await envoy.stop()
            nursery.cancel_scope.cancel()
        double.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--changes", type=int, default=60)
    arguments = parser.parse_args()
    trio.run(main, arguments.services, arguments.changes)
