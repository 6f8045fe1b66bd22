"""`http[].corsPolicy`: which pages of other origins a browser lets read the answers."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Duration, Old, StringMatch, documented
from store.resources.legacy import each_inside
from store.resources.names import check_match, duration_problem, header_name_problem
from store.scalars import describe, did_you_mean, render_duration


class UnmatchedPreflights(StrEnum):
    """`corsPolicy.unmatchedPreflights`: what becomes of preflight requests from origins that are not allowed."""

    UNSPECIFIED = "UNSPECIFIED"
    FORWARD = "FORWARD"
    IGNORE = "IGNORE"


@frozen
class CorsPolicy:
    """`corsPolicy`."""

    allow_origins: tuple[StringMatch, ...] = documented(
        "Origins that are allowed; one of them has to match.",
        default=(),
        since="1.5",
        example='[{exact: "https://example.com"}]',
        old=(Old("allowOrigin", each_inside("exact"), "allowOrigins[].exact", yields=True),),
    )
    allow_methods: tuple[str, ...] = documented("Methods that are allowed, or `*`.", default=(), example="[GET, POST]")
    allow_headers: tuple[str, ...] = documented(
        "Request headers that are allowed, or `*`.", default=(), example="[x-token]"
    )
    expose_headers: tuple[str, ...] = documented(
        "Response headers that the page may read, or `*`.", default=(), example="[x-version]"
    )
    max_age: Duration | None = documented(
        "How long the browser may remember the answer to a preflight, in whole seconds.", example="24h"
    )
    allow_credentials: bool | None = documented("Whether the page may send cookies and the like.", unset="not said")
    unmatched_preflights: UnmatchedPreflights = documented(
        "What becomes of preflights from origins that are not allowed: FORWARD sends them on, IGNORE answers them.",
        default=UnmatchedPreflights.UNSPECIFIED,
        since="1.23",
        unset="FORWARD",
        example="IGNORE",
    )


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")


def check_cors(policy: CorsPolicy, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *policy*, which stands at *at*."""
    for i, origin in enumerate(policy.allow_origins):
        yield from _check_origin(origin, *at, "allowOrigins", i)
    for i, method in enumerate(policy.allow_methods):
        if method not in METHODS:
            expected = f"one of {', '.join(METHODS)}"
            message = f"{describe(method)} is not a method"
            yield error("bad-value", message, *at, "allowMethods", i, expected=expected,
                        hint=did_you_mean(method, METHODS))  # fmt: skip
    yield from _check_names(policy.allow_headers, *at, "allowHeaders")
    yield from _check_names(policy.expose_headers, *at, "exposeHeaders")
    age = policy.max_age
    if age is not None and (duration_problem(age) or not age.is_integer()):
        message = f"{render_duration(age)} cannot be the age: browsers count in whole seconds"
        yield error("bad-value", message, *at, "maxAge", expected="1s or more, in whole seconds")


def _check_origin(origin: StringMatch, *at: str | int) -> Iterator[Diagnostic]:
    if origin == StringMatch() or origin.exact == "":
        hint = 'write {exact: "*"} for every origin'
        yield error("bad-value", "the origin is empty", *at, expected="exact, prefix or regex", hint=hint)
    else:
        yield from check_match(origin, *at)


def _check_names(names: Sequence[str], *at: str | int) -> Iterator[Diagnostic]:
    for i, name in enumerate(names):
        if (problem := header_name_problem(name)) or name.startswith(":"):
            problem = problem or "it is a part of the request line, not a header"
            yield error("bad-value", f"{describe(name)} is not a header: {problem}", *at, i,
                        expected="a header name or *")  # fmt: skip
