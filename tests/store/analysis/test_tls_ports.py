"""What goes to TLS ports unencrypted, or encrypted twice, is told; the known recipes are not."""

import pytest

from store.analysis.added_tls import AddedTLSReader
from tests.store.analysis.meshes import at, found, mesh

ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.example.com]
  ports: [%s]
  resolution: DNS
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s}
spec: {host: %s, trafficPolicy: {%s}}
"""
GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: %d, name: web, protocol: %s}, hosts: ["*"]}]}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  http: [{route: [{destination: {host: api.example.com, port: {number: %d}}}]}]
"""
HTTP_80 = "{number: 80, name: http, protocol: HTTP}"
HTTP_80_TO_443 = "{number: 80, name: http, protocol: HTTP, targetPort: 443}"
HTTP_443 = "{number: 443, name: http, protocol: HTTP}"
HTTPS_443 = "{number: 443, name: https, protocol: HTTPS}"
SIMPLE = "tls: {mode: SIMPLE}"
PORT_80 = "portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]"
PORT_443 = "portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]"
CODES = ("plaintext-443", "double-tls")
PLAIN = [("ServiceEntry default/api", "spec.ports[0].protocol")]


def rule(policy: str, host: str = "api.example.com", name: str = "api") -> str:
    return RULE % (name, host, policy)


@pytest.mark.parametrize(
    "texts",
    [
        (ENTRY % HTTP_80,),
        (ENTRY % HTTPS_443,),
        (ENTRY % HTTP_443, rule(SIMPLE)),
        (ENTRY % HTTP_443, rule(SIMPLE, '"*.example.com"')),
        (ENTRY % HTTP_443, rule(PORT_443)),
        (ENTRY % HTTP_443, rule("tls: {mode: ISTIO_MUTUAL}")),
        (ENTRY % HTTP_80_TO_443, rule(SIMPLE)),
        (ENTRY % f"{HTTP_80_TO_443}, {HTTPS_443}", rule(PORT_80)),
        (ENTRY % HTTPS_443, rule("tls: {mode: DISABLE}")),
        (ENTRY % HTTPS_443, rule("tls: {mode: ISTIO_MUTUAL}")),
        (ENTRY % HTTPS_443, rule(f"{SIMPLE}, portLevelSettings: [{{port: {{number: 443}}, tls: {{}}}}]")),
        (ENTRY % f"{HTTP_80}, {HTTPS_443}", rule(PORT_443), ROUTE % 443),
        (f"{ENTRY % HTTP_443}  location: MESH_INTERNAL\n",),
        (f"{ENTRY % HTTP_443}  endpoints: [{{address: api.example.com, ports: {{http: 8080}}}}]\n",),
        (GATEWAY % (443, "TCP"),),
        (GATEWAY % (80, "HTTP"),),
    ],
)
def test_what_is_encrypted_once_is_no_finding(texts: tuple[str, ...]) -> None:
    """TLS of the client, TLS added to HTTP on the way, mutual TLS of the mesh around it, and plain HTTP elsewhere."""
    assert [] == found(mesh(*texts), *CODES)


@pytest.mark.parametrize(
    "texts",
    [
        (ENTRY % HTTP_443,),
        (ENTRY % HTTP_443, rule("loadBalancer: {simple: RANDOM}")),
        (ENTRY % HTTP_443, rule(SIMPLE, "other.example.com")),
        (ENTRY % HTTP_443, rule(PORT_80)),
        (ENTRY % HTTP_80_TO_443,),
    ],
)
def test_plain_http_to_443_is_told(texts: tuple[str, ...]) -> None:
    """Whatever the port's number, what is dialled counts; rules for other hosts and ports add nothing."""
    said = found(mesh(*texts), *CODES)

    assert PLAIN == at(said)
    assert "plaintext-443" == said[0].code


def test_a_gateway_with_plain_http_on_443_is_told() -> None:
    """Browsers speak TLS there."""
    assert [("Gateway default/edge", "spec.servers[0].port.protocol")] == at(
        found(mesh(GATEWAY % (443, "HTTP")), *CODES)
    )


@pytest.mark.parametrize(
    ("ports", "policy", "place"),
    [
        (HTTPS_443, SIMPLE, "tls"),
        ("{number: 8443, name: tls, protocol: TLS}", "tls: {mode: MUTUAL, credentialName: api}", "tls"),
        (HTTPS_443, PORT_443, "portLevelSettings[0].tls"),
    ],
)
def test_tls_in_tls_is_told_at_both(ports: str, policy: str, place: str) -> None:
    """The rule and the port disagree on who encrypts."""
    said = found(mesh(ENTRY % ports, rule(policy), ROUTE % 80), *CODES)

    assert [*PLAIN, ("DestinationRule default/api", f"spec.trafficPolicy.{place}")] == at(said)
    assert ["DestinationRule default/api", "ServiceEntry default/api"] == [each.related[0].resource for each in said]


def test_a_wildcard_rule_is_told_once() -> None:
    """A rule for many hosts is one finding that names some of them."""
    entries = [(ENTRY % HTTPS_443).replace(": api", f": api{n}").replace("[api", f"[api{n}") for n in range(9)]
    said = found(mesh(*entries, rule(SIMPLE, '"*.example.com"')), "double-tls")

    assert 9 + 1 == len(said)
    assert "and 4 more" in said[-1].message


def many(count: int, policy: str = SIMPLE, number: int = 443) -> list[str]:
    """Return as many entries as rules, and each rule is for all entries."""
    ports = f"{{number: {number}, name: https, protocol: HTTPS}}"
    entries = [(ENTRY % ports).replace(": api", f": api{n}").replace("[api", f"[api{n}") for n in range(count)]
    return [*entries, *(rule(policy, '"*.example.com"', f"all{n}") for n in range(count))]


def test_findings_are_as_many_as_resources() -> None:
    """Rules times hosts would be millions: each port is told once, and each rule, with a few of the others."""
    said = found(mesh(*many(40)), "double-tls")

    assert 40 + 40 == len(said)
    assert {5} == {len(each.related) for each in said}
    assert "DestinationRule default/all4 and 35 more add TLS" in said[0].message
    assert "api12.example.com:443 and 35 more" in said[-1].message


def test_rules_that_many_hosts_have_are_read_once() -> None:
    """Hosts below the same wildcards get the same list; ports that no rule names are alike."""
    settings = "tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 8443}, tls: {mode: DISABLE}}]"
    there = mesh(*many(20, settings))
    lists = {id(there.rules(host)): there.rules(host) for host in there.service_hosts}
    reader = AddedTLSReader()
    added = {id(reader.at(rules, number)) for rules in lists.values() for number in (443, 444, 445, 8443)}

    assert (1, 2) == (len(lists), len(added))
    assert "<AddedTLSReader 1 lists, read 2 times>" == repr(reader)


def test_a_rule_for_many_ports_counts_those_it_is_wrong_for() -> None:
    """What the rule says of a port by itself is not added to what it says of all others."""
    settings = "tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 8443}, tls: {mode: DISABLE}}]"
    first, second = many(2, settings)[::3], many(2, settings, 8443)[1:2]
    said = found(mesh(*first, *second), "double-tls")

    assert ["ServiceEntry default/api0", "DestinationRule default/all1"] == [each.resource for each in said]
