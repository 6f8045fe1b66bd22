"""Rules of before v1alpha3, converted, applied, and asked for through a real Envoy: they do what they did."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from ctl.main import cli
from store.etcd.client import Etcd
from tests.hosts import Host, Upstream, put, settled, upstreams

SEED = Path(__file__).parents[1] / "seed" / "legacy-routerules-reviews.yaml"
SECONDS = 30


@pytest.fixture
def reviews() -> Iterator[dict[str, Upstream]]:
    with upstreams("v1", "v2") as servers:
        yield servers


def converted(*files: Path) -> str:
    """Return what `meshctl convert` prints."""
    words = [word for file in files for word in ("-f", str(file))]
    result = CliRunner().invoke(cli, ["convert", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def service(servers: dict[str, Upstream]) -> str:
    """Return a ServiceEntry of reviews:9080 whose endpoints are labelled with their versions."""
    endpoints = "".join(
        f"\n  - {{address: 127.0.0.1, ports: {{http: {server.port}}}, labels: {{version: {name}}}}}"
        for name, server in servers.items()
    )
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 9080, name: http, protocol: HTTP}}]
  endpoints:{endpoints}
"""


async def answers(host: Host, url: str, cookie: str | None, times: int = 6) -> set[str]:
    """Return who answers *url*, asked several times with *cookie*."""
    async with host.client() as client:
        headers = {"cookie": cookie} if cookie else {}
        return {(await client.get(url, headers=headers)).json()["name"] for _ in range(times)}


async def test_the_example_of_the_announcement_routes_as_it_did(
    etcd: Etcd, new_host: Callable[..., Host], reviews: dict[str, Upstream]
) -> None:
    """Jason's cookie is the rule of higher precedence: he gets v2, everybody else v1."""
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        applied = await put(etcd, service(reviews) + "---\n" + converted(SEED))
        verdict = (await settled(etcd, "vm-1", applied)).verdict
        jason = await answers(host, "http://reviews:9080/", "a=b;user=jason;c=d")
        others = [await answers(host, "http://reviews:9080/", cookie) for cookie in (None, "user=jasons", "user=tom")]

    assert "active" == verdict
    assert {"v2"} == jason
    assert [{"v1"}] * 3 == others


async def test_requests_that_no_old_rule_wanted_reach_the_service(
    etcd: Etcd, new_host: Callable[..., Host], reviews: dict[str, Upstream], tmp_path: Path
) -> None:
    """A rule with a condition alone leaves everything else to all versions, as before; today that is a rule, too."""
    only_jason = tmp_path / "jason.yaml"
    only_jason.write_text(SEED.read_text().partition("---\n")[2])
    host = new_host("vm-1")
    with trio.fail_after(SECONDS):
        await settled(etcd, "vm-1", await put(etcd, service(reviews) + "---\n" + converted(only_jason)))
        jason = await answers(host, "http://reviews:9080/", "user=jason")
        others = await answers(host, "http://reviews:9080/", None, times=40)

    assert {"v2"} == jason
    assert {"v1", "v2"} == others
