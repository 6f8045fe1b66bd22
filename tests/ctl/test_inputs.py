"""Files → resources or diagnostics."""

from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from ctl.inputs import Inputs, load, load_names
from store.diagnostic import Level, Place
from store.resources.fields import Key

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s}
spec:
  hosts: [%s]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
"""


def write(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("---\n".join(SERVICE % (name, name) for name in names))
    return path


def test_a_directory_is_read_to_its_bottom_in_order(tmp_path: Path) -> None:
    """Files of the three suffixes are found at any depth, sorted, and called as the user would call them."""
    write(tmp_path / "b.yaml", "b")
    write(tmp_path / "a" / "deep" / "x.yml", "a1", "a2")
    (tmp_path / "c.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    write(tmp_path / "README.md", "not-read")
    write(tmp_path / ".git" / "hidden.yaml", "hidden")

    inputs = load([str(tmp_path)])

    assert ["a1", "a2", "b"] == [each.resource.metadata.name for each in inputs.loaded]
    assert str(tmp_path / "a" / "deep" / "x.yml") == inputs.loaded[0].source.file
    assert 10 == inputs.loaded[1].source.line
    assert (3, 3) == (inputs.files, inputs.documents)
    assert not inputs.is_refused


def test_names_are_shown_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative directory stays relative; a file that is given and found as well is read once."""
    write(tmp_path / "routes" / "a.yaml", "a")
    monkeypatch.chdir(tmp_path)

    inputs = load(["routes/", "routes/a.yaml"])

    assert ["routes/a.yaml"] == [each.source.file for each in inputs.loaded]


def test_all_mistakes_of_all_files_are_told(tmp_path: Path) -> None:
    """A file that is not there, one that is no YAML and one with an unknown field are all named at once."""
    (tmp_path / "syntax.yaml").write_text("a: [\n")
    (tmp_path / "field.yaml").write_text(SERVICE.replace("spec:", "spce:") % ("a", "a"))

    inputs = load([str(tmp_path / name) for name in ("gone.yaml", "syntax.yaml", "field.yaml")])

    assert {"unreadable", "syntax", "unknown-field"} == {said.code for said in inputs.diagnostics}
    assert inputs.is_refused
    assert 3 == inputs.files


def test_a_resource_that_is_defined_twice_names_both_places(tmp_path: Path) -> None:
    """The second definition is reported and leads to the first; how bad that is, is the caller's to say."""
    file = write(tmp_path / "a.yaml", "a", "a")

    inputs = load([str(file)])
    (said,) = inputs.diagnostics

    assert "duplicate-resource" == said.code
    assert said.place is not None
    assert (12, 18) == (said.place.line, said.place.column)
    assert said.related[0].place is not None
    assert 3 == said.related[0].place.line
    assert inputs.is_refused
    assert not load([str(file)], duplicates=Level.WARNING).is_refused


@pytest.mark.parametrize("text", [None, "", "# nothing\n---\n"])
def test_no_resources_is_an_error(tmp_path: Path, text: str | None) -> None:
    """A directory without files, and files without documents, are somebody's mistake, not an empty success."""
    if text is not None:
        (tmp_path / "a.yaml").write_text(text)

    (said,) = load([str(tmp_path)]).diagnostics

    assert ("no-resources", True) == (said.code, said.is_error)


def test_documents_without_a_namespace_take_the_given_one(tmp_path: Path) -> None:
    """`-n` fills in what the document leaves out, and changes nothing that it says."""
    file = write(tmp_path / "a.yaml", "a")
    named = SERVICE.replace("{name: %s}", "{name: %s, namespace: own}") % ("b", "b")
    file.write_text(f"{file.read_text()}---\n{named}")

    inputs = load([str(file)], namespace="shop")

    assert ["shop", "own"] == [each.resource.key.namespace for each in inputs.loaded]


def test_names_are_read_from_documents_that_are_wrong_otherwise(tmp_path: Path) -> None:
    """To delete a resource its spec need not be understood, only its identity."""
    file = tmp_path / "a.yaml"
    file.write_text("kind: Gateway\nmetadata: {name: g, namespace: n}\nspec: {unknown: 1}\n---\nkind: Nothing\n")

    named = load_names([str(file)])

    assert (Key("n", "g", "Gateway"),) == named.keys
    assert ["missing-field"] == [said.code for said in named.diagnostics]


DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\ntemplate: {}\n"


UNRUN = (SERVICE % ("b", "b")).replace("STATIC", "STATIC\n  subjectAltNames: [x]")


def codes(inputs: Inputs) -> list[str]:
    return [f"{said.level} {said.code}" for said in inputs.diagnostics]


def test_documents_of_other_programs_are_passed_over_with_a_warning(tmp_path: Path) -> None:
    """Beside resources they are named and left out, for judging, applying and deleting alike."""
    file = write(tmp_path / "a.yaml", "a")
    file.write_text(f"{file.read_text()}---\n{DEPLOYMENT}")

    for inputs in (load([str(file)]), load([str(file)], runnable=True)):
        assert ["warning not-a-mesh-resource"] == codes(inputs)
        assert ["a"] == [each.resource.metadata.name for each in inputs.loaded]
        assert 1 == inputs.documents
    assert inputs.diagnostics[0].place == Place(str(file), 11, 7)
    assert inputs.diagnostics[0].resource == "Deployment default/d"
    assert (Key("default", "a", "ServiceEntry"),) == load_names([str(file)]).keys
    assert ["not-a-mesh-resource"] == [said.code for said in load_names([str(file)]).diagnostics]


def test_documents_of_other_programs_alone_are_an_error(tmp_path: Path) -> None:
    """Who gives nothing else takes them for resources of the mesh."""
    file = tmp_path / "a.yaml"
    file.write_text(f"{DEPLOYMENT}---\n{DEPLOYMENT}")

    assert ["error not-a-mesh-resource"] * 2 == codes(load([str(file)]))
    assert load_names([str(file)]).diagnostics[0].is_error


def test_what_hosts_cannot_run_is_refused_for_who_wants_to_run_it(tmp_path: Path) -> None:
    """The API is the judge of `validate`; `apply` refuses the same, and says that it is right."""
    file = tmp_path / "a.yaml"
    file.write_text(UNRUN)

    assert "warning not-supported" in codes(load([str(file)]))
    assert not load([str(file)]).is_refused
    refused = load([str(file)], runnable=True)
    assert "error not-supported" in codes(refused)
    assert "right by the API" in refused.diagnostics[0].message


def test_strictness_makes_errors_of_warnings(tmp_path: Path) -> None:
    """Of all of them, and of nothing else."""
    file = write(tmp_path / "a.yaml", "a", "a")

    inputs = load([str(file)], duplicates=Level.WARNING)

    assert ["warning duplicate-resource"] == codes(inputs)
    assert ["error duplicate-resource"] == codes(inputs.strictly())
    assert inputs.strictly().is_refused


def test_files_are_told_of_in_the_order_given(tmp_path: Path) -> None:
    """By place in each; whatever was found out first."""
    (tmp_path / "z.yaml").write_text(SERVICE.replace("spec:", "spce:") % ("a", "a"))
    (tmp_path / "a.yaml").write_text("a: [\n")
    names = [str(tmp_path / name) for name in ("z.yaml", "gone.yaml", "a.yaml")]

    places = [said.place.file for said in load(names).diagnostics if said.place]

    assert [names[0], names[1], names[2]] == list(dict.fromkeys(places))


WORKLOAD = """apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: a}
spec: {address: 127.0.0.1, network: n, locality: a/b, weigth: 1}
"""


def test_what_nothing_runs_of_is_told_once(tmp_path: Path) -> None:
    """A kind that hosts do not run is one finding, not also one for each field; other mistakes are told as always."""
    file = tmp_path / "a.yaml"
    file.write_text(WORKLOAD)

    inputs = load([str(file)])

    assert [("kind",)] == [said.path for said in inputs.diagnostics if said.code == "not-supported"]
    assert "error unknown-field" in codes(inputs)


def test_standard_input_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """That nothing came is said in words, not as a file called `-`."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"# nothing\n")))

    assert ["standard input is empty"] == [said.message for said in load(["-"]).diagnostics]
