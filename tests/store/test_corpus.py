"""Every rule has a document that breaks it: `tests/corpus/<kind>/<topic>.yaml`, each mistake marked on its own line.

A mark is a comment at the end of a line, `#! CODE@COLUMN` for an error and `#? CODE@COLUMN` for a warning, several with
blanks between them; a document without marks is good. What is said of a file is exactly its marks.
"""

import re
from pathlib import Path

import pytest

from ctl.inputs import load
from store.diagnostic import Level

CORPUS = Path(__file__).parents[1] / "corpus"
FILES = sorted(CORPUS.rglob("*.yaml"))
LEVELS = {"!": Level.ERROR, "?": Level.WARNING}
_MARK = re.compile(r"#(?P<level>[!?]) (?P<code>[-A-Za-z0-9]+)@(?P<column>[0-9]+)")


def marks(text: str) -> set[tuple[int, int, str, str]]:
    """Return (line, column, level, code) of each mark in *text*."""
    return {
        (number, int(mark["column"]), str(LEVELS[mark["level"]]), mark["code"])
        for number, line in enumerate(text.splitlines(), 1)
        for mark in _MARK.finditer(line)
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORPUS)))
def test_what_is_said_of_a_file_is_what_its_marks_say(file: Path) -> None:
    """Each mistake is named with its line, column, level and code; nothing is said of what is right."""
    said = {
        (one.place.line, one.place.column, str(one.level), one.code)
        for one in load([str(file)], duplicates=Level.WARNING).diagnostics
        if one.place is not None
    }

    assert marks(file.read_text()) == said
