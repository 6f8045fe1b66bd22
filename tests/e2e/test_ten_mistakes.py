"""Ten mistakes as a user makes them: each is told with place, reason and hint, before anything of it is in the mesh.

The rows are those that Kuma and Consul were measured with (README, "Ten mistakes").
"""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.e2e.meshctl import Meshctl
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.hosts import Host

API = "apiVersion: networking.istio.io/v1alpha3"

SERVICE = f"""{API}
kind: ServiceEntry
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  resolution: STATIC
  ports: [{{number: 9080, name: http, protocol: HTTP}}]
  endpoints:
  - {{address: 10.0.0.1, labels: {{version: v1}}}}
  - {{address: 10.0.0.2, labels: {{version: v2}}}}
"""
SUBSETS = f"""{API}
kind: DestinationRule
metadata: {{name: reviews}}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {{simple: LEAST_REQUEST}}
  subsets:
  - {{name: v1, labels: {{version: v1}}}}
  - {{name: v2, labels: {{version: v2}}}}
"""
RULE = f"""{API}
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:
  - match:
    - uri: {{prefix: /new}}
    timeout: 3s
    route:
    - destination: {{host: reviews, subset: v2}}
  - route:
    - destination: {{host: reviews, subset: v1}}
      weight: 90
    - destination: {{host: reviews, subset: v2}}
      weight: 10
"""


@frozen
class Mistake:
    """One document with one mistake.

    Attributes:
        name: for the report.
        text: the document.
        said: the beginning of the line that tells of it: place and code.
        words: what else must be there: the reason, and the way out.
    """

    name: str
    text: str
    said: str
    words: tuple[str, ...]


def mistyped(text: str, right: str, wrong: str) -> str:
    """Return *text* with one of its spellings changed, and make sure that it is changed."""
    assert right in text
    return text.replace(right, wrong)


REFUSED = (
    Mistake(
        "typo in an optional field",
        mistyped(RULE, "timeout:", "timeuot:"),
        "m.yaml:9:5: error[unknown-field]",
        ('"timeuot"', 'did you mean "timeout"?', "VirtualService default/reviews, spec.http[0].timeuot"),
    ),
    Mistake(
        "typo in a weight, which would send everything elsewhere",
        mistyped(RULE, "weight: 90", "wieght: 90"),
        "m.yaml:14:7: error[unknown-field]",
        ('"wieght"', 'did you mean "weight"?'),
    ),
    Mistake(
        "typo in a required field",
        mistyped(RULE, "{host: reviews, subset: v1}", "{hots: reviews, subset: v1}"),
        "m.yaml:13:21: error[unknown-field]",
        ('"hots"', 'did you mean "host"?', "spec.http[1].route[0].destination.hots"),
    ),
    Mistake(
        "typo in an enum value",
        mistyped(SUBSETS, "LEAST_REQUEST", "LEAST_REQEUST"),
        "m.yaml:7:28: error[bad-value]",
        ('"LEAST_REQEUST"', "ROUND_ROBIN", 'did you mean "LEAST_REQUEST"?', "spec.trafficPolicy.loadBalancer.simple"),
    ),
    Mistake(
        "unknown kind",
        mistyped(RULE, "VirtualService", "VirtualServise"),
        "m.yaml:2:7: error[unknown-kind]",
        ('"VirtualServise"', 'did you mean "VirtualService"?'),
    ),
    Mistake(
        "kind in the wrong case",
        mistyped(RULE, "VirtualService", "virtualservice"),
        "m.yaml:2:7: error[unknown-kind]",
        ('"virtualservice"', 'did you mean "VirtualService"?'),
    ),
    Mistake(
        "no destination",
        mistyped(RULE, "destination: {host: reviews, subset: v1}\n      weight", "weight"),
        "m.yaml:13:7: error[missing-field]",
        ('"destination" is missing', "spec.http[1].route[0]"),
    ),
    Mistake(
        "a rule that leads nowhere",
        mistyped(RULE, "    route:\n    - destination: {host: reviews, subset: v2}\n  - ", "  - "),
        "m.yaml:7:5: error[missing-field]",
        ("expected route, redirect or directResponse", "spec.http[0]"),
    ),
    Mistake(
        "a regex of Python's that RE2 has not",
        mistyped(RULE, "{prefix: /new}", '{regex: "/(?!old).*"}'),
        "m.yaml:8:20: error[bad-regex]",
        ('"/(?!old).*"', "(?!", "RE2"),
    ),
    Mistake(
        "negative weight",
        mistyped(RULE, "weight: 10", "weight: -10"),
        "m.yaml:16:15: error[bad-value]",
        ("weight -10 is negative",),
    ),
    Mistake(
        "weights that add up to nothing",
        mistyped(mistyped(RULE, "weight: 90", "weight: 0"), "weight: 10", "weight: 0"),
        "m.yaml:13:5: error[bad-value]",
        ("add up to 0", "hint: "),
    ),
    Mistake(
        "syntax error",
        mistyped(RULE, "hosts: [reviews]", "hosts: [reviews"),
        "m.yaml:5:10: error[syntax]",
        ("closing bracket",),
    ),
)

WARNED = (
    Mistake(
        "missing destination",
        mistyped(RULE, "{host: reviews, subset: v1}", "{host: review}"),
        "m.yaml:13:27: warning[IST0101]",
        ('"review"', "503", 'did you mean "reviews"?'),
    ),
    Mistake(
        "wrong subset",
        mistyped(RULE, "subset: v1", "subset: v9"),
        "m.yaml:13:44: warning[IST0101]",
        ('"v9"', '"reviews"', "503", "there are v1, v2"),
    ),
    Mistake(
        "wrong label in a subset",
        mistyped(SUBSETS, "{name: v2, labels: {version: v2}}", "{name: v2, labels: {verison: v2}}"),
        "m.yaml:10:24: warning[IST0173]",
        ("verison=v2", '"reviews"', "503", "mesh.yaml:1: "),
    ),
    Mistake(
        "two resources that contradict each other",
        mistyped(RULE, "metadata: {name: reviews}", "metadata: {name: reviews-too}"),
        "m.yaml:5:11: warning[IST0109]",
        ('"reviews"', "merged", "VirtualService default/reviews come first", "mesh.yaml:23: "),
    ),
    Mistake(
        "two rules that contradict each other, in one document",
        mistyped(RULE, "    - uri: {prefix: /new}", "    - uri: {prefix: /}"),
        "m.yaml:12:5: warning[IST0130]",
        ("never reached", "http[0]", "hint: "),
    ),
)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meshctl]:
    """A mesh with a service of two versions. Nobody changes it: that is what is tested."""
    directory = tmp_path_factory.mktemp("m")
    with start_etcd(directory) as server:
        meshctl = Meshctl(server.endpoint, directory)
        meshctl.write("mesh.yaml", SERVICE, SUBSETS, RULE)
        assert "" == meshctl("apply", "-f", "mesh.yaml").stderr
        yield meshctl


@pytest.fixture(scope="module")
def untouched(mesh: Meshctl) -> object:
    """The mesh's last apply, whose revision and digest any change would move."""
    return mesh.json("status")["head"]


def names(mistakes: tuple[Mistake, ...]) -> list[str]:
    return [each.name for each in mistakes]


class TestBeforeAnythingIsStored:
    @pytest.mark.parametrize("mistake", REFUSED, ids=names(REFUSED))
    def test_what_cannot_be_meant_is_refused(self, mesh: Meshctl, untouched: object, mistake: Mistake) -> None:
        """Exit 2, one error with its place, the reason and the way out, and the mesh is what it was."""
        mesh.write("m.yaml", mistake.text)

        refused = mesh("apply", "-f", "m.yaml", code=2)

        assert "" == refused.stdout
        assert refused.stderr.startswith(mistake.said)
        assert [] == [word for word in mistake.words if word not in refused.stderr]
        assert 1 == refused.stderr.count("error[")
        assert "nothing was changed" in refused.stderr
        assert untouched == mesh.json("status")["head"]

    @pytest.mark.parametrize("mistake", WARNED, ids=names(WARNED))
    def test_what_may_be_meant_is_warned_of(self, mesh: Meshctl, untouched: object, mistake: Mistake) -> None:
        """A dry run and `analyze` tell the place, the reason and the way out; the mesh is what it was."""
        mesh.write("m.yaml", mistake.text)

        dry = mesh("apply", "-f", "m.yaml", "--dry-run")
        analyzed = mesh("analyze", "-f", "m.yaml", "--failure-threshold", "warning", code=1)

        assert mistake.said in dry.stderr
        assert [] == [word for word in mistake.words if word not in dry.stderr]
        assert mistake.said.partition(" ")[0] in analyzed.stdout + analyzed.stderr
        assert untouched == mesh.json("status")["head"]


def test_an_apply_warns_as_its_dry_run_does(meshctl: Meshctl) -> None:
    """Exit 0, since what is missing may be applied later; and the warnings are there, as text and as JSON."""
    meshctl.write("mesh.yaml", SERVICE, SUBSETS, RULE)
    said = []
    for mistake in WARNED:
        meshctl("delete", "--all", "--yes")
        meshctl("apply", "-f", "mesh.yaml")
        meshctl.write("m.yaml", mistake.text)
        said.append(meshctl("apply", "-f", "m.yaml").stderr)
    meshctl("apply", "-f", "mesh.yaml")
    meshctl.write("m.yaml", WARNED[0].text)
    answer = meshctl.json("apply", "-f", "m.yaml")["diagnostics"]

    assert [] == [m.name for m, text in zip(WARNED, said, strict=True) if m.said not in text]
    assert isinstance(answer, list)
    assert [("m.yaml", 13, 27, "warning", "IST0101")] == [
        tuple(one[name] for name in ("file", "line", "column", "level", "code")) for one in answer
    ]


def test_a_port_in_use_is_the_host_s_rejection(meshctl: Meshctl, new_host: Callable[..., Host]) -> None:
    """A Gateway on a taken port: exit 4, the host, the line it comes from and what is wrong; status says it after."""
    new_host("vm-1", "--label", "role=edge")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        meshctl.write(
            "edge.yaml",
            SERVICE,
            f"""{API}
kind: Gateway
metadata: {{name: edge}}
spec:
  selector: {{role: edge}}
  servers:
  - port: {{number: {port}, name: http, protocol: HTTP}}
    hosts: [shop.test]
""",
        )
        until_live(meshctl, "vm-1")
        waited = meshctl("apply", "-f", "edge.yaml", "--wait", "--timeout", "15s", code=4)
        status = meshctl("status", code=1)

    (row,) = [line for line in waited.stdout.splitlines() if line.startswith("vm-1")]

    assert "rejected" in row
    assert "edge.yaml:12" in waited.stdout
    assert "Gateway default/edge" in waited.stdout
    assert "Address already in use" in waited.stdout
    assert str(port) in waited.stdout
    assert "Address already in use" in status.stdout


def until_live(meshctl: Meshctl, host: str) -> None:
    """Wait until *host* is in the mesh."""
    for _ in range(40):
        if any(line.startswith(host) and "live" in line for line in meshctl("hosts").stdout.splitlines()):
            return
    raise AssertionError(f"{host} is not live")


def test_a_store_that_is_away_is_one_sentence(server: EmbeddedEtcd, meshctl: Meshctl, tmp_path: Path) -> None:
    """Files are judged all the same; for what needs the store, exit 6 and a line that names its address."""
    meshctl.write("mesh.yaml", SERVICE, SUBSETS)
    meshctl.write("m.yaml", REFUSED[0].text)
    server.kill()

    away = meshctl("apply", "-f", "mesh.yaml", "--wait", code=6)
    refused = meshctl("apply", "-f", "m.yaml", code=2)

    assert "" == away.stdout
    assert 1 == len(away.stderr.splitlines())
    assert f"etcd at {server.endpoint} does not answer" in away.stderr
    assert refused.stderr.startswith(REFUSED[0].said)
