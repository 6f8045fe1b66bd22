"""Hosts that a Gateway does not serve are found: at the gateway's name when it serves none, else at the host."""

import pytest

from tests.store.analysis.meshes import at, found, mesh

MESH = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [%s]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rules, namespace: %s}
spec:
  hosts: [%s]
  gateways: [%s]
  http: [{redirect: {authority: b.example.com}}]
"""


@pytest.mark.parametrize(
    ("served", "namespace", "hosts", "gateways", "path"),
    [
        ("a.com", "default", "a.com", "edge", None),
        ("a.com", "default", "A.com.", "edge", None),
        ("'*.a.com'", "default", "x.a.com", "edge", None),
        ("x.a.com", "default", "'*.a.com'", "edge", None),
        ("'*'", "default", "b.com", "edge", None),
        ("a.com", "default", "b.com", "edge", "spec.gateways[0]"),
        ("a.com", "default", "'a.com, b.com'", "edge", "spec.hosts[1]"),
        ("a.com", "default", "'a.com, reviews'", "edge, mesh", None),
        ("./a.com", "shop", "a.com", "default/edge", "spec.gateways[0]"),
        ("shop/a.com", "shop", "a.com", "default/edge", None),
        ("'*/a.com'", "shop", "a.com", "default/edge", None),
        ("other/a.com", "default", "a.com", "mesh, edge", "spec.gateways[1]"),
        ("a.com", "default", "b.com", "mesh", None),
    ],
)
def test_what_is_served(served: str, namespace: str, hosts: str, gateways: str, path: str | None) -> None:
    """Wildcards meet from both sides, and the namespaces before hosts count."""
    said = found(mesh(MESH % (served, namespace, hosts.strip("'") if "," in hosts else hosts, gateways)), "IST0132")

    assert ([(f"VirtualService {namespace}/rules", path)] if path else []) == at(said)
    assert all(each.related[0].resource == "Gateway default/edge" for each in said)
