"""`meshctl convert` as its users run it: what goes where, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ctl.main import cli

SEED = Path(__file__).parents[2] / "seed" / "legacy-routerules-reviews.yaml"
REDIRECT = """
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: r}
spec: {destination: {name: a}, match: {source: {name: web}}, redirect: {uri: /x}, l4Fault: {}}
"""


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["convert", *words], input=stdin)


@pytest.mark.parametrize("output", ["table", "wide", "yaml"])
def test_documents_go_to_stdout_and_talk_to_stderr(output: str, tmp_path: Path) -> None:
    """What is printed can be validated as it is, and converting it changes nothing but the comments."""
    done = run("-f", str(SEED), "-o", output)
    again = run("-f", "-", stdin=done.stdout)
    judged = CliRunner().invoke(cli, ["validate", "-f", "-", "-o", "json"], input=done.stdout)

    assert (0, "read 2 documents, printed 2 documents of today's API\n") == (done.exit_code, done.stderr)
    assert f"# from {SEED}:13 RouteRule default/reviews-test-v2\n" in done.stdout
    assert 0 == judged.exit_code
    assert (0, 0) == (json.loads(judged.stdout)["summary"]["errors"], again.exit_code)
    assert [line for line in done.stdout.splitlines() if "#" not in line] == [
        line for line in again.stdout.splitlines() if "#" not in line
    ]


def test_as_json_it_is_one_object() -> None:
    """Documents, findings and counts together; nothing on stderr."""
    done = run("-f", "-", "-o", "json", "-n", "shop", stdin=REDIRECT.replace("name: web", "name: web, labels: {a: b}"))
    answer = json.loads(done.stdout)

    assert (0, "") == (done.exit_code, done.stderr)
    assert ["VirtualService"] == [one["kind"] for one in answer["resources"]]
    assert {"name": "a", "namespace": "shop"} == answer["resources"][0]["metadata"]
    assert ["not-converted", "not-converted"] == [one["code"] for one in answer["diagnostics"]]
    assert {"files": 1, "resources": 1, "errors": 0, "warnings": 2, "infos": 0} == answer["summary"]


def test_what_cannot_be_said_today_is_refused_and_nothing_is_printed() -> None:
    """Exit 2, the place and the way out on stderr; as JSON there are findings and no resources."""
    done = run("-f", "-", stdin=REDIRECT)
    answer = json.loads(run("-f", "-", "-o", "json", stdin=REDIRECT).stdout)

    assert (2, "") == (done.exit_code, done.stdout)
    assert "-:5:48: error" in done.stderr
    assert "calls of one service are told by labels" in done.stderr
    assert "write the labels that its hosts have" in done.stderr
    assert "nothing is printed" in done.stderr
    assert [] == answer["resources"]
    assert 1 == answer["summary"]["errors"]


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    """An empty directory and a file that is not there end as everywhere."""
    assert 2 == run("-f", str(tmp_path)).exit_code
    assert 2 == run("-f", str(tmp_path / "nothing.yaml")).exit_code
    assert 2 == run().exit_code


def test_only_documents_of_others_is_refused() -> None:
    """As with validate: somebody took the file for ours."""
    done = run("-f", "-", stdin="{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}")

    assert 2 == done.exit_code
    assert "not a mesh resource" in done.stderr


LOSING = {
    "policy": """
apiVersion: config.istio.io/v1alpha2
kind: DestinationPolicy
metadata: {name: p}
spec: {destination: {name: a}, source: {name: web}, loadBalancing: {name: RANDOM}}
""",
    "annotation": """
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: i, annotations: {nginx.ingress.kubernetes.io/rewrite-target: /}}
spec: {rules: [{http: {paths: [{path: /a, backend: {serviceName: a, servicePort: 80}}]}}]}
""",
    "backend": """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec:
  defaultBackend: {service: {name: a, port: {number: 80}}}
  rules:
  - http:
      paths: [{path: /s, pathType: Prefix, backend: {resource: {apiGroup: k8s.example.com, kind: Bucket, name: b}}}]
""",
}


@pytest.mark.parametrize("name", LOSING)
def test_who_is_strict_gets_nothing_that_lost_meaning(name: str) -> None:
    """What is left out is a warning and exit code 0; with --strict an error, exit code 2, and nothing is printed."""
    done = run("-f", "-", stdin=LOSING[name])
    refused = run("-f", "-", "--strict", stdin=LOSING[name])
    answer = json.loads(run("-f", "-", "--strict", "-o", "json", stdin=LOSING[name]).stdout)

    assert 0 == done.exit_code
    assert "warning[not-converted]" in done.stderr
    assert (2, "") == (refused.exit_code, refused.stdout)
    assert "error[not-converted]" in refused.stderr
    assert "nothing is printed; 1 error" in refused.stderr
    assert ([], 1) == (answer["resources"], answer["summary"]["errors"])


def test_who_is_strict_gets_what_lost_nothing() -> None:
    """One document may become several; the last line says so."""
    whole = LOSING["annotation"].replace("annotations: {nginx.ingress.kubernetes.io/rewrite-target: /}", "")
    done = run("-f", "-", "--strict", stdin=whole)

    assert 0 == done.exit_code
    assert "read 1 document, printed 2 documents of today's API" in done.stderr
