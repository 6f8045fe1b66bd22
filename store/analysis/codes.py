"""The table of codes: everything that a diagnostic can be about, for `meshctl analyze --explain`.

An entry stands beside the question that finds it (ANALYZERS); those of the kinds' own checks and of reading, whose
rules are all over `store/`, are in `checked_codes.py` and `reading_codes.py`.
"""

from collections.abc import Mapping

from store.analysis import checked_codes, reading_codes
from store.analysis.analyze import ANALYZERS
from store.analysis.code import Code

FOUND: Mapping[str, Code] = {code.code: code for analyzer in ANALYZERS for code in analyzer.codes}
"""Codes of findings across documents."""

CHECKED: Mapping[str, Code] = {code.code: code for code in (*checked_codes.CODES, *reading_codes.CODES)}
"""Codes of what is wrong with a document by itself."""

CODES: Mapping[str, Code] = dict(sorted({**CHECKED, **FOUND}.items()))
"""All of them, by code."""


def code_named(word: str) -> Code | None:
    """Return the code that *word* spells, in any case; None when there is none."""
    return next((code for name, code in CODES.items() if name.lower() == word.strip().lower()), None)
