"""What `meshctl fields` says: the documentation of a kind or a field, from its declaration and nothing else."""

import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs
from attrs import frozen
from rich.text import Text

from ctl.output import styled
from ctl.stored import UnknownKind, kind_named
from store.field_index import places_named
from store.plan import Field, Plan, class_in, plan_of
from store.resources.fields import Bytes, Double, Duration, FieldDoc, Int32, Metadata, Uint32, Uint64
from store.resources.kinds import KINDS, Kind
from store.scalars import did_you_mean
from store.structure import unstructure

WIDTH = 100
MAX_NAMED = 4
"""So many fields of one name are named; the rest are counted."""

_WORDS: Mapping[type, str] = {
    Int32: "integer", Uint32: "unsigned integer", Uint64: "unsigned integer", Double: "number", float: "number",
    Duration: "duration", Bytes: "base64", bool: "boolean", str: "string",
}  # fmt: skip


class UnknownField(ValueError):  # noqa: N818 - named as what it is
    """The path leads to no field; the message says which there are."""


@frozen
class Subject:
    """What is asked about.

    Attributes:
        kind: the kind.
        path: as it is shown, `spec.http[].match[].uri`; empty is the kind itself.
        field: the field; None is the kind itself.
        fields: those inside it; of a kind, those of its `spec`.
        exclusive: names of which at most one of *fields* may be written, group by group.
    """

    kind: Kind
    path: str
    field: Field | None
    fields: tuple[Field, ...]
    exclusive: tuple[frozenset[str], ...] = ()


def subject_of(words: str) -> Subject:
    """Return what `virtualservice.http.match.uri` means; `spec.` and list positions may be written or not.

    Raises:
        UnknownKind: the first word names no kind.
        UnknownField: a later word names no field; old spellings lead to today's field.
    """
    first, *steps = [step.partition("[")[0] for step in words.split(".") if step] or [""]
    try:
        kind = kind_named(first)
    except UnknownKind as unknown:
        raise _with_fields(unknown, (first, *steps)) from unknown
    top = _top(kind)
    if not steps:
        own = _plan(kind.spec)
        return Subject(kind, "", None, own.fields, own.oneof)
    if steps[0] not in top:
        steps.insert(0, "spec")
    path, field = "", top[steps[0]]
    for n, step in enumerate(steps):
        if n:
            field = _step(path, field, step)
        path += ("." if path else "") + field.name + _brackets(field.type)
    inside = class_in(field.type)
    plan = plan_of(inside) if inside else None
    return Subject(kind, path, field, plan.fields if plan else (), plan.oneof if plan else ())


def _with_fields(unknown: UnknownKind, steps: tuple[str, ...]) -> UnknownKind:
    """Return *unknown* with the fields that *steps*, which begin with no kind, may have been meant for, if any."""
    found = [(kind, path) for kind in KINDS.values() for path in places_named(steps, kind)]
    found.sort(key=lambda each: len(each[1]))
    shown = [".".join([kind.short or kind.name.lower(), *path[path[0] == "spec" :]]) for kind, path in found]
    if not shown:
        return unknown
    more = f" and {len(shown) - MAX_NAMED} more" if len(shown) > MAX_NAMED else ""
    named = f'fields of that name: {", ".join(shown[:MAX_NAMED])}{more}'
    return UnknownKind(f'"{steps[0]}" is no kind; {named}')


def _plan(cls: type) -> Plan:
    return plan_of(cls)


def _top(kind: Kind) -> Mapping[str, Field]:
    """Return `metadata` and `spec`, which stand in no class of ours."""
    meanings = {"metadata": ("What the resource is called.", Metadata), "spec": (meaning_of(kind), kind.spec)}
    return {
        name: Field(name, name, cls, optional=False, required=True, default=attrs.NOTHING, doc=FieldDoc(meaning))
        for name, (meaning, cls) in meanings.items()
    }


def _step(path: str, field: Field, step: str) -> Field:
    cls = class_in(field.type)
    if cls is None:
        raise UnknownField(f'"{path}" is a {type_word(field.type)} and has no fields')
    plan = plan_of(cls)
    name = plan.spellings.get(step) or _today(plan, step)
    if name is None:
        hint = did_you_mean(step, plan.by_name) or f"its fields are {', '.join(plan.by_name)}"
        raise UnknownField(f'"{path}" has no field "{step}"; {hint}')
    return plan.by_name[name]


def _today(plan: Plan, step: str) -> str | None:
    found = plan.old.get(step)
    return found[0] if found else None


def _brackets(of: Any) -> str:
    return "[]" if typing.get_origin(of) is tuple else ""


def type_word(of: Any) -> str:
    """Return the name of a field's type as people say it: `[]HTTPRoute`, `map of strings`, `duration`."""
    origin = typing.get_origin(of)
    if origin is tuple:
        return f"[]{type_word(typing.get_args(of)[0])}"
    if origin is not None:
        return f"map of {type_word(typing.get_args(of)[1])}"
    if isinstance(of, type) and issubclass(of, StrEnum):
        return "enum"
    return _WORDS.get(of) or str(of.__name__)


def _members(of: Any) -> tuple[str, ...]:
    for part in (of, *typing.get_args(of)):
        if isinstance(part, type) and issubclass(part, StrEnum):
            return tuple(part.__members__)
    return ()


def meaning_of(kind: Kind) -> str:
    """Return what *kind* is for, in a sentence: the first one of its module, behind the kind's name."""
    text = " ".join((sys.modules[kind.spec.__module__].__doc__ or "").split())
    sentence = text.removeprefix(f"{kind.name}: ").split(". ")[0].rstrip(".")
    return sentence[:1].upper() + sentence[1:] + "."


def _summary(cls: type) -> str:
    """Return the first paragraph of the docstring of *cls* in one line."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def default_text(field: Field) -> str | None:
    """Return what holds when *field* is not written, or None when nothing is to be said about it."""
    if field.required:
        return None
    if field.doc.unset:
        return field.doc.unset
    empty = field.default is None or (isinstance(field.default, tuple | Mapping | str) and not field.default)
    if empty or attrs.has(type(field.default)):
        return None
    if isinstance(field.default, Duration):
        return str(unstructure(field.default))
    if isinstance(field.default, tuple):
        return ", ".join(map(str, field.default))
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


# --- as text ------------------------------------------------------------------------------------------------


def kinds() -> Iterator[Text]:
    """Yield a line for each kind."""
    width = max(map(len, KINDS))
    for kind in KINDS.values():
        yield styled((f"{kind.name:<{width}}", "bold"), f"   {meaning_of(kind)}", "" if kind.runs else " -not run yet-")


def describe_subject(subject: Subject, *, recursive: bool = False) -> Iterator[Text]:
    """Yield the page about *subject*.

    Args:
        recursive: whether to show the fields inside its fields, names and types only.
    """
    kind, field = subject.kind, subject.field
    also = ", ".join(kind.versions[1:])
    yield styled(("KIND     ", "bold"), f"{kind.name}   {kind.api_version}" + (f" (or {also})" if also else ""))
    if field is None:
        yield from _block(meaning_of(kind))
        if not kind.runs:
            yield from _block(f"meshctl cannot run a {kind.name} yet: `validate` judges it, `apply` refuses it.")
    else:
        yield styled(("FIELD    ", "bold"), subject.path, "   ", (f"<{type_word(field.type)}>", "cyan"))
        yield from _block(field.doc.meaning or _summary_of_type(field.type))
        yield from _facts(field)
    if subject.fields:
        yield styled("")
        yield styled(("FIELDS" if field else "FIELDS OF spec", "bold"))
        yield from _tree(subject.fields) if recursive else _list(subject.fields)
        for group in subject.exclusive:
            yield styled("")
            names = [inner.name for inner in subject.fields if inner.name in group]
            yield styled(f"  At most one of {', '.join(names)}.")


def _summary_of_type(of: Any) -> str:
    cls = class_in(of)
    return _summary(cls) if cls else ""


def _facts(field: Field) -> Iterator[Text]:
    facts = {
        "values": ", ".join(_members(field.type)) or None,
        "required": "yes" if field.required else None,
        "default": default_text(field),
        "since": f"Istio {field.doc.since}" if field.doc.meaning and field.doc.since else None,
        "example": f"{field.name}: {field.doc.example}" if field.doc.example else None,
        "old forms": ", ".join(dict.fromkeys(old.name for old in field.doc.old if old.name != field.name)) or None,
        "runs": None if field.doc.runs else "not yet: `validate` judges it, `apply` refuses it",
    }
    shown = {name: text for name, text in facts.items() if text}
    if shown:
        yield styled("")
    for name, text in shown.items():
        first, *rest = _wrapped(text, WIDTH - 14)
        yield styled((f"  {name:<12}", "bold"), first)
        yield from (styled(" " * 14, line) for line in rest)


def _list(fields: Sequence[Field]) -> Iterator[Text]:
    for field in fields:
        marks = (" -required-" if field.required else "") + ("" if field.doc.runs else " -not run yet-")
        yield styled("  ", (field.name, "bold"), "   ", (f"<{type_word(field.type)}>", "cyan"), marks)
        yield from _block(field.doc.meaning or _summary_of_type(field.type), indent=4)


def _tree(fields: Sequence[Field], depth: int = 1, above: tuple[type, ...] = ()) -> Iterator[Text]:
    for field in fields:
        yield styled("  " * depth, (field.name, "bold"), "   ", (f"<{type_word(field.type)}>", "cyan"))
        cls = class_in(field.type)
        if cls is not None and cls not in above:
            yield from _tree(plan_of(cls).fields, depth + 1, (*above, cls))


def _block(text: str, *, indent: int = 2) -> Iterator[Text]:
    return (styled(" " * indent, line) for line in _wrapped(text, WIDTH - indent))


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


# --- as data ------------------------------------------------------------------------------------------------


def as_json(subject: Subject) -> dict[str, object]:
    """Return the same as plain values; what is not known is left out."""
    kind = subject.kind
    about = {"kind": kind.name, "apiVersions": [f"{kind.group}/{version}" for version in kind.versions]}
    own = _field_json(subject.field) if subject.field else {"meaning": meaning_of(kind), "runs": kind.runs}
    inside = [_field_json(field) for field in subject.fields]
    facts = {**about, "path": subject.path, **own, "fields": inside}
    return {name: fact for name, fact in facts.items() if fact not in ("", [])}


def _field_json(field: Field) -> dict[str, object]:
    facts: dict[str, object | None] = {
        "name": field.name,
        "type": type_word(field.type),
        "meaning": field.doc.meaning or _summary_of_type(field.type),
        "values": list(_members(field.type)) or None,
        "required": field.required or None,
        "default": default_text(field),
        "since": field.doc.since if field.doc.meaning else None,
        "example": field.doc.example,
        "oldForms": [old.name for old in field.doc.old if old.name != field.name] or None,
        "runs": field.doc.runs,
    }
    return {name: value for name, value in facts.items() if value is not None}


__all__ = ["Subject", "UnknownField", "UnknownKind", "as_json", "describe_subject", "kinds", "subject_of"]
