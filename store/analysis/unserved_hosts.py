"""Is there a VirtualService for the hosts that a Gateway opens?

How the hosts of both meet is the compiler's rule (`agent/compiler/resolve/gateways.py`): the narrower of two names that
overlap is served, and `namespace/` in front lets in the VirtualServices of that namespace alone. Servers of several
Gateways that open one port on the same hosts answer together, so rules of the other Gateways count too. The reverse,
hosts of a VirtualService that its Gateway does not serve, is `gateway_hosts.py`'s.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice, takewhile

from store.analysis.code import Code
from store.analysis.gateway_servers import Address, PlacedServer, meet, servers_by_address
from store.analysis.host_patterns import HostPatterns
from store.analysis.listing import named
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.index import canonical, wildcards_above
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
    rules = _Rules(mesh)
    for key, gateway in mesh.of(Gateway, keys):
        for i, server in enumerate(gateway.servers):
            placed = PlacedServer(key, gateway, i, server)
            unserved = [host for host in server.hosts if _answers_requests(server) and not rules.answer(placed, host)]
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


class _Rules:
    """For which hosts of which servers there are rules."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._bound: dict[tuple[Key, str], HostPatterns] = {}
        self._answers: dict[tuple[object, ...], bool] = {}
        self._neighbours: dict[Address, _Hosts] = {}

    def answer(self, placed: PlacedServer, written: str) -> bool:
        """Return whether there are rules for a host as *placed* writes it: its Gateway's, or those of another one that
        shares its port.
        """
        namespace, pattern = _split(written, placed.key)
        return self._own(placed.key, namespace, pattern) or self._others_answer(placed, pattern)

    def _others_answer(self, placed: PlacedServer, pattern: str) -> bool:
        asked = (placed.address, placed.speaks, frozenset(placed.gateway.selector.items()), pattern)
        if asked not in self._answers:
            self._answers[asked] = any(
                other.speaks == placed.speaks
                and self._own(other.key, namespace, _narrower(pattern, theirs))
                and meet(self._mesh, placed, other)
                for other, namespace, theirs in self._sharing(placed.address).overlapping(pattern)
            )
        return self._answers[asked]

    def _own(self, gateway: Key, namespace: str, pattern: str) -> bool:
        """Return whether a VirtualService of *namespace*, `*` for any, is bound to *gateway* and for *pattern*."""
        asked = (gateway, namespace)
        if asked not in self._bound:
            bound = self._mesh.bound(f"{gateway.namespace}/{gateway.name}")
            allowed = (service for key, service in bound if namespace in ("*", key.namespace))
            self._bound[asked] = HostPatterns([host for service in allowed for host in service.hosts])
        return self._bound[asked].overlap(pattern)

    def _sharing(self, address: Address) -> "_Hosts":
        if address not in self._neighbours:
            self._neighbours[address] = _Hosts(self._servers.get(address, ()))
        return self._neighbours[address]

    @cached_property
    def _servers(self) -> Mapping[Address, list[PlacedServer]]:
        return servers_by_address(self._mesh)


Claim = tuple[PlacedServer, str, str]
"""A server, and namespace and name of a host that it lists."""


class _Hosts:
    """The hosts that servers of one port list, by name."""

    def __init__(self, servers: Iterable[PlacedServer]) -> None:
        self._claims: dict[str, list[Claim]] = defaultdict(list)
        for placed in servers:
            for written in placed.server.hosts:
                namespace, name = _split(written, placed.key)
                self._claims[name].append((placed, namespace, name))
        self._reversed = sorted(name[::-1] for name in self._claims)

    def overlapping(self, pattern: str) -> Iterator[Claim]:
        """Yield the claims to *pattern*, to wildcards that cover it, and to what it covers as a wildcard."""
        for name in (pattern, *(above for above in wildcards_above(pattern) if above != pattern)):
            yield from self._claims.get(name, ())
        if pattern.startswith("*"):
            end = pattern[:0:-1]
            below = islice(self._reversed, bisect_left(self._reversed, end), None)
            for name in takewhile(lambda name: name.startswith(end), below):
                yield from self._claims[name[::-1]] if name[::-1] != pattern else ()


def _split(written: str, gateway: Key) -> tuple[str, str]:
    """Return namespace, `*` for any, and name of a host as a server of *gateway* writes it."""
    namespace, slash, name = written.rpartition("/")
    return (gateway.namespace if namespace == "." else namespace) if slash else "*", canonical(name)


def _narrower(one: str, other: str) -> str:
    """Return the narrower of two names that overlap."""
    return other if one.startswith("*") and len(other.removeprefix("*")) > len(one) - 1 else one
