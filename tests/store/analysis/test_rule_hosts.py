"""DestinationRules for no service and subsets without endpoints are found, and only where that is certain."""

import pytest

from tests.store.analysis.meshes import REGISTRY, at, found, mesh

RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: r}
spec:
  host: %s
  subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]
"""
DNS = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s}
spec:
  hosts: ["%s"]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: %s
%s"""


def test_a_host_that_nobody_has_is_told_with_one_like_it() -> None:
    """The rule does nothing, and its subsets are not looked at."""
    (said,) = found(mesh(REGISTRY, RULE % "review"))

    assert [("DestinationRule default/r", "spec.host")] == at([said])
    assert ("IST0174", 'did you mean "reviews"?') == (said.code, said.hint)


def test_a_subset_that_no_endpoint_is_in_is_told() -> None:
    """Where the endpoints are is told too."""
    (said,) = found(mesh(REGISTRY, RULE % "reviews"))

    assert [("DestinationRule default/r", "spec.subsets[1].labels")] == at([said])
    assert ("IST0173", "ServiceEntry default/reviews") == (said.code, said.related[0].resource)
    assert "version=v3" in said.message


@pytest.mark.parametrize(
    ("name", "resolution", "more", "empty"),
    [
        ("x.com", "DNS", "", ["v1", "v3"]),
        ("x.com", "DNS", "  endpoints: [{address: y.com, labels: {version: v1}}]", ["v3"]),
        ("x.com", "STATIC", "", []),
        ("x.com", "NONE", "", []),
        ("x.com", "STATIC", "  workloadSelector: {labels: {app: x}}", []),
    ],
)
def test_endpoints_that_are_not_written_down_are_not_judged(
    name: str, resolution: str, more: str, empty: list[str]
) -> None:
    """Workloads register themselves, and a service without any endpoint is not the subset's fault."""
    said = found(mesh(DNS % ("x", name, resolution, more), RULE % name), "IST0173")

    assert empty == [each.message.split('"')[3] for each in said]


def test_a_wildcard_rule_needs_one_service_with_such_endpoints() -> None:
    """A subset of `*.com` is for any of the services below."""
    a = DNS % ("a", "a.com", "STATIC", "  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]")
    b = DNS % ("b", "b.com", "STATIC", "  endpoints: [{address: 10.0.0.1, labels: {version: v3}}]")

    assert [] == found(mesh(a, b, RULE % '"*.com"'))
    assert ["IST0173"] == [each.code for each in found(mesh(a, RULE % '"*.com"'))]
    assert ["IST0174"] == [each.code for each in found(mesh(a, RULE % '"*.org"'))]
