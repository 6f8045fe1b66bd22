"""What compiling makes, word for word, so that a change of it is seen and judged. `GOLDEN=update` writes it anew."""

import os

import pytest

from tests.golden.rendering import CASES, names, render

UPDATE = os.environ.get("GOLDEN") == "update"


@pytest.mark.parametrize("name", names())
def test_a_case_compiles_to_its_golden_files(name: str) -> None:
    """The configuration of the case is exactly its golden files: none differs, none is missing, none is left over."""
    made = render(name)
    if UPDATE:
        for file, text in made.items():
            (CASES / file).write_text(text)
        for file in kept(name).keys() - made.keys():
            (CASES / file).unlink()

    assert kept(name) == made


def test_no_golden_file_is_without_its_case() -> None:
    """Every golden file belongs to an input that is there."""
    orphans = [p for p in CASES.iterdir() if p.name.split(".")[0] not in names()]
    if UPDATE:
        while orphans:
            orphans.pop().unlink()

    assert [] == orphans


def kept(name: str) -> dict[str, str]:
    """Return file name → text of the golden files of *name*."""
    return {p.name: p.read_text() for p in CASES.glob(f"{name}.*.yaml") if not p.name.endswith(".in.yaml")}
