"""Requests that mean no service port of the registry → FallbackView, in one table: it costs what its size says."""

from collections.abc import Iterable, Iterator

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
from agent.compiler.resolve.registry import outline, service
from agent.compiler.resolve.routes import routes
from agent.compiler.resolve.services import clusters, resolve_service
from store.host import HostRecord
from store.index import Found, View, canonical
from store.resources.virtual_service import VirtualService

HTTP_PORT = 80


def resolve_fallback(view: View, record: HostRecord) -> FallbackView:
    """Return the fallback of *record*'s host. No two of its domains are equal: Envoy would refuse the table."""
    taken: set[str] = set()
    domains = []
    for each in (_own(record), *_wildcard_services(view, record), *_unregistered(view, record), _rest(record)):
        free = tuple(_free(each.domains, taken))
        if free:
            domains.append(DomainView(each.name, free, each.routes))
    return FallbackView(tuple(domains), _wildcard_clusters(view, record))


def _free(domains: Iterable[str], taken: set[str]) -> Iterator[str]:
    """Yield those of *domains* that are not *taken*, and take them; Envoy compares them without regard to case."""
    for domain in domains:
        if domain.lower() not in taken:
            taken.add(domain.lower())
            yield domain


def _wildcard_clusters(view: View, record: HostRecord) -> tuple[Cluster, ...]:
    made: list[Cluster] = []
    for host in view.wildcard_services():
        found = service(view, host, record)
        assert found is not None, "listed by the index"
        rules = policy(view, host, found.namespace, record)
        made += (cluster for number in sorted(found.ports) for cluster in clusters(found, found.ports[number], rules))
    return tuple(made)


def _own(record: HostRecord) -> DomainView:
    """Asking the proxy for itself would loop until a circuit breaker ends it: 508 at once."""
    ports = [int(entry.rpartition(":")[2]) for entry in record.http_proxy]
    hosts = ["localhost", "127.0.0.1", "::1", record.address, record.name]
    listed = [*record.http_proxy, *(names.authority(host, port) for port in ports for host in hosts)]
    bare = [names.in_authority(host) for host in hosts] if HTTP_PORT in ports else []
    body = Direct(508, "this is the address of the mesh's own proxy\n")
    return DomainView("own", (*listed, *bare), (Route("mesh#own", Match(), body),))


def _wildcard_services(view: View, record: HostRecord) -> Iterator[DomainView]:
    for host in view.wildcard_services():
        found = resolve_service(view, record, host)
        assert found is not None, "listed by the index"
        for port in found.ports:
            yield DomainView(names.service_table(host, port.number), port.authorities, port.routes)


def _unregistered(view: View, record: HostRecord) -> Iterator[DomainView]:
    """Hosts that only a VirtualService knows. They have no ports of their own: any port of the authority is theirs.

    Where a wildcard service covers the host, its ports come first, so that each is routed as the port it is.
    """
    for host in sorted(view.route_hosts()):
        if host == "*" or view.exists(host) or not any(_answers(view, host, *way) for way in view.claims(host)):
            continue
        claims = [
            f for f in view.routes_named(host) if any(_answers(view, host, w, f.key.namespace) for w in _hosts(f))
        ]
        for port in _ports_of_wildcard(view, record, host):
            table = routes(view, claims, record, port)
            yield DomainView(names.service_table(host, port), names.authorities((host,), port), table)
        yield DomainView(host, _any_port(host), routes(view, claims, record, HTTP_PORT))


def _answers(view: View, host: str, written: str, namespace: str) -> bool:
    """Whether *written*, in a rule of *namespace*, gives the name *host* to what the registry does not know.

    Such names are the host as written and, of a short name, its suffixed forms.
    """
    meant = view.candidates(written, namespace)
    given = meant if "." not in canonical(written) else meant[:1]
    return host in given and not any(view.exists(name) for name in meant)


def _hosts(found: Found) -> tuple[str, ...]:
    spec = found.spec
    assert isinstance(spec, VirtualService), "filed under its kind"
    return spec.hosts


def _ports_of_wildcard(view: View, record: HostRecord, host: str) -> list[int]:
    covering = view.covering_service(host)
    found = outline(view, covering, record) if covering else None
    return sorted(found.ports) if found else []


def _any_port(host: str) -> tuple[str, ...]:
    # Envoy has no pattern for "below a domain, on any port": wildcards answer on HTTP's own port.
    bare = names.in_authority(host)
    return (bare, f"{bare}:{HTTP_PORT}") if host.startswith("*") else (bare, f"{bare}:*")


def _rest(record: HostRecord) -> DomainView:
    if record.outbound_policy == "REGISTRY_ONLY":
        action: Direct | Dial = Direct(502, "not in the mesh's registry, and this host may not call outside it\n")
    else:
        action = Dial()
    return DomainView("rest", ("*",), (Route("mesh#rest", Match(), action),))
