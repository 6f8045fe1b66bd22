"""Whose a document is, by its apiVersion and kind."""

import pytest

from store.resources.kinds import KINDS
from store.type_meta import type_meta

NETWORKING = "networking.istio.io/v1"


def judge(version: object, kind: object) -> tuple[str | None, list[str], bool]:
    found = type_meta({"apiVersion": version, "kind": kind})
    return found.kind.name if found.kind else None, [f"{s.level} {s.code}" for s in found.diagnostics], found.foreign


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Service"), ("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob"),
        ("policy/v1", "PodDisruptionBudget"), ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("networking.k8s.io/v1", "NetworkPolicy"), ("networking.k8s.io/v1", "Ingress"),
        ("extensions/v1beta1", "Ingress"), ("rbac.authorization.k8s.io/v1", "Role"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("gateway.networking.k8s.io/v1", "Gateway"), ("gateway.networking.k8s.io/v1", "GatewayClass"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"), ("k8s.nginx.org/v1", "VirtualServer"),
        ("networking.istio.io/v1alpha3", "EnvoyFilter"), ("networking.istio.io/v1beta1", "ProxyConfig"),
        ("security.istio.io/v1", "RequestAuthentication"), ("telemetry.istio.io/v1", "Telemetry"),
        ("extensions.istio.io/v1alpha1", "WasmPlugin"), ("install.istio.io/v1alpha1", "IstioOperator"),
        ("rbac.istio.io/v1alpha1", "ServiceRole"), ("authentication.istio.io/v1alpha1", "MeshPolicy"),
        ("config.istio.io/v1alpha2", "rule"), ("config.istio.io/v1alpha2", "QuotaSpec"),
        ("cert-manager.io/v1", "Certificate"), ("networking.gke.io/v1", "ManagedCertificate"),
        ("consul.hashicorp.com/v1alpha1", "ServiceResolver"), ("kuma.io/v1alpha1", "TrafficRoute"),
    ],
)  # fmt: skip
def test_what_other_programs_read_is_a_warning(version: str, kind: str) -> None:
    """Kubernetes' own kinds, Istio's that hosts do not run, and those of any other project."""
    assert (None, ["warning not-a-mesh-resource"], True) == judge(version, kind)


@pytest.mark.parametrize(
    ("version", "kind", "codes"),
    [
        (NETWORKING, "VirtualServce", ["unknown-kind"]),
        (NETWORKING, "virtualservice", ["unknown-kind"]),
        (NETWORKING, "Whatever", ["unknown-kind"]),
        ("security.istio.io/v1", "PeerAuthn", ["unknown-kind"]),
        ("networking.istio.oi/v1", "VirtualServce", ["unknown-kind"]),
        ("telemetry.istio.io/v1", "VirtualServce", ["unknown-kind"]),
        ("apps/v1", "virtualService", ["unknown-kind"]),
        ("v1", "Virtualservice", ["unknown-kind"]),
        ("v1alpha3", "VirtualServce", ["unknown-kind"]),
        ("networking.istio.io", "VirtualServce", ["unknown-kind"]),
        (None, "VirtualServce", ["unknown-kind", "missing-field"]),
        (None, "Service", ["unknown-kind", "missing-field"]),
        (5, "Service", ["unknown-kind", "wrong-type"]),
        ("", "Service", ["unknown-kind", "wrong-type"]),
        ("config.istio.io/v1alpha2", "RouteRul", ["unknown-kind"]),
        ("config.istio.io/v1alpha2", "RouteRule", ["old-kind"]),
        ("config.istio.io/v1alpha2", "DestinationPolicy", ["old-kind"]),
        ("config.istio.io/v1alpha2", "EgressRule", ["old-kind"]),
        (NETWORKING, "RouteRule", ["old-kind"]),
        (None, "RouteRule", ["old-kind"]),
        (NETWORKING, None, ["missing-field"]),
        (None, None, ["missing-field"]),
        (NETWORKING, ["VirtualService"], ["wrong-type"]),
        ("v1", "", ["missing-field"]),
        ("v1", "x" * 10_000, []),
    ],
)
def test_what_may_have_been_meant_for_us_is_an_error(version: object, kind: object, codes: list[str]) -> None:
    """A typo in kind or group never makes a resource somebody else's."""
    of_others = not codes
    expected = ["warning not-a-mesh-resource"] if of_others else [f"error {code}" for code in codes]

    assert (None, expected, of_others) == judge(version, kind)


@pytest.mark.parametrize(
    ("version", "kind", "codes"),
    [
        (NETWORKING, "VirtualService", []),
        ("networking.istio.io/v1alpha3", "ExternalService", ["warning old-spelling"]),
        (None, "VirtualService", ["error missing-field"]),
        ("v1", "VirtualService", ["error unknown-version"]),
        ("apps/v1", "Gateway", ["error unknown-version"]),
        ("networking.istio.io/v2", "Gateway", ["error unknown-version"]),
        ("networking.istio.oi/v1", "Gateway", ["error unknown-version"]),
        (["x"], "Gateway", ["error unknown-version"]),
    ],
)
def test_a_kind_of_ours_stays_ours(version: object, kind: str, codes: list[str]) -> None:
    """Whatever its apiVersion is, so that its spec is judged in the same run."""
    name, said, foreign = judge(version, kind)

    assert name in KINDS
    assert (codes, False) == (said, foreign)


def test_hints_say_what_to_do() -> None:
    """What was convertible is converted, what was nearly right is named."""
    hints = {kind: type_meta({"apiVersion": version, "kind": kind}).diagnostics[0].hint for version, kind in [
        ("config.istio.io/v1alpha2", "RouteRule"), ("networking.k8s.io/v1", "Ingress"), (NETWORKING, "VirtualServce"),
        ("networking.istio.oi/v1", "Gateway"), ("apps/v1", "Deployment"), (NETWORKING, "EnvoyFiltr"),
    ]}  # fmt: skip

    assert {
        "RouteRule": "rewrite it with `meshctl convert -f FILE`",
        "Ingress": "`meshctl convert -f FILE` makes a Gateway and a VirtualService of it",
        "VirtualServce": 'did you mean "VirtualService"?',
        "Gateway": 'did you mean "networking.istio.io/v1"?',
        "Deployment": None,
        "EnvoyFiltr": 'did you mean "EnvoyFilter"?',
    } == hints
