"""Do ServiceEntries of one host agree on the protocol of a port? (Istio: IST0177.)"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.visibility import meet
from store.diagnostic import Diagnostic, Level
from store.index import canonical
from store.resources.fields import Key
from store.resources.service_entry import ServiceEntry
from store.scalars import describe

TWO_PROTOCOLS = Code(
    "IST0177",
    "one port with two protocols",
    Level.WARNING,
    "ServiceEntries define the same port of the same host with different protocols. What the oldest of them says is"
    " done for all; the endpoints of the others may speak something else.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews-new}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: grpc, protocol: GRPC}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.2}]
""",
    "Write the same protocol in all of them, or use another port or host.",
)
CODES = (TWO_PROTOCOLS,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the ports of ServiceEntries among *keys* for which another entry of a host has another protocol."""
    disagree = _Disagreement(mesh)
    for key, entry in mesh.of(ServiceEntry, keys):
        for i, port in enumerate(entry.ports):
            found = _another(mesh, disagree, key, entry, int(port.number), port.protocol.upper())
            if found is not None:
                other, host, protocol, at = found
                ours, theirs = port.protocol.upper() or "detected", protocol or "detected"
                message = f"port {port.number} of {describe(host)} is {ours} here and {theirs} in {other}"
                related = [see(other, "the other definition", "spec", "ports", at, "protocol")]
                yield TWO_PROTOCOLS.at(key, message, "spec", "ports", i, "protocol", related=related)


class _Disagreement:
    """The ports of hosts for which there are several protocols at all: thousands of entries may share a host."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._protocols: dict[str, Mapping[int, Collection[str]]] = {}

    def __call__(self, host: str, number: int) -> bool:
        """Return whether not all entries of *host* have one protocol for port *number*."""
        if host not in self._protocols:
            found: dict[int, set[str]] = defaultdict(set)
            for _, entry in self._mesh.services(host):
                for port in entry.ports:
                    found[int(port.number)].add(port.protocol.upper())
            self._protocols[host] = found
        return len(self._protocols[host].get(number, ())) > 1


def _another(
    mesh: Mesh, disagree: _Disagreement, key: Key, entry: ServiceEntry, number: int, protocol: str
) -> tuple[Key, str, str, int] | None:
    """Return who has another protocol for port *number*: entry, host, its protocol and the position of its port."""
    for host in dict.fromkeys(map(canonical, entry.hosts)):
        for other, spec in mesh.services(host) if disagree(host, number) else ():
            if other == key or not meet((key.namespace, entry.export_to), (other.namespace, spec.export_to)):
                continue
            for i, port in enumerate(spec.ports):
                if port.number == number and port.protocol.upper() != protocol:
                    return other, host, port.protocol.upper(), i
    return None
