"""What stands in the place of a refused value, so that the rest of its document is judged in the same run, and which
findings may be told when there are stand-ins.
"""

import typing
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import Any

import attrs

from store.diagnostic import NOT_SUPPORTED, Diagnostic, FieldPath
from store.plan import plan_of
from store.resources.reachability import INEFFECTIVE_MATCH, UNREACHABLE_RULE
from store.scalars import REFUSED, Found


def stand_in(found: Found, cls: Any) -> object:
    """Return the value, or where it was refused a guess, or a placeholder, so that the rest keeps its positions."""
    if found.value is not REFUSED:
        return found.value
    return found.guess if found.guess is not REFUSED else placeholder(cls)


def placeholder(cls: Any) -> object:
    """Return a *cls* that is unlike anything a user writes; nothing that is said about it is shown."""
    origin = typing.get_origin(cls)
    if origin is not None:
        return () if origin is tuple else {}
    if attrs.has(cls):
        return cls(**{field.attribute: placeholder(field.type) for field in plan_of(cls).fields if field.required})
    if issubclass(cls, StrEnum):
        return next(iter(cls))
    if issubclass(cls, str | bytes):
        return "\0" if issubclass(cls, str) else cls(b"\0")
    return cls(2**31 - 3)


def untouched(findings: Iterable[Diagnostic], mistakes: Collection[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield those of *findings* that no mistake of the document can have caused.

    An error is told when no mistake is at, above or below its place. Warnings are told only when all mistakes are
    unknown fields; those that rest on more than one value, only when no mapping around their place holds one either.

    Args:
        findings: what a check said of a value, perhaps one with stand-ins.
        mistakes: what was said when the value was read; paths from the same root.
    """
    refused = {_subject(said) for said in mistakes if said.is_error}
    if not refused:
        yield from findings
        return
    readable = all(said.code == "unknown-field" for said in mistakes if said.is_error)
    above = {path[:length] for path in refused for length in range(len(path) + 1)}
    holders = {path[:-1] for path in refused}
    ends = {step for path in refused for step in path[:1] + path[-1:]}
    for said in findings:
        subject = _subject(said)
        around = {subject[:length] for length in range(len(subject))}
        touched = subject in above or not around.isdisjoint(refused)
        if said.code != NOT_SUPPORTED and not said.is_error:
            touched = touched or said.code in _COMPARING or not around.isdisjoint(holders)
        rests = any(words in said.message and name in ends for name, words in _RESTS_ON)
        if not touched and not rests and (said.is_error or readable):
            yield said


_COMPARING = frozenset({UNREACHABLE_RULE, INEFFECTIVE_MATCH})
"""Warnings that one place earns by what is written in another."""

_RESTS_ON = (
    ("hosts", "none of the hosts of"),
    ("ports", "the service has no port"),
    ("endpoints", "cannot be looked up"),
    ("resolution", "resolution NONE"),
    ("match", "is no group of the pattern"),
)
"""(field, words of a finding elsewhere that rests on what is in the field): kept back when the field was refused."""


def _subject(said: Diagnostic) -> FieldPath:
    """Return the path of the field that *said* is about; a missing one is said at its parent."""
    if said.code == "missing-field" and said.expected and said.expected.isidentifier():
        return (*said.path, said.expected)
    return said.path
