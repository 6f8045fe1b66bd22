"""`http[].rewrite`: the path and the authority before the request is sent on."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import documented
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_redirect import check_texts
from store.resources.names import compile_regex, regex_problem
from store.scalars import describe


@frozen
class RegexRewrite:
    """`rewrite.uriRegexRewrite`."""

    match: str = documented(
        "An RE2 expression; every part of the path that it finds is replaced.",
        default=attrs.NOTHING,
        since="1.19",
        example="^/user/([0-9]+)",
    )
    rewrite: str = documented(
        "What it is replaced by; `\\1` is the first group.", default=attrs.NOTHING, since="1.19", example="/u/\\1"
    )


@frozen
class HTTPRewrite:
    """`rewrite`."""

    SHORT: ClassVar[str] = "uri"

    uri: str | None = documented(
        "Takes the place of the prefix that the rule matched (without conditions that is `/`), "
        "or of the whole path if it matched exactly.",
        example="/v2/",
    )
    authority: str | None = documented("The new Host header or `:authority`.", example="reviews.shop")
    uri_regex_rewrite: RegexRewrite | None = documented(
        "The same with a pattern; excludes `uri`.", since="1.19", example="{match: ^/old, rewrite: /new}"
    )


_REFERENCE = re.compile(r"\\(.?)", re.DOTALL)


def check_rewrite(rewrite: HTTPRewrite, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rewrite*, which stands at *at*."""
    regex = rewrite.uri_regex_rewrite
    if not rewrite.uri and not rewrite.authority and not regex:
        expected = "one of uri, authority, uriRegexRewrite"
        yield error("missing-field", "a rewrite changes something", *at, expected=expected)
    if rewrite.uri and regex:
        message = "uri and uriRegexRewrite exclude each other"
        yield error("conflict", message, *at, "uriRegexRewrite", expected="one of them")
    yield from check_texts({"uri": rewrite.uri, "authority": rewrite.authority}, *at)
    if regex:
        yield from _check_regex_rewrite(regex, *at, "uriRegexRewrite")


def check_double_slash(uri: str | None, blocks: Sequence[HTTPMatchRequest], *at: str | int) -> Iterator[Diagnostic]:
    """Yield that a prefix without final slash becomes one with it: `/foo` → `/` makes `//bar` of `/foo/bar`.

    Args:
        uri: what takes the place of the prefix.
        blocks: those of the rule; without any the prefix is `/`.
        at: where *uri* stands.
    """
    if not uri or not uri.endswith("/"):
        return
    for block in blocks:
        prefix = block.uri.prefix if block.uri else None
        if prefix and not prefix.endswith("/"):
            message = f"the prefix {describe(prefix)} becomes {describe(uri)}: {prefix}/x is sent on as {uri}/x"
            hint = f'match "{prefix}/" (and "{prefix}" exactly in a rule of its own)'
            yield warning("double-slash", message[:300], *at, hint=hint[:200])
            return


def _check_regex_rewrite(regex: RegexRewrite, *at: str | int) -> Iterator[Diagnostic]:
    if problem := regex_problem(regex.match):
        message = f"regex {describe(regex.match)}: {problem}"[:400]
        yield error("bad-regex", message, *at, "match", expected="a regular expression of RE2")
        return
    if not regex.rewrite:
        yield error("bad-value", "the rewrite is empty", *at, "rewrite", expected="a path, \\1 for the first group")
    groups = getattr(compile_regex(regex.match), "groups", 0)
    for reference in _REFERENCE.findall(regex.rewrite):
        if reference == "\\" or (reference.isdigit() and reference.isascii() and int(reference) <= groups):
            continue
        message = f'"\\{reference}" is no group of the pattern'
        yield error("bad-value", message, *at, "rewrite", expected=f"\\0 to \\{groups}")
    yield from check_texts({"rewrite": regex.rewrite}, *at)
