"""A Gateway that no live host opens is told, with the VirtualServices for it alone; so is one that every host opens."""

from tests.store.analysis.meshes import at, found, mesh

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: %s}
spec:
  %s
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web.example.com], gateways: [%s], http: [{redirect: {authority: b.example.com}}]}
"""
EDGE = GATEWAY % ("edge", "selector: {istio: edge}")
INNER = GATEWAY % ("inner", "selector: {istio: inner, zone: a}")
OPEN = GATEWAY % ("open", "")
CODES = ("gateway-without-host", "gateway-on-every-host")


def test_without_hosts_nothing_is_said() -> None:
    """Neither where hosts are not known nor where none is alive is a selector wrong."""
    assert [] == found(mesh(EDGE, OPEN, ROUTE % "edge"), *CODES)
    assert [] == found(mesh(EDGE, OPEN, ROUTE % "edge", hosts=[]), *CODES)


def test_a_gateway_with_a_host_is_no_finding() -> None:
    """One live host with the labels is enough, for the Gateway and for a VirtualService of several."""
    hosts = [{"istio": "edge", "zone": "b"}, {"app": "web"}]

    assert [] == found(mesh(EDGE, ROUTE % "edge", hosts=hosts), *CODES)
    assert [] == found(mesh(ROUTE % "edge, inner", EDGE, INNER, hosts=hosts), *CODES)[1:]
    assert [] == found(mesh(EDGE, ROUTE % "edge, mesh", hosts=[{}]), *CODES)[1:]
    assert [] == found(mesh(OPEN, ROUTE % "open", hosts=[{}]), *CODES)
    assert [] == found(mesh(ROUTE % "nowhere", hosts=[{}]), *CODES)


def test_a_gateway_without_host_is_told_with_what_it_was_meant_for() -> None:
    """The hint names what hosts have under the same label."""
    gateway, route = found(mesh(EDGE, ROUTE % "edge", hosts=[{"istio": "egde"}, {"istio": "other"}]), *CODES)

    assert [("Gateway default/edge", "spec.selector"), ("VirtualService default/web", "spec.gateways")] == at(
        [gateway, route]
    )
    assert "live hosts have istio=egde, istio=other" == gateway.hint
    assert "Gateway default/edge" == route.related[0].resource


def test_the_hint_is_about_the_label_that_is_wrong() -> None:
    """A label that some host has as written needs no correction."""
    said = found(mesh(INNER, hosts=[{"istio": "inner", "zone": "b"}, {"istio": "edge"}]), *CODES)

    assert ["live hosts have zone=b"] == [each.hint for each in said]


def test_a_gateway_on_every_host_is_told_where_there_are_several() -> None:
    """One host is all there is: nothing to choose from."""
    assert [] == found(mesh(OPEN, hosts=[{}]), *CODES)
    assert [("Gateway default/open", "spec")] == at(found(mesh(OPEN, hosts=[{}, {}]), *CODES))
