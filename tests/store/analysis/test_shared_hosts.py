"""Several VirtualServices for one host of the mesh are found, and what is no such thing is not."""

import pytest

from tests.store.analysis.meshes import REGISTRY, at, found, mesh

RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: %s}
spec:
  hosts: [%s]
  http: [{redirect: {authority: b.example.com}}]
%s"""


def test_both_are_told_and_each_names_the_other() -> None:
    """Who reads one of the documents sees where the other is, and whose rules come first."""
    there = mesh(REGISTRY, RULES % ("a", "default", "reviews", ""), RULES % ("b", "shop", "reviews", ""))
    first, second = found(there, "IST0109")

    assert [("VirtualService default/a", "spec.hosts[0]"), ("VirtualService shop/b", "spec.hosts[0]")] == at(
        (first, second)
    )
    assert ("VirtualService shop/b", ("spec", "hosts")) == (first.related[0].resource, first.related[0].path)
    assert "merged, its rules come first" in first.message
    assert "merged, those of VirtualService default/a come first" in second.message


@pytest.mark.parametrize(
    ("host", "namespace", "more", "shared"),
    [
        ("Reviews.", "shop", "", True),
        ("cart", "default", "", False),
        ("cart.default", "shop", "", True),
        ("reviews", "default", "  gateways: [edge]", False),
        ("reviews", "default", "  gateways: [edge, mesh]", True),
        ("reviews", "shop", '  exportTo: ["."]', True),
        ("'*.com'", "default", "", False),
    ],
)
def test_names_mean_what_they_mean_to_clients(host: str, namespace: str, more: str, shared: bool) -> None:
    """A short name is its long one, another host is another, and gateways merge by custom."""
    ours = RULES.replace("hosts: [%s]", "hosts: [%s, cart.default.svc.cluster.local]") % ("a", "default", "reviews", "")
    others = RULES % ("b", namespace, host, more)
    if host == "cart":
        others = others.replace("namespace: default", "namespace: elsewhere")

    assert shared == bool(found(mesh(REGISTRY, ours, others), "IST0109"))


def test_namespaces_that_do_not_see_each_other_share_nothing() -> None:
    """Each keeps its rules to itself."""
    private = '  exportTo: ["."]'
    both = mesh(RULES % ("a", "one", "x.com", private), RULES % ("b", "two", "x.com", private))

    assert [] == found(both, "IST0109")


def test_who_shares_is_counted_without_the_one_that_is_told() -> None:
    """Of many the first few are named, whether or not the one that is told is among them."""
    texts = [RULES % (f"r{n}", "default", "reviews", "") for n in range(8)]
    said = found(mesh(*texts), "IST0109")

    assert 8 == len(said)
    assert all(" and 2 more too" in each.message for each in said)
    assert all(5 == len(each.related) and each.resource not in {r.resource for r in each.related} for each in said)
    assert 1 == sum("its rules come first" in each.message for each in said)
