"""Is there a client for every block of conditions that names clients? Only asked where live hosts are known.

`sourceLabels` are compared with the labels of hosts, `sourceNamespace` with their namespace (DESIGN: host settings).
"""

from collections.abc import Collection, Iterator, Sequence

from store.analysis.code import Code
from store.analysis.mesh import Mesh
from store.analysis.routing import Block
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.fields import Key
from store.resources.http_route import HTTPRoute
from store.resources.l4_route import TCPRoute, TLSRoute
from store.resources.virtual_service import VirtualService

NO_CLIENT = Code(
    "no-such-client",
    "conditions on a client that is nowhere",
    Level.WARNING,
    "A block of a VirtualService is for clients with certain labels, and no live host has them, or none of the"
    " namespace that the block names. Nobody follows the rule.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{match: [{sourceLabels: {app: productpage}}], redirect: {uri: /}}]
""",
    "Correct the labels: they are those in agent.yaml of the client's host. If such a host is only not running, start"
    " it.",
)
CODES = (NO_CLIENT,)

_Asked = tuple[FieldPath, tuple[tuple[str, str], ...], str]


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the blocks of VirtualServices among *keys* that ask for labels of clients which no live host has."""
    if not mesh.hosts:
        return
    for key, service in mesh.of(VirtualService, keys):
        for at, labels, namespace in _asked(service):
            hosts = mesh.selected(dict(labels)) or ()
            if not any(namespace in ("", host.namespace) for host in hosts):
                written = ", ".join(f"{name}={value}" for name, value in labels)
                where = f" in namespace {namespace}" if namespace and hosts else ""
                message = f"no live host{where} has the labels {written}: nobody follows this rule"
                yield NO_CLIENT.at(key, message, *at)


def _asked(service: VirtualService) -> Iterator[_Asked]:
    """Yield the labels that blocks ask for, with the namespace. Those of HTTP with `gateways` are not asked for any."""
    ruled: dict[str, Sequence[HTTPRoute | TLSRoute | TCPRoute]]
    ruled = {"http": service.http, "tls": service.tls, "tcp": service.tcp}
    for protocol, rules in ruled.items():
        for i, rule in enumerate(rules):
            blocks: Sequence[Block] = rule.match
            for j, block in enumerate(blocks):
                if block.source_labels and not (protocol == "http" and block.gateways):
                    at = ("spec", protocol, i, "match", j, "sourceLabels")
                    yield at, tuple(block.source_labels.items()), block.source_namespace
