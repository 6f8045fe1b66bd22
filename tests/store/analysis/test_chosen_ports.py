"""A destination needs a port where requests can come by one that its service has not."""

import pytest

from tests.store.analysis.meshes import at, found, mesh

MESH = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: grpc, protocol: GRPC}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop, one.shop.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rules}
spec:
  hosts: [%s]
  gateways: [%s]
  http: [{%s route: [{destination: {host: %s}}]}]
"""


@pytest.mark.parametrize(
    ("host", "gateways", "match", "destination", "needed"),
    [
        ("reviews", "mesh", "", "reviews", None),
        ("shop", "mesh", "", "reviews", None),
        ("'*.shop.com'", "mesh", "", "reviews", None),
        ("nowhere.com", "mesh", "", "reviews", "requests that come by any other port get 503"),
        ("shop.com", "edge", "", "reviews", "requests come by port 8080 and get 503"),
        ("shop.com", "edge", "match: [{port: 81}],", "reviews", None),
        ("shop.com", "edge", "match: [{port: 81}, {uri: {exact: /}}],", "reviews", "8080"),
        ("shop.com", "edge", "", "reviews, port: {number: 80}", None),
        ("nowhere.com", "mesh", "", "shop", None),
        ("nowhere.com", "mesh", "", "gone", None),
    ],
)
def test_what_needs_a_port(host: str, gateways: str, match: str, destination: str, needed: str | None) -> None:
    """It is needed when the ports by which requests come are not known, or not those of the service."""
    said = found(mesh(MESH % (host, gateways, match, destination)), "IST0112")

    assert ([("VirtualService default/rules", "spec.http[0].route[0].destination")] if needed else []) == at(said)
    assert not needed or (needed in said[0].message and "80, 81" in said[0].message)
