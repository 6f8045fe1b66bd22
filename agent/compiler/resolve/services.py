"""A service of the registry → ServiceView: its ports, the routes of each, its clusters."""

from collections.abc import Mapping

from agent.compiler import names
from agent.compiler.ir import (
    Cluster,
    Destination,
    Direct,
    Discovery,
    Endpoint,
    Forward,
    Match,
    Route,
    ServicePortView,
    ServiceView,
)
from agent.compiler.resolve.policies import Policy, policy
from agent.compiler.resolve.registry import Port, Service, aliases, owned_addresses, service
from agent.compiler.resolve.routes import routes
from store.host import HostRecord
from store.index import Found, View, covers
from store.resources.destination_rule import Subset
from store.resources.resolution import Resolution
from store.resources.virtual_service import VirtualService
from store.resources.workload_entry import WorkloadEntry


def resolve_service(view: View, record: HostRecord, host: str) -> ServiceView | None:
    """Return what *record*'s host should know of the service *host*; None when the registry has it not."""
    found = service(view, host, record)
    if found is None:
        return None
    rules = policy(view, host, found.namespace, record)
    claims = view.routes(host, lambda f: _means(view, f, host))
    called = aliases(view, host, record)
    ports = [_port(view, record, found, number, rules, claims, called) for number in sorted(found.ports)]
    refused = [_refused(host, number, called, found) for number in sorted(found.refused)]
    return ServiceView(host, tuple(sorted((*ports, *refused), key=lambda p: p.number)))


def _means(view: View, found: Found, host: str) -> bool:
    """Whether one of the VirtualService's hosts means *host* rather than a service before it among the candidates."""
    spec = found.spec
    assert isinstance(spec, VirtualService), "filed under its kind"
    for written in spec.hosts:
        names_meant = view.candidates(written, found.key.namespace)
        if host not in names_meant:
            if covers(names_meant[0], host):
                return True
        elif not any(view.exists(name) for name in names_meant[: names_meant.index(host)]):
            return True
    return False


def _port(
    view: View,
    record: HostRecord,
    found: Service,
    number: int,
    rules: Policy,
    claims: tuple[Found, ...],
    called: tuple[str, ...],
) -> ServicePortView:
    port = found.ports[number]
    table = routes(view, claims, record, number) if claims else (_default_route(found, port),)
    authorities = names.authorities((*called, *owned_addresses(view, found, number)), number)
    return ServicePortView(number, authorities, table, clusters(found, port, rules), port.origins)


def _default_route(found: Service, port: Port) -> Route:
    origin = port.origins[0]
    everything = Forward((Destination(found.host, int(port.definition.number)),))
    return Route(f"{origin.namespace}/{origin.name}#default", Match(), everything, origin)


def _refused(host: str, number: int, called: tuple[str, ...], found: Service) -> ServicePortView:
    """Return a port that belongs to an entry which lost the host's name to another: it must not seem to work."""
    loser = found.refused[number]
    body = f"{host}:{number} is defined by {loser}, but an older ServiceEntry owns {host} and differs in resolution\n"
    route = Route(f"{loser.namespace}/{loser.name}#conflict", Match(), Direct(503, body), loser)
    return ServicePortView(number, names.authorities(called, number), (route,), (), (loser,))


def clusters(found: Service, port: Port, rules: Policy) -> tuple[Cluster, ...]:
    """Return the cluster of the whole service port and those of its subsets."""
    return tuple(_cluster(found, port, rules, subset) for subset in (None, *rules.subsets))


def _cluster(found: Service, port: Port, rules: Policy, subset: Subset | None) -> Cluster:
    wanted = subset.labels if subset else {}
    chosen = (each for each in port.endpoints(found.host) if _has(each[0], wanted))
    return Cluster(
        host=found.host,
        port=int(port.definition.number),
        subset=subset.name if subset else None,
        http2=port.http2,
        load_balancer=rules.load_balancer(subset),
        discovery=Discovery.DNS if found.resolution is Resolution.DNS else Discovery.STATIC,
        endpoints=tuple(Endpoint(e.address, int(number), int(e.weight or 1)) for e, number in chosen),
        origins=(*rules.origins, *port.origins),
    )


def _has(endpoint: WorkloadEntry, labels: Mapping[str, str]) -> bool:
    return all(endpoint.labels.get(key) == value for key, value in labels.items())
