"""Do clients and services agree on mutual TLS? (Istio: IST0113.)

Judged is what is plain from resources: the mode of a whole namespace or of the mesh, against the `tls` of a rule for
one service. Where a PeerAuthentication selects workloads, nothing is said.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache

from store.analysis.code import Code
from store.analysis.listing import pointers
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.resources.client_tls import ClientTLSMode
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.peer_authentication import MutualTLSMode, PeerAuthentication
from store.resources.service_entry import Location
from store.scalars import describe

DISAGREE = Code(
    "IST0113",
    "clients and service disagree on mutual TLS",
    Level.ERROR,
    "A PeerAuthentication says what connections the workloads of a service accept, and a DestinationRule has clients"
    " open the other sort. Every request gets a 503.",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, serviceAccount: reviews}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy: {tls: {mode: DISABLE}}
""",
    "Remove `tls` from the DestinationRule: without it, clients speak mutual TLS to whoever can. Or let the"
    " PeerAuthentication accept both, with mode PERMISSIVE.",
)
CODES = (DISAGREE,)

_REFUSED = {
    MutualTLSMode.STRICT: frozenset({ClientTLSMode.DISABLE, ClientTLSMode.SIMPLE}),
    MutualTLSMode.DISABLE: frozenset({ClientTLSMode.ISTIO_MUTUAL}),
}
"""What workloads of a mode do not accept."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each `tls` of a DestinationRule among *keys* that its service does not accept."""
    accepted = _accepted(mesh)
    for key, rule in mesh.of(DestinationRule, keys):
        tls = rule.traffic_policy.tls if rule.traffic_policy else None
        host = _host(mesh, key, rule)
        if tls is None or host is None:
            continue
        for mode, policies in accepted(host).items():
            if tls.mode in _REFUSED.get(mode, ()):
                message = f"clients of {describe(rule.host)} use TLS mode {tls.mode}, its workloads accept {mode}"
                places = ((policy, ("spec", "mtls", "mode")) for policy in policies)
                related = pointers(places, "what workloads accept")
                yield DISAGREE.at(key, message, "spec", "trafficPolicy", "tls", "mode", related=related)


def _host(mesh: Mesh, key: Key, rule: DestinationRule) -> str | None:
    """Return the service of *rule*; None of a wildcard, or when there is none."""
    return None if rule.host.startswith("*") else mesh.meant(rule.host, key.namespace)


def _accepted(mesh: Mesh) -> Callable[[str], Mapping[MutualTLSMode, Collection[Key]]]:
    """Return what to ask for the modes of a host's workloads in the mesh, each with the policies that say so.

    Thousands of rules ask for one host, and thousands of services for one namespace: each is looked at once.
    """

    @cache
    def said_in(namespace: str) -> tuple[bool, tuple[Key, MutualTLSMode] | None]:
        """Return whether some policy there is for certain workloads, and the first that says something."""
        policies = list(mesh.of(PeerAuthentication, mesh.in_namespace(namespace)))
        said = ((key, policy.mtls.mode) for key, policy in policies if policy.mtls is not None)
        first = next(((key, mode) for key, mode in said if mode is not MutualTLSMode.UNSET), None)
        return any(policy.selector is not None for _, policy in policies), first

    def counts_in(namespace: str) -> tuple[Key, MutualTLSMode] | None:
        """Return who says the mode of a namespace, or else of the mesh; None when nobody, or workloads differ."""
        for place in dict.fromkeys((namespace, mesh.root_namespace)):
            selects, first = said_in(place)
            if selects or first is not None:
                return None if selects else first
        return None

    @cache
    def accepted(host: str) -> Mapping[MutualTLSMode, Collection[Key]]:
        inside = (key.namespace for key, entry in mesh.services(host) if entry.location is Location.MESH_INTERNAL)
        found: dict[MutualTLSMode, dict[Key, None]] = {}
        for said in map(counts_in, dict.fromkeys(inside)):
            if said is not None:
                found.setdefault(said[1], {})[said[0]] = None
        return found

    return accepted
