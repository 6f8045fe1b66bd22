"""`meshctl analyze` against a real etcd, and what `apply` and `delete` say of the findings that they add."""

from collections.abc import Callable
from pathlib import Path

import pytest

from store.etcd.client import Etcd
from store.host import HostRecord, pack
from store.keys import Keys
from store.resources.fields import Key
from tests.e2e.meshctl import Meshctl
from tests.embedded import EmbeddedEtcd

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, labels: {version: v1}}]
"""
SUBSETS = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}]
"""
RULE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews%s}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews, subset: v1}
"""


@pytest.fixture
def meshctl(server: EmbeddedEtcd, directory: Path) -> Meshctl:
    return Meshctl(server.endpoint, directory)


Pick = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def pick() -> Pick:
    def picked(answer: dict[str, object], *names: str) -> list[tuple[object, ...]]:
        said = answer["diagnostics"]
        assert isinstance(said, list)
        return [tuple(each.get(name) for name in names) for each in said]

    return picked


def test_the_mesh_is_analyzed_as_it_is_and_as_it_would_be(meshctl: Meshctl, pick: Pick) -> None:
    """Stored resources stand where they were applied from; files stand over them as their apply would put them."""
    meshctl.write("mesh.yaml", SERVICE, SUBSETS, RULE % "")
    meshctl("apply", "-f", "mesh.yaml")

    assert [] == meshctl.json("analyze")["diagnostics"]

    meshctl.write("new.yaml", SUBSETS.replace("name: v1, labels: {version: v1}", "name: v2, labels: {version: v2}"))
    would_be = meshctl.json("analyze", "-f", "new.yaml", code=1)
    alone = meshctl.json("analyze", "-f", "new.yaml", "--offline")

    assert [
        ("IST0101", "mesh.yaml", 17, "VirtualService default/reviews", "spec.http[0].route[0].destination.subset"),
        ("IST0173", "new.yaml", 6, "DestinationRule default/reviews", "spec.subsets[0].labels"),
    ] == sorted(pick(would_be, "code", "file", "line", "resource", "path"))
    assert {"files": 1, "resources": 3, "errors": 2, "warnings": 0, "infos": 0, "suppressed": 0} == would_be["summary"]
    assert [("IST0174", "new.yaml", 5)] == pick(alone, "code", "file", "line")
    assert [] == meshctl.json("analyze")["diagnostics"]


def test_an_apply_says_what_it_adds_and_nothing_else(meshctl: Meshctl, pick: Pick) -> None:
    """The finding is at whom the change harms, as a warning, since it was made; the next apply does not repeat it."""
    meshctl.write("mesh.yaml", SERVICE, SUBSETS, RULE % "")
    meshctl.write("subsets.yaml", SUBSETS.replace("name: v1", "name: v2"))
    meshctl("apply", "-f", "mesh.yaml")

    dry = meshctl.json("apply", "-f", "subsets.yaml", "--dry-run")
    done = meshctl.json("apply", "-f", "subsets.yaml")
    again = meshctl.json("apply", "-f", "subsets.yaml")
    shared = meshctl("apply", "-f", meshctl.write("more.yaml", RULE % "-too"))

    assert [("warning", "IST0101", "mesh.yaml", 17, "VirtualService default/reviews")] == pick(
        done, "level", "code", "file", "line", "resource"
    )
    assert dry["diagnostics"] == done["diagnostics"]
    assert [] == again["diagnostics"]
    assert "more.yaml:5:11: warning[IST0109]" in shared.stderr
    assert "mesh.yaml:17: warning[IST0109]" in shared.stderr


def test_a_delete_says_whom_it_harms(meshctl: Meshctl, pick: Pick) -> None:
    """Who deletes a subset that is used learns of the rule that uses it, in a dry run too."""
    meshctl.write("mesh.yaml", SERVICE, SUBSETS, RULE % "")
    meshctl("apply", "-f", "mesh.yaml")

    dry = meshctl("delete", "dr", "reviews", "--dry-run")
    done = meshctl.json("delete", "dr", "reviews")

    assert 'no DestinationRule defines the subset "v1"' in dry.stderr
    assert [("IST0101", "VirtualService default/reviews")] == pick(done, "code", "resource")
    assert [] == meshctl.json("delete", "vs", "reviews")["diagnostics"]


async def test_live_hosts_count_and_foreign_records_are_passed_over(
    meshctl: Meshctl, etcd: Etcd, pick: Pick
) -> None:
    """A record that nobody can read is told and left out; hosts are those that are live."""
    keys = Keys()
    await etcd.put(keys.host("h1"), pack(HostRecord("h1", labels={"role": "edge"})))
    meshctl("apply", "-f", meshctl.write("mesh.yaml", SERVICE))
    await etcd.put(keys.resource(Key("default", "broken", "VirtualService")), b"\xc1")

    analyzed = meshctl("analyze")

    assert "VirtualService default/broken cannot be read" in analyzed.stderr
    assert "1 resource: no findings" in analyzed.stdout
    assert "etcd at http://127.0.0.1:1 does not answer" in meshctl(
        "analyze", "--etcd", "http://127.0.0.1:1", code=6
    ).stderr
