"""Which resources have to do with one, and through which name: what `describe` lists."""

from collections.abc import Iterator, Mapping
from itertools import chain

from attrs import frozen

from store.analysis.outline import COLLECTIVE, Outline
from store.index import covers
from store.resources.fields import Key


@frozen
class Neighbour:
    """A resource that shares a name with another.

    Attributes:
        key: the resource.
        name: the name: a host, or `Kind/namespace/name` of what one refers to.
    """

    key: Key
    name: str


def neighbours(outlines: Mapping[Key, Outline], key: Key) -> tuple[Neighbour, ...]:
    """Return the resources that *key* names or that name it, those of its own host too, by kind and name.

    A wildcard has to do with the names it covers.
    """
    own = outlines[key]
    found = []
    for other, outline in outlines.items():
        if other == key:
            continue
        name = next(chain(_shared(own.defines, outline.asks), _shared(own.asks, outline.defines)), None)
        if name is not None:
            found.append(Neighbour(other, name))
    return tuple(sorted(found, key=lambda each: (each.key.kind, each.key)))


def _shared(defined: frozenset[str], asked: frozenset[str]) -> Iterator[str]:
    both = sorted(defined & asked)
    yield from (name for name in both if not name.startswith(COLLECTIVE))
    wildcards = [name for name in defined if name.startswith("*")]
    yield from (name for pattern in wildcards for name in sorted(asked) if covers(pattern, name))
    patterns = [name for name in asked if name.startswith("*")]
    yield from (pattern for pattern in patterns for name in sorted(defined) if covers(pattern, name))
