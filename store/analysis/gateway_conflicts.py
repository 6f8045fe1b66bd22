"""Do servers of Gateways get in each other's way on one port of a host? (Istio: IST0145.)

On one port of one address, HTTP servers join each other, and so do TLS servers, told apart by SNI; any other pair
excludes each other, and of two TLS servers for one name one is left out. The oldest Gateway wins.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from store.analysis.code import Code, see
from store.analysis.gateway_servers import PlacedServer, meet, servers_by_address
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.index import canonical
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.scalars import describe

CONFLICT = Code(
    "IST0145",
    "Gateways that conflict on a port",
    Level.ERROR,
    "Two servers open the same port on the same hosts, and cannot share it: one speaks TLS and the other does not, one"
    " is HTTP and the other plain TCP, or both end TLS for the same name. The server of the older Gateway is used, the"
    " other one is not. Two plain HTTP servers for one host can share it; that is said as information.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: one}
spec:
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: two}
spec:
  servers: [{port: {number: 8080, name: tcp, protocol: TCP}, hosts: ["*"]}]
""",
    "Give one of the servers another port, another `bind` or another host, or let the Gateways select different hosts.",
)
CODES = (CONFLICT,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the servers of Gateways among *keys* that conflict with others, at both."""
    judged = frozenset(key for key, _ in mesh.of(Gateway, keys))
    if not judged:
        return
    for slices in servers_by_address(mesh).values():
        yield from _protocols(mesh, judged, slices)
        yield from _hosts(mesh, judged, slices)


def _protocols(mesh: Mesh, judged: Collection[Key], slices: Iterable[PlacedServer]) -> Iterator[Diagnostic]:
    """Yield the servers that speak something else than another one; one other is named."""
    by_protocol: dict[str, list[PlacedServer]] = defaultdict(list)
    for each in slices:
        by_protocol[each.speaks].append(each)
    for speaks, those in by_protocol.items():
        others = [each for other, found in by_protocol.items() if other != speaks for each in found]
        for each in those if others else ():
            other = next((o for o in others if meet(mesh, each, o)), None)
            if other is not None and each.key in judged:
                yield _excluded(mesh, each, other)


def _excluded(mesh: Mesh, each: PlacedServer, other: PlacedServer) -> Diagnostic:
    used = _oldest(mesh, each, other)
    port, protocols = each.server.port, f"{each.server.port.protocol} here and {other.server.port.protocol} in"
    which = "this server is used" if used is each else "this server is not used"
    message = f"port {port.number} is {protocols} {_name(each, other)}, on the same hosts: {which}"
    related = [see(other.key, f"{other.server.port.protocol} there", "spec", "servers", other.i, "port", "protocol")]
    return CONFLICT.at(each.key, message, "spec", "servers", each.i, "port", "protocol", related=related)


def _hosts(mesh: Mesh, judged: Collection[Key], slices: Iterable[PlacedServer]) -> Iterator[Diagnostic]:
    """Yield the hosts that another server of the same protocol has too."""
    by_host: dict[tuple[str, str], list[tuple[PlacedServer, int]]] = defaultdict(list)
    for each in slices:
        for j, host in enumerate(each.server.hosts):
            if each.speaks != "TCP":
                by_host[each.speaks, canonical(host.rpartition("/")[2])].append((each, j))
    for (speaks, host), claims in by_host.items():
        for each, j in claims if len(claims) > 1 else ():
            if each.key in judged:
                other = next((o for o, _ in claims if o is not each and meet(mesh, each, o)), None)
                if other is not None:
                    yield _shared(mesh, each, other, j, host, merges=speaks == "HTTP")


def _shared(mesh: Mesh, each: PlacedServer, other: PlacedServer, j: int, host: str, *, merges: bool) -> Diagnostic:
    number, there = each.server.port.number, _name(each, other)
    which = "this server is used" if _oldest(mesh, each, other) is each else "this server is not used"
    outcome = "their VirtualServices answer together" if merges else f"TLS for it can be ended once, {which}"
    message = f"{describe(host)} on port {number} is in {there} too, on the same hosts: {outcome}"
    related = [see(other.key, "the other server", "spec", "servers", other.i, "hosts")]
    level = Level.INFO if merges else CONFLICT.level
    return CONFLICT.at(each.key, message, "spec", "servers", each.i, "hosts", j, level=level, related=related)


def _oldest(mesh: Mesh, each: PlacedServer, other: PlacedServer) -> PlacedServer:
    if each.key == other.key:
        return each if each.i < other.i else other
    return each if mesh.oldest_first([each.key, other.key])[0] == each.key else other


def _name(each: PlacedServer, other: PlacedServer) -> str:
    return f"servers[{other.i}]" if each.key == other.key else str(other.key)
