"""Selectors of policies and Sidecars that select nothing, or the same, are found."""

import pytest

from tests.store.analysis.meshes import REGISTRY, at, found, mesh

POLICY = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: p, namespace: %s}
spec: {selector: {matchLabels: {version: v1}}, mtls: {mode: STRICT}}
"""
SIDECAR = """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: %s, namespace: %s}
spec: {%s egress: [{hosts: ["./*"]}]}
"""
WORKLOAD = """
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: w}
spec: {address: 10.0.0.1, labels: {version: v1, app: a}}
"""


@pytest.mark.parametrize(
    ("namespace", "texts", "hosts", "told"),
    [
        ("default", (), [], True),
        ("default", (), None, False),
        ("default", (), [{"version": "v1"}], False),
        ("default", (REGISTRY,), [], False),
        ("default", (WORKLOAD,), [], False),
        ("shop", (WORKLOAD,), [], True),
        ("istio-system", (), [], False),
    ],
)
def test_a_policy_for_nobody(
    namespace: str, texts: tuple[str, ...], hosts: list[dict[str, str]] | None, told: bool
) -> None:
    """Workloads are endpoints, WorkloadEntries and live hosts; offline one cannot know, nor of the root namespace."""
    said = found(mesh(POLICY % namespace, *texts, hosts=hosts), "IST0127")

    assert ([(f"PeerAuthentication {namespace}/p", "spec.selector")] if told else []) == at(said)


@pytest.mark.parametrize(
    ("one", "other", "namespace", "code"),
    [
        ("", "", "default", "IST0111"),
        ("", "", "shop", None),
        ("", "workloadSelector: {labels: {app: a}},", "default", None),
        ("workloadSelector: {labels: {app: a}},", "workloadSelector: {labels: {app: a}},", "default", "IST0110"),
        ("workloadSelector: {labels: {app: a}},", "workloadSelector: {labels: {app: b}},", "default", None),
        ("workloadSelector: {labels: {app: a}},", "workloadSelector: {labels: {version: v1}},", "default", "IST0110"),
    ],
)
def test_sidecars_that_select_the_same(one: str, other: str, namespace: str, code: str | None) -> None:
    """Two defaults of a namespace, equal selectors, and selectors that meet in a workload."""
    text = (SIDECAR % ("a", "default", one), SIDECAR % ("b", namespace, other), WORKLOAD)
    said = found(mesh(*text), "IST0110", "IST0111")

    assert ([code, code] if code else []) == [each.code for each in said]
