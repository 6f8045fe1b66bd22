"""Servers between which browsers cannot tell are told; those between which they can are not."""

import pytest

from tests.store.analysis.meshes import at, found, mesh

SERVERS = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
  - {port: {number: 443, name: one, protocol: HTTPS}, hosts: [shop.example.com],
     tls: {mode: SIMPLE, credentialName: all}}
  - {port: {number: %d, name: other, protocol: %s}, hosts: [%s], tls: {mode: %s}}
"""
SIMPLE = "SIMPLE, credentialName: all"


@pytest.mark.parametrize(
    ("number", "protocol", "host", "tls"),
    [
        (8443, "HTTPS", "blog.example.com", SIMPLE),
        (443, "TLS", "blog.example.com", SIMPLE),
        (443, "HTTPS", "blog.example.com", "SIMPLE, credentialName: blog"),
        (443, "HTTPS", "blog.example.com", "PASSTHROUGH"),
        (443, "HTTPS", "shop.example.com", SIMPLE),
    ],
)
def test_servers_apart_are_no_finding(number: int, protocol: str, host: str, tls: str) -> None:
    """Another port, another certificate, no HTTP inside, TLS passed on; one host twice is another finding."""
    assert [] == found(mesh(SERVERS % (number, protocol, host, tls)), "split-certificate")


@pytest.mark.parametrize("tls", [SIMPLE, "MUTUAL, credentialName: all"])
def test_one_certificate_in_two_servers_is_told(tls: str) -> None:
    """The later server is told, and points to the earlier one."""
    said = found(mesh(SERVERS % (443, "HTTPS", "blog.example.com", tls)), "split-certificate")

    assert [("Gateway default/edge", "spec.servers[1].tls")] == at(said)
    assert ("spec", "servers", 0, "tls") == said[0].related[0].path
