"""EgressRules → ServiceEntries, and TLS towards what was reached by HTTPS."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ctl.convert.hosts import Host, free_name, local
from ctl.convert.model import DIFFERENT, Draft, Original, Part
from ctl.convert.old_policies import EgressRule
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.fields import Key
from store.resources.names import is_cidr, is_ip


@frozen
class Originated:
    """Ports of a service to which hosts speak TLS, though applications do not.

    Attributes:
        host: the service.
        ports: their numbers.
        whole: whether the service has no other ports.
        original: the EgressRule.
        path: where the first of them stands.
    """

    host: Host
    ports: tuple[int, ...]
    whole: bool
    original: Original
    path: FieldPath


def hosts_of_addresses(rules: Iterable[Original]) -> Mapping[str, Host]:
    """Return address or range of each of *rules* that has one → the service that it becomes."""
    found: dict[str, Host] = {}
    for rule in rules:
        asked = rule.spec.destination.service or ""
        if is_ip(asked) or is_cidr(asked):
            full = local(rule.metadata.name, rule.namespace).full
            host = Host(full, rule.namespace, rule.metadata.name if "." not in rule.metadata.name else None, asked)
            found.setdefault(asked.lower(), host)
    return found


def service_entry(
    rule: Original, addresses: Mapping[str, Host], taken: set[Key]
) -> tuple[Draft | None, Originated | None, list[Diagnostic]]:
    """Return the ServiceEntry of *rule*, None when there is none, its ports with TLS, and what is to be said."""
    spec: EgressRule = rule.spec
    said = list(_said(rule))
    domain = (spec.destination.service or "").lower().rstrip(".")
    at: FieldPath = ("spec", "destination", "service")
    if domain == "*":
        message = "every host outside is no service today: the rule is left out"
        hint = "hosts may reach all of them with MeshConfig outboundTrafficPolicy: {mode: ALLOW_ANY}"
        return None, None, [*said, rule.lost(message, *at, hint=hint)]
    name = free_name("ServiceEntry", rule.namespace, rule.metadata.name, taken)
    fields: dict[str, object] = {"hosts": [Part(domain, rule, at)]}
    host = Host(domain, asked=None)
    if domain in addresses:
        host = local(rule.metadata.name, rule.namespace)
        fields = {"hosts": [host.full], "addresses": [Part(_network(domain), rule, at)]}
    fields["ports"] = list(_ports(rule))
    fields["location"] = "MESH_EXTERNAL"
    fields["resolution"] = "NONE"
    tls = [i for i, port in enumerate(spec.ports) if port.protocol.upper() == "HTTPS"]
    numbers = tuple(int(spec.ports[i].port) for i in tls)
    whole = len(tls) == len(spec.ports)
    originated = Originated(host, numbers, whole, rule, ("spec", "ports", tls[0])) if tls else None
    return Draft("ServiceEntry", rule.namespace, name, fields, (rule,)), originated, said


def _network(text: str) -> str:
    """Return an address, or a range without the bits that it does not compare."""
    return str(ipaddress.ip_network(text, strict=False)) if "/" in text else text


def _ports(rule: Original) -> Iterator[Part]:
    for i, port in enumerate(rule.spec.ports):
        # Applications spoke plain HTTP to the port that was called https; so they do, and TLS is the host's business.
        protocol = "HTTP" if port.protocol.upper() == "HTTPS" else port.protocol.upper()
        at: FieldPath = ("spec", "ports", i)
        fields = {"number": int(port.port), "name": f"{protocol.lower()}-{port.port}"}
        named = {name: Part(value, rule, (*at, "port")) for name, value in fields.items()}
        yield Part({**named, "protocol": protocol}, rule, at)


def _said(rule: Original) -> Iterator[Diagnostic]:
    spec: EgressRule = rule.spec
    for field in ("name", "namespace", "domain", "labels"):
        if rule.says("destination", field):
            message = f"{field} is left out: an EgressRule is about the service alone"
            yield rule.lost(message, "spec", "destination", field)
    if spec.use_egress_proxy:
        message = "useEgressProxy is left out: no Istio ever ran it"
        hint = "today a VirtualService sends the traffic to a gateway"
        yield rule.lost(message, "spec", "useEgressProxy", hint=hint)
    for i, port in enumerate(spec.ports):
        if port.protocol.upper() == "HTTPS":
            message = "applications speak HTTP to this port and the host makes it TLS; today it verifies certificates"
            hint = "where applications speak TLS themselves, make its protocol TLS and remove the DestinationRule"
            yield rule.note(Level.INFO, DIFFERENT, message, "spec", "ports", i, "protocol", hint=hint)
