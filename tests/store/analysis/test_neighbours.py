"""What `describe` calls related."""

from store.analysis.mesh import Mesh
from store.analysis.neighbours import neighbours
from store.codec import decode
from store.reader import read
from store.resources.fields import Key
from tests.store.analysis.meshes import mesh

DOCUMENTS = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec: {hosts: [reviews.shop.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: "*.shop.com", trafficPolicy: {loadBalancer: {simple: RANDOM}}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec: {servers: [{port: {number: 81, name: http, protocol: HTTP}, hosts: [a.com]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [a.com]
  gateways: [edge]
  http: [{route: [{destination: {host: reviews.shop.com}}]}]
"""


RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec:
  hosts: ["%s"]
  gateways: [%s]
  http: [{route: [{destination: {host: cart}}]}]
"""


def test_hosts_of_rules_meet_only_where_somebody_applies_both() -> None:
    """A catch-all of a gateway says nothing of the rules of the mesh."""
    texts = [
        RULES % each
        for each in (
            ("all", "*", "edge"),
            ("inside", "reviews", "mesh"),
            ("both", "reviews", "mesh, edge"),
            ("other", "reviews", "other"),
        )
    ]
    outlines = mesh(*texts).outlines

    def near(name: str) -> list[str]:
        return [each.key.name for each in neighbours(outlines, Key("default", name, "VirtualService"))]

    assert ["both"] == near("all")
    assert ["both"] == near("inside")
    assert ["all", "inside"] == near("both")
    assert [] == near("other")


def test_names_lead_to_neighbours_in_both_directions() -> None:
    """Through hosts, wildcards above them, and the names of gateways; what merely is of the same kind is none."""
    found = [decode(document.value)[0] for document in read(DOCUMENTS.encode(), "x").documents]
    outlines = Mesh({each.key: each for each in found if each}).outlines

    def near(kind: str, name: str) -> dict[str, str]:
        return {each.key.name: each.name for each in neighbours(outlines, Key("default", name, kind))}

    assert {"reviews": "reviews.shop.com", "edge": "Gateway/default/edge", "shop": "*.shop.com"} == near(
        "VirtualService", "a"
    )
    assert {"a": "reviews.shop.com", "shop": "*.shop.com"} == near("ServiceEntry", "reviews")
    assert {"a", "reviews"} == set(near("DestinationRule", "shop"))
    assert {"a": "Gateway/default/edge"} == near("Gateway", "edge")
    assert {} == near("Gateway", "other")


def test_a_service_of_another_namespace_is_no_neighbour_for_its_short_name() -> None:
    """Rules for `reviews` do not have to do with reviews.shop.svc.cluster.local; only findings look there."""
    entry = DOCUMENTS.split("---")[0].replace("reviews.shop.com", "reviews.shop.svc.cluster.local")
    outlines = mesh(entry, RULES % ("a", "reviews", "mesh, edge"), RULES % ("b", "*", "edge")).outlines

    for kind, name in (("VirtualService", "a"), ("ServiceEntry", "reviews")):
        near = neighbours(outlines, Key("default", name, kind))

        assert [("b", "*")] == [(each.key.name, each.name) for each in near]
