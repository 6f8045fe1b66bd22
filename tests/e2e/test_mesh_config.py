"""What is of the whole mesh: applied, shown and deleted like other resources, and obeyed by a host's real Envoy."""

from collections.abc import Callable, Iterator

import httpx
import pytest
import trio

from store.etcd.client import Etcd
from store.keys import Keys
from tests.e2e.meshctl import Meshctl
from tests.hosts import Host, Upstream, put, settled, status, upstreams

SECONDS = 40
SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.mesh.example]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: %d}}]
"""
SETTINGS = """apiVersion: meshctl/v1
kind: MeshConfig
metadata: {name: mesh}
spec: {serviceSuffixes: [mesh.example]}
"""
GRANT = """apiVersion: meshctl/v1
kind: Grant
metadata: {name: h1}
spec: {namespaces: [shop], accounts: [shop/payments]}
"""


@pytest.fixture
def reviews() -> Iterator[Upstream]:
    with upstreams("reviews") as servers:
        yield servers["reviews"]


async def answered(client: httpx.AsyncClient, url: str) -> bool:
    answer = await client.get(url)
    return answer.status_code == 200 and answer.json()["name"] == "reviews"


async def test_the_mesh_says_what_short_names_stand_for(
    etcd: Etcd, meshctl: Meshctl, new_host: Callable[..., Host], reviews: Upstream
) -> None:
    """With a suffix in the MeshConfig requests for short names reach the service, and without it no longer."""
    host = new_host("h1")
    meshctl.write("mesh.yaml", SETTINGS)
    with trio.fail_after(SECONDS):
        await settled(etcd, "h1", await put(etcd, SERVICE % reviews.port))
        async with host.client() as client:
            assert await answered(client, "http://reviews.shop.mesh.example:9080/")
            assert not await answered(client, "http://reviews.shop:9080/")

            await trio.to_thread.run_sync(lambda: meshctl("apply", "-f", "mesh.yaml", "-n", "shop", "--wait"))

            assert await answered(client, "http://reviews.shop:9080/")

            await trio.to_thread.run_sync(lambda: meshctl("delete", "meshconfig", "mesh", "--wait"))

            assert not await answered(client, "http://reviews.shop:9080/")
            assert await answered(client, "http://reviews.shop.mesh.example:9080/")
        said = await status(etcd, "h1")

    assert said is not None
    assert not said.held


async def test_it_is_shown_and_deleted_in_any_namespace_by_its_kind_only(etcd: Etcd, meshctl: Meshctl) -> None:
    """There is no namespace to it: not where it is kept, not in tables, not for who names it."""
    meshctl.write("mesh.yaml", SETTINGS)
    meshctl("apply", "-f", "mesh.yaml", "-n", "shop")
    with trio.fail_after(SECONDS):
        await put(etcd, GRANT)  # no host heeds it yet, so `apply` refuses it: somebody else has written it

        assert await etcd.get("/mesh/v1/config/mesh") is not None
        assert await etcd.get("/mesh/v1/config/grants/h1") is not None

    for words in (("-n", "shop"), ("-A",), ()):
        settings, grants = (meshctl("get", kind, *words).stdout.split() for kind in ("meshconfig", "grants"))

        assert ["NAME", "SUFFIXES", "OUTBOUND", "REGISTRATION", "APPLY", "mesh", "mesh.example"] == settings[:7]
        assert ["NAME", "NAMESPACES", "ACCOUNTS", "GROUPS", "APPLY", "h1", "shop", "shop/payments"] == grants[:8]
    assert "" == meshctl("diff", "-f", "mesh.yaml", "-n", "shop").stdout
    assert "mesh.example" in meshctl("describe", "meshconfig", "mesh", "-n", "shop").stdout
    assert "no resource in namespace default" in meshctl("get", "all").stderr
    assert "grant/h1\nmeshconfig/mesh\n" == "".join(
        sorted(meshctl("get", "all", "-A", "-o", "name").stdout.splitlines(keepends=True))
    )

    meshctl("delete", "--all", "-n", "default")
    assert 'there is no Grant "h2" in the mesh' in meshctl("delete", "grants", "h2", code=1).stderr
    meshctl("delete", "grants", "h1", "-n", "shop")
    meshctl("delete", "-f", "mesh.yaml", "-n", "shop")

    assert "no MeshConfig in the mesh" in meshctl("get", "meshconfig").stderr
    with trio.fail_after(SECONDS):
        kept = [item.key for item in (await etcd.list(Keys().config)).items]

    assert [Keys().head] == kept


def test_what_hosts_do_not_heed_yet_is_refused_by_name(meshctl: Meshctl) -> None:
    """Nothing is accepted and ignored: settings that do nothing yet, Grants, and documents of a namespace."""
    grant = meshctl.write("grant.yaml", GRANT)
    more = meshctl.write("more.yaml", SETTINGS.replace("spec: {", "spec: {registration: GRANTED, "))
    placed = meshctl.write("placed.yaml", SETTINGS.replace("name: mesh", "name: mesh, namespace: shop"))

    assert "not-supported" in meshctl("apply", "-f", grant, code=2).stderr
    assert '"registration" is not supported yet' in meshctl("apply", "-f", more, code=2).stderr
    assert "leave the namespace out" in meshctl("apply", "-f", placed, code=2).stderr
    assert "no resource" in meshctl("get", "all", "-A").stderr
    meshctl("validate", "-f", grant, "-f", more)


async def test_an_agent_is_not_held_by_what_it_cannot_read(
    etcd: Etcd, new_host: Callable[..., Host], reviews: Upstream
) -> None:
    """A Grant beside the resources counts in the digest and stops nothing else."""
    host = new_host("h1")
    with trio.fail_after(SECONDS):
        await put(etcd, GRANT)
        await settled(etcd, "h1", await put(etcd, SERVICE % reviews.port))
        async with host.client() as client:
            assert await answered(client, "http://reviews.shop.mesh.example:9080/")
        said = await status(etcd, "h1")

    assert said is not None
    assert not said.held


