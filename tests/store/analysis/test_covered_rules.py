"""Rules that an older VirtualService for the same host leaves nothing for are told, and no others."""

import pytest

from tests.store.analysis.meshes import REGISTRY, at, found, mesh

RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: %s}
spec:
  hosts: [%s]
  gateways: [%s]
  http: [%s]
  %s
"""
CODE = "covered-rule"
ALL = "{route: [{destination: {host: reviews}}]}"


def rules(
    name: str, *matches: str, namespace: str = "default", hosts: str = "reviews", gateways: str = "mesh", more: str = ""
) -> str:
    """Return a VirtualService with a rule for each of *matches*; an empty one is a rule without conditions."""
    http = [f"{{match: [{match}], redirect: {{uri: /}}}}" if match else ALL for match in matches]
    return RULES % (name, namespace, hosts, gateways, ", ".join(http), more)


API = "{uri: {prefix: /api/}}"
API_V2 = "{uri: {prefix: /api/v2/}}"
OTHER = "{uri: {prefix: /other/}}"


@pytest.mark.parametrize(
    "texts",
    [
        (rules("old", API_V2, ""), rules("new", API)),
        (rules("old", ""), rules("new", API)),
        (rules("old", API), rules("new", OTHER, "")),
        (rules("old", API), rules("new", API_V2, hosts="ratings")),
        (rules("old", API), rules("new", API_V2, hosts="reviews, ratings")),
        (rules("old", API), rules("new", API_V2, gateways="edge")),
        (rules("old", API), rules("new", API_V2, gateways="edge, mesh")),
        (rules("old", API, more="exportTo: ['.']"), rules("new", API_V2, namespace="shop")),
        (rules("old", f"{API[:-1]}, gateways: [edge]}}"), rules("new", API_V2)),
        (rules("old", f"{API[:-1]}, sourceLabels: {{app: web}}}}"), rules("new", API_V2)),
        (rules("old", "{sourceLabels: {app: web}}"), rules("new", f"{API[:-1]}, sourceLabels: {{app: web}}}}")),
        (rules("old", "", API), rules("new", API_V2)),
        (rules("old", "", hosts="unknown"), rules("new", "", hosts="unknown", namespace="shop")),
        (rules("old", API, hosts='"*.example.com"'), rules("new", API_V2, hosts="web.example.com")),
    ],
)
def test_rules_that_are_reached_somewhere_are_no_finding(texts: tuple[str, ...]) -> None:
    """Rules without conditions go to the end; another host, gateway or client is another list of rules."""
    assert [] == found(mesh(REGISTRY, *texts), CODE)


@pytest.mark.parametrize(
    ("old", "new", "path", "cover"),
    [
        (rules("old", API), rules("new", API_V2), "spec.http[0]", "http[0].match[0]"),
        (rules("old", OTHER, API, ""), rules("new", OTHER, API_V2), None, ""),
        (rules("old", ""), rules("new", API, ""), "spec.http[1]", "http[0]"),
        (rules("old", "{uri: {prefix: /}}"), rules("new", ""), "spec.http[0]", "http[0].match[0]"),
        (rules("old", API), rules("new", f"{OTHER}, {API_V2}"), "spec.http[0].match[1]", "http[0].match[0]"),
        (
            rules("old", API),
            rules("new", API_V2, hosts="Reviews.", namespace="shop"),
            "spec.http[0]",
            "http[0].match[0]",
        ),
        (rules("old", API, gateways="edge"), rules("new", API_V2, gateways="default/edge"), "spec.http[0]", ""),
        (rules("old", API, gateways="edge, mesh"), rules("new", API_V2, gateways="mesh, edge"), "spec.http[0]", ""),
        (rules("old", API), rules("new", f"{API_V2[:-1]}, gateways: [mesh]}}"), "spec.http[0]", ""),
        (rules("old", API, hosts="a.com, b.com"), rules("new", API_V2, hosts="b.com, a.com"), "spec.http[0]", ""),
    ],
)
def test_a_rule_of_which_nothing_is_left_is_told(old: str, new: str, path: str | None, cover: str) -> None:
    """The finding stands at the younger VirtualService, and names the rule that takes its requests."""
    said = found(mesh(REGISTRY, old, new), CODE)

    assert ([path] if path else ["spec.http[0]", "spec.http[1]"]) == [place for _, place in at(said)]
    assert all("VirtualService default/old" == each.related[0].resource and cover in each.message for each in said)


def test_the_oldest_of_three_is_named() -> None:
    """A rule without conditions that is reached is that of the oldest VirtualService."""
    said = found(mesh(REGISTRY, rules("a", ""), rules("b", ""), rules("c", "")), CODE)

    assert [("VirtualService default/b", "spec.http[0]"), ("VirtualService default/c", "spec.http[0]")] == at(said)
    assert all("of VirtualService default/a" in each.message for each in said)
