"""Do ServiceEntries of one host agree on the protocol of a port? (Istio: IST0177.)"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.analysis.visibility import seen_in
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


_Definition = tuple[int, Key, int, str]
"""A port: the age of its entry among those of the host, the entry, the position in it, and the protocol."""
_EVERYBODY, _SOMEBODY = "*", "?"
"""Beside namespaces: entries that all of them see, and those that any sees."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the ports of ServiceEntries among *keys* for which another entry of a host has another protocol."""
    definitions = _Definitions(mesh)
    for key, entry in mesh.of(ServiceEntry, keys):
        hosts = dict.fromkeys(map(canonical, entry.hosts))
        seen = seen_in((key.namespace, entry.export_to))
        for i, port in enumerate(entry.ports):
            number, protocol = int(port.number), port.protocol.upper()
            others = ((host, definitions.other(host, number, protocol, seen)) for host in hosts)
            host, other = next((each for each in others if each[1]), ("", None))
            if other is not None:
                _, there, at, theirs = other
                shown = f"{protocol or 'detected'} here and {theirs or 'detected'} in {there}"
                message = f"port {port.number} of {describe(host)} is {shown}"
                related = [see(there, "the other definition", "spec", "ports", at, "protocol")]
                yield TWO_PROTOCOLS.at(key, message, "spec", "ports", i, "protocol", related=related)


class _Definitions:
    """The oldest definition with each protocol of each port of a host, as each namespace sees them.

    Thousands of entries may share a host: all of these are looked at once, not for each of them.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._hosts: dict[str, Mapping[tuple[int, str], Mapping[str, _Definition]]] = {}

    def other(self, host: str, number: int, protocol: str, seen: frozenset[str] | None) -> _Definition | None:
        """Return the oldest definition of a port that somebody sees besides one with *protocol*, which *seen* see.

        Args:
            seen: namespaces; None is all.
        """
        if host not in self._hosts:
            self._hosts[host] = self._read(host)
        places = (_SOMEBODY,) if seen is None else (_EVERYBODY, *seen) if seen else ()
        found = (self._hosts[host].get((number, place), {}) for place in places)
        others = (definition for each in found for spoken, definition in each.items() if spoken != protocol)
        return min(others, default=None)

    def _read(self, host: str) -> Mapping[tuple[int, str], Mapping[str, _Definition]]:
        """Return number and place (a namespace, or everybody or somebody) → protocol → its oldest definition."""
        found: dict[tuple[int, str], dict[str, _Definition]] = defaultdict(dict)
        for age, (key, entry) in enumerate(self._mesh.services(host)):
            seen = seen_in((key.namespace, entry.export_to))
            places = (_SOMEBODY, _EVERYBODY) if seen is None else (_SOMEBODY, *seen) if seen else ()
            for i, port in enumerate(entry.ports):
                protocol = port.protocol.upper()
                for place in places:
                    found[int(port.number), place].setdefault(protocol, (age, key, i, protocol))
        return found
