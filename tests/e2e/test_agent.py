"""The main job and the faults around it: a file in etcd, a request through a real Envoy, and who survives what."""

import base64
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from store.etcd.client import Etcd
from store.keys import Keys
from tests.embedded import EmbeddedEtcd, free_port
from tests.hosts import Host, Upstream, is_running, put, settled, status, upstreams

SECONDS = 20


@pytest.fixture
def reviews() -> Iterator[dict[str, Upstream]]:
    with upstreams("v1", "v2") as servers:
        yield servers


def service(name: str, *ports: tuple[str, int]) -> str:
    """Return a ServiceEntry of *name*:9080 whose endpoints are labelled with their versions."""
    endpoints = "".join(
        f"\n  - {{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{version: {version}}}}}"
        for version, port in ports
    )
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 9080, name: http, protocol: HTTP}}]
  endpoints:{endpoints}
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {{name: {name}}}
spec:
  host: {name}
  subsets:
  - {{name: v1, labels: {{version: v1}}}}
  - {{name: v2, labels: {{version: v2}}}}
"""


def split(name: str, v1: int, v2: int) -> str:
    """Return a VirtualService that shares requests for *name* out among its subsets."""
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: [{name}]
  http:
  - route:
    - {{destination: {{host: {name}, subset: v1}}, weight: {v1}}}
    - {{destination: {{host: {name}, subset: v2}}, weight: {v2}}}
"""


def gateway(port: int) -> str:
    """Return a Gateway on *port* of the hosts with role edge, and a route for shop.test to reviews."""
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {{name: edge}}
spec:
  selector: {{role: edge}}
  servers:
  - port: {{number: {port}, name: http, protocol: HTTP}}
    hosts: [shop.test]
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {{name: shop}}
spec:
  hosts: [shop.test]
  gateways: [edge]
  http:
  - match: [{{uri: {{prefix: /reviews}}}}]
    rewrite: {{uri: /}}
    route: [{{destination: {{host: reviews}}}}]
"""


def both(servers: dict[str, Upstream]) -> str:
    return service("reviews", ("v1", servers["v1"].port), ("v2", servers["v2"].port))


class Load:
    """Requests by four callers for as long as the context lasts; what was not answered by 200 is a failure."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self.answers: dict[str, int] = {}
        self.failures: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                answer = await self._client.get(self._url)
            except httpx.HTTPError as e:
                self.failures.append(repr(e))
                continue
            if answer.status_code == 200:
                name = answer.json()["name"]
                self.answers[name] = self.answers.get(name, 0) + 1
            else:
                self.failures.append(f"{answer.status_code} {answer.text}")


@asynccontextmanager
async def loaded(client: httpx.AsyncClient, url: str) -> AsyncIterator[Load]:
    """Keep asking for *url* for the length of the context."""
    async with trio.open_nursery() as nursery:
        running = Load(client, url)
        for _ in range(4):
            nursery.start_soon(running.run)
        yield running
        nursery.cancel_scope.cancel()


NewHost = Callable[..., Host]


async def test_a_rule_is_served_and_reported_active(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """What is applied is served by every host, and each says so; one that nothing changed for says unaffected."""
    port = free_port()
    plain, edge = new_host("vm-1"), new_host("vm-2", "--label", "role=edge")
    with trio.fail_after(SECONDS):
        applied = await put(etcd, both(reviews) + "---" + split("reviews", 100, 0))
        verdicts = [(await settled(etcd, h.name, applied)).verdict for h in (plain, edge)]
        async with plain.client() as one, edge.client() as two:
            names = {(await client.get("http://reviews:9080/")).json()["name"] for client in (one, two)}
        opened = await put(etcd, gateway(port))
        after = [(await settled(etcd, h.name, opened)).verdict for h in (plain, edge)]
        async with httpx.AsyncClient(trust_env=False) as client:
            through = await client.get(f"http://127.0.0.1:{port}/reviews", headers={"host": "shop.test"})
            other = await client.get(f"http://127.0.0.1:{port}/reviews", headers={"host": "other.test"})

    assert ["active", "active"] == verdicts
    assert {"v1"} == names
    assert ["unaffected", "active"] == after
    assert (200, "/") == (through.status_code, through.json()["path"])
    assert 404 == other.status_code


async def test_no_request_is_lost_while_routes_and_services_change(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """Weights move, subsets are renamed with their rule, the endpoints are replaced: every request is answered."""
    host = new_host("vm-1")
    only_v2 = service("reviews", ("v2", reviews["v2"].port))
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews) + "---" + split("reviews", 100, 0)))
        async with host.client() as client, loaded(client, "http://reviews:9080/") as running:
            for v2 in (10, 50, 90, 100):
                await settled(etcd, "vm-1", await put(etcd, split("reviews", 100 - v2, v2)))
            renamed = (both(reviews) + "---" + split("reviews", 0, 100)).replace("v2, labels", "second, labels")
            await settled(etcd, "vm-1", await put(etcd, renamed.replace("subset: v2", "subset: second")))
            await settled(etcd, "vm-1", await put(etcd, only_v2, delete=split("reviews", 1, 1)))
            before = reviews["v2"].requests
            await trio.sleep(0.2)

    assert [] == running.failures
    assert reviews["v2"].requests > before
    assert {"v1", "v2"} == set(running.answers)


async def test_a_service_replaced_in_one_apply_loses_nothing(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """New service, route moved to it, old service deleted, all at once, again and again: removals come last."""
    host = new_host("vm-1")
    names = ("blue", "green")
    entries = {name: service(name, ("v1", reviews["v1"].port)).partition("---")[0] for name in names}
    route = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http: [{route: [{destination: {host: NAME}}]}]
"""
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, entries["blue"] + "---" + route.replace("NAME", "blue")))
        async with host.client() as client, loaded(client, "http://shop/") as running:
            for turn in range(6):
                old, new = names[turn % 2], names[1 - turn % 2]
                moved = entries[new] + "---" + route.replace("NAME", new)
                await settled(etcd, "vm-1", await put(etcd, moved, delete=entries[old]))
                await trio.sleep(0.05)

    assert [] == running.failures
    assert running.answers["v1"] > 20


async def test_sigterm_leaves_envoy_serving_and_the_next_agent_adopts_it(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """Restart and crash of the agent cost no request, and the host keeps its name all the while."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        pid = host.envoy_pid
        async with host.client() as client, loaded(client, "http://reviews:9080/") as running:
            ended = host.end(signal.SIGTERM)
            live = await etcd.get(Keys().host("vm-1"))
            host.start()
            await settled(etcd, "vm-1", await put(etcd, split("reviews", 0, 100)))
            host.end(signal.SIGKILL)
            host.start()
            await settled(etcd, "vm-1", await put(etcd, split("reviews", 100, 0)))

    assert 0 == ended
    assert live is not None
    assert pid == host.envoy_pid
    assert [] == running.failures


async def test_sigint_leaves_the_mesh(etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]) -> None:
    """SIGINT ends agent and Envoy and gives the host's name back; so does `mesh-agent leave` for a dead agent."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        pid = host.envoy_pid
        assert pid is not None
        code = host.end(signal.SIGINT)
        live = await etcd.get(Keys().host("vm-1"))
        said = await status(etcd, "vm-1")

    assert 0 == code
    assert not is_running(pid)
    assert live is None
    assert said is not None
    assert said.left


async def test_envoy_that_dies_is_started_again(etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]) -> None:
    """A killed Envoy is back within two seconds, with everything it had, and status tells of it."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        pid = host.envoy_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with host.client() as client:
            with trio.fail_after(5):
                while True:
                    try:
                        if (await client.get("http://reviews:9080/")).status_code == 200:
                            break
                    except httpx.HTTPError:
                        pass
                    await trio.sleep(0.02)
        while (said := await status(etcd, "vm-1")) is None or not said.envoy_restarts or not said.active_apply:
            await trio.sleep(0.05)

    assert 1 == said.envoy_restarts
    assert said.envoy_exit is not None
    assert "9" in said.envoy_exit


async def test_loss_of_etcd_changes_nothing_for_traffic(
    server: EmbeddedEtcd, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """etcd killed: requests go on, a restarted agent serves from disk; etcd back: the next apply arrives by itself."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS * 2):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        await trio.sleep(1.2)  # the copy on disk is written at most once a second
        async with host.client() as client, loaded(client, "http://reviews:9080/") as running:
            server.kill()
            await trio.sleep(0.3)
            host.end(signal.SIGKILL)
            pid = host.envoy_pid
            assert pid is not None
            host.start()
            await trio.sleep(2.5)
            failures = list(running.failures)
            os.kill(pid, signal.SIGKILL)  # now Envoy has only what the agent has from disk
            with trio.fail_after(5):
                while (await _status_of(client)) != 200:
                    await trio.sleep(0.05)
            server.start()
            done = await settled(etcd, "vm-1", await put(etcd, split("reviews", 0, 100)))

    assert [] == failures
    assert "active" == done.verdict


async def _status_of(client: httpx.AsyncClient) -> int | None:
    try:
        return (await client.get("http://reviews:9080/")).status_code
    except httpx.HTTPError:
        return None


async def test_what_envoy_refuses_is_reported_and_the_rest_is_live(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """A gateway port that is taken is rejected, with Envoy's words at the Gateway; the same apply's service works."""
    host = new_host("vm-1", "--label", "role=edge")
    with upstreams("squatter") as squatters, trio.fail_after(SECONDS):
        applied = await put(etcd, both(reviews) + "---" + gateway(squatters["squatter"].port))
        word = await settled(etcd, "vm-1", applied)
        said = await status(etcd, "vm-1")
        async with host.client() as client:
            answer = await client.get("http://reviews:9080/")

    assert "rejected" == word.verdict
    assert said is not None
    assert ["Gateway default/edge"] == [r.resource for r in said.rejections]
    assert "bind" in said.rejections[0].message
    assert 200 == answer.status_code


async def test_a_host_name_in_use_is_refused(etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]) -> None:
    """A second agent with the name of a live host exits with 3, says who holds it, and touches nothing."""
    first = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        second = Host("vm-1", f"http://{first._flags[5].removeprefix('http://')}", first.log.parent / "second")
        second.log.parent.mkdir()
        second.start()
        code = await trio.to_thread.run_sync(second.agent.wait, 10)

    assert 3 == code
    assert "in use by the agent at 127.0.0.1" in second.log.read_text()
    assert second.envoy_pid is None


async def test_records_changed_without_an_apply_are_held(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """Somebody deletes the prefix: the host goes on serving its last good state, and says why."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        await etcd.delete_prefix(Keys().config)
        while (said := await status(etcd, "vm-1")) is None or said.held is None:
            await trio.sleep(0.05)
        async with host.client() as client:
            answer = await client.get("http://reviews:9080/")

    assert "head is gone" in said.held
    assert 200 == answer.status_code


async def test_a_dns_service_is_resolved_by_the_agent(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """Endpoints that are names get their addresses from the agent; a name that does not exist holds nothing back."""
    host = new_host("vm-1")
    named = service("reviews", ("v1", reviews["v1"].port)).replace("127.0.0.1", "localhost").replace("STATIC", "DNS")
    missing = service("absent", ("v1", 9)).replace("127.0.0.1", "absent.invalid").replace("STATIC", "DNS")
    with trio.fail_after(SECONDS):
        word = await settled(etcd, "vm-1", await put(etcd, named + "---" + missing))
        async with host.client() as client:
            there = await client.get("http://reviews:9080/")
            absent = await client.get("http://absent:9080/")
        while (said := await status(etcd, "vm-1")) is None or not said.notes:
            await trio.sleep(0.05)

    assert "active" == word.verdict
    assert (200, "v1") == (there.status_code, there.json()["name"])
    assert 503 == absent.status_code
    assert any("absent.invalid" in note for note in said.notes)


async def test_a_taken_proxy_port_is_rejected_not_pending(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """The host's own proxy cannot listen: the verdict is rejected, with Envoy's words, and nobody waits for ever."""
    with upstreams("squatter") as squatters, trio.fail_after(SECONDS):
        new_host("vm-1", "--http-proxy", f"127.0.0.1:{squatters['squatter'].port}")
        word = await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        said = await status(etcd, "vm-1")

    assert "rejected" == word.verdict
    assert said is not None
    assert [None] == [r.resource for r in said.rejections]
    assert "bind" in said.rejections[0].message


async def test_a_gateway_cannot_take_the_proxy_s_port(
    etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """A Gateway on the address of the host's own proxy is the one that is refused, from the first start on."""
    with trio.fail_after(SECONDS):
        host = new_host("vm-1", "--label", "role=edge")
        word = await settled(etcd, "vm-1", await put(etcd, both(reviews) + "---" + gateway(host.proxy)))
        said = await status(etcd, "vm-1")
        async with host.client() as client:
            answer = await client.get("http://reviews:9080/")

    assert "rejected" == word.verdict
    assert said is not None
    assert ["Gateway default/edge"] == [r.resource for r in said.rejections]
    assert 200 == answer.status_code


async def test_a_key_that_is_no_text_harms_nobody(
    server: EmbeddedEtcd, etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]
) -> None:
    """Somebody writes a key below the resources that is not UTF-8: agents and writers go on as before."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        key = Keys().resources.encode() + b"a/VirtualService/\xff"
        body = {"key": base64.b64encode(key).decode(), "value": base64.b64encode(b"x").decode()}
        await trio.to_thread.run_sync(server.post, "kv/put", body)
        host.end(signal.SIGTERM)
        host.start()
        word = await settled(etcd, "vm-1", await put(etcd, split("reviews", 0, 100)))

    assert "active" == word.verdict


async def test_a_port_that_gets_free_is_taken(etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]) -> None:
    """A Gateway whose port was taken is served soon after the port is free, and the host takes its rejection back."""
    host = new_host("vm-1", "--label", "role=edge")
    with trio.fail_after(SECONDS):
        with upstreams("squatter") as squatters:
            port = squatters["squatter"].port
            applied = await put(etcd, both(reviews) + "---" + gateway(port))
            first = await settled(etcd, "vm-1", applied)
        while (await settled(etcd, "vm-1", applied)).verdict != "active":
            await trio.sleep(0.1)
        said = await status(etcd, "vm-1")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/reviews", headers={"host": "shop.test"})

    assert "rejected" == first.verdict
    assert said is not None
    assert () == said.rejections
    assert 200 == answer.status_code
    assert "Envoy refuses listeners/gateway" in host.log.read_text()


async def test_two_proxies_do_not_share_a_port(etcd: Etcd, new_host: NewHost, reviews: dict[str, Upstream]) -> None:
    """A second host with the first one's proxy address is told so; it does not silently take half of the requests."""
    first = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, both(reviews)))
        new_host("vm-2", "--http-proxy", f"127.0.0.1:{first.proxy}")
        word = await settled(etcd, "vm-2", await put(etcd, split("reviews", 0, 100)))

    assert "rejected" == word.verdict
