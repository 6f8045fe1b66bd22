"""HTTP routes of a VirtualService: their types, and what is refused in them."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from attrs import field, frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Duration, Int32, PortSelector, StringMatch, Uint32
from store.resources.names import (
    check_match,
    check_port,
    compile_regex,
    control_problem,
    duration_problem,
    header_name_problem,
    host_problem,
    is_dns_label,
    is_ip,
    regex_problem,
)
from store.scalars import describe


@frozen
class HTTPMatchRequest:
    """One block of conditions; all of them have to hold."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "scheme", "method", "authority", "withoutHeaders", "queryParams", "ignoreUriCase", "port",
            "sourceLabels", "sourceNamespace", "gateways", "statPrefix",
        }
    )  # fmt: skip

    uri: StringMatch | None = None
    headers: Mapping[str, StringMatch] = field(factory=dict, hash=False)
    name: str | None = None


@frozen
class Destination:
    """Where a request goes: a service of the registry, one of its ports, one of its subsets."""

    OLD: ClassVar[Mapping[str, str]] = MappingProxyType({"name": "host"})

    host: str
    subset: str | None = None
    port: PortSelector | None = None


@frozen
class HTTPRouteDestination:
    """A destination and its share: weight divided by the sum of the weights of its route."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"headers"})

    destination: Destination
    weight: Int32 = field(default=Int32(0), converter=Int32)


@frozen
class RegexRewrite:
    """`rewrite.uriRegexRewrite`: RE2 pattern and its substitution (`\\1` is the first group)."""

    match: str
    rewrite: str


@frozen
class HTTPRewrite:
    """`rewrite`: the path (or the matched prefix of it) and the authority, before the request is sent on."""

    uri: str | None = None
    authority: str | None = None
    uri_regex_rewrite: RegexRewrite | None = None


class RedirectPortSelection(StrEnum):
    """`redirect.derivePort`."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


@frozen
class HTTPRedirect:
    """`redirect`: answer with a 3xx instead of sending the request on."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"prefixRewrite"})
    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"port", "derivePort"}),)

    uri: str | None = None
    authority: str | None = None
    port: Uint32 | None = None
    derive_port: RedirectPortSelection | None = None
    scheme: str | None = None
    redirect_code: Uint32 | None = None


@frozen
class HTTPRoute:
    """One rule: any of *match* (none: every request), then exactly one of *route* and *redirect*."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "directResponse", "delegate", "retries", "fault", "mirror", "mirrors", "mirrorPercentage",
            "mirrorPercent", "corsPolicy", "headers", "appendHeaders", "removeResponseHeaders",
            "appendResponseHeaders", "removeRequestHeaders", "appendRequestHeaders", "websocketUpgrade",
        }
    )  # fmt: skip
    HINTS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "appendHeaders": 'a spelling of 2018; today it is "headers.request.add"',
            "appendRequestHeaders": 'a spelling of 2018; today it is "headers.request.add"',
            "removeRequestHeaders": 'a spelling of 2018; today it is "headers.request.remove"',
            "appendResponseHeaders": 'a spelling of 2018; today it is "headers.response.add"',
            "removeResponseHeaders": 'a spelling of 2018; today it is "headers.response.remove"',
            "mirrorPercent": 'an old spelling; today it is "mirrorPercentage.value"',
            "websocketUpgrade": "a field of 2018; remove it, upgrades need no field today",
        }
    )

    name: str | None = None
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    rewrite: HTTPRewrite | None = None
    timeout: Duration | None = None


REDIRECT_CODES = (301, 302, 303, 307, 308)
"""What Envoy's `RedirectAction` can say. Istio lets other 3xx pass and then has a route without action."""

MAX_WEIGHT_SUM = 2**32 - 1
"""Envoy's `WeightedCluster` adds weights up in 32 bits and refuses more."""

_REFERENCE = re.compile(r"\\(.?)", re.DOTALL)


def takes_everything(route: HTTPRoute) -> bool:
    """Say whether no rule after *route* is ever reached: it has no condition, or one that always holds."""
    return not route.match or any(_always(match) for match in route.match)


def _always(match: HTTPMatchRequest) -> bool:
    uri = match.uri or StringMatch()
    any_path = uri == StringMatch() or uri.prefix in ("/", "") or uri.regex == ".*"
    return any_path and not match.headers


def check_route(route: HTTPRoute, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *route*, which stands at *at*."""
    if route.route and route.redirect:
        yield error("conflict", "route and redirect exclude each other", *at, "redirect", expected="one of them")
    elif not route.route and not route.redirect:
        yield error("missing-field", "a rule says where requests go", *at, expected="route or redirect")
    if route.rewrite and route.redirect:
        yield error(
            "conflict",
            "rewrite and redirect exclude each other",
            *at,
            "rewrite",
            hint="redirect.uri is the new path",
        )
    for i, match in enumerate(route.match):
        yield from _check_match(match, *at, "match", i)
    yield from _check_destinations(route.route, *at, "route")
    if route.redirect:
        yield from _check_redirect(route.redirect, *at, "redirect")
    if route.rewrite:
        yield from _check_rewrite(route.rewrite, *at, "rewrite")
    problem = None if route.timeout is None else duration_problem(route.timeout)
    if problem:
        hint = "leave it out: there is no timeout then" if route.timeout is not None and not route.timeout else None
        yield error(
            "bad-value",
            f"not a timeout: {problem}",
            *at,
            "timeout",
            expected="at least 1ms, whole milliseconds",
            hint=hint,
        )


def _check_match(match: HTTPMatchRequest, *at: str | int) -> Iterator[Diagnostic]:
    if match.uri:
        yield from check_match(match.uri, *at, "uri", empty_prefix=True)
    for name, value in match.headers.items():
        where = (*at, "headers", name)
        if name.lower().startswith("@request.auth.claims"):
            yield error("not-supported", "matching claims of a token is not supported yet", *where)
        elif problem := header_name_problem(name):
            yield error("bad-value", f"{describe(name)} cannot be a header: {problem}", *where)
        yield from check_match(value, *where)


def _check_destinations(destinations: tuple[HTTPRouteDestination, ...], *at: str | int) -> Iterator[Diagnostic]:
    for i, one in enumerate(destinations):
        yield from _check_destination(one.destination, *at, i, "destination")
        if one.weight < 0:
            yield error("bad-value", f"weight {one.weight} is negative", *at, i, "weight", expected="0 or more")
    total = sum(max(one.weight, 0) for one in destinations)
    if len(destinations) > 1 and total == 0:
        yield error("bad-value", "the weights add up to 0", *at, expected="a weight above 0")
    if total > MAX_WEIGHT_SUM:
        yield error("bad-value", f"the weights add up to {total}", *at, expected=f"at most {MAX_WEIGHT_SUM}")


def _check_destination(destination: Destination, *at: str | int) -> Iterator[Diagnostic]:
    problem = host_problem(destination.host)
    if destination.host == "*":
        problem = "it would be every host"
    elif is_ip(destination.host):
        problem = "it is an IP address; destinations are services"
    if problem:
        yield error(
            "bad-host",
            f"{describe(destination.host)} cannot be a destination: {problem}",
            *at,
            "host",
            expected="a service host",
        )
    if destination.subset and not is_dns_label(destination.subset):
        yield error("bad-value", f"{describe(destination.subset)} is not a name of a subset", *at, "subset")
    if destination.port:
        yield from check_port(destination.port.number, *at, "port", "number")


def _check_redirect(redirect: HTTPRedirect, *at: str | int) -> Iterator[Diagnostic]:
    changes = (redirect.uri, redirect.authority, redirect.port, redirect.derive_port, redirect.scheme)
    if not any(change is not None and change != "" for change in changes):
        expected = "one of uri, authority, port, derivePort, scheme"
        yield error("missing-field", "a redirect changes something", *at, expected=expected)
    code = redirect.redirect_code
    if code and code not in REDIRECT_CODES:
        expected = f"one of {', '.join(map(str, REDIRECT_CODES))}"
        yield error("bad-value", f"{code} is not a redirect", *at, "redirectCode", expected=expected)
    if redirect.port is not None:
        yield from check_port(redirect.port, *at, "port")
    if redirect.scheme and redirect.scheme not in ("http", "https"):
        yield error(
            "bad-value", f"{describe(redirect.scheme)} is not a scheme", *at, "scheme", expected="http or https"
        )
    yield from _check_texts({"uri": redirect.uri, "authority": redirect.authority}, *at)


def _check_rewrite(rewrite: HTTPRewrite, *at: str | int) -> Iterator[Diagnostic]:
    regex = rewrite.uri_regex_rewrite
    if not rewrite.uri and not rewrite.authority and not regex:
        yield error(
            "missing-field",
            "a rewrite changes something",
            *at,
            expected="one of uri, authority, uriRegexRewrite",
        )
    if rewrite.uri and regex:
        yield error(
            "conflict",
            "uri and uriRegexRewrite exclude each other",
            *at,
            "uriRegexRewrite",
            expected="one of them",
        )
    yield from _check_texts({"uri": rewrite.uri, "authority": rewrite.authority}, *at)
    if regex:
        yield from _check_regex_rewrite(regex, *at, "uriRegexRewrite")


def _check_regex_rewrite(regex: RegexRewrite, *at: str | int) -> Iterator[Diagnostic]:
    if problem := regex_problem(regex.match):
        yield error(
            "bad-regex",
            f"regex {describe(regex.match)}: {problem}"[:400],
            *at,
            "match",
            expected="a regular expression of RE2",
        )
        return
    if not regex.rewrite:
        yield error("bad-value", "the rewrite is empty", *at, "rewrite", expected="a path, \\1 for the first group")
    groups = getattr(compile_regex(regex.match), "groups", 0)
    for reference in _REFERENCE.findall(regex.rewrite):
        if reference == "\\" or (reference.isdigit() and reference.isascii() and int(reference) <= groups):
            continue
        yield error(
            "bad-value",
            f'"\\{reference}" is no group of the pattern',
            *at,
            "rewrite",
            expected=f"\\0 to \\{groups}",
        )
    yield from _check_texts({"rewrite": regex.rewrite}, *at)


def _check_texts(texts: Mapping[str, str | None], *at: str | int) -> Iterator[Diagnostic]:
    """Yield texts that Envoy would refuse as header values, each under its name."""
    for name, text in texts.items():
        problem = control_problem(text) if text else None
        if problem:
            yield error("bad-value", f"{name} cannot be sent: {problem}", *at, name)
