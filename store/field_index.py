"""Where a field of some name stands in the documents of a kind: for who wrote it in a place that does not have it.

Read from the kinds' plans (`store/plan.py`); the index of a kind is built once, when the first such mistake is made.
"""

import difflib
import typing
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
from attrs import evolve

from store.diagnostic import Diagnostic, FieldPath, render_path
from store.plan import camel_case, class_in, plan_of
from store.resources.fields import Metadata
from store.resources.kinds import Kind
from store.scalars import MAX_COMPARED
from store.url_hosts import value_at

TOP = ("apiVersion", "kind", "metadata", "spec", "status")
"""The fields of every document."""

_EACH = -1
"""Stands in a path for the position of any item of a list, until a position is known."""

_MAX_STEPS = 16
_MAX_PLACES = 3
_SURELY_MEANT = 0.8
"""Names so much alike (difflib's ratio) are a slip of the finger: where else the name stands does not matter."""


def where_it_belongs(said: Diagnostic, kind: Kind, document: object = None) -> Diagnostic:
    """Return *said*, an unknown field, with a hint where in its document a field of this name belongs, if anywhere.

    Args:
        said: with its path from the document's root.
        kind: of the document.
        document: what was written, or None when nobody knows.
    """
    if said.expected is None:  # a field that there is no more, with advice of its own
        return said
    *parent, name = said.path
    if not isinstance(name, str) or len(name) > MAX_COMPARED or _is_slip(name, _names_at(kind, tuple(parent))):
        return said
    above = _empty_sibling(kind, document, tuple(parent), name)
    if above is not None:
        return evolve(said, hint=f"if it belongs to {above}, it has to be indented further than that")
    index = _index(typing.cast("Any", kind.spec))
    places = index.get(name) or index.get(camel_case(name)) or ()
    if not places:
        return said
    shown = list(dict.fromkeys(_shown(place, said.path) for place in _nearest(places, said.path)))
    return evolve(said, hint=f"it belongs at {' or '.join(shown[:_MAX_PLACES])}")


def places_named(steps: Sequence[str], kind: Kind) -> Iterator[tuple[str, ...]]:
    """Yield the path, without positions, of each field of *kind* whose path ends in *steps*; short ones first."""
    for place in _index(typing.cast("Any", kind.spec)).get(steps[-1], ()):
        names = tuple(step for step in place if isinstance(step, str))
        if names[-len(steps) :] == tuple(steps):
            yield names


def _nearest(places: Iterable[FieldPath], written: FieldPath) -> Iterator[FieldPath]:
    """Yield those of *places* that share most with where it was *written*, and of these the shallowest."""
    rank = {place: (-_in_common(place, written), sum(isinstance(step, str) for step in place)) for place in places}
    best = min(rank.values())
    return (place for place, each in rank.items() if each == best)


def _is_slip(name: str, names: Iterable[str]) -> bool:
    lower = [each.lower() for each in names]
    return bool(difflib.get_close_matches(name.lower(), lower, n=1, cutoff=_SURELY_MEANT))


def _empty_sibling(kind: Kind, document: object, parent: FieldPath, name: str) -> str | None:
    """Return the field beside *name* that is written without a value and could hold it, or None."""
    around = value_at(document, parent)
    of = _type_at(kind, parent)
    if not isinstance(around, Mapping) or not _is_class(of):
        return None
    by_name = plan_of(of).by_name
    for key, value in around.items():
        if value is None and key in by_name and _could_hold(by_name[key].type, name):
            return str(key)
    return None


def _could_hold(of: Any, name: str) -> bool:
    return typing.get_origin(of) is Mapping or (_is_class(of) and name in plan_of(of).by_name)


def _is_class(of: Any) -> bool:
    return isinstance(of, type) and attrs.has(of)


def _names_at(kind: Kind, path: FieldPath) -> tuple[str, ...]:
    """Return the names of the fields that a mapping at *path* has; none when there is no such place today."""
    if not path:
        return TOP
    of = _type_at(kind, path)
    return tuple(plan_of(of).by_name) if _is_class(of) else ()


def _type_at(kind: Kind, path: FieldPath) -> Any:
    """Return the type of what stands at *path*; None when there is no such place today, or it is the document."""
    if not path or path[0] not in ("spec", "metadata"):
        return None
    of: Any = kind.spec if path[0] == "spec" else Metadata
    for step in path[1:]:
        inside = typing.get_args(of)
        if inside:  # an item of a list, a value of a mapping
            of = inside[-1] if typing.get_origin(of) is not tuple else inside[0]
        elif attrs.has(of) and step in plan_of(of).by_name:
            of = plan_of(of).by_name[str(step)].type
        else:
            return None
    return of


@cache
def _index(spec: type) -> Mapping[str, tuple[FieldPath, ...]]:
    found: dict[str, list[FieldPath]] = {}
    for place in (("spec", *rest) for rest in _places(spec)):
        found.setdefault(str(place[-1]), []).append(place)
    for field in plan_of(Metadata).fields:
        found.setdefault(field.name, []).append(("metadata", field.name))
    return {name: tuple(places) for name, places in found.items()}


def _places(spec: type) -> Iterator[FieldPath]:
    """Yield the path of every field below *spec*, short ones first; a class is not entered inside itself."""
    waiting: deque[tuple[type, FieldPath, frozenset[type]]] = deque([(spec, (), frozenset())])
    while waiting:
        cls, path, above = waiting.popleft()
        for field in plan_of(cls).fields:
            place = (*path, field.name)
            yield place
            inner = class_in(field.type)
            if inner is not None and inner not in above and len(place) < _MAX_STEPS:
                deeper = (*place, _EACH) if typing.get_origin(field.type) is not None else place
                waiting.append((inner, deeper, above | {cls}))


def _in_common(place: FieldPath, written: FieldPath) -> int:
    """Return how many steps from the root the two share, whatever positions in lists are."""
    for count, (step, other) in enumerate(zip(place, written, strict=False)):
        if step != other and not (step == _EACH and isinstance(other, int)):
            return count
    return min(len(place), len(written))


def _shown(place: FieldPath, written: FieldPath) -> str:
    """Return *place* as text, with the positions of *written* as far as both are the same."""
    shared = _in_common(place, written)
    return render_path((*written[:shared], *place[shared:])).replace(f"[{_EACH}]", "[]")
