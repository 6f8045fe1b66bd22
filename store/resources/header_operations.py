"""`headers`: what is set, added and removed in requests and responses on their way."""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import Old, documented
from store.resources.legacy import below
from store.resources.names import control_problem, header_name_problem
from store.scalars import describe


@frozen
class HeaderOperations:
    """`headers.request` and `headers.response`. Removing comes first, then setting, then adding."""

    set: Mapping[str, str] = documented(
        "Headers that get this value, whatever they had. `%…%` is one of Envoy's variables, `%%` a percent sign.",
        default={},
        since="1.1",
        example='{x-version: "2"}',
    )
    add: Mapping[str, str] = documented(
        "Values that are added to what the header has.", default={}, since="1.1", example="{via: mesh}"
    )
    remove: tuple[str, ...] = documented("Headers that are taken away.", default=(), since="1.1", example="[x-debug]")


@frozen
class Headers:
    """`headers`, of a rule and of each of its destinations; both apply."""

    request: HeaderOperations | None = documented(
        "What changes in requests. `set` and `add` of `:authority` or `host` rewrite the authority.",
        since="1.1",
        example="{set: {x-from: mesh}}",
    )
    response: HeaderOperations | None = documented(
        "What changes in responses.", since="1.1", example="{remove: [server]}"
    )


OLD_HEADERS = (
    Old("appendHeaders", below("request", "add"), "headers.request.add"),
    Old("appendRequestHeaders", below("request", "add"), "headers.request.add"),
    Old("removeRequestHeaders", below("request", "remove"), "headers.request.remove"),
    Old("appendResponseHeaders", below("response", "add"), "headers.response.add"),
    Old("removeResponseHeaders", below("response", "remove"), "headers.response.remove"),
)
"""How `headers` was written until Istio 1.3: a field for each operation."""

_AUTHORITY = frozenset({":authority", "host"})

_ARGUMENT = r'(?:\\.|[^\\)"])*+'
_ARGUMENTS = r'\( *(?:\[ *"|[^ \[])' + _ARGUMENT + r'(?:" *, *"' + _ARGUMENT + r')*+(?:\)|" *\] *\)) *'
_VALUE = re.compile(r"(?:[^%]|%%|%[^%(]*+(?:" + _ARGUMENTS + r")?%)*+", re.DOTALL)
"""Text, `%%`, `%NAME%`, `%NAME(argument)%` and `%NAME(["argument", "argument"])%`, as Istio's parser takes them."""


def check_headers(headers: Headers, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *headers*, which stand at *at* (Istio's rules for header operations, and Envoy's)."""
    if headers.request:
        yield from _check_operations(headers.request, *at, "request", authority=True)
    if headers.response:
        yield from _check_operations(headers.response, *at, "response", authority=False)


def check_authority(headers: Headers | None, rewritten: str | None, *at: str | int) -> Iterator[Diagnostic]:
    """Yield that the authority is set more than once: by several headers, or beside `rewrite.authority`.

    Args:
        headers: those of the rule.
        rewritten: the rule's `rewrite.authority`.
        at: where *headers* stand.
    """
    before = "rewrite.authority" if rewritten else None
    request = headers.request if headers else None
    for verb, values in (("set", request.set), ("add", request.add)) if request else ():
        for name, value in values.items():
            if name.lower() not in _AUTHORITY:
                continue
            if before:
                message = f"{describe(name)} sets the authority, which {before} sets already"
                yield error("conflict", message, *at, "request", verb, name, hint="set it in one place")
            before = f"headers.request.{verb}" if value else before


def _check_operations(operations: HeaderOperations, *at: str | int, authority: bool) -> Iterator[Diagnostic]:
    for verb, values in (("set", operations.set), ("add", operations.add)):
        for name, value in values.items():
            yield from _check_name(name, *at, verb, name, authority=authority)
            yield from _check_value(value, *at, verb, name)
    for i, name in enumerate(operations.remove):
        yield from _check_name(name, *at, "remove", i, authority=False)


def _check_name(name: str, *at: str | int, authority: bool) -> Iterator[Diagnostic]:
    problem = None
    if name.startswith(":") or name.lower() == "host":
        if not authority or name.lower() not in _AUTHORITY:
            problem = "it is a part of the request line, not a header"
            if name.lower() in _AUTHORITY:
                problem = "the authority is there to be set in requests only"
    elif not name:
        problem = "it is empty"
    else:
        problem = control_problem(name)
        if problem is None and (odd := header_name_problem(name)):
            yield warning("bad-value", f"{describe(name)} is an odd header: {odd}", *at)
    if problem:
        yield error("bad-value", f"{describe(name)} cannot be changed: {problem}", *at, expected="a header name")


def _check_value(value: str, *at: str | int) -> Iterator[Diagnostic]:
    problem = control_problem(value)
    if problem:
        yield error("bad-value", f"{describe(value)} cannot be a header's value: {problem}", *at)
    elif not _VALUE.fullmatch(value):
        yield error("bad-value", f"a % in {describe(value)} begins a variable that does not end", *at,
                    expected="%VARIABLE%, or %% for a percent sign")  # fmt: skip
