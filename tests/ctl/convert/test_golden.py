"""What converting makes, word for word, so that a change of it is seen and judged. `GOLDEN=update` writes it anew."""

import os

import pytest

from ctl.convert.convert import convert
from store.codec import decode
from tests.ctl.convert.rendering import CASES, converted, documents, golden, names

UPDATE = os.environ.get("GOLDEN") == "update"


def kept(name: str) -> dict[str, str]:
    """Return file name → text of the golden files of *name*."""
    return {p.name: p.read_text() for p in CASES.glob(f"{name}.*") if not p.name.endswith(".in.yaml")}


@pytest.mark.parametrize("name", names())
def test_a_case_converts_to_its_golden_files(name: str) -> None:
    """What is printed and what is told is exactly what is kept: nothing differs, is missing, or is left over."""
    made = golden(name)
    if UPDATE:
        for file, text in made.items():
            (CASES / file).write_text(text)
        for file in kept(name).keys() - made.keys():
            (CASES / file).unlink()

    assert kept(name) == made


@pytest.mark.parametrize("name", [name for name in names() if f"{name}.out.yaml" in kept(name)])
def test_what_is_printed_is_right_and_stays_as_it_is(name: str) -> None:
    """The output holds no error, and converting it again gives the same documents and nothing to say but that."""
    printed = documents((CASES / f"{name}.out.yaml").read_text())
    again = convert(printed)

    assert [] == [said for one in printed for said in decode(one.value)[1] if said.is_error]
    assert [one.value for one in printed] == [one.document for one in again.made]
    assert {"already-current"} == {said.code for said in again.diagnostics}


@pytest.mark.parametrize("name", names())
def test_the_order_of_the_input_does_not_matter(name: str) -> None:
    """Documents in reverse order, as if the files were read the other way round, become the same documents."""
    text = (CASES / f"{name}.in.yaml").read_text()
    found = documents(text.replace("# file:", "# "))

    there, back = convert(found), convert(found[::-1])

    assert [one.document for one in there.made] == [one.document for one in back.made]
    assert converted(text).made == converted(text).made
