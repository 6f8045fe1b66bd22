"""Is there a VirtualService for the hosts that a Gateway opens?

How the hosts of both meet is the compiler's rule (`agent/compiler/resolve/gateways.py`): the narrower of two names that
overlap is served, and `namespace/` in front lets in the VirtualServices of that namespace alone. The reverse, hosts of
a VirtualService that its Gateway does not serve, is `gateway_hosts.py`'s.
"""

from collections.abc import Callable, Collection, Iterator
from functools import cache

from store.analysis.code import Code
from store.analysis.host_patterns import HostPatterns
from store.analysis.listing import named
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.resources.fields import Key
from store.resources.gateway import Gateway, Server
from store.resources.ports import is_http
from store.resources.server_tls import PASSING
from store.scalars import describe

UNSERVED = Code(
    "unserved-host",
    "a host of a Gateway that no VirtualService is for",
    Level.INFO,
    "A server of a Gateway lets requests for a host in, and no VirtualService that names the Gateway has rules for that"
    " host: all of them get a 404.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example.com]}]
""",
    "Apply a VirtualService with this host and this Gateway in `gateways`; remove the host from the Gateway when"
    " nothing is to answer for it.",
)
CODES = (UNSERVED,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the servers for HTTP of Gateways among *keys* with hosts that no VirtualService is for."""
    for key, gateway in mesh.of(Gateway, keys):
        serves = _serving(mesh, key, gateway)
        for i, server in enumerate(gateway.servers):
            unserved = [host for host in server.hosts if _answers_requests(server) and not serves(host)]
            if unserved:
                shown = named(list(map(describe, unserved)))
                message = f"no VirtualService of this Gateway is for {shown}: requests get 404"
                yield UNSERVED.at(key, message, "spec", "servers", i, "hosts")


def _answers_requests(server: Server) -> bool:
    """Return whether requests are seen there, and not all of them redirected to https."""
    if server.tls is not None and server.tls.https_redirect:
        return False
    ends_tls = server.tls is not None and server.tls.mode not in PASSING
    return is_http(server.port.protocol) or (server.port.protocol.upper() == "HTTPS" and ends_tls)


def _serving(mesh: Mesh, key: Key, gateway: Gateway) -> Callable[[str], bool]:
    """Return whether a VirtualService bound to *gateway* has rules for a host as its servers write it."""
    bound = mesh.bound(f"{key.namespace}/{key.name}") if gateway.servers else ()

    @cache
    def hosts(namespace: str) -> HostPatterns:
        allowed = (service for other, service in bound if namespace in ("*", other.namespace))
        return HostPatterns([host for service in allowed for host in service.hosts])

    def serves(written: str) -> bool:
        namespace, slash, pattern = written.rpartition("/")
        return hosts((key.namespace if namespace == "." else namespace) if slash else "*").overlap(pattern)

    return serves
