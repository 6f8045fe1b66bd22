"""Which live hosts open a Gateway: none, or all of them? Only asked where hosts are known, and there are any."""

from collections.abc import Collection, Iterator

from store.analysis.code import Code
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.index import MESH, gateway_names
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.virtual_service import VirtualService

NO_HOST = Code(
    "gateway-without-host",
    "a Gateway that no host opens",
    Level.WARNING,
    "No live host has the labels of the Gateway's selector, so its ports are open nowhere. The rules of a"
    " VirtualService that is for such Gateways alone are served nowhere. Labels are those in agent.yaml of each host.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
""",
    "Correct the selector, or give the hosts that are to open the ports these labels, in their agent.yaml. If such a"
    " host is only not running, start it.",
)
EVERY_HOST = Code(
    "gateway-on-every-host",
    "a Gateway that every host opens",
    Level.INFO,
    "A Gateway without a selector is for all hosts: each of them opens its ports, those that run services or databases"
    " too.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
""",
    "Write a selector with a label that only the gateway hosts have, such as `selector: {istio: ingressgateway}`.",
)
CODES = (NO_HOST, EVERY_HOST)

_HINTED = 3


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the Gateways among *keys* that no live host opens, or every one, and VirtualServices for such alone."""
    if not mesh.hosts:
        return
    for key, gateway in mesh.of(Gateway, keys):
        if not gateway.selector:
            if len(mesh.hosts) > 1:
                yield _everywhere(mesh, key, gateway)
        elif not mesh.selected(gateway.selector):
            written = ", ".join(f"{name}={value}" for name, value in gateway.selector.items())
            message = f"no live host has the labels {written}: the Gateway is open nowhere"
            yield NO_HOST.at(key, message, "spec", "selector", hint=_near(mesh, gateway))
    for key, service in mesh.of(VirtualService, keys):
        bound = mesh.bound_to(key, service)
        everywhere = MESH in gateway_names(service, key.namespace)
        if bound and not everywhere and not any(mesh.selected(gateway.selector) for _, gateway in bound):
            message = f"no live host opens {named([other for other, _ in bound])}: the rules are served nowhere"
            related = pointers(((other, ("spec", "selector")) for other, _ in bound), "no live host has these labels")
            yield NO_HOST.at(key, message, "spec", "gateways", related=related)


def _everywhere(mesh: Mesh, key: Key, gateway: Gateway) -> Diagnostic:
    ports = sorted({int(server.port.number) for server in gateway.servers})
    opened = f"port{'s' if len(ports) > 1 else ''} {named(ports)}"
    message = f"without a selector, {opened} is opened on all live hosts, {len(mesh.hosts or ())} of them"
    return EVERY_HOST.at(key, message, "spec")


def _near(mesh: Mesh, gateway: Gateway) -> str | None:
    """Return what live hosts have where the selector asks for something else."""
    for name, value in gateway.selector.items():
        there = sorted({host.labels[name] for host in mesh.hosts or () if name in host.labels} - {value})
        if there and not mesh.selected({name: value}):
            return f"live hosts have {named([f'{name}={each}' for each in there[:_HINTED]])}"
    return None
