"""Protocols that disagree, and rules that a gateway's requests pass by, are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.analysis import port_protocols
from tests.store.analysis.meshes import REGISTRY, at, calls, found, mesh

OTHER = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: other, namespace: shop}
spec:
  hosts: [%s]
  ports: [{number: 80, name: a, protocol: TCP}, {number: %s, name: b, protocol: %s}]
  resolution: STATIC
  addresses: [10.1.1.1]
  endpoints: [{address: 10.0.0.3}]
%s"""


@pytest.mark.parametrize(
    ("host", "port", "protocol", "more", "told"),
    [
        ("reviews", 9080, "GRPC", "", True),
        ("Reviews", 9080, "GRPC", "", True),
        ("reviews", 9080, "http", "", False),
        ("reviews", 9081, "GRPC", "", False),
        ("ratings", 9080, "GRPC", "", False),
        ("reviews", 9080, "GRPC", '  exportTo: ["~"]', False),
    ],
)
def test_a_port_has_one_protocol(host: str, port: int, protocol: str, more: str, told: bool) -> None:
    """In any case, among entries that somebody sees together; both are told."""
    said = found(mesh(REGISTRY, OTHER % (host, port, protocol, more)), "IST0177")
    expected = [
        ("ServiceEntry default/reviews", "spec.ports[0].protocol"),
        ("ServiceEntry shop/other", "spec.ports[1].protocol"),
    ]

    assert (expected if told else []) == at(said)


ONE_HOST = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: s%d, namespace: %s}
spec:
  hosts: [one]
  ports: [{number: 80, name: p, protocol: %s}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
  exportTo: [%s]
"""


entries = st.tuples(st.sampled_from("ab"), st.sampled_from(["HTTP", "GRPC", "TCP"]), st.sampled_from("*.~b"))


@given(st.lists(entries, max_size=6))
def test_the_oldest_other_protocol_that_somebody_sees_too_is_named(written: list[tuple[str, str, str]]) -> None:
    """As when all pairs are looked at."""
    seen = [{"*": {"a", "b", "c"}, ".": {namespace}, "~": set(), "b": {"b"}}[to] for namespace, _, to in written]
    pairs = [
        (n, next((m for m, o in enumerate(written) if o[1] != each[1] and seen[n] & seen[m]), None))
        for n, each in enumerate(written)
    ]
    expected = [(f"s{n}", f"s{m}") for n, m in pairs if m is not None]
    texts = [ONE_HOST % (n, namespace, protocol, f"'{to}'") for n, (namespace, protocol, to) in enumerate(written)]
    said = found(mesh(*texts), "IST0177")

    assert expected == [
        tuple(name.partition("/")[2] for name in (each.resource or "", each.related[0].resource or "")) for each in said
    ]


def test_entries_of_one_host_are_looked_at_once() -> None:
    """Twice as many of them, of which the last one has another protocol, are twice the work."""

    def work(count: int) -> int:
        texts = [ONE_HOST % (n, "a", "HTTP", "'*'") for n in range(count)]
        return calls(port_protocols.findings, mesh(*texts, ONE_HOST % (count, "a", "GRPC", "'*'")))

    assert work(80) < 2.5 * work(40)


RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec:
  hosts: [shop.com]
  gateways: [%s]
  http: [{route: [{destination: {host: reviews%s}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: inside}
spec:
  hosts: [%s]
  http: [{route: [{destination: {host: reviews%s}}]}]
"""


@pytest.mark.parametrize(
    ("gateway", "outside", "host", "inside", "told"),
    [
        ("edge", "", "reviews", ", subset: v1", True),
        ("edge", ", subset: v1", "reviews", ", subset: v1", False),
        ("mesh", "", "reviews", ", subset: v1", False),
        ("edge", "", "reviews", "", False),
        ("edge", "", "other", ", subset: v1", False),
    ],
)
def test_rules_that_requests_from_outside_pass_by(
    gateway: str, outside: str, host: str, inside: str, told: bool
) -> None:
    """Only where the mesh chooses subsets of the service and the gateway's rule does not."""
    said = found(mesh(REGISTRY, RULES % (gateway, outside, host, inside)), "IST0140")

    assert ([("VirtualService default/outside", "spec.http[0].route[0].destination")] if told else []) == at(said)
    assert all("VirtualService default/inside" == each.related[0].resource for each in said)
