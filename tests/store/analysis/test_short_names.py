"""Short names that mean a service in another namespace alone are told."""

import pytest

from tests.store.analysis.meshes import at, found, mesh

ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s, namespace: shop}
spec:
  hosts: [%s]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: %s}
spec: {hosts: [%s], gateways: [%s], http: [{redirect: {authority: b.example.com}}]}
"""
SHOP = ENTRY % ("shop", "web.shop.svc.cluster.local")
BLOG = ENTRY % ("blog", "web.blog.svc.cluster.local")
PLAIN = ENTRY % ("plain", "web")
CODE = "short-name"


@pytest.mark.parametrize(
    "texts",
    [
        (SHOP, ROUTE % ("shop", "web", "mesh")),
        (SHOP, PLAIN, ROUTE % ("blog", "web", "mesh")),
        (SHOP, BLOG, ROUTE % ("blog", "web", "mesh")),
        (SHOP, ROUTE % ("blog", "web.shop", "mesh")),
        (SHOP, ROUTE % ("blog", "other", "mesh")),
        (SHOP, ROUTE % ("blog", "web", "shop/edge")),
        (ENTRY % ("own", "web.example.com"), ROUTE % ("blog", "web", "mesh")),
    ],
)
def test_names_that_mean_something_else_are_no_finding(texts: tuple[str, ...]) -> None:
    """The own service, one of just that name, a whole name, a host of gateways, a name that is no short one."""
    assert [] == found(mesh(*texts), CODE)


@pytest.mark.parametrize("host", ["web", "Web."])
def test_a_name_of_another_namespace_is_told(host: str) -> None:
    """The finding names the service that was meant."""
    (said,) = found(mesh(SHOP, ROUTE % ("news", host, "mesh, shop/edge")), CODE)

    assert [("VirtualService news/web", "spec.hosts[0]")] == at([said])
    assert "write web.shop.svc.cluster.local" == said.hint
    assert "ServiceEntry shop/shop" == said.related[0].resource


def test_several_namespaces_are_all_named() -> None:
    """Which of them was meant nobody can tell."""
    (said,) = found(mesh(SHOP, BLOG, ROUTE % ("news", "web", "mesh")), CODE)

    assert "web.blog.svc.cluster.local, web.shop.svc.cluster.local is one" in said.message
    assert said.hint is None
