"""Redirects that lead to themselves: the client asks for the new path, meets the same rule, and gives up in the end.

Said is only what is certain by one VirtualService: the redirect changes the path alone, and no rule before it may take
the new path.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from store.diagnostic import Diagnostic, warning
from store.resources.fields import StringMatch
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_redirect import HTTPRedirect, RedirectPortSelection
from store.resources.http_route import HTTPRoute
from store.resources.names import compile_regex
from store.scalars import describe

ENDLESS_REDIRECT = "endless-redirect"

MAX_COMPARED = 100
"""Behind so many rules nothing is said: time stays proportional to the rules."""


def check_redirect_loops(rules: Sequence[HTTPRoute], *at: str | int) -> Iterator[Diagnostic]:
    """Yield the redirects of *rules*, which stand at *at*, whose new path comes to the same rule."""
    for i, rule in enumerate(rules):
        alone = rule.delegate is None and rule.direct_response is None and not rule.route
        path = _new_path(rule.redirect) if rule.redirect and alone else None
        if path is None or i > MAX_COMPARED or not _takes_again(rule, path):
            continue
        if not any(_may_take(earlier, path) for earlier in islice(rules, i)):
            message = f"a redirect to {describe(path)} comes to this rule again: clients are sent in a circle"
            hint = "match the old path in this rule, or name the new authority, scheme or port"
            yield warning(ENDLESS_REDIRECT, message, *at, i, "redirect", "uri", hint=hint)


def _new_path(redirect: HTTPRedirect) -> str | None:
    """Return the path that *redirect* sends to; None when something else changes, or it depends on the request."""
    elsewhere = redirect.authority or redirect.scheme or redirect.port or redirect.prefix_rewrite
    if elsewhere or redirect.derive_port is RedirectPortSelection.FROM_PROTOCOL_DEFAULT:
        return None
    path, _, _ = (redirect.uri or "").partition("?")
    return path if path.startswith("/") and "%" not in path and "#" not in path else None


def _takes_again(rule: HTTPRoute, path: str) -> bool:
    """Return whether the next request of the same client, for *path*, surely meets a block of *rule*."""
    return not rule.match or any(_matches(block, path) and not _may_change(block) for block in rule.match)


def _may_change(block: HTTPMatchRequest) -> bool:
    """Return whether *block* asks for what the next request of the same client may not have."""
    return bool(block.method or block.scheme or block.headers or block.without_headers or block.query_params)


def _may_take(rule: HTTPRoute, path: str) -> bool:
    return not rule.match or any(_matches(block, path) for block in rule.match)


def _matches(block: HTTPMatchRequest, path: str) -> bool:
    """Return whether *block*'s condition on the path holds for *path*."""
    uri = block.uri
    if uri is None or uri == StringMatch():
        return True
    if uri.regex is not None:
        compiled = compile_regex(uri.regex)
        return not isinstance(compiled, str) and compiled.fullmatch(path) is not None
    exact, prefix = uri.exact, uri.prefix or ""
    if block.ignore_uri_case:
        path, exact, prefix = path.lower(), exact.lower() if exact is not None else None, prefix.lower()
    return path == exact if exact is not None else path.startswith(prefix)
