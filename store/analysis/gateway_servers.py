"""The servers of Gateways by the port they open, and which of them open it on the same hosts: these answer together."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping

from attrs import frozen

from store.analysis.mesh import Mesh, has_labels, may_both_select
from store.resources.fields import Key
from store.resources.gateway import Gateway, Server
from store.resources.ports import is_http, is_tls

Address = tuple[str, int]
"""`bind`, empty where it is the host's own, and port."""

Selector = frozenset[tuple[str, str]]
"""Labels of hosts, each with its value."""


@frozen
class PlacedServer:
    """One server of one Gateway.

    Attributes:
        key: the Gateway.
        gateway: its spec.
        i: position in its `servers`.
        server: what stands there.
    """

    key: Key
    gateway: Gateway
    i: int
    server: Server

    @property
    def selector(self) -> Selector:
        """The hosts that open it."""
        return frozenset(self.gateway.selector.items())

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.server.bind or "", int(self.server.port.number)

    @property
    def speaks(self) -> str:
        """What its connections begin with: HTTP, TLS or TCP. Servers that speak the same can share a port."""
        if is_http(self.server.port.protocol):
            return "HTTP"
        return "TLS" if is_tls(self.server.port.protocol) else "TCP"


def servers_by_address(mesh: Mesh) -> Mapping[Address, list[PlacedServer]]:
    """Return the servers of all Gateways, those of the oldest first."""
    found: dict[Address, list[PlacedServer]] = defaultdict(list)
    for key, gateway in mesh.gateways:
        for i, server in enumerate(gateway.servers):
            placed = PlacedServer(key, gateway, i, server)
            found[placed.address].append(placed)
    return found


def meet(mesh: Mesh, one: PlacedServer, other: PlacedServer) -> bool:
    """Return whether some host opens both; where hosts are not known, whether every host that has one opens both."""
    selected = mesh.selected(one.gateway.selector)
    if selected is None:
        return may_both_select(one.gateway.selector, other.gateway.selector)
    surely = one.key == other.key or one.gateway.selector == other.gateway.selector
    return surely or any(has_labels(host.labels, other.gateway.selector) for host in selected)


def meeting_points(mesh: Mesh, selectors: Iterable[Selector]) -> Mapping[Selector, Collection[Hashable]]:
    """Return for each of *selectors* points such that two of them have one in common if, and only if, they `meet`.

    Thousands of Gateways find each other so without looking at all pairs. Points are compared, and mean nothing else:
    hosts that open the same are one, and where hosts are not known, each pair that surely meets is one.
    """
    distinct = set(selectors)
    points: dict[Selector, set[Hashable]] = {selector: {selector} for selector in distinct}
    if mesh.hosts is None:
        holders: dict[tuple[str, str], list[Selector]] = defaultdict(list)
        for selector in distinct:
            for label in selector:
                holders[label].append(selector)
        for wide in distinct:
            for narrow in min((holders[label] for label in wide), key=len, default=distinct):
                if wide <= narrow:
                    points[wide].add((wide, narrow))
                    points[narrow].add((wide, narrow))
        return points
    opened: dict[str, set[Selector]] = defaultdict(set)
    for selector in distinct:
        for host in mesh.selected(dict(selector)) or ():
            opened[host.name].add(selector)
    for point, together in enumerate(set(map(frozenset, opened.values()))):
        for selector in together:
            points[selector].add(point)
    return points
