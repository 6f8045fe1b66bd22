"""The servers of Gateways by the port they open, and which of them open it on the same hosts: these answer together."""

from collections import defaultdict
from collections.abc import Mapping

from attrs import frozen

from store.analysis.mesh import Mesh, has_labels, may_both_select
from store.resources.fields import Key
from store.resources.gateway import Gateway, Server
from store.resources.ports import is_http, is_tls

Address = tuple[str, int]
"""`bind`, empty where it is the host's own, and port."""


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
