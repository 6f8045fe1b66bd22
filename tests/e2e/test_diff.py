"""`meshctl diff`, and what `get` prints: the real command and a real etcd."""

from tests.e2e.meshctl import Meshctl

RULE = """apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: %s}
"""
OLD_RULE = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
spec:
  name: reviews
  traffic_policy: {load_balancer: {simple: %s}}
"""


def test_what_would_change_is_shown_line_by_line_and_nothing_else(meshctl: Meshctl) -> None:
    """Exit code 1 and a unified diff while files and mesh differ, 0 and nothing when they say the same."""
    meshctl.write("a.yaml", RULE % "reviews", OLD_RULE % "5")

    fresh = meshctl("diff", "-f", "a.yaml", code=1)

    assert "--- /dev/null" in fresh.stdout
    assert "+        host: reviews" in fresh.stdout
    assert "would be: 2 created" in fresh.stderr

    meshctl("apply", "-f", "a.yaml")

    assert "" == meshctl("diff", "-f", "a.yaml").stdout

    meshctl.write("b.yaml", RULE % "ratings", OLD_RULE % "LEAST_REQUEST")
    changed = meshctl("diff", "-f", "b.yaml", code=1).stdout.splitlines()

    assert [line for line in changed if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-        host: reviews",
        "+        host: ratings",
    ]
    assert any(line.startswith("--- VirtualService default/reviews   apply 1-") for line in changed)
    assert "+++ VirtualService default/reviews   b.yaml:1" in changed
    assert "virtualservice/reviews\n" == meshctl("diff", "-f", "b.yaml", "-o", "name", code=1).stdout

    answer = meshctl.json("diff", "-f", "b.yaml", code=1)

    assert ["configured", "unchanged"] == [each["result"] for each in answer["resources"]]  # type: ignore[attr-defined]


def test_files_that_are_wrong_are_not_compared(meshctl: Meshctl) -> None:
    """Exit code 2, and the mistakes as `validate` tells them."""
    meshctl.write("a.yaml", RULE.replace("route:", "rout:") % "a")

    assert "unknown field" in meshctl("diff", "-f", "a.yaml", code=2).stderr


def test_stored_resources_are_printed_in_the_order_of_their_fields(meshctl: Meshctl) -> None:
    """As a person would write them, hosts before http, though etcd keeps records in the order of the alphabet."""
    meshctl.write("a.yaml", RULE % "reviews")
    meshctl("apply", "-f", "a.yaml")

    printed = meshctl("get", "vs", "reviews", "-o", "yaml").stdout

    assert ["apiVersion:", "kind:", "metadata:", "spec:"] == [
        line.split()[0] for line in printed.splitlines() if line[:1].isalpha()
    ]
    assert "" == meshctl("diff", "-f", "-", stdin=printed).stdout


def test_names_are_completed_from_the_mesh(meshctl: Meshctl) -> None:
    """`meshctl get vs r<TAB>` offers what is there, and nothing, quietly, when etcd is away."""
    meshctl.write("a.yaml", RULE % "reviews", OLD_RULE % "RANDOM")
    meshctl("apply", "-f", "a.yaml")

    assert ["plain,reviews"] == meshctl.complete("meshctl get vs r")
    assert [] == meshctl.complete("meshctl get vs x")
    assert [] == meshctl.complete("meshctl get gw r")
    assert [] == meshctl.complete("meshctl --etcd http://127.0.0.1:1 get vs r")
    assert ["plain,vs/reviews"] == meshctl.complete("meshctl get vs/r")
    assert ["plain,vs/reviews"] == meshctl.complete("meshctl get se/x vs/r")
    assert ["plain,reviews"] == meshctl.complete("meshctl get vs/x r")
    assert [] == meshctl.complete("meshctl get gw/r")
    assert ["plain,IST0101"] == meshctl.complete("meshctl analyze --explain ist010")[:1]
    assert ["plain,apply"] == meshctl.complete("meshctl help app")
    offered = meshctl.complete("meshctl fields vs.http.mat")

    assert ["plain,vs.http.match"] == offered


def test_a_page_tells_all_that_is_known_of_a_resource(meshctl: Meshctl) -> None:
    """Where it came from, which resources it has to do with and through which name, what is found at it, its text."""
    meshctl.write("a.yaml", RULE % "reviews", OLD_RULE % "RANDOM")
    meshctl("apply", "-f", "a.yaml")

    page = meshctl("describe", "vs", "reviews").stdout

    assert "VirtualService default/reviews" == page.splitlines()[0]
    assert "from a.yaml:1" in page
    assert "DestinationRule default/reviews   reviews" in page
    assert "a.yaml:1: error[IST0101]" in page
    assert "  hosts:\n  - reviews" in page

    answer = meshctl.json("describe", "vs,dr")

    assert ["VirtualService default/reviews", "DestinationRule default/reviews"] == [
        each["resource"] for each in answer["resources"]  # type: ignore[attr-defined]
    ]
    assert "there is no VirtualService" in meshctl("describe", "vs", "nobody", code=1).stderr
