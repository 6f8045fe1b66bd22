"""What a class of `store/resources` takes from a document: its fields, how they may be spelled, what excludes what.

Read from the class itself: its attrs fields (see `fields.documented`) and its class variables

- `ONEOF`: groups of JSON names of which at most one may be written;
- `FLATTENED`: JSON name of a mapping of 2018 → advice; its fields are taken as if they stood beside it;
- `DROPPED`: JSON name of a field of 2018 that needs no successor → advice; accepted with a warning;
- `REMOVED`: JSON name of a field that is no more → advice; refused;
- `SHORT`: JSON name of the field that a bare scalar in place of the mapping is meant for;
- `LENIENT`: unknown fields are dropped without a word.
"""

import re
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from store.resources.fields import FieldDoc, Old, doc_of


@frozen
class Field:
    """One field of a class.

    Attributes:
        attribute: its Python name.
        name: its JSON name.
        type: without `| None`.
        optional: whether unset (None) differs from every value.
        required: whether it must be written.
        default: its value when it is not; for required fields `attrs.NOTHING`.
        doc: what is known of it.
    """

    attribute: str
    name: str
    type: Any
    optional: bool
    required: bool
    default: object
    doc: FieldDoc


@frozen(eq=False)
class Plan:
    """What one class takes; see the top of this file.

    Attributes:
        cls: the class.
        fields: in the order of the class, which is the order in which documents are shown.
        by_name: JSON name → field.
        spellings: every spelling of today (camelCase, snake_case) → JSON name.
        old: every earlier spelling → the field's JSON name and how its value is read.
        reshaped: JSON names whose values had another shape once.
    """

    cls: type
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    spellings: Mapping[str, str]
    old: Mapping[str, tuple[str, Old]]
    reshaped: frozenset[str]
    oneof: tuple[frozenset[str], ...]
    flattened: Mapping[str, str]
    dropped: Mapping[str, str]
    removed: Mapping[str, str]
    lenient: bool
    short: str | None


@cache
def plan_of(cls: type) -> Plan:
    """Return the plan of an attrs class of `store/resources`."""
    hints = typing.get_type_hints(cls)
    fields = tuple(_field(attribute, hints[attribute.name]) for attribute in attrs.fields(cls))
    old = [(field.name, old) for field in fields for old in field.doc.old]
    renamed = {old.name: (name, old) for name, old in old if old.name != name}
    return Plan(
        cls,
        fields,
        {field.name: field for field in fields},
        {field.name: field.name for field in fields} | {snake_case(f.name): f.name for f in fields}
        | {f.attribute.rstrip("_"): f.name for f in fields},
        renamed | {snake_case(name): found for name, found in renamed.items()},
        frozenset(name for name, each in old if each.name == name),
        getattr(cls, "ONEOF", ()),
        _both_spellings(getattr(cls, "FLATTENED", {})),
        _both_spellings(getattr(cls, "DROPPED", {})),
        _both_spellings(getattr(cls, "REMOVED", {})),
        getattr(cls, "LENIENT", False),
        getattr(cls, "SHORT", None),
    )  # fmt: skip


def _field(attribute: "attrs.Attribute[Any]", hint: Any) -> Field:
    of, optional = _without_none(hint)
    default = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        default = default.factory()  # type: ignore[union-attr]
    required = default is attrs.NOTHING
    return Field(attribute.name, camel_case(attribute.name), of, optional, required, default, doc_of(attribute))


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return `T` of `T | None` and whether it was one: null is an unset field, so no hook ever sees it."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(part for part in typing.get_args(hint) if part is not type(None)), True
    return hint, False


def _both_spellings(names: Mapping[str, str]) -> Mapping[str, str]:
    return {**names, **{snake_case(name): text for name, text in names.items()}}


def class_in(hint: Any) -> type | None:
    """Return the attrs class that a field of type *hint* holds, once, in a list or in a mapping; None when it does not.

    """
    for part in (hint, *typing.get_args(hint)):
        if isinstance(part, type) and attrs.has(part):
            return part
    return None


def classes_below(cls: type) -> Iterator[type]:
    """Yield *cls* and every attrs class that documents of it can hold, each once."""
    seen: dict[type, None] = {cls: None}
    waiting = [cls]
    while waiting:
        current = waiting.pop()
        yield current
        inside = (class_in(field.type) for field in plan_of(current).fields)
        for found in inside:
            if found is not None and found not in seen:
                seen[found] = None
                waiting.append(found)


def camel_case(attribute: str) -> str:
    """Return the JSON name of an attribute: `load_balancer` → `loadBalancer`, `from_` → `from`."""
    first, *rest = attribute.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake_case(name: str) -> str:
    """Return the proto name of a JSON name: `loadBalancer` → `load_balancer`."""
    return re.sub(r"[A-Z]", lambda capital: "_" + capital.group().lower(), name)
