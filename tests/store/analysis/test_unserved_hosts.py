"""Hosts of a Gateway for which no VirtualService is are told; any overlap is enough for silence."""

import pytest

from tests.store.analysis.meshes import at, found, mesh

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: ingress}
spec:
  servers: [{port: {number: 80, name: http, protocol: %s}, hosts: ["%s"]%s}]
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: ["%s"], gateways: [%s], http: [{redirect: {authority: b.example.com}}]}
"""
CODE = "unserved-host"


def gateway(host: str, protocol: str = "HTTP", more: str = "") -> str:
    return GATEWAY % (protocol, host, more)


@pytest.mark.parametrize(
    ("open_for", "rules_for"),
    [
        ("web.example.com", "web.example.com"),
        ("Web.example.com", "web.example.com"),
        ("*", "web.example.com"),
        ("*.example.com", "web.example.com"),
        ("web.example.com", "*.example.com"),
        ("web.example.com", "*"),
        ("*.web.example.com", "*.example.com"),
        ("shop/web.example.com", "web.example.com"),
        ("*/web.example.com", "web.example.com"),
    ],
)
def test_hosts_that_overlap_are_no_finding(open_for: str, rules_for: str) -> None:
    """The narrower of two names is served."""
    assert [] == found(mesh(gateway(open_for), ROUTE % (rules_for, "ingress/edge")), CODE)


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("HTTP", ", tls: {httpsRedirect: true}"),
        ("TCP", ""),
        ("HTTPS", ", tls: {mode: PASSTHROUGH}"),
    ],
)
def test_servers_without_requests_are_no_finding(protocol: str, more: str) -> None:
    """What is redirected or passed on as it is needs no rules for requests."""
    assert [] == found(mesh(gateway("web.example.com", protocol, more)), CODE)


@pytest.mark.parametrize(
    ("open_for", "rules_for", "at_gateway"),
    [
        ("web.example.com", "web.example.com", "mesh"),
        ("web.example.com", "web.example.com", "edge"),
        ("web.example.com", "blog.example.com", "ingress/edge"),
        ("*.example.com", "example.com", "ingress/edge"),
        ("*.example.com", "*.example.org", "ingress/edge"),
        ("./web.example.com", "web.example.com", "ingress/edge"),
        ("blog/web.example.com", "web.example.com", "ingress/edge"),
    ],
)
def test_a_host_without_rules_is_told(open_for: str, rules_for: str, at_gateway: str) -> None:
    """Rules for another gateway, another host or of a namespace that is not let in do not count."""
    said = found(mesh(gateway(open_for), ROUTE % (rules_for, at_gateway)), CODE)

    assert [("Gateway ingress/edge", "spec.servers[0].hosts")] == at(said)
    assert open_for in said[0].message


OTHER = GATEWAY.replace("name: edge", "name: other")


@pytest.mark.parametrize(
    ("open_for", "other_open_for", "rules_for"),
    [
        ("web.example.com", "web.example.com", "web.example.com"),
        ("web.example.com", "*", "web.example.com"),
        ("web.example.com", "*.example.com", "*"),
        ("*.example.com", "web.example.com", "*.example.com"),
        ("./web.example.com", "shop/web.example.com", "web.example.com"),
    ],
)
def test_gateways_that_share_a_port_answer_together(open_for: str, other_open_for: str, rules_for: str) -> None:
    """Rules of one are rules of the port, whichever Gateway's server lists the host."""
    there = mesh(gateway(open_for), OTHER % ("HTTP", other_open_for, ""), ROUTE % (rules_for, "ingress/other"))

    assert [] == [each for each in at(found(there, CODE)) if each[0] == "Gateway ingress/edge"]


@pytest.mark.parametrize(
    ("other_open_for", "change"),
    [
        ("web.example.com", ("number: 80", "number: 81")),
        ("web.example.com", ("servers:", "selector: {zone: b}\n  servers:")),
        ("blog.example.com", ("", "")),
        ("blog/web.example.com", ("", "")),
    ],
)
def test_rules_of_another_gateway_count_only_where_it_answers(other_open_for: str, change: tuple[str, str]) -> None:
    """Not at another port, on other hosts, or for a host that it does not open for the namespace of the rules."""
    other = (OTHER % ("HTTP", other_open_for, "")).replace(*change)
    texts = (gateway("web.example.com").replace("servers:", "selector: {zone: a}\n  servers:"), other)
    there = mesh(*texts, ROUTE % ("*", "ingress/other"), hosts=[{"zone": "a"}, {"zone": "b"}])

    assert "Gateway ingress/edge" in [each[0] for each in at(found(there, CODE))]
