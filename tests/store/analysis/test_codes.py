"""The table of codes is complete and true: what it shows as an example is what is found in it."""

import re
from pathlib import Path

import pytest

from ctl.inputs import load
from store.analysis.analyze import ANALYZERS, analyze
from store.analysis.codes import CHECKED, CODES, FOUND, code_named
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.host import HostRecord

ROOT = Path(__file__).parents[3]

NO_DOCUMENT = {"unreadable", "needs-newer-agent"}
"""Codes that no document gives rise to: the world does. Their own tests are those of their rooms."""


def said_about(text: str, directory: Path) -> list[Diagnostic]:
    """Return all that is said about the documents of *text*, in a mesh with two live hosts without labels."""
    file = directory / "example.yaml"
    file.write_text(text)
    inputs = load([str(file)], duplicates=Level.WARNING)
    resources = {each.resource.key: each.resource for each in inputs.loaded}
    return [*inputs.diagnostics, *analyze(Mesh(resources, [HostRecord("h1"), HostRecord("h2")]))]


@pytest.mark.parametrize("code", [code for code in CODES if code not in NO_DOCUMENT])
def test_the_example_of_a_code_has_it(code: str, tmp_path: Path) -> None:
    """Who reads an explanation sees documents that really give rise to the code, at the level it says."""
    levels = [said.level for said in said_about(CODES[code].example, tmp_path) if said.code == code]

    assert levels, f"nothing says {code}"
    assert CODES[code].level in levels


@pytest.mark.parametrize("code", FOUND)
def test_the_example_of_a_finding_can_be_applied(code: str, tmp_path: Path) -> None:
    """What is found across documents is found in documents that are right each for itself."""
    said = said_about(CODES[code].example, tmp_path)

    assert [] == [each for each in said if each.is_error and each.code not in FOUND]


def test_a_code_is_explained_once() -> None:
    """No code stands in two places of the table."""
    named = [*CHECKED, *(code.code for analyzer in ANALYZERS for code in analyzer.codes)]

    assert sorted(set(named)) == sorted(named)


def test_every_code_has_all_there_is_to_say() -> None:
    """Title, meaning and remedy are sentences, not blanks."""
    assert [] == [code.code for code in CODES.values() if not (code.title and code.meaning and code.remedy)]


def test_every_code_of_the_corpus_is_explained() -> None:
    """Whatever a document of the corpus is told, `--explain` knows."""
    texts = "".join(file.read_text() for file in (ROOT / "tests/corpus").rglob("*.yaml"))
    marked = set(re.findall(r"#[!?] *([A-Za-z0-9-]+)@", texts))

    assert set() == marked - CODES.keys()


def test_every_code_in_the_source_is_explained() -> None:
    """Whatever the rooms of the store say with `error` or `warning`, `--explain` knows."""
    texts = "".join(file.read_text() for file in (ROOT / "store").rglob("*.py"))
    said = set(re.findall(r"\b(?:error|warning|said_at|_refuse)\(\s*\"([a-zA-Z0-9-]+)\"", texts))

    assert len(said) > 20
    assert set() == said - CODES.keys()


def test_a_code_may_be_written_in_any_case() -> None:
    """`ist0101` is IST0101, and what is no code is None."""
    assert CODES["IST0101"] == code_named("ist0101")
    assert None is code_named("IST9999")
