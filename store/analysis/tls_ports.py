"""Is what goes to a TLS port encrypted once: not never, and not twice?

A port says what clients send (`protocol`), a DestinationRule whether the client's host adds TLS on the way. HTTP to a
server that expects TLS, and TLS inside TLS, both end in errors that say nothing of the cause.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache

from store.analysis.code import Code, see
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.analysis.routing import destinations
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import canonical
from store.resources.client_tls import ClientTLSMode
from store.resources.destination_rule import DestinationRule, TrafficPolicy
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

_Port = tuple[Key, int, str, int]
"""A port of a ServiceEntry: whose, its position, the host, its number."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the ports and servers among *keys* that are plain HTTP on 443, and what is encrypted twice."""
    yield from _plain_servers(mesh, keys)
    hosts: dict[str, None] = {}
    for key, entry in mesh.of(ServiceEntry, keys):
        yield from _plain_ports(mesh, key, entry)
        hosts |= dict.fromkeys(map(canonical, entry.hosts))
    for key, rule in mesh.of(DestinationRule, keys):
        hosts |= dict.fromkeys(_spoken_for(mesh, key, rule))
    yield from _twice(mesh, hosts, frozenset(keys))


# --- plain HTTP ---------------------------------------------------------------------------------------------


def _plain_servers(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    for key, gateway in mesh.of(Gateway, keys):
        for i, server in enumerate(gateway.servers):
            if server.port.number == HTTPS_PORT and is_http(server.port.protocol):
                message = f"port 443 speaks {server.port.protocol} without TLS: browsers get no answer to https://…"
                hint = "write protocol: HTTPS, and tls with the certificate"
                yield PLAINTEXT.at(key, message, "spec", "servers", i, "port", "protocol", hint=hint)


def _plain_ports(mesh: Mesh, key: Key, entry: ServiceEntry) -> Iterator[Diagnostic]:
    for i, port in enumerate(entry.ports):
        if not is_http(port.protocol) or entry.location is Location.MESH_INTERNAL or not _reaches_443(entry, port):
            continue
        for host in map(canonical, entry.hosts):
            if not any(True for _, rule in mesh.rules(host) for _ in _tls(rule, int(port.number))):
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


def _spoken_for(mesh: Mesh, key: Key, rule: DestinationRule) -> Collection[str]:
    policies = (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets))
    if not any(policy and (policy.tls or policy.port_level_settings) for policy in policies):
        return ()
    name = canonical(rule.host)
    meant = None if name.startswith("*") else mesh.meant(rule.host, key.namespace)
    return (meant,) if meant else mesh.covered(name)


def _twice(mesh: Mesh, hosts: Collection[str], judged: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield what rules encrypt though it is encrypted, of *hosts*: at each port, and once at each `tls`."""
    gets_http = _http_ports(mesh)
    by_rule: dict[tuple[Key, FieldPath], list[_Port]] = defaultdict(list)
    for host in hosts:
        for number, (owner, port) in mesh.ports(host).items():
            if is_tls(port.protocol):
                for key, rule in mesh.rules(host):
                    for at in _begun(rule, number):
                        by_rule[key, at].append((owner, _position(mesh, owner, port), host, number))
    for (key, at), ports in by_rule.items():
        wrong = [port for port in ports if not gets_http(port[2], port[3])]
        if wrong and key in judged:
            yield _encrypts(key, at, wrong)
        for owner, i, host, number in wrong:
            if owner in judged:
                message = f"port {number} of {describe(host)} is TLS already, and {key} adds TLS: servers hang up"
                related = [see(key, "TLS is added here", *at)]
                yield DOUBLE.at(owner, message, "spec", "ports", i, "protocol", related=related)


def _encrypts(key: Key, at: FieldPath, ports: Sequence[_Port]) -> Diagnostic:
    shown = named([f"{host}:{number}" for _, _, host, number in ports])
    related = pointers(
        ((owner, ("spec", "ports", i, "protocol")) for owner, i, _, _ in ports), "clients speak TLS here"
    )
    return DOUBLE.at(key, f"adds TLS to what is TLS already, at {shown}: servers hang up", *at, related=related)


def _begun(rule: DestinationRule, number: int) -> Iterator[FieldPath]:
    """Yield where TLS is begun with the service itself; ISTIO_MUTUAL is between hosts, whatever is inside."""
    return (at for at, mode in _tls(rule, number) if mode is not ClientTLSMode.ISTIO_MUTUAL)


def _position(mesh: Mesh, owner: Key, port: ServicePort) -> int:
    entry = mesh.get(owner, ServiceEntry)
    return entry.ports.index(port) if entry is not None else 0


_Found = tuple[FieldPath, ClientTLSMode]


def _tls(rule: DestinationRule, number: int) -> Iterator[_Found]:
    """Yield where *rule* has hosts add TLS to what goes to port *number*, in subsets too, and how."""
    yield from _tls_of(rule.traffic_policy, number, ("spec", "trafficPolicy"))
    for i, subset in enumerate(rule.subsets):
        yield from _tls_of(subset.traffic_policy, number, ("spec", "subsets", i, "trafficPolicy"))


def _tls_of(policy: TrafficPolicy | None, number: int, at: FieldPath) -> Iterator[_Found]:
    """An entry for the port replaces the policy, so that its `tls` counts, or none."""
    if policy is None:
        return
    tls, path = policy.tls, (*at, "tls")
    for i, entry in enumerate(policy.port_level_settings):
        if entry.port.number == number:
            tls, path = entry.tls, (*at, "portLevelSettings", i, "tls")
            break
    if tls is not None and tls.mode is not ClientTLSMode.DISABLE:
        yield path, tls.mode


def _http_ports(mesh: Mesh) -> Callable[[str, int], bool]:
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
