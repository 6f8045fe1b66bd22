"""What one DestinationRule loses to an older one of its host and namespace is told at both."""

import pytest

from store.analysis import rule_merging
from tests.store.analysis.meshes import REGISTRY, at, calls, found, mesh

RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: %s}
spec: {host: %s, %s}
"""
V1 = "subsets: [{name: v1, labels: {version: v1}}]"
OTHER_V1 = "subsets: [{name: v1, labels: {version: v1, zone: a}}]"
RANDOM = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
ROBIN = "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}"
CODES = ("subset-defined-twice", "policy-not-used")


def rule(name: str, says: str, namespace: str = "default", host: str = "reviews") -> str:
    return RULE % (name, namespace, host, says)


@pytest.mark.parametrize(
    "texts",
    [
        (rule("a", V1), rule("b", "subsets: [{name: v2, labels: {version: v2}}]")),
        (rule("a", V1), rule("b", RANDOM)),
        (rule("a", V1), rule("b", V1)),
        (rule("a", RANDOM), rule("b", RANDOM)),
        (rule("a", V1), rule("b", OTHER_V1, "shop")),
        (rule("a", RANDOM), rule("b", ROBIN, host="ratings")),
        (rule("a", RANDOM, host='"*"'), rule("b", ROBIN)),
        (rule("a", RANDOM, host="nowhere"), rule("b", ROBIN, host="nowhere")),
        (rule("a", RANDOM), rule("b", f"{ROBIN}, workloadSelector: {{matchLabels: {{app: web}}}}")),
    ],
)
def test_rules_that_add_up_are_no_finding(texts: tuple[str, ...]) -> None:
    """Other subsets, the same definition, another namespace, host or clients: nothing is lost."""
    assert [] == found(mesh(REGISTRY, *texts), *CODES)


@pytest.mark.parametrize(
    ("one", "other", "code", "path"),
    [
        (V1, OTHER_V1, "subset-defined-twice", "spec.subsets[0].name"),
        (RANDOM, ROBIN, "policy-not-used", "spec.trafficPolicy"),
    ],
)
@pytest.mark.parametrize("host", ["reviews", "Reviews.", '"*"'])
def test_what_is_lost_is_told_at_both(one: str, other: str, code: str, path: str, host: str) -> None:
    """The older counts, whatever the spelling of the host; each finding points to the other."""
    said = found(mesh(REGISTRY, rule("b", one, host=host), rule("a", other, host=host)), *CODES)

    assert [("DestinationRule default/b", path), ("DestinationRule default/a", path)] == at(said)
    assert [code, code] == [each.code for each in said]
    assert ["DestinationRule default/a", "DestinationRule default/b"] == [each.related[0].resource for each in said]


def test_three_rules_are_one_finding_each() -> None:
    """The oldest is told of all others at once."""
    said = found(mesh(REGISTRY, rule("a", RANDOM), rule("b", ROBIN), rule("c", ROBIN)), *CODES)

    assert ["DestinationRule default/a", "DestinationRule default/b", "DestinationRule default/c"] == [
        each.resource for each in said
    ]
    assert 2 == len(said[0].related)


@pytest.mark.parametrize("says", [V1, RANDOM])
def test_rules_of_one_host_are_looked_at_once(says: str) -> None:
    """Twice as many, of which the last one is different, are twice the work."""
    other = OTHER_V1 if says == V1 else ROBIN

    def work(count: int) -> int:
        texts = [rule(f"r{n}", says, host='"*"') for n in range(count)]
        return calls(rule_merging.findings, mesh(*texts, rule("last", other, host='"*"')))

    assert work(80) < 2.5 * work(40)
