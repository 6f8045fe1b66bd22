"""What ServiceEntries may say beside `tests/corpus/serviceentry`: limits, echoes, hints, and reading back."""

import pytest

from store.codec import decode, encode
from store.diagnostic import Diagnostic, render_path
from store.reader import read
from store.resources.resolution import Resolution
from store.resources.service_entry import ServiceEntry, ServicePort
from store.resources.workload_entry import WorkloadEntry
from store.resources.workload_selector import WorkloadSelector


def diagnostics(spec: str) -> list[Diagnostic]:
    text = f"apiVersion: networking.istio.io/v1alpha3\nkind: ServiceEntry\nmetadata: {{name: x}}\nspec: {spec}\n"
    (document,) = read(text.encode(), "x.yaml").documents
    return list(decode(document.value)[1])


def judge(spec: str) -> list[str]:
    return sorted(f"{said.code} {render_path(said.path)}" for said in diagnostics(spec))


PORTS = "ports: [{number: 80, name: http, protocol: HTTP}]"


def endpoint(text: str, resolution: str = "STATIC", ports: str = PORTS) -> str:
    return f"{{hosts: [a.com], {ports}, resolution: {resolution}, endpoints: [{{{text}}}]}}"


GOOD = [
    f"{{hosts: [reviews, '*.foo.com'], {PORTS}, resolution: STATIC, location: 1}}",
    "{hosts: [a.com], addresses: [10.0.0.1, '::1'], resolution: DNS}",
    f"{{hosts: [a.com, a.com], {PORTS}, resolution: 1, endpoints: [{{address: 10.0.0.1,"
    " ports: {http: 8080}, labels: {version: v1}, weight: 3}, {address: '::1'}]}",
    f"{{hosts: ['*.a.com'], {PORTS}, resolution: DNS, endpoints: [{{address: a.com}}]}}",
    "{hosts: [a], ports: [{number: 80, name: g, protocol: grpc, targetPort: 8}], resolution: STATIC}",
    f"{{hosts: [a], {PORTS}, resolution: STATIC, endpoints: [], addresses: []}}",
]


@pytest.mark.parametrize("spec", GOOD)
def test_what_hosts_can_do_is_accepted_in_silence(spec: str) -> None:
    """What Istio accepts of the supported fields is accepted, and nothing is said."""
    assert [] == judge(spec)


def many(name: str, count: int, item: str) -> str:
    return f"{name}: [{', '.join(item.format(i) for i in range(count))}]"


LIMITS = [
    (f"{{{many('hosts', 257, 'a')}, resolution: STATIC}}", "limit spec.hosts"),
    (f"{{hosts: [a], resolution: STATIC, {many('addresses', 257, '10.0.0.1')}}}", "limit spec.addresses"),
    (f"{{hosts: [a], resolution: STATIC, {many('ports', 257, '{{number: 1{0:03}, name: p{0}, protocol: HTTP}}')}}}",
     "limit spec.ports"),
    (f"{{hosts: [a], resolution: STATIC, {many('endpoints', 4097, '{{address: 10.0.0.1}}')}}}", "limit spec.endpoints"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), LIMITS)
def test_lists_have_the_limits_of_istios_schema(spec: str, expected: str) -> None:
    """One more than is allowed is refused, once, where the list stands."""
    assert [expected] == judge(spec)


ONE_MISTAKE = [
    # a misspelt field is not also one that is missing, or that will not do unset
    ("{hosts: [a], resoluton: DNS}", ["unknown-field spec.resoluton"]),
    (f"{{hosts: [a], {PORTS}, resoluton: STATIC, endpoints: [{{address: 10.0.0.1}}]}}",
     ["unknown-field spec.resoluton"]),
    ("{hosts: [a, b], resolution: STATIC, ports: [{number: 80, name: a, protocl: HTTP}]}",
     ["unknown-field spec.ports[0].protocl"]),
    # a written NONE is what it is
    ("{hosts: [a], foo: 1, resolution: NONE}", ["not-supported spec.resolution", "unknown-field spec.foo"]),
    # a resolution that nobody knows is not NONE
    ("{hosts: [a], resolution: WHATEVER, endpoints: [{address: 10.0.0.1}]}", ["bad-value spec.resolution"]),
    # an unknown protocol is not also one that hosts cannot share
    ("{hosts: [a, b], resolution: STATIC, ports: [{number: 80, name: a, protocol: HTTTP}]}",
     ["bad-value spec.ports[0].protocol"]),
    # what is refused is not said to be missing
    (endpoint("address: 5"), ["wrong-type spec.endpoints[0].address"]),
    (endpoint("address: ['10.0.0.1']"), ["wrong-type spec.endpoints[0].address"]),
    (endpoint("address: 'unix:///x'", ports="ports: 5"), ["wrong-type spec.ports"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), ONE_MISTAKE)
def test_one_mistake_is_said_once(spec: str, expected: list[str]) -> None:
    """Nothing is said that another mistake alone would cause."""
    assert expected == judge(spec)


HINTS = [
    (endpoint("address: a.com"), "resolution: DNS looks names up"),
    (endpoint("address: '10.0.0.1:80'"), 'write address: "10.0.0.1"; the port belongs into "ports"'),
    (endpoint("address: '[::1]:80'"), 'write address: "::1"; the port belongs into "ports"'),
    (endpoint("address: 'a.com:80'", "DNS"), 'write address: "a.com"; the port belongs into "ports"'),
    (f"{{hosts: [a], {PORTS}, endpoints: [{{address: a.com}}]}}", "write resolution: DNS"),
    (f"{{hosts: [a], {PORTS}, endpoints: [{{address: 10.0.0.1}}]}}", "write resolution: STATIC"),
    ("{hosts: [a], resolution: STATIC, addresses: [a.com]}", 'names belong into "hosts"'),
]


@pytest.mark.parametrize(("spec", "hint"), HINTS)
def test_what_is_refused_comes_with_what_to_write(spec: str, hint: str) -> None:
    """The mistakes that one makes most are answered with their remedy."""
    (refused,) = (said for said in diagnostics(spec) if said.is_error)

    assert hint == refused.hint


def test_what_cannot_run_yet_hides_no_mistake() -> None:
    """Whatever the resolution, endpoints, ports and addresses are judged."""
    for resolution in Resolution:
        spec = (
            f"{{hosts: ['*.a'], resolution: {resolution}, addresses: [x], ports: [{{number: 0, name: a}}],"
            " endpoints: [{address: a_b, ports: {b: 0}}]}"
        )
        said = judge(spec)

        assert "bad-value spec.addresses[0]" in said
        assert "bad-value spec.ports[0].number" in said
        assert "bad-value spec.endpoints[0].ports.b" in said
        assert any(one.endswith("spec.endpoints[0].address") for one in said)


def test_every_field_reads_back() -> None:
    """What is written of a resource is the same resource again."""
    spec = (
        "{hosts: [a.com], addresses: [10.0.0.0/8], location: MESH_INTERNAL, resolution: STATIC, export_to: ['.'],"
        " workload_selector: {labels: {app: a}}, subject_alt_names: [a.com],"
        " ports: [{number: '80', name: http, protocol: TCP, target_port: 8080}]}"
    )
    text = f"{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: x}}, spec: {spec}}}"
    (document,) = read(text.encode(), "x.yaml").documents
    resource, _ = decode(document.value)

    assert resource is not None
    assert resource == decode(encode(resource))[0]
    assert isinstance(resource.spec, ServiceEntry)
    assert WorkloadSelector({"app": "a"}) == resource.spec.workload_selector
    assert (ServicePort(80, "http", "TCP", 8080),) == resource.spec.ports  # type: ignore[arg-type]


def test_an_endpoint_reads_back() -> None:
    """All its fields have a place."""
    text = (
        "{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: x}, spec: {address: 10.0.0.1,"
        " ports: {http: 80}, labels: {a: b}, network: n, locality: a/b, weight: 2, service_account: s}}"
    )
    (document,) = read(text.encode(), "x.yaml").documents
    resource, _ = decode(document.value)

    assert resource is not None
    assert resource == decode(encode(resource))[0]
    assert isinstance(resource.spec, WorkloadEntry)
    assert ("n", "a/b", 2, "s") == (
        resource.spec.network, resource.spec.locality, resource.spec.weight, resource.spec.service_account
    )  # fmt: skip
