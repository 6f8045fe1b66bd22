"""Selectors of policies and Sidecars that select nothing, or the same, are found."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.analysis import sidecar_selectors
from tests.store.analysis.meshes import REGISTRY, at, calls, found, mesh

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


LABELS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("ab"), max_size=3)


def sidecar(name: str, labels: dict[str, str]) -> str:
    return SIDECAR % (name, "default", f"workloadSelector: {{labels: {labels}}}," if labels else "")


def workload(name: str, labels: dict[str, str]) -> str:
    return WORKLOAD.replace("name: w", f"name: {name}").replace("{version: v1, app: a}", str(labels))


@given(st.lists(LABELS, max_size=5), st.lists(LABELS, max_size=4))
def test_the_oldest_other_sidecar_is_named(selectors: list[dict[str, str]], workloads: list[dict[str, str]]) -> None:
    """As when all pairs are looked at."""

    def same(one: dict[str, str], other: dict[str, str]) -> bool:
        together = one.items() | other.items()
        return one == other or (bool(one) == bool(other) and any(together <= each.items() for each in workloads))

    numbered = list(enumerate(selectors))
    pairs = [(n, m) for n, one in numbered for m, other in numbered if n != m and same(one, other)]
    expected = {f"Sidecar default/s{n}": f"Sidecar default/s{m}" for n, m in reversed(pairs)}
    texts = chain(
        (sidecar(f"s{n}", each) for n, each in enumerate(selectors)),
        (workload(f"w{n}", each) for n, each in enumerate(workloads)),
    )
    said = found(mesh(*texts), "IST0110", "IST0111")

    assert expected == {each.resource: each.related[0].resource for each in said}


def test_sidecars_do_not_look_at_each_other() -> None:
    """Twice as many, and as many workloads that each selects by a label of its own, are twice the work."""

    def work(count: int) -> int:
        labels = [{"app": "a", "n": f"n{n}"} for n in range(count)]
        texts = ((sidecar(f"s{n}", each), workload(f"w{n}", each)) for n, each in enumerate(labels))
        return calls(sidecar_selectors.findings, mesh(*chain.from_iterable(texts)))

    assert work(80) < 2.5 * work(40)
