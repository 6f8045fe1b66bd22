"""Several resources in one finding: their names in its message, and pointers to them; of many the first few."""

from collections.abc import Iterable, Sequence
from itertools import islice

from store.analysis.code import see
from store.diagnostic import FieldPath, Related
from store.resources.fields import Key

MAX_NAMED = 5


def named(names: Sequence[object], *, count: int | None = None) -> str:
    """Return *names* (keys, hosts …) as a message has them: with commas, and how many more there are.

    Args:
        count: how many there are, when *names* are no more than the first few; None is all of them.
    """
    count = len(names) if count is None else count
    more = f" and {count - MAX_NAMED} more" if count > MAX_NAMED else ""
    return ", ".join(map(str, names[:MAX_NAMED])) + more


def pointers(places: Iterable[tuple[Key, FieldPath]], message: str) -> list[Related]:
    """Return pointers to the first of *places*, each with *message*: what is there."""
    return [see(key, message, *path) for key, path in islice(places, MAX_NAMED)]
