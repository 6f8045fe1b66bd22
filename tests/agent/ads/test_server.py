"""The real AdsServer with a real Envoy: refusals, lost streams, changed agents, and requests all the while."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from queue import SimpleQueue

import attrs
import grpc
import httpx
import trio
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.service.discovery.v3 import discovery_pb2

from agent.compiler.envoy_config import EnvoyConfig, Id, Type, XdsResource
from tests.agent.one_envoy import OneEnvoy, service, split
from tests.embedded import free_port
from tests.hosts import Upstream
from tests.meshes import snapshot

Servers = dict[str, Upstream]


def replaced(config: EnvoyConfig, resource: XdsResource) -> EnvoyConfig:
    """Return *config* with *resource* in the place of that of its name."""
    return attrs.evolve(config, resources=config.resources.set((resource.type, resource.name), resource))


def bad_table(config: EnvoyConfig, name: str) -> XdsResource:
    """Return the table *name* with a regular expression that no compiler of ours lets through."""
    table = route_pb2.RouteConfiguration.FromString(config.resources[Type.ROUTES, name].body)
    bad = route_components_pb2.Route(name="bad", direct_response={"status": 200})
    bad.match.safe_regex.regex = "["
    table.virtual_hosts[0].routes.insert(0, bad)
    return XdsResource(Type.ROUTES, name, table.SerializeToString())


async def get(host: OneEnvoy, authority: str) -> int:
    async with host.client() as client:
        return (await client.get(f"http://{authority}/")).status_code


def refusals(host: OneEnvoy) -> dict[Id, str]:
    return {(r.type, r.name): refusal.message for r, refusal in host.rollout.refusals()}


async def codes_during(host: OneEnvoy, change: Callable[[], Awaitable[None]], count: int = 200) -> Counter[int]:
    """Return how often each status came while *change* ran, and until there were *count* answers."""
    codes: Counter[int] = Counter()
    is_done = trio.Event()

    async def ask() -> None:
        async with host.client() as client:
            while codes.total() < count or not is_done.is_set():
                try:
                    codes[(await client.get("http://a.test/")).status_code] += 1
                except httpx.HTTPError:
                    codes[0] += 1

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
        await trio.sleep(0.05)
        await change()
        is_done.set()
    return codes


async def test_refused_table_among_good_ones(host: OneEnvoy, servers: Servers) -> None:
    """Of four new services in one response three answer; the bad one says 503, and is named with words."""
    port = servers["v1"].port
    config = host.compile(snapshot(*(service(f"{name}.test", port) for name in "abcd")))
    host.offer(replaced(config, bad_table(config, "80|b.test")))
    await host.settled()

    assert [(Type.ROUTES, "80|b.test")] == list(refusals(host))
    assert "missing ]" in refusals(host)[Type.ROUTES, "80|b.test"]
    while await get(host, "b.test") != 503:
        await trio.sleep(0.01)

    assert [200, 200, 200] == [await get(host, f"{name}.test") for name in "acd"]

    host.offer(config)
    await host.settled()

    assert {} == refusals(host)
    assert 200 == await get(host, "b.test")


async def test_refused_change_keeps_the_old_table(host: OneEnvoy, servers: Servers) -> None:
    """A refused change of a table leaves the requests with the version before."""
    host.apply(service("a.test", servers["v1"].port))
    await host.settled()
    host.offer(replaced(host.rollout.config, bad_table(host.rollout.config, "80|a.test")))
    await host.settled()

    assert [(Type.ROUTES, "80|a.test")] == list(refusals(host))
    assert 200 == await get(host, "a.test")


async def test_refused_listener_among_good_ones(host: OneEnvoy, servers: Servers) -> None:
    """A listener whose port is taken does not keep the others from serving."""
    config = host.compile(snapshot(service("a.test", servers["v1"].port)))
    (good,) = (r for r in config.resources.values() if r.type is Type.LISTENER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = (taken.getsockname()[1], free_port())
        for name, port in zip(("a-taken", "z-free"), ports, strict=True):
            listener = listener_pb2.Listener.FromString(good.body)
            listener.name, listener.address.socket_address.port_value = name, port
            config = replaced(config, XdsResource(Type.LISTENER, name, listener.SerializeToString()))
        host.offer(config)
        await host.settled()

    assert [(Type.LISTENER, "a-taken")] == list(refusals(host))
    assert "Address already in use" in refusals(host)[Type.LISTENER, "a-taken"]
    assert {good.name, "z-free"} == set(host.rollout.accepted(Type.LISTENER))
    assert 200 == await get(host, "a.test")


async def test_envoy_is_killed(host: OneEnvoy, servers: Servers) -> None:
    """An Envoy that is started again is given everything, and serves."""
    host.apply(service("a.test", servers["v1"].port))
    await host.settled()
    assert host.envoy.pid is not None
    os.kill(host.envoy.pid, signal.SIGKILL)
    while host.rollout.is_connected:
        await trio.sleep(0.005)

    assert set(host.rollout.config.resources) == host.rollout.unsettled(host.rollout.config.resources)

    await host.settled()

    assert 2 == host.rollout.streams
    assert 200 == await get(host, "a.test")


async def test_second_stream(host: OneEnvoy, servers: Servers) -> None:
    """A second stream takes over, and the first one ends; Envoy, whose it was, comes back."""
    host.apply(service("a.test", servers["v1"].port))
    await host.settled()
    request = discovery_pb2.DeltaDiscoveryRequest(type_url=Type.SCOPE.url).SerializeToString()
    with grpc.insecure_channel(f"unix:{host.socket}") as channel:
        method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
        requests = SimpleQueue[bytes | None]()
        requests.put(request)
        stream = channel.stream_stream(method)(iter(requests.get, None))
        answer = discovery_pb2.DeltaDiscoveryResponse.FromString(await trio.to_thread.run_sync(next, stream))

        assert Type.SCOPE.url == answer.type_url
        while host.rollout.streams < 3:
            await trio.sleep(0.005)
        requests.put(None)
    await host.settled()

    assert 200 == await get(host, "a.test")


async def test_no_request(host: OneEnvoy) -> None:
    """A peer that speaks something else is hung up on, and Envoy is served all the same."""
    host.apply()
    await host.settled()
    with grpc.insecure_channel(f"unix:{host.socket}") as channel:
        method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
        stream = channel.stream_stream(method)(iter([b"\xff\xff\xff"]))

        assert [] == await trio.to_thread.run_sync(list, stream)
    while host.rollout.streams < 3:
        await trio.sleep(0.005)
    await host.settled()


async def test_agent_restarts(host: OneEnvoy, servers: Servers) -> None:
    """A new agent with the same content sends nothing, loses no request, and delivers what changes next."""
    mesh = service("a.test", servers["v1"].port, servers["v2"].port)
    host.apply(mesh)
    await host.settled()
    updates = r"^(cluster_manager.cds|listener_manager.lds).update_success$"
    before = await host.envoy.admin.counters(updates)

    async with trio.open_nursery() as nursery:

        async def restart() -> None:
            await host.restart_agent(nursery)
            await host.settled()

        codes = await codes_during(host, restart)

        assert {200} == codes.keys()
        assert before == await host.envoy.admin.counters(updates)
        assert 1 == host.rollout.streams
        host.apply(mesh + "---" + split("a.test", 0, 100))
        await host.settled()

        assert 200 == await get(host, "a.test")
        nursery.cancel_scope.cancel()


async def test_change_under_requests(host: OneEnvoy, servers: Servers) -> None:
    """Weights and endpoints change, and change back, while 200 requests are answered; none is lost."""
    both = service("a.test", servers["v1"].port, servers["v2"].port)
    one = service("a.test", servers["v2"].port)
    host.apply(both)
    await host.settled()

    async def change() -> None:
        for mesh in (split("a.test", 100, 0), split("a.test", 20, 80), split("a.test", 0, 100)):
            host.apply(both + "---" + mesh)
            await host.settled()
        for mesh in (one, both, one):
            host.apply(mesh)
            await host.settled()

    assert {200} == (await codes_during(host, change)).keys()


async def test_removal_under_requests(host: OneEnvoy, servers: Servers) -> None:
    """A service that goes while it is asked for answers as itself or as any unknown name (502), nothing in between."""
    mesh = service("a.test", servers["v1"].port)
    host.apply(mesh)
    await host.settled()

    async def change() -> None:
        for _ in range(3):
            await host.settled(host.apply())
            await trio.sleep(0.05)
            host.apply(mesh)
            await host.settled()

    codes = await codes_during(host, change)

    assert codes.keys() <= {200, 502}
    assert 200 == await get(host, "a.test")
