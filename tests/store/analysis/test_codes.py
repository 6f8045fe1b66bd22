"""The table of codes is complete and true: what it shows as an example is what is found in it."""

from pathlib import Path

import pytest

from store.analysis.analyze import ANALYZERS, analyze
from store.analysis.codes import CHECKED, CODES, FOUND, code_named
from store.analysis.mesh import Mesh
from store.codec import decode
from store.diagnostic import Diagnostic
from store.host import HostRecord
from store.reader import read

ROOT = Path(__file__).parents[3]


def said_about(text: str) -> list[Diagnostic]:
    """Return all that is said about the documents of *text*, in a mesh with one live host without labels."""
    reading = read(text.encode(), "example.yaml")
    said = list(reading.diagnostics)
    resources = {}
    for document in reading.documents:
        resource, diagnostics = decode(document.value)
        said += diagnostics
        if resource is not None:
            resources[resource.key] = resource
    return [*said, *analyze(Mesh(resources, [HostRecord("h1")]))]


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_code_has_it(code: str) -> None:
    """Who reads an explanation sees documents that really give rise to the code, at its level or below."""
    levels = [said.level for said in said_about(CODES[code].example) if said.code == code]

    assert levels, f"nothing says {code}"
    assert CODES[code].level in levels


@pytest.mark.parametrize("code", FOUND)
def test_the_example_of_a_finding_can_be_applied(code: str) -> None:
    """What is found across documents is found in documents that are right each for itself."""
    assert [] == [said for said in said_about(CODES[code].example) if said.is_error and said.code not in FOUND]


def test_a_code_is_explained_once() -> None:
    """No code stands in two places of the table."""
    named = [*CHECKED, *(code.code for analyzer in ANALYZERS for code in analyzer.codes)]

    assert sorted(set(named)) == sorted(named)


def test_every_code_has_all_there_is_to_say() -> None:
    """Title, meaning and remedy are sentences, not blanks."""
    assert [] == [code.code for code in CODES.values() if not (code.title and code.meaning and code.remedy)]


def test_a_code_may_be_written_in_any_case() -> None:
    """`ist0101` is IST0101, and what is no code is None."""
    assert CODES["IST0101"] == code_named("ist0101")
    assert None is code_named("IST9999")
