"""Plain values → the frozen classes of `store/resources`, with every mistake collected at its path, and back.

The rules of Istio's own decoder (protojson) for fields live here, and nothing of any kind: which spellings of a field
are taken, what a oneof refuses. Dispatch on types is cattrs'; a hook never raises: it returns the value itself, or
`Found` where there is something to say, which is seldom.
"""

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_unstructure_fn, override

from store.containers import mapping_hook, tuple_hook, under
from store.diagnostic import Diagnostic, error, not_supported, warning
from store.plan import Field, Plan, camel_case, plan_of
from store.resources.fields import NOT_OLD, Bytes, Double, Duration, Int32, Uint32, Uint32Key, Uint64
from store.scalars import (
    QUOTE,
    REFUSED,
    Found,
    Hook,
    describe,
    did_you_mean,
    in_flow,
    integer_reader,
    nearest,
    read_bool,
    read_bytes,
    read_double,
    read_duration,
    read_enum,
    read_string,
    refuse,
    render_bytes,
    render_duration,
    wrong_type,
)
from store.stand_in import placeholder, stand_in

MAX_UNKNOWN_FIELDS = 20
"""So many unknown fields of one mapping are named; more of them say nothing new, and near names cost time."""


def structure(value: object, cls: type) -> Found:
    """Return *value* as an instance of *cls* with all that is wrong with it. Never raises, whatever *value* is."""
    read = hook_of(cls)(value, cls)
    return read if isinstance(read, Found) else Found(read)


def hook_of(cls: Any) -> Hook:
    """Return what structures values of type *cls*."""
    if isinstance(cls, type) and issubclass(cls, StrEnum):  # cattrs would hand it to the hook of str
        return read_enum
    return _converter.get_structure_hook(cls)


def unstructure(value: object) -> dict[str, object]:
    """Return an instance of one of our classes as plain JSON-able values: camelCase keys, defaults left out."""
    return typing.cast("dict[str, object]", _converter.unstructure(value))


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
        hint=_colon_missing(key) or did_you_mean(key, (*names, *near)),
    )


def _colon_missing(key: str) -> str | None:
    name, mark, _ = key.partition(" {") if " {" in key else key.partition(" [")
    return f"a colon is missing after {name}" if mark and name.isidentifier() else None


_read_uint32 = integer_reader(Uint32, 0, 2**32 - 1)


def _read_uint32_key(value: object, _: type) -> object:
    read = _read_uint32(value, Uint32)
    return read if isinstance(read, Found) else Uint32Key(read)


# --- classes ------------------------------------------------------------------------------------------------


def _class_hook(cls: Any) -> Hook:
    readers: list[_ClassReader] = []  # made on first use, when every class of its module exists

    def structure_class(value: object, _: type) -> object:
        if not readers:
            readers.append(_ClassReader(plan_of(cls)))
        return readers[0].read(value)

    return structure_class


class _ClassReader:
    """Reads mappings as instances of one class."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._readers = {field.name: (field, field.attribute, field.type, hook_of(field.type)) for field in plan.fields}
        self._must = tuple(field for field in plan.fields if field.required)
        self._halted = frozenset(field.name for field in plan.fields if not field.doc.runs)

    def read(self, value: object) -> object:
        if not isinstance(value, Mapping):
            return refuse(wrong_type(value, "a mapping", _as_mapping(self._plan, value)))
        diagnostics: list[Diagnostic] = []
        given: dict[str, object] = {}
        meant: dict[str, object] = {}
        self._sort(value, given, meant, diagnostics)
        return self._build(given, meant, diagnostics)

    def _sort(
        self,
        value: Mapping[Any, object],
        given: dict[str, object],
        meant: dict[str, object],
        diagnostics: list[Diagnostic],
    ) -> None:
        """Fill *given* (JSON name → value in today's shape) from *value*; note what is wrong with its keys.

        What stands under a misspelt name goes into *meant*: the rest is judged as if the right one had been written.
        """
        plan = self._plan
        spellings = plan.spellings
        others: dict[object, object] = {}
        for key, item in value.items():
            name = spellings.get(key) if isinstance(key, str) else None
            if name is None:
                others[key] = item
            elif item is not None:
                if name in given:
                    diagnostics.append(_twice(name, key))
                else:
                    given[name] = item
        if plan.reshaped:
            diagnostics += _reshaped(plan, given)
        if others:
            self._sort_others(others, given, meant, diagnostics)
        for group in plan.oneof:
            both = [name for name in given if name in group]
            if len(both) > 1:
                message = f"{' and '.join(both)} exclude each other"
                diagnostics.append(error("conflict", message, both[1], expected="one of them"))

    def _sort_others(
        self,
        others: Mapping[Any, object],
        given: dict[str, object],
        meant: dict[str, object],
        diagnostics: list[Diagnostic],
    ) -> None:
        """Do the same with keys that are no field of today."""
        plan, unknown = self._plan, 0
        successors = frozenset(given)
        for key, item in others.items():
            if not isinstance(key, str):
                message = f"the key {describe(key)} is not a string"
                diagnostics.append(error("wrong-type", message, hint=QUOTE))
            elif key in plan.old or key in plan.flattened or key in plan.dropped:
                if item is not None:
                    diagnostics += self._take_old(key, item, given, successors)
            elif key in plan.removed:
                diagnostics.append(error("unknown-field", f"there is no {describe(key)} today", key,
                                         hint=plan.removed[key]))  # fmt: skip
            elif not plan.lenient:
                unknown += 1
                if unknown <= MAX_UNKNOWN_FIELDS:
                    diagnostics.append(unknown_field(key, plan.by_name, (*plan.old, *plan.dropped)))
                    name = nearest(key, plan.by_name)
                    if name is not None and name not in given and item is not None:
                        meant[name] = item

    def _take_old(
        self, key: str, item: object, given: dict[str, object], successors: frozenset[str]
    ) -> Iterator[Diagnostic]:
        """Take a field as it was written once, unless one of *successors*, what is written as today, says it, too."""
        plan = self._plan
        if key in plan.dropped:
            yield old_spelling(key, plan.dropped[key])
        elif key in plan.flattened:
            yield old_spelling(key, plan.flattened[key])
            if isinstance(item, Mapping):
                inside: list[Diagnostic] = []
                self._sort(item, given, {}, inside)
                yield from inside
            else:
                yield from under((wrong_type(item, "a mapping"),), key)
        else:
            name, old = plan.old[key]
            today = old.today(item)
            if today is NOT_OLD:  # not what it was once either: today's rules say what is wrong with it
                today = item
            merged = _merged(given.get(name), today)
            if merged is not None:
                yield old_spelling(key, f'write "{old.written or name}"')
                given[name] = merged
            elif old.yields and name in successors:
                message = f'"{key}" is an old spelling and has no effect beside "{name}"'
                yield warning("old-spelling", message, key, hint="remove it")
            else:
                yield old_spelling(key, f'write "{old.written or name}"')
                yield _twice(name, key)

    def _build(self, given: Mapping[str, object], meant: Mapping[str, object], diagnostics: list[Diagnostic]) -> object:
        refused = False
        arguments: dict[str, Any] = {}
        for name, value in given.items():
            field, attribute, of, hook = self._readers[name]
            read = says = hook(value, of)
            if isinstance(read, Found):
                diagnostics += under(read.diagnostics, name)
                refused = refused or read.value is REFUSED
                if read.value is REFUSED and read.guess is REFUSED and not field.required:
                    continue
                says, read = read.value, stand_in(read, of)
            arguments[attribute] = read
            if name in self._halted and _says_something(field, says):
                diagnostics.append(not_supported(f'"{name}" is not supported yet', name))
        for name, value in meant.items():
            field, attribute, of, hook = self._readers[name]
            read = hook(value, of)
            arguments[attribute] = stand_in(read, of) if isinstance(read, Found) else read
        for field in self._must:
            if field.name not in given and field.name not in meant:
                refused = True
                diagnostics.append(error("missing-field", f'"{field.name}" is missing', expected=field.name))
                arguments[field.attribute] = placeholder(field.type)
        built = self._plan.cls(**arguments)
        if refused:
            return Found(REFUSED, tuple(diagnostics), built)
        return Found(built, tuple(diagnostics)) if diagnostics else built


def _says_something(field: Field, value: object) -> bool:
    """Say whether *value* asks for anything else than *field* does when it is not written."""
    if value is REFUSED:
        return True
    return value not in ((), {}) and value != field.default and value not in field.doc.neutral


def old_spelling(key: str, advice: str) -> Diagnostic:
    """Return the warning for a field that is written as it was once."""
    return warning("old-spelling", f'"{key}" is an old spelling', key, hint=advice)


def _reshaped(plan: Plan, given: dict[str, object]) -> Iterator[Diagnostic]:
    """Give the values of *given* that are in an old shape today's."""
    for name in plan.reshaped & given.keys():
        for old in plan.by_name[name].doc.old:
            today = old.today(given[name]) if old.name == name else NOT_OLD
            if today is not NOT_OLD:
                given[name] = today
                yield warning("old-spelling", old.said or f'this is an old way to write "{name}"', name,
                              hint=f'write "{old.written or name}"')  # fmt: skip
                break


def _merged(one: object, other: object) -> object | None:
    """Return two values of one field as one: the only one, or mappings that have no leaf in common; else None."""
    if one is None:
        return other
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return None
    both = dict(one)
    for key, value in other.items():
        merged = _merged(both.get(key), value)
        if merged is None:
            return None
        both[key] = merged
    return both


def _twice(name: str, key: str) -> Diagnostic:
    return error("conflict", f'"{name}" is given twice, in two spellings', key)


def _as_mapping(plan: Plan, value: object) -> str | None:
    """Return the advice to write *value* under the one field (or one of a oneof) that it can be meant for, or None."""
    if plan.short is not None:
        fields = [plan.by_name[plan.short]]
    else:
        fields = [f for f in plan.fields if f.required] or list(plan.fields)
    exclusive = any({f.name for f in fields} <= group for group in plan.oneof)
    if isinstance(value, list | tuple) or (len(fields) != 1 and not exclusive):
        return None
    if any(structure(value, f.type).value is REFUSED for f in fields):
        return None
    return "write " + " or ".join(f"{{{f.name}: {in_flow(value)}}}" for f in fields)


# --- the converter ------------------------------------------------------------------------------------------


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
    made.register_structure_hook(Uint32, _read_uint32)
    made.register_structure_hook(Uint64, integer_reader(Uint64, 0, 2**64 - 1))
    made.register_structure_hook(Uint32Key, _read_uint32_key)
    made.register_structure_hook(Duration, read_duration)
    made.register_structure_hook(Double, read_double)
    made.register_structure_hook(Bytes, read_bytes)
    made.register_structure_hook_factory(_is_collection(tuple), lambda cls: tuple_hook(cls, hook_of))
    made.register_structure_hook_factory(_is_collection(Mapping), lambda cls: mapping_hook(cls, hook_of))
    made.register_structure_hook_factory(attrs.has, _class_hook)
    made.register_unstructure_hook_factory(attrs.has, _class_unstructure)
    made.register_unstructure_hook(Double, float)
    made.register_unstructure_hook(Bytes, render_bytes)
    for number in (Int32, Uint32, Uint64):
        made.register_unstructure_hook(number, int)
    made.register_unstructure_hook(Uint32Key, str)
    made.register_unstructure_hook(Duration, render_duration)
    made.register_unstructure_hook(StrEnum, lambda member: member.value)  # or cattrs takes it for a str as it is
    return made


_converter = _new_converter()
