"""Do servers of Gateways get in each other's way on one port of a host? (Istio: IST0145.)

On one port of one address, HTTP servers join each other, and so do TLS servers, told apart by SNI; any other pair
excludes each other, and of two TLS servers for one name one is left out. The oldest Gateway wins.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence

from store.analysis.code import Code, see
from store.analysis.gateway_servers import PlacedServer, Selector, meeting_points, servers_by_address
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

_Points = Mapping[Selector, Collection[Hashable]]
"""See `meeting_points`."""
_What = Callable[[PlacedServer], Hashable]
"""What of a server makes it another one."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the servers of Gateways among *keys* that conflict with others, at both."""
    judged = frozenset(key for key, _ in mesh.of(Gateway, keys))
    if not judged:
        return
    slices = [each for each in servers_by_address(mesh).values() if any(server.key in judged for server in each)]
    points = meeting_points(mesh, (server.selector for each in slices for server in each))
    for each in slices:
        yield from _protocols(mesh, judged, each, points)
        yield from _hosts(mesh, judged, each, points)


class _Meetings:
    """Of servers, oldest first, those that some host opens together: the oldest ones at each point where they meet."""

    def __init__(self, points: _Points, servers: Sequence[PlacedServer], what: _What) -> None:
        self._points, self._servers, self._what = points, servers, what
        self._first: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
        for n, server in enumerate(servers):
            for point in points[server.selector]:
                there = self._first[point]
                if len(there) < 2:  # whoever comes: one of two is another one
                    there.setdefault(what(server), n)

    def other(self, server: PlacedServer) -> PlacedServer | None:
        """Return the oldest other server that some host opens together with *server*, or None."""
        own = self._what(server)
        met = (self._first[point] for point in self._points[server.selector])
        first = min((n for there in met for what, n in there.items() if what != own), default=None)
        return None if first is None else self._servers[first]


def _protocols(
    mesh: Mesh, judged: Collection[Key], slices: Sequence[PlacedServer], points: _Points
) -> Iterator[Diagnostic]:
    """Yield the servers that speak something else than another one; the oldest other is named."""
    meetings = _Meetings(points, slices, lambda server: server.speaks)
    for each in slices:
        other = meetings.other(each) if each.key in judged else None
        if other is not None:
            yield _excluded(mesh, each, other)


def _excluded(mesh: Mesh, each: PlacedServer, other: PlacedServer) -> Diagnostic:
    used = _oldest(mesh, each, other)
    port, protocols = each.server.port, f"{each.server.port.protocol} here and {other.server.port.protocol} in"
    which = "this server is used" if used is each else "this server is not used"
    message = f"port {port.number} is {protocols} {_name(each, other)}, on the same hosts: {which}"
    related = [see(other.key, f"{other.server.port.protocol} there", "spec", "servers", other.i, "port", "protocol")]
    return CONFLICT.at(each.key, message, "spec", "servers", each.i, "port", "protocol", related=related)


def _hosts(
    mesh: Mesh, judged: Collection[Key], slices: Iterable[PlacedServer], points: _Points
) -> Iterator[Diagnostic]:
    """Yield the hosts that another server of the same protocol has too."""
    by_host: dict[tuple[str, str], list[tuple[PlacedServer, int]]] = defaultdict(list)
    for each in slices:
        for j, host in enumerate(each.server.hosts):
            if each.speaks != "TCP":
                by_host[each.speaks, canonical(host.rpartition("/")[2])].append((each, j))
    for (speaks, host), claims in by_host.items():
        if len(claims) > 1:
            meetings = _Meetings(points, [each for each, _ in claims], lambda server: (server.key, server.i))
            for each, j in claims:
                other = meetings.other(each) if each.key in judged else None
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
