"""Conditions on clients that are nowhere are told, and no others."""

import pytest

from store.analysis.mesh import Mesh
from store.host import HostRecord
from tests.meshes import resources
from tests.store.analysis.meshes import at, found, mesh

ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web.example.com], http: [{match: [{%s}], redirect: {uri: /}}]}
"""
WEB = "sourceLabels: {app: web}"
CODE = "no-such-client"


@pytest.mark.parametrize(
    "block",
    [WEB, "uri: {prefix: /a}", f"{WEB}, sourceNamespace: default", f"{WEB.replace('web', 'db')}, gateways: [edge]"],
)
def test_clients_that_are_there_are_no_finding(block: str) -> None:
    """A host with the labels and of the namespace is enough; blocks for gateways compare no labels."""
    assert [] == found(mesh(ROUTE % block, hosts=[{"app": "web", "zone": "a"}]), CODE)


def test_without_hosts_nothing_is_said() -> None:
    """Neither where hosts are not known nor where none is alive."""
    assert [] == found(mesh(ROUTE % WEB), CODE)
    assert [] == found(mesh(ROUTE % WEB, hosts=[]), CODE)


def test_clients_that_are_nowhere_are_told() -> None:
    """The finding stands at the labels."""
    said = found(mesh(ROUTE % WEB, hosts=[{"app": "wep"}]), CODE)

    assert [("VirtualService default/web", "spec.http[0].match[0].sourceLabels")] == at(said)
    assert "no live host has the labels app=web" in said[0].message


def test_the_namespace_of_a_host_counts() -> None:
    """A host with the labels, of another namespace than the block names, does not follow it."""
    keyed = {each.key: each for each in resources(ROUTE % f"{WEB}, sourceNamespace: shop")}
    (said,) = found(Mesh(keyed, [HostRecord("h", labels={"app": "web"})]), CODE)

    assert "no live host in namespace shop has" in said.message
