"""Does what a VirtualService refers to exist: destination hosts, their subsets and ports, gateways? (Istio: IST0101.)

A reference into nothing is no mistake of the document: what is missing may be applied a minute later. Until then
requests get a 503, so it is said. Names mean what they mean to the compiler.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code
from store.analysis.mesh import Mesh
from store.analysis.routing import destinations
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import MESH, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import Destination, VirtualService
from store.scalars import describe, did_you_mean

NOT_FOUND = Code(
    "IST0101",
    "a reference to something that does not exist",
    Level.ERROR,
    "A rule names a host that no ServiceEntry has, a port or a subset that the host has not, a Gateway or a delegate"
    " that is not there. Requests that come to such a destination get a 503; rules for such a gateway are served"
    " nowhere. Applying it is allowed all the same, since what is missing may be applied later.",
    """
kind: VirtualService
apiVersion: networking.istio.io/v1
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
    for key, service in mesh.of(VirtualService, keys):
        yield from _gateways(mesh, key, service)
        for at, destination in destinations(service):
            yield from _destination(mesh, key, destination, at)


def _gateways(mesh: Mesh, key: Key, service: VirtualService) -> Iterator[Diagnostic]:
    for i, name in enumerate(gateway_names(service, key.namespace) if service.gateways else ()):
        if name != MESH and mesh.gateway(name) is None:
            message = f"there is no Gateway {describe(name)}: the rules are not served there"
            yield NOT_FOUND.at(key, message, "spec", "gateways", i, hint=mesh.gateway_hint(name))


def _destination(mesh: Mesh, key: Key, destination: Destination, at: FieldPath) -> Iterator[Diagnostic]:
    host = mesh.meant(destination.host, key.namespace)
    if host is None:
        message = f"no ServiceEntry has the host {describe(destination.host)}: requests get 503"
        hint = did_you_mean(destination.host, mesh.spellings(key.namespace))
        yield NOT_FOUND.at(key, message, *at, "host", hint=hint)
        return
    ports = mesh.ports(host)
    if destination.port and destination.port.number not in ports:
        listed = ", ".join(map(str, sorted(ports))) or "none"
        message = f"{describe(host)} has no port {destination.port.number}, its ports are {listed}: requests get 503"
        yield NOT_FOUND.at(key, message, *at, "port", "number")
    if destination.subset and destination.subset not in (subsets := mesh.subsets(host)):
        message = f"no DestinationRule defines the subset {describe(destination.subset)} of {describe(host)}"
        defined = f"there are {', '.join(sorted(subsets))}" if subsets else None
        hint = did_you_mean(destination.subset, subsets) or defined
        yield NOT_FOUND.at(key, f"{message}: requests get 503", *at, "subset", hint=hint)
