"""Desired configuration + resolved names → what Rollout is offered. Pure; a changed answer costs its own clusters."""

from collections import defaultdict
from collections.abc import Iterable

from agent.compiler.emit.endpoints import Addresses, looked_up, names_in
from agent.compiler.envoy_config import EnvoyConfig, Id, Lookup, Type, XdsResource


class LookedUp:
    """The endpoints of all DNS clusters, as far as their names have been resolved."""

    def __init__(self) -> None:
        self._lookups: dict[str, Lookup] = {}
        self._clusters: dict[str, set[str]] = defaultdict(set)
        self._made: dict[str, XdsResource] = {}
        self._addresses: Addresses = {}

    def __repr__(self) -> str:
        return f"<LookedUp {len(self._made)} of {len(self._lookups)} clusters>"

    @property
    def names(self) -> frozenset[str]:
        """All names that have to be resolved."""
        return frozenset(self._clusters)

    def follow(self, config: EnvoyConfig, changed: Iterable[Id]) -> None:
        """Take the lookups of *config* that are among *changed*."""
        for kind, cluster in changed:
            if kind is Type.ENDPOINTS:
                self._replace(cluster, config.lookups.get(cluster))

    def _replace(self, cluster: str, lookup: Lookup | None) -> None:
        before = self._lookups.pop(cluster, None)
        for name in names_in(before) if before else ():
            self._clusters[name].discard(cluster)
            if not self._clusters[name]:
                del self._clusters[name]
        self._made.pop(cluster, None)
        if lookup is not None:
            self._lookups[cluster] = lookup
            for name in names_in(lookup):
                self._clusters[name].add(cluster)
            self._make(cluster)

    def _make(self, cluster: str) -> None:
        made = looked_up(self._lookups[cluster], self._addresses)
        if made is not None:
            self._made[cluster] = made

    def resolve(self, addresses: Addresses) -> set[Id]:
        """Take new *addresses* of all names, and return the endpoints that changed by it."""
        moved = {n for n in self._clusters if addresses.get(n) != self._addresses.get(n)}
        self._addresses = addresses
        clusters = {cluster for name in moved for cluster in self._clusters[name]}
        before = {cluster: self._made.get(cluster) for cluster in clusters}
        for cluster in clusters:
            self._make(cluster)
        return {(Type.ENDPOINTS, cluster) for cluster in clusters if self._made.get(cluster) != before[cluster]}

    def complete(self, config: EnvoyConfig) -> EnvoyConfig:
        """Return *config* with these endpoints in it. A cluster none of whose names was ever asked for has none yet."""
        if not self._made:
            return config
        resources = config.resources.update({(Type.ENDPOINTS, name): made for name, made in self._made.items()})
        return EnvoyConfig(resources, config.lookups)
