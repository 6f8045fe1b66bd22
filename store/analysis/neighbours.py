"""Which resources have to do with one, and through which name: what `describe` lists."""

from collections.abc import Iterator, Mapping
from itertools import chain

from attrs import frozen

from store.analysis.outline import COLLECTIVE, Outline
from store.index import covers, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService

_GATEWAY = "Gateway/"


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

    A wildcard has to do with the names it covers. Hosts of two VirtualServices have to do with each other only where a
    gateway, or the mesh, applies both.
    """
    own = outlines[key]
    found = []
    for other, outline in outlines.items():
        if other == key:
            continue
        names: Iterator[str] = chain(_shared(own.defines, outline.asks), _shared(own.asks, outline.defines))
        if _apart(key, own, other, outline):
            names = (name for name in names if "/" in name)
        name = next(names, None)
        if name is not None:
            found.append(Neighbour(other, name))
    return tuple(sorted(found, key=lambda each: (each.key.kind, each.key)))


def _apart(key: Key, own: Outline, other: Key, outline: Outline) -> bool:
    """Return whether both are VirtualServices that nobody applies together: only delegates and the like join them."""
    return key.kind == other.kind == "VirtualService" and _appliers(key, own).isdisjoint(_appliers(other, outline))


def _appliers(key: Key, outline: Outline) -> frozenset[str]:
    """Return who applies the rules of a VirtualService: `mesh`, and Gateways, those of single matches too."""
    spec = outline.filed.spec if outline.filed else None
    names = gateway_names(spec, key.namespace) if isinstance(spec, VirtualService) else ()
    asked = (name.removeprefix(_GATEWAY) for name in outline.asks if name.startswith(_GATEWAY))
    return frozenset((*names, *asked))


def _shared(defined: frozenset[str], asked: frozenset[str]) -> Iterator[str]:
    both = sorted(defined & asked)
    yield from (name for name in both if not name.startswith(COLLECTIVE))
    yield from (name for _, name in _covered(defined, asked))
    yield from (pattern for pattern, _ in _covered(asked, defined))


def _covered(patterns: frozenset[str], names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the wildcards among *patterns*, each with the hosts among *names* that it covers."""
    hosts = sorted(name for name in names if "/" not in name)
    wildcards = (name for name in patterns if name.startswith("*"))
    return ((pattern, name) for pattern in wildcards for name in hosts if covers(pattern, name))
