"""Do the Gateways that a VirtualService names serve its hosts? (Istio: IST0132.)"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.host_patterns import HostPatterns
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.index import MESH, gateway_name, gateway_names
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.virtual_service import VirtualService
from store.scalars import describe

NOT_SERVED = Code(
    "IST0132",
    "a host that its Gateway does not serve",
    Level.WARNING,
    "A VirtualService names a Gateway, and no server of that Gateway lists its host, or not for its namespace. Requests"
    " for the host get a 404 at that Gateway.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: blog}
spec:
  hosts: [blog.example.com]
  gateways: [edge]
  http: [{redirect: {authority: b.example.com}}]
""",
    "Add the host to `hosts` of a server of the Gateway (`namespace/host` lets that namespace in alone), or correct the"
    " host of the VirtualService.",
)
CODES = (NOT_SERVED,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the gateways of VirtualServices among *keys* that serve none of the hosts, and hosts that none serves."""
    serves = _Served()
    for key, service in mesh.of(VirtualService, keys):
        served: set[str] = set()
        bound = [(i, found) for i, name in enumerate(service.gateways) if (found := _named(mesh, name, key))]
        for i, (other, gateway) in bound:
            here = {host for host in service.hosts if serves(other, gateway, host, key.namespace)}
            if service.hosts and not here:
                yield _serves_nothing(key, service, i, other)
            served |= here
        if served and MESH not in gateway_names(service, key.namespace):
            yield from _unserved(key, service, served, [other for _, (other, _) in bound])


def _named(mesh: Mesh, name: str, key: Key) -> tuple[Key, Gateway] | None:
    return mesh.gateway(gateway_name(name, key.namespace)) if name != MESH else None


def _serves_nothing(key: Key, service: VirtualService, i: int, gateway: Key) -> Diagnostic:
    hosts = ", ".join(map(describe, service.hosts[:5]))
    message = f"{gateway} serves none of the hosts ({hosts}): requests for them get 404 there"
    return NOT_SERVED.at(key, message, "spec", "gateways", i, related=[see(gateway, "its servers", "spec", "servers")])


def _unserved(key: Key, service: VirtualService, served: set[str], gateways: list[Key]) -> Iterator[Diagnostic]:
    named = ", ".join(map(str, gateways))
    for i, host in enumerate(service.hosts):
        if host not in served:
            message = f"{describe(host)} is served by no server of {named}: requests for it get 404"
            related = [see(gateway, "its servers", "spec", "servers") for gateway in gateways]
            yield NOT_SERVED.at(key, message, "spec", "hosts", i, related=related)


class _Served:
    """What Gateways let in: for each Gateway and each namespace of a VirtualService, asked for once."""

    def __init__(self) -> None:
        self._patterns: dict[tuple[Key, str], HostPatterns] = {}

    def __call__(self, key: Key, gateway: Gateway, host: str, namespace: str) -> bool:
        """Return whether a server of *gateway* lets *host* of *namespace* in, or a part of it."""
        asked = (key, namespace)
        if asked not in self._patterns:
            self._patterns[asked] = HostPatterns(_allowed(gateway, key.namespace, namespace))
        return self._patterns[asked].overlap(host)


def _allowed(gateway: Gateway, own: str, namespace: str) -> Iterator[str]:
    """Yield the hosts of *gateway*, which is of namespace *own*, that VirtualServices of *namespace* may bind to."""
    for server in gateway.servers:
        for written in server.hosts:
            of, slash, pattern = written.rpartition("/")
            if not slash or of == "*" or namespace == (own if of == "." else of):
                yield pattern
