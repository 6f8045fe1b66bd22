"""Does what a VirtualService refers to exist: destination hosts, their subsets and ports, gateways? (Istio: IST0101.)

A reference into nothing is no mistake of the document: what is missing may be applied a minute later. Until then
requests get a 503, so it is said. Names mean what they mean to the compiler (`store.index.candidates`).
"""

from collections.abc import Collection, Iterator, Mapping

from attrs import evolve

from store.diagnostic import Diagnostic, FieldPath, warning
from store.index import MESH, Index, Token, candidates, canonical, gateway_names, wildcards_above
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.http_route import Destination
from store.resources.kinds import Resource
from store.resources.service_entry import ServiceEntry
from store.resources.virtual_service import VirtualService
from store.scalars import describe, did_you_mean

CODE = "IST0101"


def references(resources: Mapping[Key, Resource], judged: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield a warning for each reference into nothing.

    Args:
        resources: everything there is: what is stored, with what is being applied.
        judged: the resources whose references are looked at.

    Returns:
        Warnings with `resource` and the path from the document's root, in the order of *judged*.
    """
    registry = _Registry(resources)
    for key in judged:
        resource = resources.get(key)
        if resource is not None and isinstance(resource.spec, VirtualService):
            for said in _of_virtual_service(registry, resource.spec, key.namespace):
                yield evolve(said, resource=str(key))


def _of_virtual_service(registry: "_Registry", spec: VirtualService, namespace: str) -> Iterator[Diagnostic]:
    for i, name in enumerate(gateway_names(spec, namespace) if spec.gateways else ()):
        if name != MESH and name not in registry.gateways:
            message = f"there is no Gateway {describe(name)}: the rules are not served there"
            yield warning(CODE, message, "spec", "gateways", i, hint=registry.gateway_hint(name))
    for i, rule in enumerate(spec.http):
        for j, share in enumerate(rule.route):
            at = ("spec", "http", i, "route", j, "destination")
            yield from _of_destination(registry, share.destination, namespace, at)


def _of_destination(
    registry: "_Registry", destination: Destination, namespace: str, at: FieldPath
) -> Iterator[Diagnostic]:
    host = registry.meant(destination.host, namespace)
    if host is None:
        message = f"no ServiceEntry has the host {describe(destination.host)}: requests get 503"
        hint = did_you_mean(destination.host, registry.spellings(namespace))
        yield warning(CODE, message, *at, "host", hint=hint)
        return
    ports = registry.ports(host)
    if destination.port and destination.port.number not in ports:
        listed = ", ".join(map(str, sorted(ports))) or "none"
        message = f"{describe(host)} has no port {destination.port.number}, its ports are {listed}: requests get 503"
        yield warning(CODE, message, *at, "port", "number")
    if destination.subset and destination.subset not in (subsets := registry.subsets(host)):
        message = f"no DestinationRule defines the subset {describe(destination.subset)} of {describe(host)}"
        defined = f"there are {', '.join(sorted(subsets))}" if subsets else None
        hint = did_you_mean(destination.subset, subsets) or defined
        yield warning(CODE, f"{message}: requests get 503", *at, "subset", hint=hint)


class _Registry:
    """What can be referred to."""

    def __init__(self, resources: Mapping[Key, Resource]) -> None:
        self._resources = resources
        self._index = Index()
        for key, resource in resources.items():
            self._index.replace(key, None, resource)
        rules = (key for key, resource in resources.items() if isinstance(resource.spec, DestinationRule))
        self._rule_namespaces = {key.namespace for key in rules}
        self.gateways = frozenset(
            f"{key.namespace}/{key.name}" for key, each in resources.items() if isinstance(each.spec, Gateway)
        )

    def gateway_hint(self, name: str) -> str | None:
        """Return which Gateway *name* was meant for: one of that name in another namespace, else one like it."""
        elsewhere = sorted(each for each in self.gateways if each.partition("/")[2] == name.partition("/")[2])
        return f'did you mean "{elsewhere[0]}"?' if elsewhere else did_you_mean(name, self.gateways)

    def _exists(self, host: str) -> bool:
        return self._index.has(Token("service", host))

    def meant(self, host: str, namespace: str) -> str | None:
        """Return the registry's host that *host*, written in a rule of *namespace*, means, or None."""
        names = candidates(host, namespace)
        covering = (pattern for name in names for pattern in wildcards_above(name) if self._exists(pattern))
        return next((name for name in names if self._exists(name)), None) or next(covering, None)

    def spellings(self, namespace: str) -> set[str]:
        """Return all names that mean something in a rule of *namespace*."""
        hosts = self._index.names("service")
        first = (host.partition(".")[0] for host in hosts)
        return {*hosts, *(name for name in first if name and self.meant(name, namespace))}

    def ports(self, host: str) -> set[int]:
        """Return the ports that the entries of *host* define."""
        specs = (self._resources[key].spec for key in self._index.keys(Token("service", host)))
        return {int(port.number) for spec in specs if isinstance(spec, ServiceEntry) for port in spec.ports}

    def subsets(self, host: str) -> set[str]:
        """Return the subsets of *host* that any host of the mesh may know: those of its rules in every namespace.

        In each namespace the rules of the most specific name or pattern speak alone.
        """
        return {name for namespace in self._rule_namespaces for name in self._subsets_in(namespace, host)}

    def _subsets_in(self, namespace: str, host: str) -> set[str]:
        for pattern in self._patterns(host):
            keys = [key for key in self._index.keys(Token("rule", pattern)) if key.namespace == namespace]
            rules = [spec for key in keys if isinstance(spec := self._resources[key].spec, DestinationRule)]
            meant = [rule for rule in rules if self._means(rule, namespace, host)]
            if meant:
                return {subset.name for rule in meant for subset in rule.subsets}
        return set()

    def _means(self, rule: DestinationRule, namespace: str, host: str) -> bool:
        return canonical(rule.host).startswith("*") or self.meant(rule.host, namespace) == host

    def _patterns(self, host: str) -> list[str]:
        partial = [p for p in self._index.partial("rule") if host.endswith(p[1:]) and len(host) >= len(p)]
        return [host, *sorted({*wildcards_above(host), *partial} - {host}, key=lambda p: (-len(p), p))]
