"""Whose findings a change may change: those that names lead to from the changed resources.

Two steps are taken: from a changed ServiceEntry to the DestinationRule whose host may mean another service now, and
from there to the VirtualService that uses its subsets. What names are is `outline.py`'s.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from store.analysis.outline import Outline
from store.index import covers, wildcards_above
from store.resources.fields import Key

STEPS = 2

Outlines = Mapping[Key, Outline]


def reach(before: Outlines, after: Outlines, changed: Collection[Key]) -> set[Key]:
    """Return the *changed* keys and those whose findings may differ because of them.

    Args:
        before: the names in each resource before the change.
        after: the same after it.
    """
    asking: dict[str, set[Key]] = defaultdict(set)
    for key, outline in after.items():
        for name in outline.asks:
            asking[name].add(key)
    patterns = [name for name in asking if name.startswith("*")]
    near, fresh = set(changed), set(changed)
    for _ in range(STEPS):
        names = {name for each in (before, after) for key in fresh if key in each for name in each[key].defines}
        asked = (asking.get(each, ()) for name in names for each in _overlapping(name, asking, patterns))
        fresh = {key for keys in asked for key in keys} - near
        near |= fresh
    return near


def _overlapping(name: str, asking: Mapping[str, object], patterns: Iterable[str]) -> Iterable[str]:
    """Return the names that *name* can be taken for: itself, wildcards above it, and what it covers as a wildcard."""
    if "/" in name:
        return (name,)
    below = (each for each in asking if covers(name, each)) if name.startswith("*") else ()
    above = (*wildcards_above(name), *(pattern for pattern in patterns if covers(pattern, name)))
    return {name, *above, *below}
