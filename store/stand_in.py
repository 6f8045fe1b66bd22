"""What stands in the place of a refused value, so that the rest of its document is judged in the same run, and which
findings may be told when there are stand-ins.
"""

import typing
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import attrs

from store.diagnostic import Diagnostic, FieldPath
from store.plan import plan_of
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


def untouched(findings: Iterable[Diagnostic], refusals: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield the errors of *findings*, made on a guess, that no refusal can have caused: none at, above or below one.

    Args:
        findings: what a check said of a value with stand-ins.
        refusals: why there are stand-ins; paths from the same root.
    """
    refused = {_subject(said) for said in refusals if said.is_error}
    above = {path[:length] for path in refused for length in range(len(path) + 1)}
    ends = {step for path in refused for step in path[:1] + path[-1:]}
    for said in findings:
        subject = _subject(said)
        related = subject in above or any(subject[:length] in refused for length in range(len(subject)))
        rests = any(words in said.message and name in ends for name, words in _RESTS_ON)
        if said.is_error and not related and not rests:
            yield said


_RESTS_ON = (
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
