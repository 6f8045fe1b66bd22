"""Ingresses → one Gateway for all of them, and VirtualServices. Routes are in `ingress_routes.py`.

An Ingress of one host becomes one VirtualService; one of several becomes one for each, since in Kubernetes the host was
chosen first, among all Ingresses, and only then the path.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field

from ctl.convert.hosts import free_name, local, resource_name
from ctl.convert.ingress_routes import Ports, Route, hosts_of, routes
from ctl.convert.model import DIFFERENT, Draft, Original, Part
from ctl.convert.old_ingress import Ingress
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.fields import Key

GATEWAY = "ingress"
SELECTOR = {"istio": "ingressgateway"}
_CLASS = "kubernetes.io/ingress.class"
_OURS = "istio"


def ingress_drafts(
    ingresses: Sequence[Original], ports: Ports, ruled: Mapping[str, Original], taken: set[Key]
) -> tuple[list[Draft], list[Diagnostic]]:
    """Return the Gateway and the VirtualServices of *ingresses*, and what has no counterpart.

    Args:
        ingresses: by namespace and name.
        ports: of Kubernetes Services that are in the input.
        ruled: full name of a service → the first of its RouteRules.
        taken: names that there are already; is added to.
    """
    said: list[Diagnostic] = []
    routed: list[tuple[Original, list[Route]]] = []
    for ingress in ingresses:
        said += _about_class(ingress)
        said += _about_annotations(ingress)
        found = routes(ingress, ports, said)
        if found:
            routed.append((ingress, found))
        else:
            said.append(ingress.lost("no route is left of this Ingress", "spec"))
    if not routed:
        return [], said
    said += _shared_hosts(routed)
    said += _ruled_services(routed, ruled)
    namespace = min(ingress.namespace for ingress, _ in routed)
    gateway = free_name("Gateway", namespace, GATEWAY, taken)
    taken.add(Key(namespace, gateway, "Gateway"))
    drafts = [_gateway(namespace, gateway, routed, said)]
    for ingress, found in routed:
        bound = gateway if ingress.namespace == namespace else f"{namespace}/{gateway}"
        drafts += _virtual_services(ingress, found, bound, taken)
    return drafts, said


def _virtual_services(ingress: Original, found: Sequence[Route], gateway: str, taken: set[Key]) -> Iterator[Draft]:
    hosts = hosts_of(found)
    for host, path in hosts.items():
        own = ingress.metadata.name
        suffix = "default" if host == "*" else resource_name(host)
        wanted = own if len(hosts) == 1 else f"{own[:100]}-{suffix}"[:253].rstrip("-.")
        name = free_name("VirtualService", ingress.namespace, wanted, taken, suffix="ingress")
        taken.add(Key(ingress.namespace, name, "VirtualService"))
        http = [route.part() for route in found if route.is_for(host)]
        spec = {"hosts": [Part(host, ingress, path)], "gateways": [gateway], "http": http}
        yield Draft("VirtualService", ingress.namespace, name, spec, (ingress,))


# --- the Gateway ------------------------------------------------------------------------------------------


@define
class _Certificate:
    """A secret, and the hosts whose certificate it holds."""

    name: str
    ingress: Original
    path: FieldPath
    hosts: list[Part] = field(factory=list)


def _gateway(
    namespace: str, name: str, routed: Sequence[tuple[Original, list[Route]]], said: list[Diagnostic]
) -> Draft:
    originals = tuple(ingress for ingress, _ in routed)
    servers: list[object] = [_plain_server(routed)]
    for certificate in _certificates(namespace, originals, said):
        spec = {
            "port": {"number": 443, "name": f"https-{certificate.name}", "protocol": "HTTPS"},
            "hosts": list(certificate.hosts),
            "tls": {"mode": "SIMPLE", "credentialName": Part(certificate.name, certificate.ingress, certificate.path)},
        }
        at = certificate.path[:-1]
        servers.append(Part(spec, certificate.ingress, at, f"from {certificate.ingress.origin}"))
    return Draft("Gateway", namespace, name, {"selector": SELECTOR, "servers": servers}, originals)


def _plain_server(routed: Sequence[tuple[Original, list[Route]]]) -> object:
    """Return the server for HTTP: of all hosts, or of every host when one Ingress has such a rule."""
    hosts = {host: (ingress, path) for ingress, found in routed for host, path in hosts_of(found).items()}
    if any("." not in host for host in hosts):  # "*", or a name that has no place on a gateway
        listed: list[object] = ["*"]
    else:
        listed = [Part(host, *hosts[host]) for host in sorted(hosts)]
    return {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": listed}


def _certificates(namespace: str, ingresses: Sequence[Original], said: list[Diagnostic]) -> list[_Certificate]:
    """Return the secrets of all *ingresses*, each once, and each host with one of them only."""
    found: dict[str, _Certificate] = {}
    served: dict[str, str] = {}
    for ingress in ingresses:
        spec: Ingress = ingress.spec
        for i, tls in enumerate(spec.tls):
            at: FieldPath = ("spec", "tls", i)
            if not tls.secret_name:
                said.append(ingress.lost("TLS without a secret has no certificate: it is left out", *at))
                continue
            if ingress.namespace != namespace:
                message = f"the secret is looked up where the Gateway is, in namespace {namespace}"
                said.append(ingress.note(Level.WARNING, DIFFERENT, message, *at, "secretName"))
            mine = found.setdefault(
                tls.secret_name, _Certificate(tls.secret_name, ingress, (*at, "secretName"))
            )
            _add_hosts(mine, ingress, at, served, said)
    return [certificate for certificate in found.values() if certificate.hosts]


def _add_hosts(
    certificate: _Certificate, ingress: Original, at: FieldPath, served: dict[str, str], said: list[Diagnostic]
) -> None:
    listed = ingress.spec.tls[at[-1]].hosts
    places: dict[str, FieldPath] = {host or "*": (*at, "hosts", i) for i, host in enumerate(listed)}
    for host, path in (places or {"*": at}).items():
        earlier = served.setdefault(host.lower(), certificate.name)
        if earlier != certificate.name:
            message = f"{host} has the certificate of secret {earlier} already"
            said.append(ingress.lost(message, *path, hint="one of them has to go"))
        elif host.lower() not in [str(part.value) for part in certificate.hosts]:
            certificate.hosts.append(Part(host.lower(), ingress, path))


# --- what is said ---------------------------------------------------------------------------------------


def _about_class(ingress: Original) -> Iterator[Diagnostic]:
    named: dict[FieldPath, str | None] = {
        ("metadata", "annotations", _CLASS): ingress.metadata.annotations.get(_CLASS),
        ("spec", "ingressClassName"): ingress.spec.ingress_class_name,
    }
    for path, name in named.items():
        if name and name != _OURS:
            message = f"it was for the controller {name}; now hosts with the label istio=ingressgateway serve it"
            yield ingress.note(Level.INFO, DIFFERENT, message, *path)


def _about_annotations(ingress: Original) -> Iterator[Diagnostic]:
    for key in sorted(ingress.metadata.annotations):
        if "ingress" in key and key != _CLASS:
            message = f"the annotation {key} is left out: what it asks of a controller has no counterpart"
            yield ingress.lost(message, "metadata", "annotations", key)


def _ruled_services(
    routed: Sequence[tuple[Original, list[Route]]], ruled: Mapping[str, Original]
) -> Iterator[Diagnostic]:
    """Yield the services whose RouteRules were applied to what came through the Ingress, too."""
    for ingress, found in routed:
        seen: set[str] = set()
        for route in found:
            full = local(route.service, ingress.namespace).full
            if full in ruled and full not in seen:
                seen.add(full)
                message = f"rules of {route.service} were applied to requests from outside, too: now they are not"
                hint = "write the subsets that they should reach into this rule's VirtualService"
                yield ingress.note(Level.WARNING, DIFFERENT, message, *route.path, hint=hint, other=ruled[full])


def _shared_hosts(routed: Sequence[tuple[Original, list[Route]]]) -> Iterator[Diagnostic]:
    """Yield that two Ingresses have routes for one host: their paths are no longer sorted together."""
    first: dict[str, Original] = {}
    for ingress, found in routed:
        for host, path in hosts_of(found).items():
            other = first.setdefault(host, ingress)
            if other is not ingress:
                message = f"{host} has routes in two VirtualServices: the older one's come first, not the longer paths"
                hint = "join them where a path of one begins like a path of the other"
                yield ingress.note(Level.INFO, DIFFERENT, message, *path, hint=hint, other=other)


