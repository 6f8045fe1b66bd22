"""Is it clear to which port of a service a destination sends? (Istio: IST0112.)

A destination without a port means the only port of its service. Of several, it means the one by which the request came
in: that is fine where all ports by which requests can come are ports of the destination, and a 503 where not.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.routing import Use, destinations
from store.diagnostic import Diagnostic, Level
from store.index import MESH, canonical, gateway_names
from store.resources.fields import Key
from store.resources.virtual_service import VirtualService
from store.scalars import describe

PORT_NEEDED = Code(
    "IST0112",
    "a destination without port, of a service with several",
    Level.ERROR,
    "The rule sends requests to a service with several ports and chooses none. They go to the port by which they came"
    " in, which is another service's or a gateway's here: where the destination has no such port, they get a 503.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}, {number: 9090, name: admin, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http: [{route: [{destination: {host: reviews}}]}]
""",
    "Write the port of the destination: `port: {number: 9080}`.",
)
CODES = (PORT_NEEDED,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the destinations of VirtualServices among *keys* that need a port. Delegates are not judged: by which port
    requests come to them is for others to say.
    """
    for key, service in mesh.of(VirtualService, keys):
        for use in destinations(service) if service.hosts else ():
            host = None if use.destination.port else mesh.meant(use.destination.host, key.namespace)
            ports = mesh.ports(host) if host else {}
            incoming = _incoming(mesh, key, service, use) if len(ports) > 1 else frozenset()
            if host and (incoming is None or not incoming <= ports.keys()):
                owners = dict.fromkeys(owner for owner, _ in ports.values())
                yield PORT_NEEDED.at(
                    key, _message(host, sorted(ports), incoming), *use.path,
                    hint=f"write port: {{number: {min(ports)}}}, or another of them",
                    related=[see(owner, "its ports", "spec", "ports") for owner in owners],
                )  # fmt: skip


def _message(host: str, ports: list[int], incoming: frozenset[int] | None) -> str:
    known = f"{describe(host)} has the ports {_listed(ports)}, and none is chosen"
    if incoming is None:
        return f"{known}: requests that come by any other port get 503"
    return f"{known}: requests come by port {_listed(sorted(incoming - set(ports)))} and get 503"


def _listed(ports: list[int]) -> str:
    return ", ".join(map(str, ports))


def _incoming(mesh: Mesh, key: Key, service: VirtualService, use: Use) -> frozenset[int] | None:
    """Return the ports by which requests can come to the rule; None when they can be any."""
    if use.ports is not None:
        return use.ports
    servers = (server for _, gateway in mesh.bound_to(key, service) for server in gateway.servers)
    ports = {int(server.port.number) for server in servers}
    for host in service.hosts if MESH in gateway_names(service, key.namespace) else ():
        of_host = _ports_of(mesh, host, key.namespace)
        if of_host is None:
            return None
        ports |= of_host
    return frozenset(ports)


def _ports_of(mesh: Mesh, host: str, namespace: str) -> set[int] | None:
    """Return the ports of the services that *host* of a VirtualService means; None when it means none."""
    if host.startswith("*"):
        meant = mesh.covered(canonical(host))
    else:
        meant = tuple(name for name in mesh.candidates(host, namespace) if mesh.exists(name))[:1]
    return {port for name in meant for port in mesh.ports(name)} if meant else None
