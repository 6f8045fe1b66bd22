"""Lists and mappings of a document → tuples and mappings of ours, with what is wrong with each item at its place.

What an item is, is its own hook's to say (`store/scalars.py`, `store/structure.py`).
"""

import re
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import evolve

from store.brevity import MAX_ALIKE, brief
from store.diagnostic import Diagnostic, error
from store.plan import plan_of
from store.scalars import MAX_COMPARED, REFUSED, Found, Hook, describe, in_flow, refuse, wrong_type
from store.stand_in import placeholder, stand_in

_MANY = 2 * MAX_ALIKE

HookOf = Callable[[Any], Hook]
"""Returns what reads values of a type."""


def under(diagnostics: Iterable[Diagnostic], *prefix: str | int) -> Iterator[Diagnostic]:
    """Yield *diagnostics* with *prefix* before their paths."""
    return (evolve(said, path=prefix + said.path) for said in diagnostics)


def tuple_hook(cls: Any, hook_of: HookOf) -> Hook:
    """Return what reads lists as tuples of type *cls*."""
    item_type = typing.get_args(cls)[0]
    hook = _late(item_type, hook_of)

    def structure_tuple(value: object, _: type) -> object:
        if not isinstance(value, list | tuple):
            return _refused_list(value, hook(value, item_type), item_type)
        if len(value) > _MANY:
            first = [hook(item, item_type) for item in value[:_MANY]]
            if _is_hopeless(first):
                return _given_up(first, len(value), item_type)
        items = tuple([hook(item, item_type) for item in value])
        return _list_with_findings(items, item_type) if Found in map(type, items) else items

    return structure_tuple


def _is_hopeless(items: Iterable[object]) -> bool:
    """Say whether so many of *items* are wrong that the list was meant for something else."""
    wrong = (item for item in items if isinstance(item, Found) and any(said.is_error for said in item.diagnostics))
    return sum(1 for _ in wrong) > MAX_ALIKE


def _given_up(first: Sequence[object], count: int, item_type: Any) -> Found:
    """Refuse a list of *count* items by what is wrong with the *first* of them: time is not spent on the others."""
    said = _list_with_findings(first, item_type).diagnostics
    rest = error("limit", f"the other {count - len(first)} items were not looked at", hint="begin with the first ones")
    return Found(REFUSED, (*said, rest))


def _list_with_findings(items: Sequence[object], item_type: Any) -> Found:
    found = [item if isinstance(item, Found) else Found(item) for item in items]
    said = brief(each for i, one in enumerate(found) if one.diagnostics for each in under(one.diagnostics, i))
    if any(one.value is REFUSED for one in found):
        return Found(REFUSED, tuple(said), tuple(stand_in(one, item_type) for one in found))
    return Found(tuple(one.value for one in found), tuple(said))


def mapping_hook(cls: Any, hook_of: HookOf) -> Hook:
    """Return what reads mappings as those of type *cls*."""
    key_type, item_type = typing.get_args(cls)
    read_key, read_item = hook_of(key_type), _late(item_type, hook_of)

    def structure_mapping(value: object, _: type) -> object:
        if not isinstance(value, Mapping):
            return refuse(wrong_type(value, "a mapping", _as_pairs(value)))
        items = {read_key(key, key_type): read_item(item, item_type) for key, item in value.items()}
        if Found in map(type, items) or Found in map(type, items.values()):
            return _mapping_with_findings(items, item_type)
        return items if len(items) == len(value) else _keys_twice(value, read_key)

    return structure_mapping


def _as_pairs(value: object) -> str | None:
    """Return how to write as a mapping what was written as text `key=value` or as a list, or None."""
    if isinstance(value, str) and len(value) <= MAX_COMPARED and re.fullmatch(r"[^\s=,]+=[^\s=,]+", value):
        key, _, of = value.partition("=")
        return f"write {{{in_flow(key)}: {in_flow(of)}}}"
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return "it is no list: write each name as a key, without “- ”"
    return None


def _mapping_with_findings(items: Mapping[object, object], item_type: Any) -> Found:
    said: list[Diagnostic] = []
    kept: dict[object, object] = {}
    refused = False
    for name, item in items.items():
        if isinstance(name, Found):
            said += name.diagnostics
            refused = True
            continue
        if isinstance(item, Found):
            said += under(item.diagnostics, str(name))
            refused = refused or item.value is REFUSED
        kept[name] = stand_in(item, item_type) if isinstance(item, Found) else item
    return Found(REFUSED if refused else kept, tuple(brief(said)), kept)


def _keys_twice(value: Mapping[Any, object], read_key: Hook) -> Found:
    """Refuse a mapping of which several keys are the same one, as `80` and `"80"` are."""
    counts = Counter(read_key(key, None) for key in value)
    said = [error("duplicate", f"{describe(key)} is there twice", str(key)) for key, n in counts.items() if n > 1]
    return Found(REFUSED, tuple(said))


def _late(cls: Any, hook_of: HookOf) -> Hook:
    """Return the hook of *cls*, looked up when it is used first: a class may hold itself."""
    if not attrs.has(cls):
        return hook_of(cls)
    hooks: list[Hook] = []

    def structure_late(value: object, of: type) -> object:
        if not hooks:
            hooks.append(hook_of(cls))
        return hooks[0](value, of)

    return structure_late


def _refused_list(value: object, item: object, item_type: Any) -> Found:
    """Refuse *value*, which would have been right as the *item* of a list, or not."""
    hint = None
    if isinstance(value, Mapping):
        hint = "put it in a list: “- ” before its first key, or [{…}]"
        first = next(iter(value), None)
        named = attrs.has(item_type) and "name" in (plan := plan_of(item_type)).by_name
        if named and isinstance(value.get(first), Mapping) and first not in plan.spellings:
            hint = f"it is a list: write “- name: {in_flow(first)}”, and the rest below it"
    meant = item.value if isinstance(item, Found) else item
    if hint is None and meant is not REFUSED:
        hint = f"write [{in_flow(value)}]"
    guess: object = REFUSED if meant is REFUSED else (meant,)
    if guess is REFUSED and item_type is str:  # whatever was meant, it was not to leave the list out
        guess = (placeholder(str),)
    return Found(REFUSED, (wrong_type(value, "a list", hint),), guess)
