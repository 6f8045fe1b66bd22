"""EnvoyConfig: what one host's Envoy should be given. A value: it depends on the present state only.

Each resource is built once, kept as bytes with a hash of them as its version, and stays the same object for as long as
nothing that it was made of changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import IntEnum

from attrs import field, frozen
from immutables import Map

from agent.compiler.ir import Endpoint
from store.resources.fields import Key


class Type(IntEnum):
    """xDS types in the order in which they are sent; removals go the other way.

    A route table may be sent once its clusters are warm, a scope makes Envoy ask for its table, a listener makes it ask
    for scopes or tables (Envoy, "xDS protocol", eventual consistency considerations).
    """

    CLUSTER = 1
    ENDPOINTS = 2
    LISTENER = 3
    SCOPE = 4
    ROUTES = 5

    @property
    def url(self) -> str:
        return _URLS[self]

    @property
    def word(self) -> str:
        """The plural that status and rejections use: `clusters`."""
        return _WORDS[self]

    @property
    def by_name(self) -> bool:
        """Whether Envoy subscribes name by name, and drops what it unsubscribes."""
        return self in (Type.ENDPOINTS, Type.ROUTES)


_URLS = {
    Type.CLUSTER: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    Type.ENDPOINTS: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    Type.LISTENER: "type.googleapis.com/envoy.config.listener.v3.Listener",
    Type.SCOPE: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
    Type.ROUTES: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}
_WORDS = {
    Type.CLUSTER: "clusters",
    Type.ENDPOINTS: "endpoints",
    Type.LISTENER: "listeners",
    Type.SCOPE: "scopes",
    Type.ROUTES: "routes",
}
TYPE_BY_URL: Mapping[str, Type] = {url: kind for kind, url in _URLS.items()}


def version_of(body: bytes) -> str:
    """Return the content hash that serves as a resource's version: an equal body never has another one."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


@frozen
class XdsResource:
    """One resource for Envoy.

    Attributes:
        type, name: its identity.
        body: the serialized message.
        version: content hash of *body*.
        needs: what it refers to. Of a route table, the clusters that it names: it is kept back until they are warm.
            Of a listener or scope, its tables: Envoy asks for them only if it accepts this.
        origins: the users' resources it was made from, the most telling first; for reports.
    """

    type: Type
    name: str
    body: bytes
    needs: frozenset[str] = frozenset()
    origins: tuple[Key, ...] = ()
    version: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "version", version_of(self.body))

    def __repr__(self) -> str:
        return f"<{self.type.word}/{self.name} {self.version}>"


@frozen
class Lookup:
    """Endpoints whose addresses the agent has to resolve.

    Attributes:
        cluster: whose they are.
        endpoints: addresses are names or IP addresses.
        origins: as of an XdsResource.
    """

    cluster: str
    endpoints: tuple[Endpoint, ...]
    origins: tuple[Key, ...] = ()


Id = tuple[Type, str]


@frozen
class EnvoyConfig:
    """All resources of one host.

    Attributes:
        resources: (type, name) → resource. A persistent map, as *lookups*: a change costs what it changes.
        lookups: cluster name → names to resolve; these clusters have no ENDPOINTS resource here, see
            `agent/compiler/emit/endpoints.py`.
    """

    resources: Map[Id, XdsResource] = field(factory=Map)
    lookups: Map[str, Lookup] = field(factory=Map)

    def names(self, kind: Type) -> list[str]:
        """Return the names of all resources of *kind*, sorted."""
        return sorted(name for t, name in self.resources if t is kind)


def merge(parts: Iterable[Iterable[XdsResource | Lookup]]) -> EnvoyConfig:
    """Return the EnvoyConfig of all *parts*; a name that comes twice is a bug of ours.

    Raises:
        ValueError: two parts made the same resource.
    """
    resources: dict[Id, XdsResource] = {}
    lookups: dict[str, Lookup] = {}
    for part in parts:
        for item in part:
            if isinstance(item, Lookup):
                lookups[item.cluster] = item
            elif (item.type, item.name) in resources:
                raise ValueError(f"{item!r} is made twice")
            else:
                resources[item.type, item.name] = item
    return EnvoyConfig(Map(resources), Map(lookups))
