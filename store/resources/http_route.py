"""`http[]`: one rule for HTTP requests: its fields, and which of them go together.

What stands inside a field is in the file of its noun (`http_match.py`, `http_redirect.py` …).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

import attrs
from attrs import evolve, frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.destination import Destination, check_destination, check_weights
from store.resources.direct_response import HTTPDirectResponse, check_direct_response
from store.resources.fields import Duration, Int32, Old, documented
from store.resources.header_operations import OLD_HEADERS, Headers, check_authority, check_headers
from store.resources.http_cors import CorsPolicy, check_cors
from store.resources.http_fault import HTTPFaultInjection, Percent, check_fault, check_percent
from store.resources.http_match import HTTPMatchRequest, check_http_match
from store.resources.http_mirror import HTTPMirrorPolicy, check_mirrors
from store.resources.http_redirect import HTTPRedirect, RedirectPortSelection, check_prefixes, check_redirect
from store.resources.http_retry import HTTPRetry, check_retry
from store.resources.http_rewrite import HTTPRewrite, RegexRewrite, check_double_slash, check_rewrite
from store.resources.legacy import inside
from store.resources.names import check_duration

__all__ = [
    "Delegate",
    "Destination",
    "HTTPMatchRequest",
    "HTTPRedirect",
    "HTTPRewrite",
    "HTTPRoute",
    "HTTPRouteDestination",
    "RedirectPortSelection",
    "RegexRewrite",
    "check_route",
]


@frozen
class HTTPRouteDestination:
    """A destination and its share of the requests."""

    destination: Destination = documented(
        "Where requests go.", default=attrs.NOTHING, example="{host: reviews, subset: v1}"
    )
    weight: Int32 = documented(
        "Its share: weight divided by the sum of the weights of the rule. One destination alone gets everything.",
        default=Int32(0),
        example="90",
    )
    headers: Headers | None = documented(
        "Headers to change in what goes this way, besides those of the rule.",
        since="1.1",
        example="{response: {add: {x-version: v2}}}",
        old=OLD_HEADERS,
        runs=False,
    )


@frozen
class Delegate:
    """`delegate`: the VirtualService without hosts whose rules stand in the place of this one."""

    name: str = documented("Its name.", default="", since="1.6", example="reviews-routes")
    namespace: str = documented("Its namespace.", default="", since="1.6", unset="the rule's own", example="shop")


@frozen
class HTTPRoute:
    """One rule: requests that *match* are sent on, redirected, answered, or left to a delegate."""

    DROPPED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"websocketUpgrade": "remove it: WebSockets need no field today"}
    )

    name: str | None = documented("Shown in access logs.", since="1.3", example="mobile")
    match: tuple[HTTPMatchRequest, ...] = documented(
        "Which requests the rule is for: one block is enough. The first rule that matches is the one that counts.",
        default=(),
        unset="all requests",
        example="[{uri: {prefix: /v1/}}]",
    )
    route: tuple[HTTPRouteDestination, ...] = documented(
        "Where requests go. This, `redirect`, `directResponse` or `delegate` is required.",
        default=(),
        example="[{destination: {host: reviews}}]",
    )
    redirect: HTTPRedirect | None = documented("Answer with a 3xx.", example="{authority: www.example.com}")
    direct_response: HTTPDirectResponse | None = documented(
        "Answer without asking any service.", since="1.15", example="{status: 503}", runs=False
    )
    delegate: Delegate | None = documented(
        "Leave these requests to the rules of another VirtualService.",
        since="1.6",
        example="{name: reviews-routes, namespace: shop}",
        runs=False,
    )
    rewrite: HTTPRewrite | None = documented("Change path and authority first.", example="{uri: /v2/}")
    timeout: Duration | None = documented(
        "How long the whole answer may take, retries included; it caps grpc-timeout too.",
        unset="no limit",
        example="3s",
    )
    retries: HTTPRetry | None = documented(
        "What is tried again.",
        unset="2 attempts after failures to connect",
        example="{attempts: 3, perTryTimeout: 2s}",
        runs=False,
    )
    fault: HTTPFaultInjection | None = documented(
        "Delays and errors made on purpose.",
        example="{delay: {fixedDelay: 5s, percentage: {value: 10}}}",
        runs=False,
    )
    mirror: Destination | None = documented(
        "Where a copy of each request goes; its answer is dropped.", example="{host: reviews, subset: v2}", runs=False
    )
    mirrors: tuple[HTTPMirrorPolicy, ...] = documented(
        "The same for several places; excludes `mirror`.",
        default=(),
        since="1.19",
        example="[{destination: {host: reviews, subset: v2}, percentage: {value: 10}}]",
        runs=False,
    )
    mirror_percentage: Percent | None = documented(
        "How many requests are copied to `mirror`.",
        since="1.5",
        unset="all",
        example="{value: 10}",
        old=(Old("mirrorPercent", inside("value"), "mirrorPercentage.value", yields=True),),
        runs=False,
    )
    cors_policy: CorsPolicy | None = documented(
        "Which pages of other origins may read the answers.",
        example='{allowOrigins: [{exact: "https://example.com"}]}',
        runs=False,
    )
    headers: Headers | None = documented(
        "Headers to set, add and remove.",
        since="1.1",
        example="{request: {set: {x-from: mesh}}}",
        old=OLD_HEADERS,
        runs=False,
    )


def check_route(rule: HTTPRoute, *at: str | int, delegate: bool, for_gateways: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, which stands at *at*.

    Args:
        rule: what is judged.
        at: where it stands.
        delegate: whether its VirtualService is one.
        for_gateways: whether its VirtualService is for gateways alone.
    """
    yield from _check_delegate(rule, *at, delegate=delegate)
    if rule.delegate is None:
        yield from _check_actions(rule, *at)
    for i, block in enumerate(rule.match):
        yield from check_http_match(block, *at, "match", i, for_gateways=for_gateways)
    for i, share in enumerate(rule.route):
        yield from check_destination(share.destination, *at, "route", i, "destination")
        if share.headers:
            yield from check_headers(share.headers, *at, "route", i, "headers")
    yield from check_weights([share.weight for share in rule.route], *at, "route")
    yield from _check_answers(rule, *at)
    yield from _check_policies(rule, *at)


_EXCLUDED = {
    "redirect": ("route", "directResponse", "rewrite", "fault"),
    "directResponse": ("route", "rewrite", "fault"),
}
"""What says how the proxy answers by itself → what it leaves nothing for."""


def _check_actions(rule: HTTPRoute, *at: str | int) -> Iterator[Diagnostic]:
    """Yield that there is no action, or that two exclude each other: each excluded field is named once."""
    written = {
        "redirect": rule.redirect,
        "directResponse": rule.direct_response,
        "route": rule.route or None,
        "rewrite": rule.rewrite,
        "fault": rule.fault,
    }
    action = next((name for name in _EXCLUDED if written[name] is not None), None)
    for other in _EXCLUDED[action] if action else ():
        if written[other] is not None:
            second = str(action) if other == "route" else other
            hint = "redirect.uri is the new path" if (action, other) == ("redirect", "rewrite") else None
            message = f"{other} and {action} exclude each other"
            yield error("conflict", message, *at, second, expected="one of them", hint=hint)
    if action is None and not rule.route:
        expected = "route, redirect or directResponse"
        yield error("missing-field", "a rule says where requests go", *at, expected=expected)
    if rule.mirror and rule.mirrors:
        yield error("conflict", "mirror and mirrors exclude each other", *at, "mirrors", expected="one of them")


def _check_delegate(rule: HTTPRoute, *at: str | int, delegate: bool) -> Iterator[Diagnostic]:
    if rule.delegate is None:
        return
    if delegate:
        message = "a VirtualService without hosts is a delegate, and delegates have no delegates of their own"
        yield error("conflict", message, *at, "delegate", hint="write hosts, or the rules themselves")
    if not rule.delegate.name:
        message = "a delegate is a VirtualService, and this one has no name: the rule is left out"
        yield warning("no-effect", message, *at, "delegate", hint='write "name", or a route')
    for name, written in (("route", rule.route), ("redirect", rule.redirect)):
        if written:
            message = f"{name} and delegate exclude each other"
            yield error("conflict", message, *at, name, expected="one of them")


def _check_answers(rule: HTTPRoute, *at: str | int) -> Iterator[Diagnostic]:
    if rule.redirect:
        yield from check_redirect(rule.redirect, *at, "redirect")
        yield from check_prefixes(rule.redirect, rule.match, *at)
        yield from check_double_slash(rule.redirect.prefix_rewrite, rule.match, *at, "redirect", "prefixRewrite")
    if rule.direct_response:
        yield from check_direct_response(rule.direct_response, *at, "directResponse")
    if rule.rewrite:
        yield from check_rewrite(rule.rewrite, *at, "rewrite")
        yield from check_double_slash(rule.rewrite.uri, rule.match, *at, "rewrite", "uri")


def _check_policies(rule: HTTPRoute, *at: str | int) -> Iterator[Diagnostic]:
    yield from _check_timeout(rule.timeout, *at, "timeout")
    if rule.retries:
        yield from check_retry(rule.retries, *at, "retries")
    if rule.fault:
        yield from check_fault(rule.fault, *at, "fault")
    if rule.mirror:
        yield from check_destination(rule.mirror, *at, "mirror")
    if rule.mirror_percentage:
        yield from check_percent(rule.mirror_percentage, *at, "mirrorPercentage")
    yield from check_mirrors(rule.mirrors, *at, "mirrors")
    if rule.cors_policy:
        yield from check_cors(rule.cors_policy, *at, "corsPolicy")
    if rule.headers:
        yield from check_headers(rule.headers, *at, "headers")
        yield from check_authority(rule.headers, rule.rewrite.authority if rule.rewrite else None, *at, "headers")


def _check_timeout(seconds: Duration | None, *at: str | int) -> Iterator[Diagnostic]:
    for said in check_duration(seconds, *at):
        yield said if seconds else evolve(said, hint="leave it out: there is no timeout then")
