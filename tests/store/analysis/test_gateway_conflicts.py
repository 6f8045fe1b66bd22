"""Servers that exclude each other on a port are found at both, and servers that share it are not."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.analysis import gateway_conflicts
from store.analysis.gateway_servers import meet, meeting_points, servers_by_address
from store.diagnostic import Level
from tests.store.analysis.meshes import at, calls, found, mesh

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: %s}
spec:
  selector: {%s}
  servers: [{port: {number: %s, name: p, protocol: %s}, hosts: [%s]%s}]
"""
TLS = ", tls: {mode: SIMPLE, credentialName: %s}"


def gateway(name: str, selector: str = "", port: int = 80, protocol: str = "HTTP", host: str = "'*'") -> str:
    return GATEWAY % (name, selector, port, protocol, host, TLS % name if protocol == "HTTPS" else "")


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        (("HTTP", "'*'"), ("TCP", "'*'"), "spec.servers[0].port.protocol"),
        (("HTTP", "a.com"), ("HTTPS", "b.com"), "spec.servers[0].port.protocol"),
        (("HTTPS", "a.com"), ("HTTPS", "a.com"), "spec.servers[0].hosts[0]"),
        (("HTTPS", "a.com"), ("HTTPS", "shop/A.com"), "spec.servers[0].hosts[0]"),
        (("HTTPS", "a.com"), ("HTTPS", "'*.com'"), None),
        (("HTTP", "a.com"), ("HTTP2", "b.com"), None),
    ],
)
def test_what_excludes_each_other(one: tuple[str, str], other: tuple[str, str], path: str | None) -> None:
    """TLS and not, HTTP and raw TCP, and one name of TLS twice; the older one is used."""
    first, second = (
        gateway(name, protocol=protocol, host=host) for name, (protocol, host) in (("a", one), ("b", other))
    )
    said = found(mesh(first, second), "IST0145")

    assert ([("Gateway default/a", path), ("Gateway default/b", path)] if path else []) == at(said)
    assert not said or (said[0].message.endswith("this server is used"), "Gateway default/b") == (
        True,
        said[0].related[0].resource,
    )


def test_two_http_servers_for_one_host_are_information() -> None:
    """They share the port: their VirtualServices answer together."""
    said = found(mesh(gateway("a"), gateway("b")), "IST0145")

    assert [Level.INFO, Level.INFO] == [each.level for each in said]


@pytest.mark.parametrize(
    ("selectors", "hosts", "meet"),
    [
        (("x: y", "x: z"), None, False),
        (("x: y", ""), None, True),
        (("x: y", "x: y, v: w"), None, True),
        (("x: y", "v: w"), None, False),
        (("x: y", "v: w"), [{"x": "y", "v": "w"}], True),
        (("x: y", "v: w"), [{"x": "y"}, {"v": "w"}], False),
        (("x: y", "x: y"), [], True),
    ],
)
def test_gateways_conflict_on_hosts_that_open_both(
    selectors: tuple[str, str], hosts: list[dict[str, str]] | None, meet: bool
) -> None:
    """Where live hosts are known they tell; offline, selectors that surely select alike."""
    one, other = gateway("a", selectors[0]), gateway("b", selectors[1], protocol="TCP")

    assert meet == bool(found(mesh(one, other, hosts=hosts), "IST0145"))


def test_another_port_or_address_is_none_of_ones_business() -> None:
    """Servers meet on one port of one address."""
    bound = gateway("c", protocol="TCP").replace("hosts:", "bind: 10.0.0.1, hosts:")

    assert [] == found(mesh(gateway("a"), gateway("b", port=81, protocol="TCP"), bound), "IST0145")


def test_one_gateway_can_conflict_with_itself() -> None:
    """Its servers are told apart by their positions."""
    text = gateway("a").replace("servers: [", "servers: [{port: {number: 80, name: q, protocol: TCP}, hosts: ['*']}, ")
    said = found(mesh(text), "IST0145")

    assert ["spec.servers[0].port.protocol", "spec.servers[1].port.protocol"] == [path for _, path in at(said)]
    assert "HTTP in servers[1]" in said[0].message


LABELS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("ab"), max_size=3)


@given(st.lists(LABELS, max_size=5), st.none() | st.lists(LABELS, max_size=4))
def test_servers_that_meet_have_a_point_in_common(selectors: list[dict[str, str]], hosts: list[dict[str, str]]) -> None:
    """And others have none: as when all pairs are looked at."""
    texts = [
        gateway(f"g{n}", ", ".join(f"{name}: {value}" for name, value in selector.items()))
        for n, selector in enumerate(selectors)
    ]
    there = mesh(*texts, hosts=hosts)
    servers = [server for each in servers_by_address(there).values() for server in each]
    points = meeting_points(there, [server.selector for server in servers])

    for one, other in combinations(servers, 2):
        assert meet(there, one, other) == bool(set(points[one.selector]) & set(points[other.selector]))


@pytest.mark.parametrize("known", [True, False])
def test_gateways_of_many_hosts_do_not_look_at_each_other(known: bool) -> None:
    """Twice as many, each for hosts of its own, on one port and for one name, are twice the work."""

    def work(count: int) -> int:
        texts = [gateway(f"g{n}", f"app: gateway, n: '{n}'", protocol=("HTTP", "TCP")[n % 2]) for n in range(count)]
        labels = [{"app": "gateway", "n": str(n)} for n in range(count)]
        return calls(gateway_conflicts.findings, mesh(*texts, hosts=labels if known else None))

    assert work(80) < 2.5 * work(40)
