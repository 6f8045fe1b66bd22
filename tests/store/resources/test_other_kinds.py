"""What ServiceEntries may say: a spec, and the codes and paths of what is said."""

import pytest

from store.codec import decode
from store.diagnostic import render_path
from store.reader import read


def judge(kind: str, spec: str) -> list[str]:
    text = f"apiVersion: networking.istio.io/v1alpha3\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
    (document,) = read(text.encode(), "x.yaml").documents
    _, diagnostics = decode(document.value)
    return sorted(f"{said.code} {render_path(said.path)}" for said in diagnostics)


ENTRY = "ports: [{number: 80, name: http, protocol: HTTP}]"

GOOD = [
    ("ServiceEntry", f"{{hosts: [reviews, '*.foo.com'], {ENTRY}, resolution: STATIC, location: 1}}"),
    ("ServiceEntry", "{hosts: [a.com], addresses: [10.0.0.1, '::1'], resolution: DNS}"),
    ("ServiceEntry", f"{{hosts: [a.com, a.com], {ENTRY}, resolution: 1, endpoints: [{{address: 10.0.0.1,"
                     " ports: {http: 8080}, labels: {version: v1}, weight: 3}, {address: '::1'}]}"),
    ("ServiceEntry", f"{{hosts: ['*.a.com'], {ENTRY}, resolution: DNS, endpoints: [{{address: a.com}}]}}"),
    ("ServiceEntry", "{hosts: [a], ports: [{number: 80, name: g, protocol: grpc, targetPort: 8}], resolution: STATIC}"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "spec"), GOOD)
def test_good_specs_are_accepted_in_silence(kind: str, spec: str) -> None:
    """What Istio accepts of the supported fields is accepted, and nothing is said."""
    assert [] == judge(kind, spec)


def endpoint(text: str, resolution: str = "STATIC") -> str:
    return f"{{hosts: [a.com], {ENTRY}, resolution: {resolution}, endpoints: [{{{text}}}]}}"


ENTRIES = [
    (f"{{hosts: [a.com], {ENTRY}}}", ["not-supported spec.resolution"]),
    (f"{{hosts: [a.com], {ENTRY}, resolution: DNS_ROUND_ROBIN}}", ["not-supported spec.resolution"]),
    (f"{{hosts: [a.com], {ENTRY}, resolution: 4}}", ["not-supported spec.resolution"]),
    (f"{{hosts: [a.com], {ENTRY}, resolution: STATIK}}", ["bad-value spec.resolution"]),
    (f"{{hosts: [a.com], {ENTRY}, discovery: DNS}}", ["old-spelling spec.discovery"]),
    ("{resolution: DNS}", ["missing-field spec"]),
    ("{hosts: [a], resoluton: DNS, workload_selector: {}}",
     ["not-supported spec.workloadSelector", "unknown-field spec.resoluton"]),
    ("{hosts: [a], foo: 1, resolution: NONE}", ["not-supported spec.resolution", "unknown-field spec.foo"]),
    ("{hosts: ['*', 10.0.0.1, a_b], resolution: DNS}", [f"bad-host spec.hosts[{i}]" for i in range(3)]),
    ("{hosts: ['*.a.com'], resolution: DNS}", ["bad-host spec.hosts[0]"]),
    ("{hosts: ['*a.com'], resolution: STATIC}", ["partial-wildcard spec.hosts[0]"]),
    (f"{{hosts: [{','.join(['a'] * 257)}], resolution: STATIC}}", ["limit spec.hosts"]),
    ("{hosts: [a], addresses: [10.0.0.0/8, x], resolution: STATIC}",
     ["bad-value spec.addresses[1]", "not-supported spec.addresses[0]"]),
    ("{hosts: [a], resolution: STATIC, ports: [{number: 80, name: a, protocol: HTTP},"
     " {number: 80, name: a, protocol: HTTP}]}",
     ["duplicate spec.ports[1].name", "duplicate spec.ports[1].number"]),
    ("{hosts: [a], resolution: STATIC, ports: [{number: 0, name: a.b, protocol: TCP, targetPort: 0},"
     " {number: 81, name: c}]}",
     ["bad-value spec.ports[0].name", "bad-value spec.ports[0].number", "bad-value spec.ports[0].targetPort",
      "not-supported spec.ports[0].protocol", "not-supported spec.ports[1].protocol"]),
    ("{hosts: [a], resolution: STATIC, ports: [{number: true, name: a, protocol: HTTP}, {number: '8_0', name: b}]}",
     ["wrong-type spec.ports[0].number", "wrong-type spec.ports[1].number", "not-supported spec.ports[1].protocol"]),
    (endpoint("address: 'unix:///x'"), ["not-supported spec.endpoints[0].address"]),
    (endpoint("address: 'unix:///x'", "DNS"), ["bad-value spec.endpoints[0].address"]),
    (endpoint("address: a.com"), ["bad-value spec.endpoints[0].address"]),
    (endpoint("address: '*.a.com'", "DNS"), ["bad-host spec.endpoints[0].address"]),
    (endpoint("address: ''", "DNS"), ["bad-host spec.endpoints[0].address"]),
    (endpoint("labels: {}"), ["missing-field spec.endpoints[0]"]),
    (endpoint("address: 10.0.0.1, ports: {grpc: 1, http: 0}"),
     ["bad-value spec.endpoints[0].ports.grpc", "bad-value spec.endpoints[0].ports.http"]),
    (endpoint("address: 10.0.0.1, labels: {a: '*'}"), ["bad-value spec.endpoints[0].labels.a"]),
    (endpoint("address: 10.0.0.1, network: x, locality: a/b, service_account: y"),
     [f"not-supported spec.endpoints[0].{name}" for name in ("locality", "network", "serviceAccount")]),
    ("{hosts: [a], resolution: STATIC, workloadSelector: {labels: {}}}", ["not-supported spec.workloadSelector"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [("ServiceEntry", *row) for row in ENTRIES],
)
def test_each_mistake_is_named_at_its_own_path(kind: str, spec: str, expected: list[str]) -> None:
    """A spec with mistakes gives exactly the expected codes and paths, no echoes and no others."""
    assert sorted(expected) == judge(kind, spec)
