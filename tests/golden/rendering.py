"""Cases and their golden texts: a folder's `NAME.in.yaml` → what `compile` makes of it, as YAML.

The first lines of an input may say what the host is, as comments: `# labels: {istio: edge}` and any other field of
HostRecord. Each document is an apply of its own, so that the first is the oldest. A host here has no explicit proxy
unless its case says so, and without one the two clusters that every host has are left out: they are always the same.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2, scoped_route_pb2
from google.protobuf import json_format

from agent.compiler import names as xds
from agent.compiler.compile import compile as from_scratch
from agent.compiler.envoy_config import EnvoyConfig, Lookup, Type, XdsResource
from store.host import HostRecord
from tests.meshes import snapshot

_CONSTANT = frozenset({xds.UNAVAILABLE, xds.DYNAMIC_FORWARD_PROXY})
CASES = Path(__file__).parent / "cases"
_MESSAGES = {
    Type.CLUSTER: cluster_pb2.Cluster,
    Type.ENDPOINTS: endpoint_pb2.ClusterLoadAssignment,
    Type.LISTENER: listener_pb2.Listener,
    Type.SCOPE: scoped_route_pb2.ScopedRouteConfiguration,
    Type.ROUTES: route_pb2.RouteConfiguration,
}


def names() -> list[str]:
    """Return the names of all cases."""
    return sorted(path.name.removesuffix(".in.yaml") for path in CASES.glob("*.in.yaml"))


def host_of(text: str) -> HostRecord:
    """Return the host that the comments at the top of an input describe."""
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    settings: dict[str, Any] = yaml.safe_load("\n".join(line[1:] for line in lines[:first])) or {}
    return HostRecord(**{"name": "h1", "http_proxy": (), **settings})


def render(name: str) -> dict[str, str]:
    """Return file name → text for everything that the case *name* compiles to; a type without resources has no file."""
    text = (CASES / f"{name}.in.yaml").read_text()
    host = host_of(text)
    config = from_scratch(snapshot(*text.split("\n---\n")), host)
    hidden = frozenset() if host.http_proxy else _CONSTANT
    files = {f"{name}.{kind.word}.yaml": list(_documents(config, kind, hidden)) for kind in Type}
    return {file: yaml.safe_dump_all(documents, width=120) for file, documents in files.items() if documents}


def _documents(config: EnvoyConfig, kind: Type, hidden: frozenset[str]) -> Iterator[dict[str, Any]]:
    for name in config.names(kind):
        if name not in hidden:
            yield _document(config.resources[kind, name])
    if kind is Type.ENDPOINTS:
        for name in sorted(config.lookups):
            yield _lookup(config.lookups[name])


def _document(resource: XdsResource) -> dict[str, Any]:
    message = _MESSAGES[resource.type]()
    message.ParseFromString(resource.body)
    fields = json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True))
    return {"resource": fields, **_about(resource), **({"needs": sorted(resource.needs)} if resource.needs else {})}


def _lookup(lookup: Lookup) -> dict[str, Any]:
    asked = [f"{e.address}:{e.port}" + (f" weight {e.weight}" if e.weight != 1 else "") for e in lookup.endpoints]
    return {"lookup": {"cluster": lookup.cluster, "endpoints": asked}, **_about(lookup)}


def _about(item: XdsResource | Lookup) -> dict[str, Any]:
    return {"origins": [str(key) for key in item.origins]} if item.origins else {}
