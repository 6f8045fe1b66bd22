"""RouteRules → VirtualServices: the rules of one service, in the order in which they were tried.

An old rule was chosen among all rules of its service by precedence, and a request that none of them wanted went to the
service itself; today that is the last rule. What one rule becomes is in `http_rules.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from ctl.convert.hosts import Host, Names, free_name, reference, resource_name
from ctl.convert.http_rules import RuleContext, http_rule, rule_uses, tcp_rules
from ctl.convert.model import UNCLEAR, Draft, Original, Part
from ctl.convert.old_rules import MatchCondition, RouteRule
from ctl.convert.subsets import Labels, Use
from store.diagnostic import Diagnostic, Level, error
from store.resources.fields import Key, StringMatch

FOR_THE_REST = "requests that no rule above takes go to the service itself, as before"


@frozen
class Group:
    """The rules of one service that become a VirtualService.

    Attributes:
        host: the service.
        namespace: of the VirtualService.
        rules: in the order in which they are tried, without those that were never tried.
    """

    host: Host
    namespace: str
    rules: tuple[Original, ...]


def group_rules(rules: Iterable[Original], names: Names) -> tuple[list[Group], list[Diagnostic]]:
    """Return the *rules* by service, and what is to be said about their order and conditions."""
    said: list[Diagnostic] = []
    hosts: dict[Host, list[Original]] = {}
    for rule in rules:
        said += _refused(rule)
        hosts.setdefault(names.host(rule.spec.destination, rule.namespace), []).append(rule)
    groups = []
    for host, members in sorted(hosts.items(), key=lambda item: item[0].full):
        ordered = sorted(members, key=lambda rule: (-rule.spec.precedence, rule.metadata.name, rule.namespace))
        said += _ties(ordered)
        kept = tuple(_reached(ordered, said))
        if kept:
            groups.append(Group(host, _home(host, kept, said), kept))
    return groups, said


def group_uses(group: Group, names: Names) -> Iterator[Use]:
    """Yield the versions of services that the rules of *group* speak of."""
    for rule in group.rules:
        yield from rule_uses(rule, group.host, names)


def virtual_service(
    group: Group, names: Names, subsets: Mapping[tuple[str, Labels], str], taken: set[Key]
) -> tuple[Draft, list[Diagnostic]]:
    """Return the VirtualService of *group*, and what of its rules has no counterpart.

    Args:
        group: the rules.
        names: what references mean.
        subsets: (full name of a service, labels) → name.
        taken: names that there are already.
    """
    said: list[Diagnostic] = []
    context = RuleContext(group.host, group.namespace, names, subsets, said)
    http: list[object] = [http_rule(rule, context) for rule in _for_http(group, said)]
    tcp = [made for rule in group.rules if is_for_tcp(rule.spec) for made in tcp_rules(rule, context)]
    if http and not any(is_for_http(rule.spec) and takes_everything(rule.spec) for rule in group.rules):
        http.append(_rest(group))
    first = group.rules[0]
    asked = group.host.asked or group.host.written(group.namespace)
    host = Part(asked, first, ("spec", "destination", reference(first.spec.destination)))
    name = free_name("VirtualService", group.namespace, resource_name(asked), taken)
    spec = {"hosts": [host], **({"http": http} if http else {}), **({"tcp": tcp} if tcp else {})}
    return Draft("VirtualService", group.namespace, name, spec, group.rules), said


def _for_http(group: Group, said: list[Diagnostic]) -> Iterator[Original]:
    """Yield the rules for requests, as far as one that takes all of them."""
    blocker: Original | None = None
    for rule in group.rules:
        if not is_for_http(rule.spec):
            continue
        if blocker is None:
            yield rule
            blocker = rule if takes_everything(rule.spec) else None
        else:  # here for its connections
            message = f"requests never reached the rule: {blocker.metadata.name} takes all of them before it"
            said.append(rule.lost(message, "spec", "match", "request", other=blocker))


def _rest(group: Group) -> Part:
    first = group.rules[0]
    destination = {"destination": {"host": group.host.written(group.namespace)}}
    return Part({"route": [destination]}, first, ("spec", "destination"), FOR_THE_REST)


# --- which rules ----------------------------------------------------------------------------------------


def is_for_http(rule: RouteRule) -> bool:
    """Say whether *rule* is about requests: it says nothing of other protocols, or of requests too."""
    match = rule.match
    return match is None or match.request is not None or (match.tcp is None and match.udp is None)


def is_for_tcp(rule: RouteRule) -> bool:
    """Say whether *rule* is about TCP connections: it says so."""
    return rule.match is not None and rule.match.tcp is not None


def takes_everything(rule: RouteRule) -> bool:
    """Say whether *rule* is taken by every request."""
    match = rule.match or MatchCondition()
    headers = match.request.headers if match.request else {}
    anything = headers in ({}, {"uri": StringMatch(prefix="/")}, {"uri": StringMatch(regex=".*")})
    return match.source is None and anything


def _refused(rule: Original) -> Iterator[Diagnostic]:
    """Yield what cannot be said today and would make the rule a wider one if it were left out."""
    source = rule.spec.match.source if rule.spec.match else None
    if source and not source.labels:
        at = ("spec", "match", "source")
        said = error(
            "not-converted",
            "calls of one service are told by labels of its hosts today, not by its name",
            *at,
            expected="labels",
            hint="write the labels that its hosts have: {app: NAME}",
        )
        yield from rule.document.locate((said,))


def _ties(ordered: Sequence[Original]) -> Iterator[Diagnostic]:
    for one, other in pairwise(ordered):
        if one.spec.precedence == other.spec.precedence and not takes_everything(one.spec):
            message = f"as high a precedence as that of {one.metadata.name}: which came first was not defined"
            hint = "taken in the order of their names"
            yield other.note(Level.INFO, UNCLEAR, message, "spec", "precedence", hint=hint, other=one)


def _reached(ordered: Sequence[Original], said: list[Diagnostic]) -> Iterator[Original]:
    """Yield the rules that can be reached; note those that cannot."""
    blocker: Original | None = None
    for rule in ordered:
        for_http, for_tcp = is_for_http(rule.spec), is_for_tcp(rule.spec)
        if not for_http and not for_tcp:
            said.append(rule.lost("UDP was never routed: the rule is left out", "spec", "match", "udp"))
        elif not for_http and rule.spec.redirect:
            said.append(rule.lost("connections cannot be redirected: the rule is left out", "spec", "redirect"))
        elif for_http and not for_tcp and blocker is not None:
            message = f"the rule was never reached: {blocker.metadata.name} takes every request before it"
            said.append(rule.lost(message, "spec", hint="give it a higher precedence", other=blocker))
        else:
            yield rule
        if for_http and blocker is None and takes_everything(rule.spec):
            blocker = rule


def _home(host: Host, rules: Sequence[Original], said: list[Diagnostic]) -> str:
    """Return the namespace of the VirtualService: that of the rules; if they have several, the service's, or one."""
    namespaces = sorted({rule.namespace for rule in rules})
    if len(namespaces) == 1:
        return namespaces[0]
    home = host.namespace if host.namespace in namespaces else namespaces[0]
    for rule in rules:
        if rule.namespace != home:
            message = f"rules of one service are one VirtualService: this one moves to namespace {home}"
            said.append(rule.note(Level.INFO, "different", message, "metadata", "namespace"))
    return str(home)
