"""`meshctl validate` as it is typed: what it prints, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ctl.main import cli

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec:
  hosts: [a.mesh]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
"""
NOT_YET = SERVICE.replace("  resolution", "  subjectAltNames: [x]\n  resolution")
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"


def validate(tmp_path: Path, text: str, *words: str) -> tuple[int, str]:
    """Return exit code and output."""
    (tmp_path / "a.yaml").write_text(text)
    done = CliRunner().invoke(cli, ["validate", "-f", str(tmp_path / "a.yaml"), *words])
    return done.exit_code, done.stdout


@pytest.mark.parametrize(
    ("text", "words", "code", "last"),
    [
        (SERVICE, (), 0, "1 file, 1 resource: no findings"),
        (NOT_YET, (), 0, "1 file, 1 resource: 1 warning"),
        (NOT_YET, ("--strict",), 2, "1 file, 1 resource: 1 error"),
        (f"{SERVICE}---\n{DEPLOYMENT}", (), 0, "1 file, 1 resource: 1 warning"),
        (f"{SERVICE}---\n{DEPLOYMENT}", ("--strict",), 2, "1 file, 1 resource: 1 error"),
        (DEPLOYMENT, (), 2, "1 file, 0 resources: 1 error"),
        (f"{SERVICE}---\n{SERVICE}", (), 0, "1 file, 2 resources: 1 warning"),
        (SERVICE.replace("spec", "sepc"), (), 2, "1 file, 1 resource: 1 error"),
        ("", (), 2, "1 file, 0 resources: 1 error"),
    ],
)
def test_how_it_ends_is_how_bad_it_is(tmp_path: Path, text: str, words: tuple[str, ...], code: int, last: str) -> None:
    """Warnings alone are fine, but with --strict; the last line counts."""
    ended, output = validate(tmp_path, text, *words)

    assert (code, last) == (ended, output.splitlines()[-1])


def test_what_is_shown_of_a_finding(tmp_path: Path) -> None:
    """Place, level, code, what is wrong; the line with a mark; what to do; which field."""
    _, output = validate(tmp_path, SERVICE.replace("STATIC", "STATIK"))

    assert [
        f'{tmp_path}/a.yaml:7:15: error[bad-value]: "STATIK" is not a value of this field',
        "     7 |   resolution: STATIK",
        "       |               ^",
        "       = expected one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS",
        '       = hint: did you mean "STATIC"?',
        "       = in ServiceEntry default/a, spec.resolution",
        "1 file, 1 resource: 1 error",
    ] == output.splitlines()


def test_json_is_the_contract_s(tmp_path: Path) -> None:
    """The same for programs."""
    code, output = validate(tmp_path, SERVICE.replace("hosts", "hots"), "-o", "json")
    answer: dict[str, Any] = json.loads(output)
    (said,) = answer["diagnostics"]

    assert 2 == code
    assert {"files": 1, "resources": 1, "errors": 1, "warnings": 0, "infos": 0} == answer["summary"]
    assert said.pop("expected").startswith("one of addresses, endpoints")
    assert {
        "file": str(tmp_path / "a.yaml"),
        "line": 5,
        "column": 3,
        "level": "error",
        "code": "unknown-field",
        "resource": "ServiceEntry default/a",
        "path": "spec.hots",
        "message": 'unknown field "hots"',
        "hint": 'did you mean "hosts"?',
    } == said


def test_standard_input_is_called_by_its_dash() -> None:
    """As everywhere."""
    done = CliRunner().invoke(cli, ["validate", "-f", "-"], input="a: [\n")

    assert 2 == done.exit_code
    assert done.stdout.startswith("-:1:")


def test_a_name_in_no_encoding_is_printed_all_the_same(tmp_path: Path) -> None:
    """File names are bytes."""
    name = str(tmp_path / "\udcff.yaml")
    Path(name).write_text("a: [\n")

    for output in ("table", "json"):
        done = CliRunner().invoke(cli, ["validate", "-f", name, "-o", output])
        assert 2 == done.exit_code
        assert r"\xff.yaml" in done.stdout.replace("\\\\", "\\")
