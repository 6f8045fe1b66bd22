"""YAML text → plain values, fast, of text that has nothing unusual in it.

Most documents are read here; `store/yaml_nodes.py` reads all others and whenever a position is asked for. Both give the
same values: what is unusual (anchors, tags, merge keys, duplicate keys, odd keys, an ellipsis, an error) is left to it.
"""

from typing import Any

import yaml
from attrs import frozen

from store.yaml_nodes import MAX_DEPTH, Budget, resolve


@frozen
class Plain:
    """One document.

    Attributes:
        value: plain: dict, list, str, int, float, bool or None.
        line: the line of the text it begins on, from 0.
    """

    value: Any
    line: int


_NO_KEY = object()
"""Stands for the key of a list, and for the one that a mapping waits for."""


def plain_values(text: str, budget: Budget) -> list[Plain] | None:
    """Return the documents in *text*; None when there is anything unusual, and then nothing of *budget* is used up."""
    if "..." in text or "…" in text:
        return None
    left = budget.nodes
    try:
        found, left = _read(text, left)
    except (yaml.YAMLError, _Unusual):
        return None
    budget.nodes = left
    return found


class _Unusual(Exception):  # noqa: N818 - not an error
    """Something that `store/yaml_nodes.py` has to look at."""


def _read(text: str, left: int) -> tuple[list[Plain], int]:
    """Return the documents in *text* and what is left of the budget."""
    scalar, end = yaml.ScalarEvent, yaml.StreamEndEvent
    closing = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
    opening = {yaml.MappingStartEvent: dict, yaml.SequenceStartEvent: list}
    roots: list[Plain] = []
    stack: list[tuple[Any, Any]] = []
    items: Any = None  # the innermost list or mapping that is not closed yet
    key: Any = _NO_KEY
    next_event: Any = yaml.CSafeLoader(text).get_event
    while type(event := next_event()) is not end:
        of = type(event)
        if of is scalar:
            value = _scalar(event)
        elif of in closing:
            items, key = stack.pop()
            continue
        elif of in opening:
            value = _opened(event, opening[of], len(stack))
        elif of is yaml.AliasEvent:
            raise _Unusual
        else:
            continue  # where the stream or a document begins or ends
        left -= 1
        if left < 0:
            raise _Unusual
        before = items, key
        if items is None:
            roots.append(Plain(value, event.start_mark.line))
        elif type(items) is list:
            items.append(value)
        elif key is _NO_KEY:
            key = _key(value, items)
            continue
        else:
            items[key], key = value, _NO_KEY
            before = items, key
        if of is not scalar:
            stack.append(before)
            items, key = value, _NO_KEY
    return roots, left


def _scalar(event: Any) -> Any:
    plain, quoted = event.implicit
    if event.anchor is not None or not (plain or quoted):
        raise _Unusual
    return resolve(event.value) if plain else event.value


def _opened(event: Any, of: type, depth: int) -> Any:
    if event.anchor is not None or event.tag is not None or depth >= MAX_DEPTH:
        raise _Unusual
    return of()


def _key(value: Any, items: dict[str, Any]) -> str:
    if type(value) is not str or value == "<<" or value in items:
        raise _Unusual
    return value
