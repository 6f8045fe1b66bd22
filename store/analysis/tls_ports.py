"""Is what goes to a TLS port encrypted once: not never, and not twice?

A port says what clients send (`protocol`), a DestinationRule whether the client's host adds TLS on the way. HTTP to a
server that expects TLS, and TLS inside TLS, both end in errors that say nothing of the cause.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache

from store.analysis.added_tls import AddedTLS, AddedTLSReader, Place, policies
from store.analysis.code import Code
from store.analysis.listing import MAX_NAMED, named, pointers
from store.analysis.mesh import Mesh
from store.analysis.routing import destinations
from store.diagnostic import Diagnostic, Level
from store.index import canonical
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.ports import is_http, is_tls
from store.resources.service_entry import Location, ServiceEntry, ServicePort
from store.resources.virtual_service import VirtualService
from store.scalars import describe

HTTPS_PORT = 443

PLAINTEXT = Code(
    "plaintext-443",
    "plain HTTP on port 443",
    Level.WARNING,
    "Port 443 is spoken to in TLS everywhere. A ServiceEntry with protocol HTTP there, or targetPort 443, and no"
    " DestinationRule that adds TLS, sends plain HTTP to a server that answers 400 or hangs up. A Gateway with a server"
    " for HTTP on 443 does so to every browser.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: https, protocol: HTTP}]
  resolution: DNS
""",
    "When clients speak TLS themselves (https://…), write protocol HTTPS or TLS. When they speak plain HTTP and TLS is"
    " to be added on the way, apply a DestinationRule with `tls: {mode: SIMPLE}` for the host. At a Gateway write"
    " protocol HTTPS and `tls`.",
)
DOUBLE = Code(
    "double-tls",
    "TLS inside TLS",
    Level.WARNING,
    "The port's protocol is HTTPS or TLS, so that clients encrypt by themselves, and a DestinationRule has their hosts"
    " encrypt once more. The server finds TLS inside TLS and hangs up. Where a VirtualService sends HTTP requests to"
    " the port, they are encrypted once, and nothing is said.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: https, protocol: HTTPS}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec:
  host: api.example.com
  trafficPolicy: {tls: {mode: SIMPLE}}
""",
    "Remove `tls` from the DestinationRule, or limit it to the port for plain HTTP with portLevelSettings. If clients"
    " speak plain HTTP to this port, its protocol is HTTP.",
)
CODES = (PLAINTEXT, DOUBLE)

_Port = tuple[str, int, Key, int]
"""A port of a host of the registry: the host, the number, who defines it, and at which position."""
_GetsHttp = Callable[[str, int], bool]


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the ports and servers among *keys* that are plain HTTP on 443, and what is encrypted twice."""
    yield from _plain_servers(mesh, keys)
    tls, gets_http = AddedTLSReader(), _http_ports(mesh)
    for key, entry in mesh.of(ServiceEntry, keys):
        yield from _plain_ports(mesh, key, entry, tls)
        yield from _encrypted(mesh, key, entry, tls, gets_http)
    yield from _encrypting(mesh, keys, tls, gets_http)


# --- plain HTTP ---------------------------------------------------------------------------------------------


def _plain_servers(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    for key, gateway in mesh.of(Gateway, keys):
        for i, server in enumerate(gateway.servers):
            if server.port.number == HTTPS_PORT and is_http(server.port.protocol):
                message = f"port 443 speaks {server.port.protocol} without TLS: browsers get no answer to https://…"
                hint = "write protocol: HTTPS, and tls with the certificate"
                yield PLAINTEXT.at(key, message, "spec", "servers", i, "port", "protocol", hint=hint)


def _plain_ports(mesh: Mesh, key: Key, entry: ServiceEntry, tls: AddedTLSReader) -> Iterator[Diagnostic]:
    for i, port in enumerate(entry.ports):
        if not is_http(port.protocol) or entry.location is Location.MESH_INTERNAL or not _reaches_443(entry, port):
            continue
        for host in map(canonical, entry.hosts):
            if not tls.at(mesh.rules(host), int(port.number)).anywhere:
                message = (
                    f"{port.protocol} to port 443 of {describe(host)} is not encrypted: no DestinationRule adds TLS"
                )
                hint = "write protocol: HTTPS if clients speak TLS themselves"
                yield PLAINTEXT.at(key, message, "spec", "ports", i, "protocol", hint=hint)
                break


def _reaches_443(entry: ServiceEntry, port: ServicePort) -> bool:
    dialled = port.target_port or port.number
    ports = [endpoint.ports.get(port.name, dialled) for endpoint in entry.endpoints] or [dialled]
    return HTTPS_PORT in ports


# --- TLS in TLS ---------------------------------------------------------------------------------------------


def _encrypted(
    mesh: Mesh, key: Key, entry: ServiceEntry, tls: AddedTLSReader, gets_http: _GetsHttp
) -> Iterator[Diagnostic]:
    """Yield the ports of *entry* to which rules add TLS though clients do: one host of each, and a few of its rules."""
    for i, port in enumerate(entry.ports):
        number = int(port.number)
        for host in map(canonical, entry.hosts if is_tls(port.protocol) else ()):
            added = tls.at(mesh.rules(host), number)
            if added.begun and mesh.ports(host).get(number) == (key, port) and not gets_http(host, number):
                adds = "adds" if len(added.rules) == 1 else "add"
                message = f"port {number} of {describe(host)} is TLS already, and {named(added.rules)} {adds} TLS"
                related = pointers(added.begun, "TLS is added here")
                yield DOUBLE.at(key, f"{message}: servers hang up", "spec", "ports", i, "protocol", related=related)
                break


def _encrypting(mesh: Mesh, keys: Collection[Key], tls: AddedTLSReader, gets_http: _GetsHttp) -> Iterator[Diagnostic]:
    """Yield each `tls` in rules among *keys* that is for ports which are TLS already, and a few of these."""
    judged = {key: rule for key, rule in mesh.of(DestinationRule, keys) if _speaks_tls(rule)}
    found: dict[Place, list[_Port]] = defaultdict(list)
    count: Counter[Place] = Counter()
    for added, ports in _tls_ports(mesh, judged, tls):
        places = [place for place in added.begun if place[0] in judged]
        wrong = sorted(port for port in ports if not gets_http(port[0], port[1])) if places else []
        for place in places if wrong else ():
            found[place] += wrong[:MAX_NAMED]
            count[place] += len(wrong)
    for (key, at), some in found.items():
        few = sorted(some)[:MAX_NAMED]
        shown = named([f"{host}:{number}" for host, number, _, _ in few], count=count[key, at])
        owners = ((owner, ("spec", "ports", i, "protocol")) for _, _, owner, i in few)
        message = f"adds TLS to what is TLS already, at {shown}: servers hang up"
        yield DOUBLE.at(key, message, *at, related=pointers(owners, "clients speak TLS here"))


def _speaks_tls(rule: DestinationRule) -> bool:
    return any(policy.tls or policy.port_level_settings for policy, _ in policies(rule))


def _tls_ports(
    mesh: Mesh, rules: Mapping[Key, DestinationRule], tls: AddedTLSReader
) -> Iterator[tuple[AddedTLS, list[_Port]]]:
    """Yield the TLS ports of hosts for which *rules* speak, those together to which the same is done."""
    found: dict[int, tuple[AddedTLS, list[_Port]]] = {}
    for host in _spoken_for(mesh, rules):
        for number, (owner, port) in mesh.ports(host).items():
            if is_tls(port.protocol):
                added = tls.at(mesh.rules(host), number)
                found.setdefault(id(added), (added, []))[1].append((host, number, owner, _position(mesh, owner, port)))
    yield from found.values()


def _spoken_for(mesh: Mesh, rules: Mapping[Key, DestinationRule]) -> Iterable[str]:
    """Return the hosts of the registry that *rules* name or cover."""
    written = {(canonical(rule.host), key.namespace) for key, rule in rules.items()}
    wildcards = {name for name, _ in written if name.startswith("*")}
    meant = {mesh.meant(name, namespace) for name, namespace in written if name not in wildcards}
    return {*filter(None, meant), *(host for name in wildcards for host in mesh.covered(name))}


def _position(mesh: Mesh, owner: Key, port: ServicePort) -> int:
    entry = mesh.get(owner, ServiceEntry)
    return entry.ports.index(port) if entry is not None else 0


def _http_ports(mesh: Mesh) -> _GetsHttp:
    """Return whether some VirtualService sends HTTP requests to a port of a host of the registry."""

    @cache
    def asking() -> Mapping[str, list[Key]]:
        found: dict[str, list[Key]] = defaultdict(list)
        for key, outline in mesh.outlines.items():
            for name in outline.asks if key.kind == "VirtualService" else ():
                found[name].append(key)
        return found

    @cache
    def gets_http(host: str, number: int) -> bool:
        for key, service in mesh.of(VirtualService, asking().get(host, ())):
            for use in destinations(service):
                to = use.destination
                there = to.port is None or to.port.number == number
                if use.path[1] == "http" and there and mesh.meant(to.host, key.namespace) == host:
                    return True
        return False

    return gets_http
