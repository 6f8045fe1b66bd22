"""Endpoints of DNS clusters: what is known of their names decides, and a changed answer costs its own clusters."""

from agent.addresses import LookedUp
from agent.compiler.compile import compile as compiled
from agent.compiler.envoy_config import EnvoyConfig, Id, Type
from store.host import HostRecord
from tests.meshes import snapshot

CLUSTERS = {name: f"outbound|80||{name}.test" for name in ("one", "two", "fixed")}


def dns_service(name: str, *endpoints: str) -> str:
    listed = "".join(f"\n  - {{address: {endpoint}}}" for endpoint in endpoints)
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.test]
  resolution: DNS
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints:{listed}
"""


def ids(*names: str) -> set[Id]:
    return {(Type.ENDPOINTS, CLUSTERS[name]) for name in names}


def config() -> EnvoyConfig:
    """Return two services that share a name and one that needs none."""
    mesh = snapshot(
        dns_service("one", "a.example", "shared.example"),
        dns_service("two", "shared.example"),
        dns_service("fixed", "10.0.0.9"),
    )
    return compiled(mesh, HostRecord("h"))


def followed(desired: EnvoyConfig) -> LookedUp:
    looked_up = LookedUp()
    looked_up.follow(desired, ids("one", "two", "fixed"))
    return looked_up


def made(looked_up: LookedUp, desired: EnvoyConfig) -> dict[str, bytes]:
    resources = looked_up.complete(desired).resources
    return {n: resources[Type.ENDPOINTS, c].body for n, c in CLUSTERS.items() if (Type.ENDPOINTS, c) in resources}


def test_a_cluster_has_no_endpoints_before_its_names_were_asked() -> None:
    """A cluster whose names nobody has asked yet is absent, not empty; one of IP addresses needs no answer."""
    desired = config()
    looked_up = followed(desired)

    assert {"a.example", "shared.example"} == looked_up.names
    assert {"fixed"} == made(looked_up, desired).keys()


def test_an_answer_changes_the_clusters_that_need_it() -> None:
    """Each answer touches the clusters of its own name; an equal one touches none."""
    desired = config()
    looked_up = followed(desired)
    first = {"a.example": ("10.0.0.1",), "shared.example": ("10.0.0.2",)}

    assert ids("one", "two") == looked_up.resolve(first)
    assert set() == looked_up.resolve(dict(first))
    assert ids("one") == looked_up.resolve({**first, "a.example": ("10.0.0.3", "10.0.0.4")})
    assert ids("one", "two") == looked_up.resolve({**first, "shared.example": ()})


def test_a_name_that_failed_from_the_start_leaves_the_others() -> None:
    """No address for one name: the cluster lives on the other's."""
    desired = config()
    looked_up = followed(desired)
    looked_up.resolve({"a.example": (), "shared.example": ("10.0.0.2",)})
    bodies = made(looked_up, desired)

    assert b"10.0.0.2" in bodies["one"]
    assert b"10.0.0.2" in bodies["two"]


def test_what_is_no_longer_desired_is_forgotten() -> None:
    """A removed service takes its endpoints and its names along, and leaves those that another still needs."""
    desired = config()
    looked_up = followed(desired)
    looked_up.resolve({"a.example": ("10.0.0.1",), "shared.example": ("10.0.0.2",)})
    rest = compiled(snapshot(dns_service("two", "shared.example")), HostRecord("h"))
    looked_up.follow(rest, ids("one", "fixed"))

    assert {"shared.example"} == looked_up.names
    assert {"two"} == made(looked_up, rest).keys()
