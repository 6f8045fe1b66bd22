"""Which conditions of `http[].match[]` no request can fulfil, by what requests look like: the mistakes with which a
rule is right by the API and passed over for ever.

Said is only what is certain. Conditions that earlier ones leave nothing for are `reachability.py`'s.
"""

from collections.abc import Iterator

import re2

from store.diagnostic import Diagnostic, warning
from store.resources.fields import StringMatch
from store.resources.names import compile_regex, regex_problem
from store.scalars import describe

NEVER_MATCHES = "never-matches"

_RANGE_CHARACTERS = 4
"""So much of the texts that an expression matches is looked at; the first one decides."""


def check_uri(uri: StringMatch, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what keeps every path from matching *uri*, which stands at *at*: a path begins with / and has no query."""
    for name, text in (("exact", uri.exact), ("prefix", uri.prefix)):
        if text and (found := _path_problem(name, text)):
            message, hint = found
            yield warning(NEVER_MATCHES, message, *at, name, hint=hint)
    if uri.regex is not None and _matches_no_path(uri.regex):
        message = f"regex {describe(uri.regex)} never matches: it is for the whole path, which begins with /"
        yield warning(NEVER_MATCHES, message, *at, "regex", hint="begin it with / or with .*")


def check_authority(authority: StringMatch, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what keeps every Host header, `host` or `host:port`, from matching *authority*, which stands at *at*."""
    for name, text in (("exact", authority.exact), ("prefix", authority.prefix)):
        if text and "/" in text:
            host = text.partition("://")[2] if "://" in text else text
            host = host.partition("/")[0]
            message = f"{describe(text)} never matches: the authority is a host, or host:port, without scheme and path"
            yield warning(NEVER_MATCHES, message, *at, name, hint=f"write {name}: {host}" if host else None)


def _path_problem(name: str, text: str) -> tuple[str, str | None] | None:
    """Return message and hint, or None when some path may match."""
    if "*" in text:
        message = f'{describe(text)} never matches what it is meant for: "*" stands for itself here, not for any text'
        return message, _without_star(text)
    mark = min((mark for mark in "?#" if mark in text), key=text.index, default=None)
    if mark:
        what = "query" if mark == "?" else "fragment"
        hint = "match the parameters with queryParams" if mark == "?" else f"write {name}: {text.partition(mark)[0]}"
        return f"{describe(text)} never matches: the path is compared without its {what}", hint
    if not text.startswith("/"):
        hint = "write the path alone, without scheme and host" if "://" in text else f"write {name}: /{text}"
        return f"{describe(text)} never matches: a path begins with /", hint
    return None


def _without_star(text: str) -> str:
    """Return what to write for *text*, whose stars were meant as those of a shell."""
    before, _, after = text.partition("*")
    if after.strip("*"):
        return "write a regex: .* is any text in it, and [^/]+ one part of the path"
    return f"write prefix: {before if before.startswith('/') else f'/{before}'}"


def _matches_no_path(pattern: str) -> bool:
    """Return whether surely nothing that *pattern* matches as a whole begins with `/`; no for what is no expression."""
    if regex_problem(pattern):  # asked first: it bounds what is compiled
        return False
    compiled = compile_regex(pattern)
    if isinstance(compiled, str):
        return False
    try:
        first, last = compiled.possiblematchrange(_RANGE_CHARACTERS)
    except re2.error:  # it cannot be told
        return False
    return bool(last < b"/" or first >= b"0")
