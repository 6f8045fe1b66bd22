"""Requests that mean no service port of the registry → FallbackView, in one table: it costs what its size says."""

from collections.abc import Iterator

from agent.compiler import names
from agent.compiler.ir import (
    Cluster,
    Dial,
    Direct,
    DomainView,
    FallbackView,
    Match,
    Route,
)
from agent.compiler.resolve.policies import policy
from agent.compiler.resolve.registry import service
from agent.compiler.resolve.routes import routes
from agent.compiler.resolve.services import clusters, resolve_service
from store.host import HostRecord
from store.index import View, candidates
from store.resources.virtual_service import VirtualService

HTTP_PORT = 80


def resolve_fallback(view: View, record: HostRecord) -> FallbackView:
    """Return the fallback of *record*'s host. No two of its domains are equal: Envoy would refuse the table."""
    taken: set[str] = set()
    domains = []
    for each in (_own(record), *_wildcard_services(view, record), *_unregistered(view, record), _rest(record)):
        free = tuple(d for d in each.domains if d.lower() not in taken)
        taken.update(d.lower() for d in free)
        if free:
            domains.append(DomainView(each.name, free, each.routes))
    return FallbackView(tuple(domains), _wildcard_clusters(view, record))


def _wildcard_clusters(view: View, record: HostRecord) -> tuple[Cluster, ...]:
    made: list[Cluster] = []
    for host in _wildcards(view):
        found = service(view, host, record)
        assert found is not None, "listed by the index"
        rules = policy(view, host, found.namespace, record)
        made += (cluster for number in sorted(found.ports) for cluster in clusters(found, found.ports[number], rules))
    return tuple(made)


def _wildcards(view: View) -> list[str]:
    return sorted(host for host in view.service_hosts() if host.startswith("*"))


def _own(record: HostRecord) -> DomainView:
    """Asking the proxy for itself would loop until a circuit breaker ends it: 508 at once."""
    ports = [entry.rpartition(":")[2] for entry in record.http_proxy]
    hosts = ["localhost", "127.0.0.1", "[::1]", record.address, record.name]
    listed = [*record.http_proxy, *(f"{host}:{port}" for port in ports for host in hosts)]
    body = Direct(508, "this is the address of the mesh's own proxy\n")
    return DomainView("own", tuple(dict.fromkeys(listed)), (Route("mesh#own", Match(), body),))


def _wildcard_services(view: View, record: HostRecord) -> Iterator[DomainView]:
    for host in _wildcards(view):
        found = resolve_service(view, record, host)
        assert found is not None, "listed by the index"
        for port in found.ports:
            yield DomainView(names.service_table(host, port.number), port.authorities, port.routes)


def _unregistered(view: View, record: HostRecord) -> Iterator[DomainView]:
    """Hosts that only a VirtualService knows. They have no ports of their own: any port of the authority is theirs."""
    for host in sorted(view.route_hosts()):
        if host == "*" or view.exists(host):
            continue
        claims = [
            found
            for found in view.routes_named(host)
            if not _is_registered(view, found.spec, found.key.namespace, host)
        ]
        if claims:
            yield DomainView(host, _any_port(host), routes(view, claims, record, HTTP_PORT))


def _is_registered(view: View, spec: object, namespace: str, host: str) -> bool:
    """Whether *host* is only a way to write a host of *spec* that means a service of the registry."""
    assert isinstance(spec, VirtualService), "filed under its kind"
    ways = [names_meant for written in spec.hosts if host in (names_meant := candidates(written, namespace))]
    return all(any(view.exists(name) for name in names_meant) for names_meant in ways)


def _any_port(host: str) -> tuple[str, ...]:
    # Envoy has no pattern for "below a domain, on any port": wildcards answer on HTTP's own port.
    return (host, f"{host}:{HTTP_PORT}") if host.startswith("*") else (host, f"{host}:*")


def _rest(record: HostRecord) -> DomainView:
    if record.outbound_policy == "REGISTRY_ONLY":
        action: Direct | Dial = Direct(502, "not in the mesh's registry, and this host may not call outside it\n")
    else:
        action = Dial()
    return DomainView("rest", ("*",), (Route("mesh#rest", Match(), action),))
