"""`meshctl analyze` over files alone: what it says, where, and how it ends; and what it says of codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ctl.main import cli

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
"""
RULE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: %s}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: %s}
"""
OTHER_RULE = RULE.replace("  - route:", "  - match: [{uri: {prefix: /b}}]\n    route:")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    monkeypatch.chdir(tmp_path)
    return Run()


class Run:
    """Runs the command in a directory."""

    def __call__(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["analyze", *words])
        assert code == done.exit_code, done.output
        return done

    def json(self, *words: str, code: int = 0) -> dict[str, object]:
        answer = json.loads(self(*words, "-o", "json", code=code).stdout)
        assert isinstance(answer, dict)
        return answer


def test_a_finding_stands_at_its_field(run: Run) -> None:
    """File, line and column of the field, the level and the code, the line itself, and a hint."""
    Path("a.yaml").write_text(RULE % ("r", "default", "review") + "---\n" + SERVICE)
    done = run("-f", "a.yaml", "--offline", code=1)

    assert "a.yaml:8:27: error[IST0101]: no ServiceEntry has the host" in done.stdout
    assert 'did you mean "reviews"?' in done.stdout
    assert "1 file, 2 resources: 1 error" in done.stdout
    assert "meshctl analyze --explain IST0101" in done.stderr


def test_json_is_that_of_the_contract(run: Run) -> None:
    """Both places of a conflict have file, line and column."""
    Path("a.yaml").write_text(RULE % ("a", "default", "reviews") + "---\n" + SERVICE)
    Path("b.yaml").write_text(OTHER_RULE % ("b", "default", "reviews"))
    answer = run.json("-f", ".", "--offline")
    first, second = answer["diagnostics"]  # type: ignore[misc]  # checked by the assertion

    assert {"files": 2, "resources": 3, "errors": 0, "warnings": 2, "infos": 0, "suppressed": 0} == answer["summary"]
    assert ("a.yaml", 5, 11, "warning", "IST0109") == tuple(
        first[name] for name in ("file", "line", "column", "level", "code")
    )
    assert ("VirtualService default/a", "spec.hosts[0]") == (first["resource"], first["path"])
    assert [("b.yaml", 5, "VirtualService default/b")] == [
        (each["file"], each["line"], each["resource"]) for each in first["related"]
    ]
    assert "b.yaml" == second["file"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--failure-threshold", "warning"), 1),
        (("--failure-threshold", "info"), 1),
        (("--failure-threshold", "warning", "--suppress", "IST0109"), 0),
        (("--failure-threshold", "warning", "--suppress", "IST0109=VirtualService default/a"), 1),
        (("--failure-threshold", "warning", "-n", "shop"), 0),
        (("--failure-threshold", "warning", "-n", "default"), 1),
        (("--failure-threshold", "warning", "-n", "shop", "-A"), 1),
    ],
)
def test_how_it_ends(run: Run, words: tuple[str, ...], code: int) -> None:
    """1 when something at the threshold or above is said; what is suppressed, or of other namespaces, is not said."""
    rules = (RULE % ("a", "default", "reviews"), OTHER_RULE % ("b", "default", "reviews"))
    Path("a.yaml").write_text("---\n".join(rules))
    Path("b.yaml").write_text(SERVICE.replace("{name: reviews}", "{name: reviews, namespace: default}"))

    run("-f", ".", "--offline", *words, code=code)


def test_what_cannot_be_read_is_told_and_nothing_is_guessed(run: Run) -> None:
    """A document with a mistake is missing from the mesh: what refers to it would be told wrongly."""
    Path("a.yaml").write_text(RULE % ("a", "default", "reviews") + "---\n" + SERVICE.replace("hosts", "host"))
    answer = run.json("-f", "a.yaml", "--offline", code=2)

    assert ["unknown-field"] == [each["code"] for each in answer["diagnostics"]]  # type: ignore[attr-defined]
    assert "before the errors are corrected" in run("-f", "a.yaml", "--offline", code=2).stderr


def test_warnings_of_the_documents_themselves_are_said_too(run: Run) -> None:
    """Also they can be suppressed."""
    text = RULE % ("a", "default", "reviews") + "  - redirect: {uri: /}\n"
    Path("a.yaml").write_text(f"{text}---\n{SERVICE}")

    assert ["IST0130"] == [each["code"] for each in run.json("-f", "a.yaml", "--offline")["diagnostics"]]  # type: ignore[attr-defined]
    assert [] == run.json("-f", "a.yaml", "--offline", "--suppress", "IST0130")["diagnostics"]


def test_the_oldest_of_files_is_the_first_or_the_first_created(run: Run) -> None:
    """Times that an export carries go before the order of reading."""
    exported = OTHER_RULE.replace("namespace: %s", 'namespace: %s, creationTimestamp: "2020-01-01T00:00:00Z"')
    Path("a.yaml").write_text(RULE % ("a", "default", "reviews") + "---\n" + SERVICE)
    Path("b.yaml").write_text(exported % ("b", "default", "reviews"))
    first, _ = run.json("-f", ".", "--offline")["diagnostics"]  # type: ignore[misc]

    assert "those of VirtualService default/b come first" in first["message"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--offline",), "--offline looks at files only"),
        (("-f", "a.yaml", "--offline", "--suppress", "IST0101="), "is not CODE or CODE=KIND"),
        (("-f", "a.yaml", "--offline", "--suppress", "double-slosh"), 'did you mean "double-slash"?'),
        (("-f", "a.yaml", "--offline", "--suppress", "IST0101=Foo"), "write CODE=KIND NAMESPACE/NAME"),
        (("-f", "a.yaml", "--offline", "--suppress", "IST0101,IST0109"), "--suppress IST0101 --suppress IST0109"),
        (("--explain", "IST0199"), 'there is no code "IST0199"'),
        (("--explain", "dubble-slash"), 'did you mean "double-slash"?'),
        (("-f", "nowhere.yaml", "--offline"), "no such file"),
    ],
)
def test_what_is_asked_wrongly(run: Run, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and what to write instead."""
    assert said in run(*words, code=2).output


def test_codes_that_only_istio_has_can_be_suppressed(run: Run) -> None:
    """Scripts are shared with istioctl."""
    Path("a.yaml").write_text(SERVICE)

    run("-f", "a.yaml", "--offline", "--suppress", "IST0102", "--suppress", "IST0118=Service x")


def test_a_code_is_explained(run: Run) -> None:
    """In any case of letters: what it means, an example, what to do; all of them as a list."""
    page = run("--explain", "ist0101").stdout

    assert page.startswith("IST0101: a reference to something that does not exist (error)\n")
    assert "For example:\n  apiVersion" in page
    assert "What to do:\n" in page
    assert "IST0101" == run.json("--explain", "IST0101")["code"]
    assert "double-slash" in run("--explain").stdout
    assert {"code", "title", "level", "meaning", "example", "remedy"} == set(run.json("--explain")["codes"][0])  # type: ignore[index]


def test_what_is_suppressed_is_counted(run: Run) -> None:
    """Also in JSON; a suppression that suppressed nothing is named, since it is a mistake or not needed any more."""
    Path("a.yaml").write_text(RULE % ("a", "default", "nothing") + "---\n" + SERVICE)
    done = run("-f", "a.yaml", "--offline", "--suppress", "IST0101=vs a", "--suppress", "IST0109=vs shop/a")
    answer = run.json("-f", "a.yaml", "--offline", "--suppress", "ist0101")

    assert "1 file, 2 resources: no findings, 1 suppressed\n" == done.stdout
    assert 'meshctl: --suppress "IST0109=VirtualService shop/a" suppressed nothing' == done.stderr.strip()
    assert ([], 1) == (answer["diagnostics"], answer["summary"]["suppressed"])  # type: ignore[index]


def test_many_findings_are_counted_by_code(run: Run) -> None:
    """The last line says what there is most of; of a few it is plain to see."""
    rules = [RULE % (f"r{n}", "default", "nothing") for n in range(3)]
    Path("a.yaml").write_text("---\n".join(rules))
    few = run("-f", "a.yaml", "--offline", "--suppress", "IST0109", "--suppress", "covered-rule", code=1)
    many = run("-f", "a.yaml", "--offline", code=1)

    assert "IST0101 ×3" in many.stdout.splitlines()[-1]
    assert "IST0109 ×3" in many.stdout.splitlines()[-1]
    assert "×" not in few.stdout
