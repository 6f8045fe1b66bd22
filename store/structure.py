"""Plain values → the frozen classes of `store/resources`, with every mistake collected at its path, and back.

The rules of Istio's own decoder (protojson) for fields live here, and nothing of any kind: which spellings of a field
are taken, what a oneof refuses. Dispatch on types is cattrs'; a hook never raises, it returns `Found`.
"""

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import attrs
import cattrs
from attrs import evolve, frozen
from cattrs.gen import make_dict_unstructure_fn, override

from store.diagnostic import Diagnostic, FieldPath, error, warning
from store.resources.fields import Duration, Int32, Uint32
from store.scalars import (
    REFUSED,
    Found,
    describe,
    did_you_mean,
    in_flow,
    integer_reader,
    read_bool,
    read_duration,
    read_enum,
    read_string,
    refuse,
    render_duration,
    wrong_type,
)

MAX_UNKNOWN_FIELDS = 20
"""So many unknown fields of one mapping are named; more of them say nothing new, and near names cost time."""


def structure(value: object, cls: type) -> Found:
    """Return *value* as an instance of *cls* with all that is wrong with it. Never raises, whatever *value* is."""
    if isinstance(cls, type) and issubclass(cls, StrEnum):  # cattrs would hand it to the hook of str
        return read_enum(value, cls)
    return typing.cast(Found, _converter.structure(value, cls))


def unstructure(value: object) -> dict[str, object]:
    """Return an instance of one of our classes as plain JSON-able values: camelCase keys, defaults left out."""
    return typing.cast("dict[str, object]", _converter.unstructure(value))


def under(diagnostics: Iterable[Diagnostic], *prefix: str | int) -> Iterator[Diagnostic]:
    """Yield *diagnostics* with *prefix* before their paths."""
    return (evolve(said, path=prefix + said.path) for said in diagnostics)


def unknown_field(key: str, known: Iterable[str], near: Iterable[str] = ()) -> Diagnostic:
    """Return the diagnostic for a field that nobody knows.

    Args:
        key: as written.
        known: what would have been right, listed in `expected`.
        near: more names that it may have been meant for.
    """
    names = sorted(known)
    expected = f"one of {', '.join(names)}"
    return error(
        "unknown-field",
        f"unknown field {describe(key)}",
        key,
        expected=expected,
        hint=did_you_mean(key, (*names, *near)),
    )


def camel_case(attribute: str) -> str:
    """Return the JSON name of an attribute: `load_balancer` → `loadBalancer`."""
    first, *rest = attribute.split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake_case(name: str) -> str:
    """Return the proto name of a JSON name: `loadBalancer` → `load_balancer`."""
    return re.sub(r"[A-Z]", lambda capital: "_" + capital.group().lower(), name)


# --- collections --------------------------------------------------------------------------------------------


def _tuple_hook(cls: Any) -> Callable[[object, type], Found]:
    item_type = typing.get_args(cls)[0]

    def structure_tuple(value: object, _: type) -> Found:
        if not isinstance(value, list | tuple):
            return _refused_list(value, structure(value, item_type))
        found = [structure(item, item_type) for item in value]
        diagnostics = [said for i, one in enumerate(found) for said in under(one.diagnostics, i)]
        if any(one.value is REFUSED for one in found):
            return Found(REFUSED, tuple(diagnostics), tuple(_stand_in(one, item_type) for one in found))
        return Found(tuple(one.value for one in found), tuple(diagnostics))

    return structure_tuple


def _mapping_hook(cls: Any) -> Callable[[object, type], Found]:
    item_type = typing.get_args(cls)[1]

    def structure_mapping(value: object, _: type) -> Found:
        if not isinstance(value, Mapping):
            return refuse(wrong_type(value, "a mapping"))
        diagnostics: list[Diagnostic] = []
        items: dict[str, object] = {}
        refused = False
        for key, item in value.items():
            name = read_string(key, str)
            found = name if name.value is REFUSED else structure(item, item_type)
            diagnostics += found.diagnostics if found is name else under(found.diagnostics, key)
            refused = refused or found.value is REFUSED
            if name.value is not REFUSED:
                items[name.value] = _stand_in(found, item_type)
        return Found(REFUSED, tuple(diagnostics), items) if refused else Found(items, tuple(diagnostics))

    return structure_mapping


def _refused_list(value: object, item: Found) -> Found:
    """Refuse *value*, which would have been right as the *item* of a list, or not."""
    hint = None
    if isinstance(value, Mapping):
        hint = "put it in a list: “- ” before its first key, or [{…}]"
    elif item.value is not REFUSED:
        hint = f"write [{in_flow(value)}]"
    guess = REFUSED if item.value is REFUSED else (item.value,)
    return Found(REFUSED, (wrong_type(value, "a list", hint),), guess)


# --- classes ------------------------------------------------------------------------------------------------


@frozen
class _Field:
    attribute: str
    name: str
    type: Any
    required: bool


@frozen
class _Plan:
    """What a class takes, from its fields and its class variables UNSUPPORTED, HINTS, OLD, ONEOF, LENIENT.

    Spellings (camelCase, snake_case, those of 2018) → the JSON name of today."""

    cls: type
    fields: tuple[_Field, ...]
    spellings: Mapping[str, str]
    unsupported: Mapping[str, str]
    hints: Mapping[str, str]
    old: Mapping[str, str]
    oneof: tuple[frozenset[str], ...]
    lenient: bool


def _plan(cls: type) -> _Plan:
    hints = typing.get_type_hints(cls)
    fields = tuple(
        _Field(a.name, camel_case(a.name), _without_none(hints[a.name]), a.default is attrs.NOTHING)
        for a in attrs.fields(cls)
    )
    unsupported: frozenset[str] = getattr(cls, "UNSUPPORTED", frozenset())
    old: Mapping[str, str] = getattr(cls, "OLD", {})
    spellings = {f.name: f.name for f in fields} | {f.attribute: f.name for f in fields} | dict(old)
    refused = {name: name for name in unsupported} | {snake_case(name): name for name in unsupported}
    hints_of: Mapping[str, str] = getattr(cls, "HINTS", {})
    oneof, lenient = getattr(cls, "ONEOF", ()), getattr(cls, "LENIENT", False)
    return _Plan(cls, fields, spellings, refused, hints_of, old, oneof, lenient)


def _without_none(hint: Any) -> Any:
    """Return `T` of `T | None`: null is an unset field to Istio's decoder, so no hook ever sees it."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _class_hook(cls: Any) -> Callable[[object, type], Found]:
    plans: list[_Plan] = []  # made on first use, when every class of its module exists

    def structure_class(value: object, _: type) -> Found:
        if not plans:
            plans.append(_plan(cls))
        if not isinstance(value, Mapping):
            return refuse(wrong_type(value, "a mapping", _as_mapping(plans[0], value)))
        given: dict[str, object] = {}
        diagnostics = list(_sort_fields(plans[0], value, given))
        return _build(plans[0], given, diagnostics)

    return structure_class


def _as_mapping(plan: _Plan, value: object) -> str | None:
    """Return the advice to write *value* under the one field (or one of a oneof) that it can be meant for, or None."""
    fields = [f for f in plan.fields if f.required] or list(plan.fields)
    exclusive = any({f.name for f in fields} <= group for group in plan.oneof)
    if isinstance(value, list | tuple) or (len(fields) != 1 and not exclusive):
        return None
    if any(structure(value, f.type).value is REFUSED for f in fields):
        return None
    return "write " + " or ".join(f"{{{f.name}: {in_flow(value)}}}" for f in fields)


def _sort_fields(plan: _Plan, value: Mapping[Any, object], given: dict[str, object]) -> Iterator[Diagnostic]:
    """Fill *given* (JSON name → value) from *value*; yield what is wrong with its keys."""
    unknown = 0
    for key, item in value.items():
        if not isinstance(key, str):
            yield error("wrong-type", f"the key {describe(key)} is not a string", hint="put it in quotes")
        elif key in plan.spellings:
            name = plan.spellings[key]
            if item is not None and name in given:
                yield error("conflict", f'"{name}" is given twice, in two spellings', key)
            elif item is not None:
                given[name] = item
                if key in plan.old and key != name:
                    yield warning("old-spelling", f'"{key}" is a spelling of 2018', key, hint=f'write "{name}"')
        elif key in plan.unsupported:
            if item is not None:
                name = plan.unsupported[key]
                yield error("not-supported", f'"{name}" is not supported yet', name, hint=plan.hints.get(name))
        elif not plan.lenient:
            unknown += 1
            if unknown <= MAX_UNKNOWN_FIELDS:
                yield unknown_field(key, (f.name for f in plan.fields), plan.unsupported.values())
    for group in plan.oneof:
        both = [name for name in given if name in group]
        if len(both) > 1:
            yield error("conflict", f"{' and '.join(both)} exclude each other", both[1], expected="one of them")


def _build(plan: _Plan, given: Mapping[str, object], diagnostics: list[Diagnostic]) -> Found:
    refused = False
    arguments: dict[str, Any] = {}
    for field in plan.fields:
        if field.name in given:
            found = structure(given[field.name], field.type)
            diagnostics += under(found.diagnostics, field.name)
            refused = refused or found.value is REFUSED
            if field.required or found.value is not REFUSED or found.guess is not REFUSED:
                arguments[field.attribute] = _stand_in(found, field.type)
        elif field.required:
            refused = True
            diagnostics.append(error("missing-field", f'"{field.name}" is missing', expected=field.name))
            arguments[field.attribute] = _placeholder(field.type)
    built = plan.cls(**arguments)
    return Found(REFUSED, tuple(diagnostics), built) if refused else Found(built, tuple(diagnostics))


# --- what stands in the place of a refused value ------------------------------------------------------------


def _stand_in(found: Found, cls: Any) -> object:
    """Return the value, or where it was refused a guess, or a placeholder, so that the rest keeps its positions."""
    if found.value is not REFUSED:
        return found.value
    return found.guess if found.guess is not REFUSED else _placeholder(cls)


def _placeholder(cls: Any) -> object:
    """Return a *cls* that is unlike anything a user writes; nothing that is said about it is shown."""
    origin = typing.get_origin(cls)
    if origin is not None:
        return () if origin is tuple else {}
    if attrs.has(cls):
        return structure({}, cls).guess if _plan_needs(cls) else cls()
    if issubclass(cls, StrEnum):
        return next(iter(cls))
    return cls("\0") if issubclass(cls, str) else cls(2**31 - 3)


def _plan_needs(cls: Any) -> bool:
    return any(a.default is attrs.NOTHING for a in attrs.fields(cls))


def untouched(findings: Iterable[Diagnostic], refusals: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield the errors of *findings*, made on a guess, that no refusal can have caused: none at, above or below one.

    Args:
        findings: what a check said of a value with stand-ins.
        refusals: why there are stand-ins; paths from the same root.
    """
    refused = [_subject(said) for said in refusals if said.is_error]
    ends = {step for path in refused for step in path[:1] + path[-1:]}
    for said in findings:
        subject = _subject(said)
        related = any(other[: len(subject)] == subject[: len(other)] for other in refused)
        rests = any(words in said.message and name in ends for name, words in _RESTS_ON)
        if said.is_error and not related and not rests:
            yield said


_RESTS_ON = (
    ("ports", "the service has no port"),
    ("endpoints", "cannot be looked up"),
    ("match", "is no group of the pattern"),
)
"""(field, words of a finding elsewhere that rests on what is in the field): kept back when the field was refused."""


def _subject(said: Diagnostic) -> FieldPath:
    """Return the path of the field that *said* is about; a missing one is said at its parent."""
    if said.code == "missing-field" and said.expected and said.expected.isidentifier():
        return (*said.path, said.expected)
    return said.path


def _class_unstructure(cls: Any) -> Callable[[Any], dict[str, Any]]:
    attrs.resolve_types(cls)
    renamed: dict[str, Any] = {a.name: override(rename=camel_case(a.name)) for a in attrs.fields(cls)}
    return make_dict_unstructure_fn(cls, _converter, _cattrs_omit_if_default=True, **renamed)


def _is_collection(origin: object) -> Callable[[Any], bool]:
    return lambda hint: typing.get_origin(hint) is origin


def _new_converter() -> cattrs.Converter:
    made = cattrs.Converter(unstruct_collection_overrides={tuple: list})
    made.register_structure_hook(str, read_string)
    made.register_structure_hook(bool, read_bool)
    made.register_structure_hook(Int32, integer_reader(Int32, -(2**31), 2**31 - 1))
    made.register_structure_hook(Uint32, integer_reader(Uint32, 0, 2**32 - 1))
    made.register_structure_hook(Duration, read_duration)
    made.register_structure_hook_factory(_is_collection(tuple), _tuple_hook)
    made.register_structure_hook_factory(_is_collection(Mapping), _mapping_hook)
    made.register_structure_hook_factory(attrs.has, _class_hook)
    made.register_unstructure_hook_factory(attrs.has, _class_unstructure)
    for number in (Int32, Uint32):
        made.register_unstructure_hook(number, int)
    made.register_unstructure_hook(Duration, render_duration)
    return made


_converter = _new_converter()
