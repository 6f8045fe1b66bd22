"""The registry as a host sees it: which ServiceEntries make a service, its ports, what a destination means."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from store.host import HostRecord
from store.index import Found, View, canonical, canonical_address
from store.resources.fields import Key
from store.resources.resolution import Resolution
from store.resources.service_entry import ServiceEntry, ServicePort
from store.resources.workload_entry import WorkloadEntry


@frozen
class Port:
    """One port of a service, with all entries that speak for it.

    Attributes:
        definition: as the oldest of them says.
        entries: these ServiceEntries, oldest first.
    """

    definition: ServicePort
    entries: tuple[tuple[Key, ServiceEntry], ...]

    @property
    def origins(self) -> tuple[Key, ...]:
        return tuple(key for key, _ in self.entries)

    @property
    def http2(self) -> bool:
        return self.definition.protocol.upper() in ("HTTP2", "GRPC")

    def endpoints(self, host: str) -> Iterable[tuple[WorkloadEntry, int]]:
        """Yield each endpoint with its port. Under DNS without endpoints, the host itself is the one."""
        for _, entry in self.entries:
            named = next(p for p in entry.ports if p.number == self.definition.number)
            default = named.target_port or named.number
            listed = entry.endpoints
            if not listed and entry.resolution is Resolution.DNS:
                listed = (WorkloadEntry(address=host),)
            yield from ((endpoint, endpoint.ports.get(named.name, default)) for endpoint in listed)


@frozen
class Service:
    """A host of the registry.

    Attributes:
        host: canonical, or a wildcard.
        namespace: of the entry that owns the name.
        resolution: of that entry.
        addresses: IP addresses that clients may use for it, each in its one spelling.
        ports: number → port.
        refused: ports that only losing entries define (number → their key): the name is not theirs, so they answer 503.
    """

    host: str
    namespace: str
    resolution: Resolution
    addresses: tuple[str, ...]
    ports: Mapping[int, Port]
    refused: Mapping[int, Key]


def service(view: View, host: str, record: HostRecord) -> Service | None:
    """Return what the registry says of *host*, or None.

    Entries of the asking host's namespace come first, then the oldest; entries that agree with the first on namespace
    and resolution add their ports and endpoints to it, the others lose (Istio: the same rule).
    """
    return _service(view.services(host), host, record)


def outline(view: View, host: str, record: HostRecord) -> Service | None:
    """Return the same as `service`, to somebody who will not look at endpoints, see `View.outlines`."""
    return _service(view.outlines(host), host, record)


def _service(entries: Iterable[Found], host: str, record: HostRecord) -> Service | None:
    found = sorted(entries, key=lambda f: f.key.namespace != record.namespace)
    if not found:
        return None
    winner, winner_spec = found[0].key, _spec(found[0])
    ours = [f for f in found if (f.key.namespace, _spec(f).resolution) == (winner.namespace, winner_spec.resolution)]
    ports: dict[int, Port] = {}
    for each in ours:
        for definition in _spec(each).ports:
            before = ports.get(definition.number)
            entry = (each.key, _spec(each))
            ports[definition.number] = Port(
                before.definition if before else definition, (*(before.entries if before else ()), entry)
            )
    losers = [f for f in reversed(found) if f not in ours]
    lost: dict[int, Key] = {p.number: f.key for f in losers for p in _spec(f).ports if p.number not in ports}
    addresses = tuple(dict.fromkeys(canonical_address(a) for f in ours for a in _spec(f).addresses))
    return Service(host, winner.namespace, winner_spec.resolution, addresses, ports, lost)


def _spec(found: Found) -> ServiceEntry:
    spec = found.spec
    assert isinstance(spec, ServiceEntry), "filed under its kind"
    return spec


def meant_host(view: View, host: str, namespace: str) -> str:
    """Return the registry's host that *host*, written in a rule of *namespace*, means.

    A short name is the service of just that name, or else the one below a suffix; a name that no service bears may be
    covered by a wildcard service. When nothing is there, the name as written.
    """
    names = view.candidates(host, namespace)
    exact = _first_there(view, host, namespace)
    if exact is not None:
        return exact
    return next((covering for name in names if (covering := view.covering_service(name))), names[0])


def aliases(view: View, host: str, record: HostRecord) -> tuple[str, ...]:
    """Return the names by which clients on this host may call *host*, itself first.

    `reviews.shop.svc.cluster.local` also answers to `reviews.shop.svc`, `reviews.shop`, and, from its own namespace,
    to `reviews`; a service that really bears such a name keeps it, and of several suffixes the first that has a service
    goes before the others.
    """
    forms = _short_forms(view, host, record.namespace)
    return (host, *(form for form in forms if _first_there(view, form, record.namespace) == host))


def _first_there(view: View, name: str, namespace: str) -> str | None:
    return next((candidate for candidate in view.candidates(name, namespace) if view.exists(candidate)), None)


def owned_addresses(view: View, found: Service, port: int) -> tuple[str, ...]:
    """Return those of the service's addresses that mean it on *port*: of several services with one, the oldest's."""
    return tuple(a for a in found.addresses if _owner(view, a, port) == found.host)


def _owner(view: View, address: str, port: int) -> str | None:
    claims = (_spec(f) for f in view.addressed(address))
    return next((canonical(spec.hosts[0]) for spec in claims if any(p.number == port for p in spec.ports)), None)


def _short_forms(view: View, host: str, namespace: str) -> tuple[str, ...]:
    name, _, rest = host.partition(".")
    own_namespace, _, suffix = rest.partition(".")
    if host not in view.candidates(name, own_namespace)[1:] or not own_namespace:
        return ()
    forms = (
        (f"{name}.{own_namespace}.svc", f"{name}.{own_namespace}")
        if suffix.startswith("svc.")
        else (f"{name}.{own_namespace}",)
    )
    return (*forms, name) if own_namespace == namespace else forms
