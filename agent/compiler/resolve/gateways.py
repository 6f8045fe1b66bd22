"""Gateways → GatewayView: which ports this host opens, and which VirtualServices answer there."""

from collections import defaultdict
from collections.abc import Iterator

from attrs import frozen

from agent.compiler import names
from agent.compiler.ir import DomainView, GatewayView
from agent.compiler.resolve.routes import routes
from store.host import HostRecord
from store.index import Found, View, canonical, covers
from store.resources.fields import Key
from store.resources.gateway import Gateway, Server
from store.resources.virtual_service import VirtualService
from store.snapshot import age


@frozen
class _Slice:
    """One server of one Gateway that opens the port in question."""

    gateway: Found
    server: Server


def open_ports(view: View, record: HostRecord) -> dict[tuple[str, int], list[_Slice]]:
    """Return (address, port) → the servers that open it on *record*'s host, oldest Gateway first."""
    opened: dict[tuple[str, int], list[_Slice]] = defaultdict(list)
    for found in view.gateways():
        spec = _gateway(found)
        if all(record.labels.get(key) == value for key, value in spec.selector.items()):
            for server in spec.servers:
                opened[server.bind or record.gateway_bind, int(server.port.number)].append(_Slice(found, server))
    return dict(opened)


def resolve_gateway(view: View, record: HostRecord, address: str, port: int) -> GatewayView | None:
    """Return what *address*:*port* answers on this host; None when no Gateway opens it here."""
    slices = open_ports(view, record).get((address, port))
    if not slices:
        return None
    bound: dict[str, dict[Key, Found]] = defaultdict(dict)
    for each in slices:
        for found in view.bound(f"{each.gateway.key.namespace}/{each.gateway.key.name}"):
            for domain in _domains(each, found):
                bound[domain][found.key] = found
    domains = tuple(_domain(view, record, port, name, list(claims.values())) for name, claims in sorted(bound.items()))
    return GatewayView(address, port, domains, tuple(dict.fromkeys(s.gateway.key for s in slices)))


def _domain(view: View, record: HostRecord, port: int, name: str, claims: list[Found]) -> DomainView:
    oldest_first = sorted(claims, key=lambda f: age(f.key, f.entry))
    return DomainView(name, (names.in_authority(name),), routes(view, oldest_first, record, port))


def _domains(each: _Slice, found: Found) -> Iterator[str]:
    """Yield the hosts that this server and this VirtualService share: the narrower of each pair that overlaps."""
    spec = found.spec
    assert isinstance(spec, VirtualService), "filed under its kind"
    for server_host in each.server.hosts:
        namespace, slash, rest = server_host.partition("/")
        allowed = {"*": True, ".": found.key.namespace == each.gateway.key.namespace}
        if slash and not allowed.get(namespace, found.key.namespace == namespace):
            continue
        pattern = canonical(rest if slash else server_host)
        for written in map(canonical, spec.hosts):
            if covers(pattern, written):
                yield written
            elif covers(written, pattern):
                yield pattern


def _gateway(found: Found) -> Gateway:
    spec = found.spec
    assert isinstance(spec, Gateway), "filed under its kind"
    return spec
