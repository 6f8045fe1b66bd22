"""Protocols that disagree, and rules that a gateway's requests pass by, are found."""

import pytest

from tests.store.analysis.meshes import REGISTRY, at, found, mesh

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
