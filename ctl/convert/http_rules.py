"""One RouteRule → one entry of a VirtualService's `http`, or entries of its `tcp`."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from ctl.convert.hosts import Host, Names, reference
from ctl.convert.http_policies import cors_policy, fault, retries
from ctl.convert.model import Original, Part, written
from ctl.convert.old_rules import IstioService, L4MatchAttributes, RouteRule
from ctl.convert.subsets import Labels, Use, labels_of
from store.diagnostic import Diagnostic, FieldPath, Level
from store.scalars import render_duration
from store.structure import unstructure

_PARTS_OF_A_REQUEST = ("uri", "scheme", "method", "authority")
"""Headers of an old rule that are fields of a match today."""


@frozen
class RuleContext:
    """What is known around a rule.

    Attributes:
        host: the service that it is a rule of.
        namespace: of the VirtualService.
        names: what references mean.
        subsets: (full name of a service, labels) → name.
        said: is filled with what has no counterpart.
    """

    host: Host
    namespace: str
    names: Names
    subsets: Mapping[tuple[str, Labels], str]
    said: list[Diagnostic]


def http_rule(rule: Original, context: RuleContext) -> Part:
    """Return the entry of `http` that says what *rule* said."""
    spec: RouteRule = rule.spec
    context.said.extend(_lost(rule, _LOST))
    entry = written(
        match=[match] if (match := _match(rule, context)) else None,
        redirect=Part(unstructure(spec.redirect), rule, ("spec", "redirect")) if spec.redirect else None,
        rewrite=Part(unstructure(spec.rewrite), rule, ("spec", "rewrite")) if spec.rewrite else None,
        route=None if spec.redirect else list(_route(rule, context)),
        timeout=_timeout(rule),
        retries=retries(rule, context.said),
        fault=fault(rule, context.said),
        mirror=_destination(rule, spec.mirror, spec.mirror.labels, context, "mirror") if spec.mirror else None,
        corsPolicy=cors_policy(rule),
        headers=_headers(rule),
    )
    return Part(entry, rule, ("spec",), f"from {rule.origin}")


def tcp_rules(rule: Original, context: RuleContext) -> Iterator[Part]:
    """Yield the entry of `tcp` that says what *rule* said; none for what TCP connections cannot have."""
    spec: RouteRule = rule.spec
    assert spec.match is not None, "a rule for TCP says so"
    assert spec.match.tcp is not None, "a rule for TCP says so"
    if spec.match.request is None:
        context.said.extend(_lost(rule, (*_LOST, *_LOST_FOR_TCP)))
    if spec.redirect:
        message = "connections cannot be redirected: the rule is for requests alone"
        context.said.append(rule.lost(message, "spec", "redirect"))
        return
    blocks = list(_tcp_matches(rule, spec.match.tcp, context))
    entry = written(match=blocks, route=list(_route(rule, context)))
    yield Part(entry, rule, ("spec",), f"from {rule.origin}")


def rule_uses(rule: Original, host: Host, names: Names) -> Iterator[Use]:
    """Yield the versions of services that *rule*, a rule of *host*, speaks of."""
    spec: RouteRule = rule.spec
    for i, one in enumerate(() if spec.redirect else spec.route):
        if one.labels:
            to = names.host(one.destination, rule.namespace) if one.destination else host
            yield Use(to, labels_of(one.labels), rule, ("spec", "route", i, "labels"))
    if spec.mirror and spec.mirror.labels:
        to = names.host(spec.mirror, rule.namespace)
        yield Use(to, labels_of(spec.mirror.labels), rule, ("spec", "mirror", "labels"))


# --- conditions -----------------------------------------------------------------------------------------


def _match(rule: Original, context: RuleContext) -> object:
    spec: RouteRule = rule.spec
    if spec.match is None:
        return None
    at: FieldPath = ("spec", "match", "request", "headers")
    headers = spec.match.request.headers if spec.match.request else {}
    texts = {name: Part(unstructure(text), rule, (*at, name)) for name, text in headers.items()}
    parts = {name: texts.pop(name, None) for name in _PARTS_OF_A_REQUEST}
    block = written(**parts, headers=texts, **_source(rule, context))
    return Part(block, rule, ("spec", "match")) if block else None


def _source(rule: Original, context: RuleContext) -> Mapping[str, object]:
    source = rule.spec.match.source
    if source is None or not source.labels:
        return {}
    message = "which hosts call is told by their labels alone: the name of their service is left out"
    context.said.append(
        rule.lost(message, "spec", "match", "source", reference(source), hint="see that only they have these labels")
    )
    at: FieldPath = ("spec", "match", "source")
    labels = Part(dict(source.labels), rule, (*at, "labels"))
    return written(sourceLabels=labels, sourceNamespace=source.namespace)


def _tcp_matches(rule: Original, match: L4MatchAttributes, context: RuleContext) -> Iterator[object]:
    """Yield a block for each range of clients: today a block has one of them."""
    at: FieldPath = ("spec", "match", "tcp")
    source = _source(rule, context) if rule.spec.match.request is None else _quiet_source(rule)
    subnets = Part(list(match.destination_subnet), rule, (*at, "destinationSubnet"))
    for i, clients in enumerate(match.source_subnet or (None,)):
        client = Part(clients, rule, (*at, "sourceSubnet", i)) if clients else None
        block = written(destinationSubnets=subnets, sourceSubnet=client, **source)
        if block:
            yield block


def _quiet_source(rule: Original) -> Mapping[str, object]:
    source = rule.spec.match.source
    if source is None:
        return {}
    return written(sourceLabels=dict(source.labels), sourceNamespace=source.namespace)


# --- destinations ---------------------------------------------------------------------------------------


def _route(rule: Original, context: RuleContext) -> Iterator[object]:
    spec: RouteRule = rule.spec
    if not spec.route:
        yield {"destination": _destination(rule, None, {}, context, "destination")}
    for i, one in enumerate(spec.route):
        if one.destination and one.destination.labels:
            message = "labels of a destination were never read"
            hint = "labels stand beside the destination" if not one.labels else None
            context.said.append(rule.lost(message, "spec", "route", i, "destination", "labels", hint=hint))
        at: FieldPath = ("route", i, "destination") if one.destination else ("destination",)
        share = {"destination": _destination(rule, one.destination, one.labels, context, *at)}
        if len(spec.route) > 1:
            share["weight"] = Part(int(one.weight), rule, ("spec", "route", i, "weight"))
        yield Part(share, rule, ("spec", "route", i))


def _destination(
    rule: Original, service: IstioService | None, labels: Mapping[str, str], context: RuleContext, *at: str | int
) -> object:
    """Return today's destination; a *service* of None is the rule's own."""
    host = context.names.host(service, rule.namespace) if service else context.host
    named = reference(service or rule.spec.destination)
    name = Part(host.written(context.namespace), rule, ("spec", *at, named))
    return written(host=name, subset=context.subsets[host.full, labels_of(labels)] if labels else None)


# --- the rest -------------------------------------------------------------------------------------------


def _timeout(rule: Original) -> object:
    policy = rule.spec.http_req_timeout
    simple = policy.simple_timeout if policy else None
    if simple is None or simple.timeout is None:
        return None
    return Part(render_duration(simple.timeout), rule, ("spec", "httpReqTimeout", "simpleTimeout", "timeout"))


def _headers(rule: Original) -> object:
    added = dict(rule.spec.append_headers)
    return {"request": {"add": Part(added, rule, ("spec", "appendHeaders"))}} if added else None


_NEVER_RAN = "no Istio ever ran it"
_LOST: tuple[tuple[Level, tuple[str, ...], str], ...] = (
    (Level.WARNING, ("match", "udp"), "UDP was never routed"),
    (Level.WARNING, ("httpReqTimeout", "custom"), "a timeout policy of one's own has no counterpart"),
    (Level.WARNING, ("httpReqTimeout", "simpleTimeout", "overrideHeaderName"), _NEVER_RAN),
    (Level.WARNING, ("httpReqRetries", "custom"), "a retry policy of one's own has no counterpart"),
    (Level.WARNING, ("httpReqRetries", "simpleRetry", "overrideHeaderName"), _NEVER_RAN),
    (Level.WARNING, ("httpFault", "delay", "exponentialDelay"), f"{_NEVER_RAN}; today there is fixedDelay"),
    (Level.WARNING, ("httpFault", "delay", "overrideHeaderName"), _NEVER_RAN),
    (Level.WARNING, ("httpFault", "abort", "http2Error"), f"{_NEVER_RAN}; today there is httpStatus"),
    (Level.WARNING, ("httpFault", "abort", "overrideHeaderName"), _NEVER_RAN),
    (Level.WARNING, ("l4Fault",), "faults of connections have no counterpart"),
    (Level.INFO, ("websocketUpgrade",), "WebSockets need no field today"),
)
"""(level, path in the spec, why it is left out) of what has no counterpart."""

_LOST_FOR_TCP: tuple[tuple[Level, tuple[str, ...], str], ...] = tuple(
    (Level.WARNING, (field,), "a rule for TCP connections has none: it is about requests")
    for field in ("rewrite", "httpReqTimeout", "httpReqRetries", "httpFault", "mirror", "corsPolicy", "appendHeaders")
)


def _lost(rule: Original, table: tuple[tuple[Level, tuple[str, ...], str], ...]) -> Iterator[Diagnostic]:
    for level, path, why in table:
        if rule.says(*path):
            yield rule.note(level, "not-converted", f"{path[-1]} is left out: {why}", "spec", *path)
