"""Documents and questions that the compiler's tests share."""

from collections.abc import Sequence
from typing import Any

import yaml

from agent.compiler.compile import compile as from_scratch
from agent.compiler.compile import host_view
from agent.compiler.envoy_config import EnvoyConfig
from agent.compiler.ir import FallbackView, GatewayView, ServicePortView, ServiceView
from store.host import HostRecord
from store.index import View, build
from tests.meshes import snapshot

HOST = HostRecord("h1", http_proxy=("127.0.0.1:15080",), labels={"istio": "edge"})


def document(kind: str, name: str, spec: dict[str, Any], namespace: str = "default") -> str:
    """Return a resource as YAML."""
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec})


def service(name: str, *hosts: str, ports: Sequence[int] = (80,), namespace: str = "default", **more: Any) -> str:
    """Return a STATIC ServiceEntry with one endpoint; *more* are further fields of its spec."""
    spec = {
        "hosts": list(hosts or (name,)),
        "resolution": "STATIC",
        "ports": [{"number": p, "name": f"p{p}", "protocol": "HTTP"} for p in ports],
        "endpoints": [{"address": "10.0.0.1"}],
        **more,
    }
    return document("ServiceEntry", name, spec, namespace)


def rule(to: str, **more: Any) -> dict[str, Any]:
    """Return one HTTP rule with one destination; *to* is `host` or `host#subset`."""
    host, _, subset = to.partition("#")
    return {"route": [{"destination": {"host": host, **({"subset": subset} if subset else {})}}], **more}


def virtual_service(
    name: str, hosts: Sequence[str], *rules: dict[str, Any], namespace: str = "default", **more: Any
) -> str:
    return document("VirtualService", name, {"hosts": list(hosts), "http": list(rules), **more}, namespace)


def destination_rule(name: str, host: str, *subsets: str, namespace: str = "default", **more: Any) -> str:
    """Return a DestinationRule whose subsets select `version: <their name>`."""
    listed = [{"name": subset, "labels": {"version": subset}} for subset in subsets]
    return document("DestinationRule", name, {"host": host, "subsets": listed, **more}, namespace)


def compiled(*documents: str, host: HostRecord = HOST) -> EnvoyConfig:
    """Return the configuration of a mesh; the first document is the oldest."""
    return from_scratch(snapshot(*documents), host)


def view(*documents: str) -> View:
    """Return a View of a mesh."""
    mesh = snapshot(*documents)
    return View(mesh, build(mesh.entries))


def units(*documents: str, host: HostRecord = HOST) -> list[ServiceView | FallbackView | GatewayView]:
    found = host_view(snapshot(*documents), host).units
    return [what for _, what in found if isinstance(what, ServiceView | FallbackView | GatewayView)]


def port_of(name: str, number: int, *documents: str, host: HostRecord = HOST) -> ServicePortView:
    """Return one port of the service *name*."""
    services = [u for u in units(*documents, host=host) if isinstance(u, ServiceView) and u.host == name]
    return next(port for port in services[0].ports if port.number == number)


def fallback_domains(*documents: str, host: HostRecord = HOST) -> list[str]:
    """Return all domains of the fallback but the host's own and the last."""
    fallback = next(u for u in units(*documents, host=host) if isinstance(u, FallbackView))
    return [d for each in fallback.domains if each.name not in ("own", "rest") for d in each.domains]


def route_names(port: ServicePortView) -> list[str]:
    return [route.name for route in port.routes]
