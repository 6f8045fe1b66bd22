"""A DestinationRule that keeps clients from a subset in use is told, where it stands and where the subset is used."""

import pytest

from store.analysis.analyze import added
from store.analysis.mesh import Mesh
from store.host import HostRecord
from store.resources.fields import Key
from tests.meshes import resources
from tests.store.analysis.meshes import at, found, mesh

SERVICE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: %s}
spec: {host: "%s", %s}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: route, namespace: shop}
spec:
  hosts: [reviews.example.com]
  %s
  http: [{%s route: [{destination: {host: reviews.example.com, subset: v1}}]}]
"""
SUBSETS = "subsets: [{name: v1, labels: {version: v1}}]"
POLICY = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
CODE = "hidden-subset"
USE = "spec.http[0].route[0].destination.subset"


def rule(namespace: str, says: str, host: str = "reviews.example.com", name: str = "rule") -> str:
    return RULE % (name, namespace, host, says)


def route(more: str = "", match: str = "") -> str:
    return ROUTE % (more, match)


@pytest.mark.parametrize(
    "texts",
    [
        (rule("shop", SUBSETS), route()),
        (rule("shop", SUBSETS), rule("blog", SUBSETS), route()),
        (rule("shop", SUBSETS), rule("shop", POLICY, name="second"), route()),
        (rule("shop", SUBSETS), rule("blog", POLICY), route("exportTo: ['.']")),
        (rule("shop", SUBSETS), rule("blog", POLICY), route(match="match: [{sourceNamespace: shop}],")),
        (rule("shop", SUBSETS), rule("blog", f"{POLICY}, workloadSelector: {{matchLabels: {{a: b}}}}"), route()),
        (rule("blog", SUBSETS), rule("shop", POLICY), route("exportTo: [blog]")),
        (rule("shop", SUBSETS, "*.example.com"), route()),
        (rule("shop", SUBSETS), rule("shop", POLICY, "*.example.com", "second"), route()),
    ],
)
def test_a_subset_that_clients_find_is_no_finding(texts: tuple[str, ...]) -> None:
    """Rules that define it too, add to the one that does, are for others, or stand behind it, hide nothing."""
    assert [] == found(mesh(SERVICE, *texts), CODE)


def test_a_rule_of_the_clients_namespace_hides_that_of_the_service() -> None:
    """Both are told, and point to each other and to the definition."""
    said = found(mesh(SERVICE, rule("shop", SUBSETS), rule("blog", POLICY), route()), CODE)
    hider, use = said

    assert [("DestinationRule blog/rule", "spec.host"), ("VirtualService shop/route", USE)] == at(said)
    assert ["DestinationRule shop/rule", "VirtualService shop/route"] == [each.resource for each in hider.related]
    assert ["DestinationRule blog/rule", "DestinationRule shop/rule"] == [each.resource for each in use.related]
    assert "clients of namespace blog find no subset" in use.message
    assert "warning" == use.level


def test_a_rule_of_a_third_namespace_defines_for_its_own_clients_only() -> None:
    """Clients of the service's namespace do not look there."""
    (said,) = found(mesh(SERVICE, rule("routes", SUBSETS), route()), CODE)

    assert "clients of namespace shop" in said.message
    assert "defined for other namespaces only" in said.message


def test_a_rule_for_the_name_hides_one_for_a_wildcard() -> None:
    """That no rule defines the subset is said at the use already; what hides the definition is said where it stands."""
    (said,) = found(
        mesh(SERVICE, rule("shop", SUBSETS, "*.example.com"), rule("shop", POLICY, name="b"), route()), CODE
    )

    assert ("DestinationRule shop/b", "spec.host") == at([said])[0]
    assert ["DestinationRule shop/rule", "VirtualService shop/route"] == [each.resource for each in said.related]


@pytest.mark.parametrize(("namespace", "count"), [("shop", 0), ("blog", 2), ("default", 0)])
def test_only_live_hosts_are_clients_where_they_are_known(namespace: str, count: int) -> None:
    """A rule that nobody goes by hides nothing."""
    keyed = {
        each.key: each
        for each in resources("---".join([SERVICE, rule("shop", SUBSETS), rule("blog", POLICY), route()]))
    }

    assert count == len(found(Mesh(keyed, [HostRecord("h", namespace=namespace)]), CODE))


@pytest.mark.parametrize(("labels", "count"), [({"app": "web"}, 2), ({"app": "db"}, 0)])
def test_source_labels_say_which_hosts_are_clients(labels: dict[str, str], count: int) -> None:
    """Hosts for which no block of conditions is, follow other rules."""
    text = route(match="match: [{sourceLabels: {app: web}}],")
    keyed = {
        each.key: each for each in resources("---".join([SERVICE, rule("shop", SUBSETS), rule("blog", POLICY), text]))
    }

    assert count == len(found(Mesh(keyed, [HostRecord("h", namespace="blog", labels=labels)]), CODE))


@pytest.mark.parametrize(("namespace", "count"), [("blog", 2), ("shop", 0)])
def test_gateways_are_clients_of_their_hosts_namespace(namespace: str, count: int) -> None:
    """Where a Gateway is opened decides which rules its requests go by; without hosts nobody can tell."""
    gateway = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
"""
    texts = [SERVICE, rule("shop", SUBSETS), rule("blog", POLICY), gateway, route("gateways: [edge]")]
    keyed = {each.key: each for each in resources("---".join(texts))}

    assert [] == found(Mesh(keyed), CODE)
    assert count == len(found(Mesh(keyed, [HostRecord("h", namespace=namespace)]), CODE))


def test_a_change_that_hides_a_subset_is_told_at_both() -> None:
    """Adding the rule that hides adds both findings."""
    before, after = (mesh(SERVICE, rule("shop", SUBSETS), *more, route()) for more in ((), (rule("blog", POLICY),)))
    said = [each for each in added(before, after, [Key("blog", "rule", "DestinationRule")]) if each.code == CODE]

    assert ["DestinationRule blog/rule", "VirtualService shop/route"] == [each.resource for each in said]
