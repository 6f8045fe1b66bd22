"""Many findings of one sort become few: a list of a hundred thousand wrong items is one mistake, not as many."""

from collections import Counter
from collections.abc import Iterable

from store.diagnostic import Diagnostic, Level

MAX_ALIKE = 500
"""So many findings of one level and code are told of one list; of one document, twice as many."""


def brief(findings: Iterable[Diagnostic], limit: int = MAX_ALIKE) -> list[Diagnostic]:
    """Return the first of *findings* of each level and code, and for the others of each how many they are.

    No sort of finding is lost, so a document that was refused stays refused.
    """
    kept: list[Diagnostic] = []
    counts: Counter[tuple[Level, str]] = Counter()
    for said in findings:
        sort = said.level, said.code
        counts[sort] += 1
        if counts[sort] <= limit:
            kept.append(said)
    for (level, code), count in counts.items():
        if count > limit:
            kept.append(Diagnostic(level, code, f"{count - limit} more like this", hint="begin with the others"))
    return kept
