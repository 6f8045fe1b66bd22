"""Does what a VirtualService refers to exist: hosts, their subsets and ports, gateways, delegates? (Istio: IST0101.)

A reference into nothing is no mistake of the document: what is missing may be applied a minute later. Until then
requests get a 503, so it is said. Names mean what they mean to the compiler. Secrets are files of hosts: not judged.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.gateway_hints import GatewayHints
from store.analysis.mesh import Mesh
from store.analysis.routing import Use, delegates, destinations, match_gateways
from store.analysis.visibility import is_seen_in
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import MESH, gateway_name
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService
from store.scalars import describe, did_you_mean

NOT_FOUND = Code(
    "IST0101",
    "a reference to something that does not exist",
    Level.ERROR,
    "A rule names a host that no ServiceEntry has, a port or a subset that the host has not, a Gateway or a delegate"
    " that is not there. Requests that come to such a destination get a 503, connections are closed; rules for such a"
    " gateway are served nowhere. Applying it is allowed all the same, since what is missing may be applied later.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews, subset: v2}}]}]
""",
    "Correct the name, or apply what it refers to: the ServiceEntry of the host, the DestinationRule of the subset, the"
    " Gateway. A short name is looked for in the registry as it is, then below the namespace of the rule"
    " (`reviews.<namespace>.svc.cluster.local`); a Gateway of another namespace is written `namespace/name`.",
)
CODES = (NOT_FOUND,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each reference of the VirtualServices among *keys* that leads nowhere."""
    hints = GatewayHints(mesh)
    for key, service in mesh.of(VirtualService, keys):
        for i, name in enumerate(service.gateways):
            yield from _gateway(mesh, hints, key, name, ("spec", "gateways", i))
        for at, name in match_gateways(service):
            yield from _gateway(mesh, hints, key, name, at)
        for use in destinations(service):
            yield from _destination(mesh, key, use)
        for at, delegate in delegates(service):
            yield from _delegate(mesh, key, Key(delegate.namespace or key.namespace, delegate.name, key.kind), at)


def _gateway(mesh: Mesh, hints: GatewayHints, key: Key, written: str, at: FieldPath) -> Iterator[Diagnostic]:
    name = gateway_name(written, key.namespace)
    if name != MESH and mesh.gateway(name) is None:
        message = f"there is no Gateway {describe(name)}: the rules are not served there"
        yield NOT_FOUND.at(key, message, *at, hint=hints.hint(name))


def _destination(mesh: Mesh, key: Key, use: Use) -> Iterator[Diagnostic]:
    destination, at = use.destination, use.path
    harm = _harm(use)
    host = mesh.meant(destination.host, key.namespace)
    if host is None:
        message = f"no ServiceEntry has the host {describe(destination.host)}: {harm}"
        yield NOT_FOUND.at(key, message, *at, "host", hint=mesh.service_hint(destination.host, key.namespace))
        return
    yield from _visible(mesh, key, host, use)
    ports = mesh.ports(host)
    if destination.port and destination.port.number not in ports:
        listed = ", ".join(map(str, sorted(ports))) or "none"
        message = f"{describe(host)} has no port {destination.port.number}, its ports are {listed}: {harm}"
        yield NOT_FOUND.at(key, message, *at, "port", "number")
    if destination.subset and destination.subset not in (subsets := mesh.subsets(host)):
        message = f"no DestinationRule defines the subset {describe(destination.subset)} of {describe(host)}: {harm}"
        defined = f"there are {', '.join(sorted(subsets))}" if subsets else None
        hint = did_you_mean(destination.subset, subsets) or defined
        yield NOT_FOUND.at(key, message, *at, "subset", hint=hint)


def _harm(use: Use) -> str:
    if use.is_mirror:
        return "nothing is copied there"
    return "requests get 503" if use.path[1] == "http" else "connections are closed"


def _visible(mesh: Mesh, key: Key, host: str, use: Use) -> Iterator[Diagnostic]:
    """Yield that *host* is there, and kept from the namespace of the rule. (Clients elsewhere may see it.)"""
    entries = mesh.services(host)
    if not any(is_seen_in(key.namespace, (entry.namespace, spec.export_to)) for entry, spec in entries):
        message = f"{describe(host)} is not exported to namespace {key.namespace}: for clients there, {_harm(use)}"
        related = [see(entry, "exported to others only", "spec", "exportTo") for entry, _ in entries]
        yield NOT_FOUND.at(key, message, *use.path, "host", related=related)


def _delegate(mesh: Mesh, key: Key, meant: Key, at: FieldPath) -> Iterator[Diagnostic]:
    service = mesh.get(meant, VirtualService)
    if service is None:
        names = [each.name for each in mesh.in_namespace(meant.namespace) if each.kind == key.kind]
        message = f"there is no VirtualService {describe(f'{meant.namespace}/{meant.name}')} to leave requests to"
        yield NOT_FOUND.at(key, message, *at, "name", hint=did_you_mean(meant.name, names))
    elif service.hosts:
        message = f"{meant} has hosts of its own, so no other VirtualService can leave requests to it"
        yield NOT_FOUND.at(key, message, *at, "name", related=[see(meant, "its hosts", "spec", "hosts")])
