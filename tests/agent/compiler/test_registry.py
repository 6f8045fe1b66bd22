"""Which ServiceEntries make a service, what its names and addresses are, and what a destination means."""

import attrs

from agent.compiler.envoy_config import Type
from agent.compiler.ir import Direct, Discovery, Endpoint, ServiceView
from agent.compiler.resolve.registry import meant_host
from agent.compiler.resolve.registry import service as registered
from tests.agent.compiler.meshes import HOST, compiled, port_of, service, units, view

LONG = "reviews.shop.svc.cluster.local"


def test_entries_that_agree_add_up() -> None:
    """Of one namespace and resolution, entries of one host add ports and endpoints; the oldest defines a port."""
    one = service("one", "x", ports=[80])
    two = service("two", "x", ports=[80, 81], endpoints=[{"address": "10.0.0.2"}])
    found = registered(view(one, two), "x", HOST)

    assert found is not None
    assert [80, 81] == sorted(found.ports)
    assert ["one", "two"] == [key.name for key in found.ports[80].origins]
    assert (Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)) == port_of("x", 80, one, two).clusters[0].endpoints


def test_the_own_namespace_goes_first() -> None:
    """An entry of the asking host's namespace beats an older one of another; of two foreign ones the older wins."""
    foreign, own = service("f", "x", namespace="a"), service("o", "x")
    third = service("t", "x", namespace="b")

    assert "default" == getattr(registered(view(foreign, own), "x", HOST), "namespace", None)
    assert "b" == getattr(registered(view(third, foreign), "x", HOST), "namespace", None)


def test_a_port_that_only_a_loser_defines_answers_503() -> None:
    """It names the entry that lost, so that nobody looks for it elsewhere."""
    port = port_of("x", 81, service("a", "x"), service("b", "x", ports=[80, 81], resolution="DNS"))
    action = port.routes[0].action

    assert isinstance(action, Direct)
    assert 503 == action.status
    assert "ServiceEntry default/b" in action.body
    assert () == port.clusters


def test_endpoints_know_their_ports() -> None:
    """The endpoint's own port for that name, else targetPort, else the service's number."""
    ports = [
        {"number": 80, "name": "a", "protocol": "HTTP", "targetPort": 8000},
        {"number": 81, "name": "b", "protocol": "HTTP"},
    ]
    entry = service("x", ports=(), endpoints=[{"address": "10.0.0.1", "ports": {"b": 9}}, {"address": "fd00::1"}])
    entry = entry.replace("ports: []", f"ports: {ports}")

    assert [8000, 8000] == [e.port for e in port_of("x", 80, entry).clusters[0].endpoints]
    assert [9, 81] == [e.port for e in port_of("x", 81, entry).clusters[0].endpoints]


def test_dns_without_endpoints_looks_the_host_up() -> None:
    """Each host of the entry is its own endpoint, in its plain spelling."""
    cluster = port_of("api.com", 80, service("x", "API.com.", resolution="DNS", endpoints=[])).clusters[0]

    assert Discovery.DNS is cluster.discovery
    assert (Endpoint("api.com", 80),) == cluster.endpoints


def test_aliases_of_a_suffixed_name() -> None:
    """It answers to its short forms, to the bare name from its own namespace only, and to none that is taken."""
    entry = service("r", LONG, namespace="shop")
    there = attrs.evolve(HOST, namespace="shop")

    assert {LONG, "reviews.shop.svc", "reviews.shop"} == {
        a for a in port_of(LONG, 80, entry).authorities if ":" not in a
    }
    assert "reviews" in port_of(LONG, 80, entry, host=there).authorities
    assert "reviews.shop:80" not in port_of(LONG, 80, entry, service("t", "reviews.shop")).authorities


def mesh_of(*suffixes: str) -> str:
    spec = f"{{serviceSuffixes: {[*suffixes]}}}"
    return f"{{apiVersion: meshctl/v1, kind: MeshConfig, metadata: {{name: mesh}}, spec: {spec}}}"


def test_the_mesh_says_what_short_names_stand_for() -> None:
    """With other suffixes other names are meant; the usual one is one only as long as nothing else is said."""
    usual, ours = service("u", LONG, namespace="shop"), service("o", "reviews.shop.mesh", namespace="shop")

    for settings, meant in (
        ((), LONG),
        ((mesh_of("mesh"),), "reviews.shop.mesh"),
        ((mesh_of("mesh", "svc.cluster.local"),), "reviews.shop.mesh"),
        ((mesh_of("svc.cluster.local", "mesh"),), LONG),
        ((mesh_of("elsewhere", "mesh"),), "reviews.shop.mesh"),
        ((mesh_of(),), "reviews"),
    ):
        assert meant == meant_host(view(usual, ours, *settings), "reviews", "shop"), settings


def test_a_short_name_is_an_alias_of_one_service() -> None:
    """Of several suffixes the first that has a service gives it its short names; two scopes of one name would be one
    too many."""
    both = (service("u", LONG, namespace="shop"), service("o", "reviews.shop.mesh", namespace="shop"))
    settings = mesh_of("mesh", "svc.cluster.local")

    assert "reviews.shop" in port_of("reviews.shop.mesh", 80, *both, settings).authorities
    assert "reviews.shop.svc" in port_of(LONG, 80, *both, settings).authorities
    assert "reviews.shop" not in port_of(LONG, 80, *both, settings).authorities
    assert "reviews.shop" in port_of(LONG, 80, both[0], settings).authorities
    assert {LONG, f"{LONG}:80"} == {*port_of(LONG, 80, both[0], mesh_of("mesh")).authorities}


def test_an_address_means_the_oldest_service_with_that_port() -> None:
    """Two services may share an address on different ports; on one port the older has it."""
    one = service("one", ports=[80], addresses=["10.9.9.9"])
    two = service("two", ports=[80, 81], addresses=["10.9.9.9"])

    assert "10.9.9.9:80" in port_of("one", 80, one, two).authorities
    assert "10.9.9.9:80" not in port_of("two", 80, one, two).authorities
    assert "10.9.9.9:81" in port_of("two", 81, one, two).authorities


def test_two_spellings_of_an_address_are_one() -> None:
    """No two scopes can come of one IPv6 address, and its short spelling is the one that serves."""
    one, two = service("one", addresses=["FD00:0::1", "fd00::1"]), service("two", addresses=["fd00::1"])
    scopes = compiled(one, two).names(Type.SCOPE)

    assert ["*", "[fd00::1]", "[fd00::1]:80", "one", "one:80", "two", "two:80"] == scopes


def test_of_several_hosts_the_first_has_the_address() -> None:
    """An address cannot mean two hosts of one entry."""
    entry = service("x", "b", "a", addresses=["10.9.9.9"])

    assert "10.9.9.9" in port_of("b", 80, entry).authorities
    assert "10.9.9.9" not in port_of("a", 80, entry).authorities


def test_scopes_are_never_equal() -> None:
    """Names, aliases and addresses in every overlap give each authority one scope (else Envoy refuses all of them)."""
    config = compiled(
        service("a", "reviews", "reviews.default", "reviews.default.svc", "reviews.default.svc.cluster.local"),
        service("b", "reviews.default.svc.cluster.local", addresses=["10.0.0.1"], ports=[80, 81]),
        service("c", "Reviews.", "*.default", addresses=["10.0.0.1"], namespace="shop"),
    )

    assert "80|reviews.default" in config.names(Type.ROUTES)
    assert len(config.names(Type.SCOPE)) == len(set(config.names(Type.SCOPE)))


def test_what_a_destination_means() -> None:
    """The name itself, else its suffixed form in the rule's namespace, else a wildcard above, else as written."""
    mesh = view(service("r", LONG, namespace="shop"), service("w", "*.foo.com"), service("s", "short"))

    assert LONG == meant_host(mesh, "reviews", "shop")
    assert "reviews" == meant_host(mesh, "reviews", "default")
    assert LONG == meant_host(mesh, "reviews.shop", "default")
    assert "*.foo.com" == meant_host(mesh, "a.foo.com", "default")
    assert "short" == meant_host(mesh, "Short.", "shop")
    assert "nowhere.com" == meant_host(mesh, "nowhere.com", "default")


def test_an_entry_with_a_wildcard_and_an_exact_host_is_two_services() -> None:
    """The exact host has a table of its own, the wildcard stands in the fallback; both have clusters."""
    entry = service("x", "*.foo.com", "a.foo.com")
    config = compiled(entry)

    assert ["a.foo.com"] == [u.host for u in units(entry) if isinstance(u, ServiceView)]
    assert {"outbound|80||*.foo.com", "outbound|80||a.foo.com"} <= set(config.names(Type.CLUSTER))
