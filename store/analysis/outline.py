"""What a stored document has to do with others, told from a look at its names: 30,000 of them take a fraction of the
time that reading them takes.

What a field means is not known here beyond which fields hold names. Documents are in today's spelling, as `encode`
writes them and as they are stored; whatever else is in them is passed over, for somebody else may have written it.
"""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from store.index import MESH, candidates, canonical, gateway_name, gateway_names
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key, Metadata
from store.resources.gateway import Gateway
from store.resources.kinds import Resource, Spec
from store.resources.mesh_config import DEFAULT_SUFFIXES
from store.resources.service_entry import ServiceEntry
from store.resources.virtual_service import VirtualService

COLLECTIVE = "all/"
"""Names that begin so are those under which resources of a sort meet; they tell nothing of a single one."""

_WORKLOADS = f"{COLLECTIVE}workloads/"
"""Before a namespace: what selectors of that namespace may select."""

_PEERS = f"{COLLECTIVE}peers"
"""What services of the mesh accept."""

_BOUND = f"{COLLECTIVE}bound/"
"""Before `namespace/name` of a Gateway: whose rules it serves."""

_SHORT = f"{COLLECTIVE}short/"
"""Before the first label of a service: what rules of any namespace may have meant by that label alone."""

_ONE_WAY = (_WORKLOADS, _PEERS, _BOUND, _SHORT)
"""Names that are defined for others and that those who define them do not ask for."""

Document = Mapping[str, object]
"""A resource as plain values, in today's spelling."""
Suffixes = tuple[str, ...]


@frozen
class Outline:
    """The names in one document.

    Attributes:
        filed: the resource with those fields only under which `store.index` files it; None of kinds that it knows not.
        defines: names that others may refer to or disagree about.
        asks: names whose meaning for this resource others decide; among them what it defines itself.
    """

    filed: Resource | None
    defines: frozenset[str]
    asks: frozenset[str]


def outline(key: Key, document: Document, suffixes: Suffixes = DEFAULT_SUFFIXES) -> Outline:
    """Return the outline of *document*, which is stored as *key*, in a mesh with these *suffixes*."""
    spec = document.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    named = _named(key.kind, spec)
    filed = Resource("", key.kind, Metadata(key.name, key.namespace), named) if named is not None else None
    defines = frozenset(_defines(key, named, suffixes))
    own = (name for name in defines if not name.startswith(_ONE_WAY))
    return Outline(filed, defines, frozenset((*own, *_asks(key, spec, named, suffixes))))


def _named(kind: str, spec: Mapping[str, object]) -> Spec | None:
    match kind:
        case "ServiceEntry":
            return ServiceEntry(hosts=_texts(spec, "hosts"), addresses=_texts(spec, "addresses"))
        case "VirtualService":
            return VirtualService(hosts=_texts(spec, "hosts"), gateways=_texts(spec, "gateways"))
        case "DestinationRule":
            host = spec.get("host")
            return DestinationRule(host=host) if isinstance(host, str) else None
        case "Gateway":
            return Gateway()
    return None


def _defines(key: Key, named: Spec | None, suffixes: Suffixes) -> Iterator[str]:
    yield f"{key.kind}/{key.namespace}/{key.name}"
    match named:
        case ServiceEntry(hosts=hosts, addresses=addresses):
            yield from map(canonical, hosts)
            yield from (f"{_SHORT}{host.partition('.')[0]}" for host in map(canonical, hosts) if "." in host)
            yield from (f"address/{address}" for address in addresses)
            yield f"{_WORKLOADS}{key.namespace}"
        case VirtualService(hosts=hosts):
            yield from _meanings(hosts, key.namespace, suffixes)
            yield from (f"{_BOUND}{name}" for name in gateway_names(named, key.namespace) if name != MESH)
        case DestinationRule(host=host):
            yield from candidates(host, key.namespace, suffixes)
        case Gateway():
            yield f"{COLLECTIVE}gateways"
        case _:
            yield f"{COLLECTIVE}{key.kind}/{key.namespace}"  # few, and all of a namespace concern each other
            if key.kind in ("WorkloadEntry", "WorkloadGroup"):
                yield f"{_WORKLOADS}{key.namespace}"
            elif key.kind == "PeerAuthentication":
                yield _PEERS


def _asks(key: Key, spec: Mapping[str, object], named: Spec | None, suffixes: Suffixes) -> Iterator[str]:
    if isinstance(named, VirtualService):
        yield from (f"Gateway/{name}" for name in gateway_names(named, key.namespace) if name != MESH)
        yield from (f"{_SHORT}{host}" for host in map(canonical, named.hosts) if "." not in host)
        rules = [spec.get(protocol) for protocol in ("http", "tls", "tcp")]
        yield from _referred(rules, key.namespace, suffixes)
    elif isinstance(named, Gateway):
        yield f"{_BOUND}{key.namespace}/{key.name}"
    elif "workloadSelector" in spec or "selector" in spec:
        yield f"{_WORKLOADS}{key.namespace}"
    if spec.get("location") == "MESH_INTERNAL":
        yield _PEERS


def _referred(value: object, namespace: str, suffixes: Suffixes) -> Iterator[str]:
    """Yield what the rules of a VirtualService refer to, wherever in them it stands."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _referred(item, namespace, suffixes)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name == "host" and isinstance(item, str):
                yield from candidates(item, namespace, suffixes)
            elif name == "gateways":
                yield from (f"Gateway/{gateway_name(each, namespace)}" for each in _texts(value, name))
            elif name == "delegate" and isinstance(item, Mapping):
                yield f"VirtualService/{item.get('namespace') or namespace}/{item.get('name')}"
            else:
                yield from _referred(item, namespace, suffixes)


def _meanings(hosts: Iterable[str], namespace: str, suffixes: Suffixes) -> Iterator[str]:
    return (name for host in hosts for name in candidates(host, namespace, suffixes))


def _texts(spec: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = spec.get(name)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list | tuple) else ()
