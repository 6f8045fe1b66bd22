"""What a real Envoy says over its admin socket, with real names in a real configuration."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import trio
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf import json_format

from agent.envoy.admin import MAX_NAMES, Admin, AdminUnavailable, chunks, pattern_of
from agent.envoy.process import Envoy, EnvoySettings
from tests.agent.envoy.ads_double import AdsDouble, type_url
from tests.agent.envoy.conftest import answers, supervised

ADS = {"ads": {}, "resourceApiVersion": "V3"}
HCM = type_url(http_connection_manager_pb2.HttpConnectionManager())
ROUTER = type_url(router_pb2.Router())
CLUSTER = "outbound|9080|v1|reviews"
LISTENER = "240.240.0.7:9080"
TABLE = "9080|reviews"


def cluster(name: str, connect_timeout: str = "1s") -> cluster_pb2.Cluster:
    fields = {"name": name, "type": "EDS", "connectTimeout": connect_timeout, "edsClusterConfig": {"edsConfig": ADS}}
    return json_format.ParseDict(fields, cluster_pb2.Cluster())


def endpoints(name: str) -> endpoint_pb2.ClusterLoadAssignment:
    return endpoint_pb2.ClusterLoadAssignment(cluster_name=name)


def listener(name: str, table: str, *, port: int) -> listener_pb2.Listener:
    rds = {"routeConfigName": table, "configSource": {**ADS, "initialFetchTimeout": "0s"}}
    router = {"name": "router", "typedConfig": {"@type": ROUTER}}
    hcm = {"@type": HCM, "statPrefix": "outbound", "rds": rds, "httpFilters": [router]}
    fields = {
        "name": name,
        "address": {"socketAddress": {"address": "127.0.0.1", "portValue": port}},
        "bindToPort": False,
        "filterChains": [{"filters": [{"name": "hcm", "typedConfig": hcm}]}],
    }
    return json_format.ParseDict(fields, listener_pb2.Listener())


def table(name: str, status: int = 404) -> route_pb2.RouteConfiguration:
    route = {"match": {"prefix": "/"}, "directResponse": {"status": status}}
    fields = {"name": name, "virtualHosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}
    return json_format.ParseDict(fields, route_pb2.RouteConfiguration())


@pytest.fixture
async def admin(ads: AdsDouble, settings: EnvoySettings, envoys: Callable[..., Envoy]) -> AsyncIterator[Admin]:
    """An Envoy that serves one cluster, one listener and one route table."""
    ads.offer(CLUSTER, endpoints(CLUSTER))
    ads.offer(CLUSTER, cluster(CLUSTER))
    ads.offer(LISTENER, listener(LISTENER, TABLE, port=9080))
    ads.offer(TABLE, table(TABLE))
    async with supervised(envoys()) as envoy:
        await answers(envoy)
        while not await envoy.admin.ready():
            await trio.sleep(0.02)
        yield envoy.admin
    await envoy.stop()


async def test_active_is_what_was_offered(admin: Admin, ads: AdsDouble) -> None:
    """Versions come back for each resource, as the ADS server gave them; names that do not exist are left out."""
    asked = [CLUSTER, "outbound|9080||reviews", "outbound|9080|v1|.*"]
    assert {CLUSTER: ads.offer(CLUSTER, endpoints(CLUSTER)) and ads.offer(CLUSTER, cluster(CLUSTER))} == (
        await admin.active_versions("clusters", asked)
    )
    assert {LISTENER: ads.offer(LISTENER, listener(LISTENER, TABLE, port=9080))} == (
        await admin.active_versions("listeners", [LISTENER])
    )
    assert {TABLE: ads.offer(TABLE, table(TABLE))} == await admin.active_versions("routes", [TABLE, "9080"])


async def test_a_changed_resource_comes_back_with_its_new_version_alone(admin: Admin, ads: AdsDouble) -> None:
    """Under delta xDS a version belongs to a resource: changing one leaves the other's."""
    other = ads.offer("9081|x", table("9081|x"))
    ads.offer("vip:9081", listener("vip:9081", "9081|x", port=9081))
    changed = ads.offer(TABLE, table(TABLE, status=503))
    expected = {TABLE: changed, "9081|x": other}

    await eventually(lambda: admin.active_versions("routes", [TABLE, "9081|x"]), expected)


async def test_a_cluster_without_endpoints_warms(admin: Admin, ads: AdsDouble) -> None:
    """A new cluster whose endpoints were not sent is warming and not active, until they come."""
    late = "outbound|9081||*.late.example.com"
    version = ads.offer(late, cluster(late))

    await eventually(lambda: admin.warming("clusters", [late, CLUSTER]), {late})
    assert late not in await admin.active_versions("clusters", [late])
    ads.offer(late, endpoints(late))
    await eventually(lambda: admin.active_versions("clusters", [late]), {late: version})
    assert set() == await admin.warming("clusters", [late])


async def test_a_changed_cluster_keeps_its_old_version_while_it_warms(admin: Admin, ads: AdsDouble) -> None:
    """Active stays the old version until the new one has its endpoints again."""
    old = (await admin.active_versions("clusters", [CLUSTER]))[CLUSTER]
    new = ads.offer(CLUSTER, cluster(CLUSTER, connect_timeout="2s"))

    await eventually(lambda: admin.warming("clusters", [CLUSTER]), {CLUSTER})
    assert {CLUSTER: old} == await admin.active_versions("clusters", [CLUSTER])
    ads.offer(CLUSTER, endpoints(CLUSTER))
    await eventually(lambda: admin.active_versions("clusters", [CLUSTER]), {CLUSTER: new})


async def test_a_listener_without_its_table_warms(admin: Admin, ads: AdsDouble) -> None:
    """A listener that waits for its route table is warming; one that serves is not."""
    ads.offer("late", listener("late", "9999|late", port=9999))

    await eventually(lambda: admin.warming("listeners", ["late", LISTENER]), {"late"})
    assert {LISTENER} == (await admin.active_versions("listeners", ["late", LISTENER])).keys()
    assert set() == await admin.warming("routes", ["9999|late"])


async def test_a_refused_listener_does_not_appear(admin: Admin, ads: AdsDouble) -> None:
    """Its error is in every dump, with and without a name, and belongs to no answer."""
    bad = listener("bad", "t", port=9082)
    bad.filter_chains[0].filters[0].typed_config.Pack(route_pb2.RouteConfiguration())
    ads.offer("bad", bad)
    await eventually_nacked(ads)

    assert {LISTENER} == (await admin.active_versions("listeners", [LISTENER, "bad"])).keys()
    assert set() == await admin.warming("listeners", [LISTENER, "bad"])


async def test_a_dump_that_envoy_cannot_print_in_full_is_readable(
    admin: Admin, ads: AdsDouble, settings: EnvoySettings
) -> None:
    """A refused listener of an unknown type turns whole listener dumps into error text; ours leaves it out."""
    bad = listener("bad", "t", port=9082)
    bad.filter_chains[0].filters[0].typed_config.type_url = "type.googleapis.com/no.such.Type"
    ads.offer("bad", bad)
    await eventually_nacked(ads)
    transport = httpx.AsyncHTTPTransport(uds=str(settings.admin_socket))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        whole = await client.get("http://envoy/config_dump", params={"resource": "dynamic_listeners"})

    assert not whole.text.startswith("{")
    assert {LISTENER} == (await admin.active_versions("listeners", [LISTENER])).keys()


async def test_many_names_are_asked_in_parts(admin: Admin) -> None:
    """More names than one request carries are still all asked."""
    names = [f"outbound|{port}||a-rather-long-service-name.namespace.svc.cluster.local" for port in range(250)]

    assert {CLUSTER} == (await admin.active_versions("clusters", [*names, CLUSTER])).keys()


async def test_counters(admin: Admin) -> None:
    """The inclusion list keeps what metrics and waiting need, and nothing of each request's detail."""
    assert 1 == (await admin.counters(r"^listener_manager\.total_listeners_active$")).popitem()[1]
    assert f"cluster.{CLUSTER}.membership_total" not in await admin.counters("upstream_rq_pending")
    assert {} == await admin.counters("upstream_rq_pending|downstream_rq_time")
    assert "http.admin.downstream_rq_total" in await admin.counters("downstream_rq_total")


async def test_nobody_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A socket that nobody serves is `AdminUnavailable`, for every question."""
    async with Admin("/tmp/mesh-no-such-socket") as admin:
        for question in (admin.server_info(), admin.ready(), admin.counters("x"), admin.drain_listeners()):
            with pytest.raises(AdminUnavailable, match="/tmp/mesh-no-such-socket does not answer"):
                await question


def test_names_are_quoted() -> None:
    """Everything that means something to RE2 loses its meaning."""
    assert r"^(outbound\|80\|\|\*\.a|b)$" == pattern_of(["outbound|80||*.a", "b"])


def test_chunks_hold_at_most_a_hundred_names() -> None:
    """By number, and by length."""
    assert [MAX_NAMES, 1] == [len(chunk) for chunk in chunks(f"n{number}" for number in range(MAX_NAMES + 1))]
    assert [1, 1] == [len(chunk) for chunk in chunks(["a" * 9000, "b" * 9000])]
    assert [] == list(chunks([]))


async def eventually(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    """Ask until the answer is *expected*; after 5 s fail with the last one."""
    with trio.move_on_after(5):
        while (await ask()) != expected:
            await trio.sleep(0.02)

    assert expected == await ask()


async def eventually_nacked(ads: AdsDouble) -> None:
    """Wait until Envoy has refused something."""
    with trio.fail_after(5):
        while not ads.nacks:
            await trio.sleep(0.02)
