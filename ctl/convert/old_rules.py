"""RouteRule of `config.istio.io/v1alpha2` as it was written, and what was refused in it.

Source: istio/api, `routing/v1alpha1/route_rule.proto`, `http_fault.proto`, `l4_fault.proto`; rules of Istio 0.7's
`ValidateRouteRule`. What today's kinds refuse is not judged here: it is judged where it becomes one of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import NOT_OLD, Double, Duration, Int32, Old, StringMatch, documented
from store.resources.names import is_dns_label
from store.scalars import describe

_SECOND = "the header that callers would set it with; no Istio ever read it"


@frozen
class IstioService:
    """A service, or some versions of it."""

    name: str | None = documented("Its short name.", example="reviews")
    namespace: str | None = documented("Where it is.", unset="that of the rule", example="shop")
    domain: str | None = documented("What its full name ends with.", unset="svc.cluster.local")
    service: str | None = documented("Its full name, instead of the three others.", example="reviews.shop.test")
    labels: Mapping[str, str] = documented("Of the versions that are meant.", default={}, example="{version: v1}")


@frozen
class Custom:
    """A policy of somebody's own: anything at all."""

    LENIENT: ClassVar[bool] = True


@frozen
class L4MatchAttributes:
    """`match.tcp` and `match.udp`."""

    source_subnet: tuple[str, ...] = documented("Addresses of clients.", default=(), example="[10.0.0.0/8]")
    destination_subnet: tuple[str, ...] = documented("Addresses that clients ask for.", default=())


def _exact_by_itself(value: object) -> object:
    """Return headers whose bare texts (`uri: /login`) are written as what they mean."""
    if not isinstance(value, Mapping):
        return NOT_OLD
    bare = any(isinstance(match, str) for match in value.values())
    if not bare:
        return NOT_OLD
    return {name: {"exact": match} if isinstance(match, str) else match for name, match in value.items()}


@frozen
class MatchRequest:
    """`match.request`."""

    headers: Mapping[str, StringMatch] = documented(
        "Conditions by header; uri, scheme, method and authority are parts of the request.",
        default={},
        example="{uri: {prefix: /ratings}}",
        old=(Old("headers", _exact_by_itself, "headers: {NAME: {exact: TEXT}}"),),
    )


@frozen
class MatchCondition:
    """`match`."""

    source: IstioService | None = documented("Who calls.")
    tcp: L4MatchAttributes | None = documented("The rule is for TCP connections.")
    udp: L4MatchAttributes | None = documented("The rule is for UDP.")
    request: MatchRequest | None = documented("The rule is for HTTP requests.")


@frozen
class DestinationWeight:
    """`route[]`."""

    destination: IstioService | None = documented("Where requests go.", unset="the destination of the rule")
    labels: Mapping[str, str] = documented("Of the versions they go to.", default={}, example="{version: v2}")
    weight: Int32 = documented("Percent of the requests.", default=Int32(0), unset="100, of a single one")


@frozen
class HTTPRedirect:
    """`redirect`."""

    uri: str | None = documented("The new path.")
    authority: str | None = documented("The new host.")


@frozen
class HTTPRewrite:
    """`rewrite`."""

    uri: str | None = documented("The new path, or beginning of it.")
    authority: str | None = documented("The new host.")


@frozen
class SimpleTimeout:
    """`httpReqTimeout.simpleTimeout`."""

    timeout: Duration | None = documented("For the whole request.", example="10s")
    override_header_name: str | None = documented(_SECOND)


@frozen
class HTTPTimeout:
    """`httpReqTimeout`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"simpleTimeout", "custom"}),)

    simple_timeout: SimpleTimeout | None = documented("A fixed time.")
    custom: Custom | None = documented("Somebody's own.")


@frozen
class SimpleRetry:
    """`httpReqRetries.simpleRetry`."""

    attempts: Int32 = documented("How often to try again.", default=Int32(0), example="3")
    per_try_timeout: Duration | None = documented("For each try.", example="2s")
    override_header_name: str | None = documented(_SECOND)


@frozen
class HTTPRetry:
    """`httpReqRetries`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"simpleRetry", "custom"}),)

    simple_retry: SimpleRetry | None = documented("A fixed number.")
    custom: Custom | None = documented("Somebody's own.")


@frozen
class Delay:
    """`httpFault.delay`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"fixedDelay", "exponentialDelay"}),)

    percent: Double | None = documented("Of the requests.", unset="0", example="10")
    fixed_delay: Duration | None = documented("How long.", example="5s")
    exponential_delay: Duration | None = documented("How long on average; no Istio ever ran it.")
    override_header_name: str | None = documented(_SECOND)


@frozen
class Abort:
    """`httpFault.abort`."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"httpStatus", "grpcStatus", "http2Error"}),)

    percent: Double | None = documented("Of the requests.", unset="0", example="10")
    grpc_status: str | None = documented("What they are answered with; no Istio ever ran it.")
    http2_error: str | None = documented("What they are answered with; no Istio ever ran it.")
    http_status: Int32 | None = documented("What they are answered with.", example="400")
    override_header_name: str | None = documented(_SECOND)


@frozen
class HTTPFaultInjection:
    """`httpFault`."""

    delay: Delay | None = documented("Requests that wait.")
    abort: Abort | None = documented("Requests that fail.")


@frozen
class L4FaultInjection:
    """`l4Fault`, which no Istio ever ran."""

    throttle: Custom | None = documented("Slow connections.")
    terminate: Custom | None = documented("Connections that break.")


@frozen
class CorsPolicy:
    """`corsPolicy`."""

    allow_origin: tuple[str, ...] = documented("Origins.", default=())
    allow_methods: tuple[str, ...] = documented("Methods.", default=())
    allow_headers: tuple[str, ...] = documented("Request headers.", default=())
    expose_headers: tuple[str, ...] = documented("Response headers.", default=())
    max_age: Duration | None = documented("How long the answer may be remembered.")
    allow_credentials: bool | None = documented("Whether cookies may be sent.")


@frozen
class RouteRule:
    """`spec` of a RouteRule: one rule of a service; the rule with the highest precedence that matches is taken."""

    destination: IstioService = documented("The service that clients ask for.", default=attrs.NOTHING)
    precedence: Int32 = documented("The higher one is tried first.", default=Int32(0), example="2")
    match: MatchCondition | None = documented("When the rule is taken.", unset="for every HTTP request")
    route: tuple[DestinationWeight, ...] = documented("Where requests go.", default=(), unset="to the destination")
    redirect: HTTPRedirect | None = documented("Answer with a redirect instead.")
    rewrite: HTTPRewrite | None = documented("Change the request first.")
    websocket_upgrade: bool = documented("Whether connections become WebSockets.", default=False)
    http_req_timeout: HTTPTimeout | None = documented("How long a request may take.", unset="15s")
    http_req_retries: HTTPRetry | None = documented("Whether it is tried again.", unset="not at all")
    http_fault: HTTPFaultInjection | None = documented("Faults made on purpose.")
    l4_fault: L4FaultInjection | None = documented("Faults of connections made on purpose.")
    mirror: IstioService | None = documented("Who gets a copy of each request.")
    cors_policy: CorsPolicy | None = documented("Which pages may read the answers.")
    append_headers: Mapping[str, str] = documented("Headers that are added to requests.", default={})


# --- what was refused ---------------------------------------------------------------------------------------


def check_service(service: IstioService, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *service*, a reference that stands at *at* (Istio 0.7, `ValidateIstioService`)."""
    if not service.name and not service.service:
        yield error("missing-field", "a service has a name", *at, expected="name or service")
    if service.name and service.service:
        message = "name and service exclude each other"
        yield error("conflict", message, *at, "service", expected="one of them")
    if service.service:
        for field, value in (("namespace", service.namespace), ("domain", service.domain)):
            if value:
                yield error("conflict", f"service is the full name already, {field} has no place beside it", *at, field)
    if service.name and not is_dns_label(service.name):
        hint = f"write service: {service.name}" if "." in service.name else None
        yield error("bad-host", f"{describe(service.name)} is not a short name", *at, "name",
                    expected="letters, digits and -, up to 63 characters", hint=hint)  # fmt: skip


def check_route_rule(rule: RouteRule) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule*, paths from its `spec`."""
    yield from check_service(rule.destination, "destination")
    if rule.destination.labels:
        yield error("conflict", "the destination of a rule is all versions of a service", "destination", "labels",
                    hint="labels of versions stand under route")  # fmt: skip
    if rule.match:
        yield from _check_match(rule.match)
    yield from _check_route(rule.route)
    if rule.mirror:
        yield from check_service(rule.mirror, "mirror")
    for field, change in (("redirect", rule.redirect), ("rewrite", rule.rewrite)):
        if change and not change.uri and not change.authority:
            yield error("missing-field", f"a {field} changes something", field, expected="uri or authority")
    if rule.redirect:
        excluded = {"route": rule.route, "rewrite": rule.rewrite, "httpFault": rule.http_fault,
                    "websocketUpgrade": rule.websocket_upgrade}  # fmt: skip
        for field in (name for name, value in excluded.items() if value):
            yield error("conflict", f"{field} and redirect exclude each other", field, expected="one of them")


def _check_match(match: MatchCondition) -> Iterator[Diagnostic]:
    if match.source:
        yield from check_service(match.source, "match", "source")
    for name, text in (match.request.headers if match.request else {}).items():
        if text == StringMatch():
            yield error("missing-field", f"the condition for {describe(name)} says nothing",
                        "match", "request", "headers", name, expected="one of exact, prefix, regex")  # fmt: skip


def _check_route(route: tuple[DestinationWeight, ...]) -> Iterator[Diagnostic]:
    for i, one in enumerate(route):
        if one.destination:
            yield from check_service(one.destination, "route", i, "destination")
        if not 0 <= one.weight <= 100:
            yield error("bad-value", f"weight {one.weight} is no percentage", "route", i, "weight", expected="0 to 100")
    total = sum(one.weight for one in route)
    if route and total != 100 and not (len(route) == 1 and total == 0):
        yield error("bad-value", f"the weights add up to {total}", "route", expected="a sum of 100",
                    hint=_where_to_write(route))  # fmt: skip


def _where_to_write(route: Iterable[DestinationWeight]) -> str | None:
    silent = [i for i, one in enumerate(route) if one.weight == 0]
    return f"route[{silent[0]}] has no weight" if silent else None
