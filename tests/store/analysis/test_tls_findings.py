"""Servers that nobody verifies and certificates that several Gateways show are found."""

import pytest

from store.analysis import mtls_conflicts
from tests.store.analysis.meshes import at, calls, found, mesh

SERVICE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: x}
spec:
  hosts: [x.com]
  ports: [{number: 443, name: https, protocol: HTTPS}]
  location: %s
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x}
spec:
  host: x.com
  %s
"""
POLICY = "trafficPolicy: {tls: {%s}}"


@pytest.mark.parametrize(
    ("location", "tls", "told"),
    [
        ("MESH_EXTERNAL", "mode: SIMPLE", False),
        ("MESH_INTERNAL", "mode: SIMPLE", True),
        ("MESH_INTERNAL", "mode: SIMPLE, caCertificates: /ca.pem", False),
        ("MESH_INTERNAL", "mode: ISTIO_MUTUAL", False),
        ("MESH_INTERNAL", "mode: DISABLE", False),
        ("MESH_INTERNAL", "mode: MUTUAL, clientCertificate: /c.pem, privateKey: /c.key", True),
        ("MESH_EXTERNAL", "mode: SIMPLE, insecureSkipVerify: true", True),
    ],
)
def test_who_is_verified(location: str, tls: str, told: bool) -> None:
    """The internet's servers are known to operating systems, one's own are not, and skipping is skipping."""
    said = found(mesh(SERVICE % (location, POLICY % tls)), "IST0128")

    assert ([("DestinationRule default/x", "spec.trafficPolicy.tls")] if told else []) == at(said)


def test_ports_and_subsets_have_policies_of_their_own() -> None:
    """Each has its code and its place."""
    port = "portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]"
    subset = f"subsets: [{{name: v1, trafficPolicy: {{tls: {{mode: SIMPLE}}, {port}}}}}]"
    said = found(mesh(SERVICE % ("MESH_INTERNAL", subset)), "IST0128", "IST0129")

    assert ["spec.subsets[0].trafficPolicy.portLevelSettings[0].tls", "spec.subsets[0].trafficPolicy.tls"] == sorted(
        path for _, path in at(said)
    )
    assert ["IST0128", "IST0129"] == sorted(each.code for each in said)


GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: %s}
spec:
  selector: {%s}
  servers: [{port: {number: 443, name: p, protocol: HTTPS}, hosts: [%s.com], tls: {%s}}]
"""
FILES = "mode: SIMPLE, serverCertificate: /a.pem, privateKey: /a.key"


@pytest.mark.parametrize(
    ("one", "other", "selector", "told"),
    [
        (FILES, FILES, "", True),
        (FILES, FILES, "x: y", True),
        ("mode: SIMPLE, credentialName: a", "mode: SIMPLE, credentialName: a", "", True),
        ("mode: SIMPLE, credentialName: a", "mode: SIMPLE, credentialName: b", "", False),
        ("mode: SIMPLE, credentialName: a", FILES, "", False),
        ("mode: PASSTHROUGH", "mode: PASSTHROUGH", "", False),
    ],
)
def test_a_certificate_in_two_gateways(one: str, other: str, selector: str, told: bool) -> None:
    """By file or by secret, when they open on the same hosts; both are told."""
    said = found(mesh(GATEWAY % ("a", "", "a", one), GATEWAY % ("b", selector, "b", other)), "IST0138")
    place = "spec.servers[0].tls"

    assert ([("Gateway default/a", place), ("Gateway default/b", place)] if told else []) == at(said)


def test_other_hosts_are_another_matter() -> None:
    """Gateways of different hosts have different addresses: browsers do not mistake them."""
    assert [] == found(mesh(GATEWAY % ("a", "x: y", "a", FILES), GATEWAY % ("b", "x: z", "b", FILES)), "IST0138")


PEERS = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: p, namespace: %s}
spec: {%s mtls: {mode: %s}}
"""


@pytest.mark.parametrize(
    ("location", "client", "namespace", "selector", "mode", "told"),
    [
        ("MESH_INTERNAL", "DISABLE", "default", "", "STRICT", True),
        ("MESH_INTERNAL", "DISABLE", "istio-system", "", "STRICT", True),
        ("MESH_INTERNAL", "ISTIO_MUTUAL", "default", "", "DISABLE", True),
        ("MESH_INTERNAL", "ISTIO_MUTUAL", "default", "", "STRICT", False),
        ("MESH_INTERNAL", "DISABLE", "default", "", "PERMISSIVE", False),
        ("MESH_INTERNAL", "DISABLE", "shop", "", "STRICT", False),
        ("MESH_INTERNAL", "DISABLE", "default", "selector: {matchLabels: {app: x}},", "STRICT", False),
        ("MESH_EXTERNAL", "DISABLE", "default", "", "STRICT", False),
    ],
)
def test_who_speaks_mutual_tls_with_whom(
    location: str, client: str, namespace: str, selector: str, mode: str, told: bool
) -> None:
    """The mode of the service's namespace counts, else the mesh's; where it depends on workloads nothing is said."""
    rule = SERVICE % (location, POLICY % f"mode: {client}")
    said = found(mesh(rule, PEERS % (namespace, selector, mode)), "IST0113")

    assert ([("DestinationRule default/x", "spec.trafficPolicy.tls.mode")] if told else []) == at(said)
    assert all(f"PeerAuthentication {namespace}/p" == each.related[0].resource for each in said)


def test_namespaces_of_one_service_are_told_at_once() -> None:
    """A rule is one finding, that points to the first few policies, whatever the number of namespaces."""
    entry, _, rule = (SERVICE % ("MESH_INTERNAL", POLICY % "mode: DISABLE")).partition("---")
    entries = (entry.replace("name: x}", f"name: x, namespace: n{n}}}") for n in range(9))
    said = found(mesh(*entries, rule, *(PEERS % (f"n{n}", "", "STRICT") for n in range(9))), "IST0113")

    assert [5] == [len(each.related) for each in said]


def test_entries_and_policies_are_looked_at_once_for_all_rules() -> None:
    """Twice as many rules, entries and policies of one service and namespace are twice the work."""
    texts = (SERVICE % ("MESH_INTERNAL", POLICY % "mode: DISABLE")).replace("{name: x}", "{name: x%d}")
    peers = (PEERS % ("default", "", "STRICT")).replace("name: p,", "name: p%d,")

    def work(count: int) -> int:
        return calls(mtls_conflicts.findings, mesh(*(f"{texts % (n, n)}---{peers % n}" for n in range(count))))

    assert work(80) < 2.5 * work(40)
