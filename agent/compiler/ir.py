"""HostView: what one host should do, in the mesh's words. `resolve/` writes it, `emit/` and `explain` read it.

Nothing here knows Envoy, and nothing here knows how a document was spelled: names are whole, defaults are filled in,
a destination is either there or `missing`.
"""

from enum import Enum

from attrs import frozen

from store.resources.destination_rule import SimpleLB
from store.resources.fields import Key, StringMatch


class UnitKind(Enum):
    """What is compiled by itself."""

    HOST = "host"
    SERVICE = "service"
    FALLBACK = "fallback"
    GATEWAY = "gateway"


@frozen
class Unit:
    """The piece of a host's configuration that is computed as one.

    Attributes:
        kind: see `UnitKind`.
        name: of a SERVICE its host, of a GATEWAY its address; else empty.
        port: of a GATEWAY.
    """

    kind: UnitKind
    name: str = ""
    port: int = 0


# Endpoints and clusters


@frozen
class Endpoint:
    """One instance: IP address (or, in a DNS service, a name), port and share of load."""

    address: str
    port: int
    weight: int = 1


class Discovery(Enum):
    """Who finds the endpoints' addresses: the document, or the agent's resolver."""

    STATIC = "static"
    DNS = "dns"


@frozen
class Cluster:
    """One port of one service, or of a subset of it.

    Attributes:
        host, port, subset: its identity; subset None is the whole service.
        http2: what the endpoints speak.
        load_balancer: never UNSPECIFIED.
        discovery: see `Discovery`.
        endpoints: in the order of the documents.
        origins: the resources it was made from.
    """

    host: str
    port: int
    subset: str | None
    http2: bool
    load_balancer: SimpleLB
    discovery: Discovery
    endpoints: tuple[Endpoint, ...]
    origins: tuple[Key, ...]


# Routes


@frozen
class HeaderCondition:
    """A header that must be present, and, unless *value* is empty, match."""

    name: str
    value: StringMatch


@frozen
class Match:
    """Conditions of one route. *uri* None is every path."""

    uri: StringMatch | None = None
    headers: tuple[HeaderCondition, ...] = ()

    @property
    def catches_all(self) -> bool:
        """Whether nothing can pass this route by."""
        uri = self.uri
        return not self.headers and (
            uri in (None, StringMatch()) or uri.prefix in ("/", "") or uri.regex in (".*", "/.*")
        )


@frozen
class Destination:
    """A share of a route.

    Attributes:
        host: as resolved; the first candidate when none exists.
        port: of the service.
        subset: None is the whole service.
        weight: share, relative to the others of its route.
        missing: the mesh has no such service, port or subset: requests of this share get a 503.
    """

    host: str
    port: int
    subset: str | None = None
    weight: int = 1
    missing: bool = False


@frozen
class Rewrite:
    """Changes before a request is sent on; None leaves a thing as it is."""

    uri: str | None = None
    authority: str | None = None
    regex: tuple[str, str] | None = None


@frozen
class Forward:
    """Send the request on. *timeout* in seconds, None is none."""

    destinations: tuple[Destination, ...]
    timeout: float | None = None
    rewrite: Rewrite = Rewrite()


@frozen
class Redirect:
    """Answer 3xx. None keeps the part of the URL as it was asked for."""

    code: int
    uri: str | None = None
    authority: str | None = None
    port: int | None = None
    scheme: str | None = None


@frozen
class Direct:
    """Answer by the proxy itself."""

    status: int
    body: str = ""


@frozen
class Dial:
    """Resolve the authority and dial it: a host outside the registry."""


@frozen
class Route:
    """One rule of a table.

    Attributes:
        name: its origin, `<namespace>/<name>#<rule>.<match>`.
        match: see `Match`.
        action: see the classes above.
        origin: the resource that says so; None where the mesh itself does.
    """

    name: str
    match: Match
    action: Forward | Redirect | Direct | Dial
    origin: Key | None = None


# Units


@frozen
class ServicePortView:
    """One port of a service.

    Attributes:
        number: the port that clients ask for.
        authorities: what a client may write to mean it: `reviews:9080`, and for port 80 also `reviews`.
        routes: in order.
        clusters: the whole service, then its subsets.
        origins: the ServiceEntries that define it.
    """

    number: int
    authorities: tuple[str, ...]
    routes: tuple[Route, ...]
    clusters: tuple[Cluster, ...]
    origins: tuple[Key, ...]


@frozen
class ServiceView:
    """A service of the registry. A wildcard host (`*.foo.com`) has no table: see `FallbackView`."""

    host: str
    ports: tuple[ServicePortView, ...]


@frozen
class DomainView:
    """Routes for a set of authorities (Envoy matches them without regard to case): `a.com`, `a.com:80`, `*.b.com`."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]


@frozen
class FallbackView:
    """What a request gets that means no service port: wildcard services, hosts known by a VirtualService only, the
    proxy's own addresses, and at last everything else. The clusters are those of the wildcard services."""

    domains: tuple[DomainView, ...]
    clusters: tuple[Cluster, ...] = ()


@frozen
class GatewayView:
    """One address and port that Gateways open on this host."""

    address: str
    port: int
    domains: tuple[DomainView, ...]
    origins: tuple[Key, ...]


@frozen
class HostSettings:
    """What the host itself adds: its explicit proxies and the resolvers for names outside the registry."""

    proxies: tuple[tuple[str, int], ...]
    resolvers: tuple[str, ...]


UnitView = ServiceView | FallbackView | GatewayView | HostSettings


@frozen
class HostView:
    """All of it: unit → view."""

    units: tuple[tuple[Unit, UnitView], ...]
