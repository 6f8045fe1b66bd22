"""Is it verified whom a client speaks TLS with? (Istio: IST0128 and, for one port, IST0129.)

Istio warns wherever there is no `caCertificates`. Without it, today's clients ask the authorities of their operating
system: right for servers of the internet, of which nothing is said, and hardly ever right for services of one's own.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.client_tls import ClientTLSMode, ClientTLSSettings
from store.resources.destination_rule import DestinationRule, TrafficPolicy
from store.resources.fields import Key
from store.resources.service_entry import Location
from store.scalars import describe

_MEANING = (
    " With insecureSkipVerify, whoever answers is believed. Without caCertificates, the authorities of the client's"
    " operating system decide, which do not know the certificates of services of your own: requests then get a 503."
)
_REMEDY = "Write `caCertificates`, the file of the authorities that the server's certificate is from."
_EXAMPLE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger}
spec:
  hosts: [ledger.shop.com]
  ports: [{number: 443, name: https, protocol: HTTPS}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ledger}
spec:
  host: ledger.shop.com
  trafficPolicy:
"""

UNVERIFIED = Code(
    "IST0128",
    "TLS to a server that is not verified",
    Level.WARNING,
    "Connections to the service are TLS, and nothing says which authorities its certificate may be from." + _MEANING,
    f"{_EXAMPLE}    tls: {{mode: SIMPLE}}\n",
    _REMEDY,
)
UNVERIFIED_PORT = Code(
    "IST0129",
    "TLS to a server that is not verified, on one port",
    Level.WARNING,
    "Connections to one port of the service are TLS, and nothing says which authorities its certificate may be from."
    + _MEANING,
    f"{_EXAMPLE}    portLevelSettings: [{{port: {{number: 443}}, tls: {{mode: SIMPLE}}}}]\n",
    _REMEDY,
)
CODES = (UNVERIFIED, UNVERIFIED_PORT)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield each `tls` of DestinationRules among *keys* that verifies nobody, or by authorities that cannot know."""
    for key, rule in mesh.of(DestinationRule, keys):
        for code, tls, at in _settings(rule):
            reason = _unverified(mesh, key, rule, tls)
            if reason:
                yield code.at(key, reason, *at)


def _settings(rule: DestinationRule) -> Iterator[tuple[Code, ClientTLSSettings, FieldPath]]:
    policies: list[tuple[TrafficPolicy | None, FieldPath]] = [(rule.traffic_policy, ("spec", "trafficPolicy"))]
    policies += [(each.traffic_policy, ("spec", "subsets", i, "trafficPolicy")) for i, each in enumerate(rule.subsets)]
    for policy, at in policies:
        if policy is not None and policy.tls is not None:
            yield UNVERIFIED, policy.tls, (*at, "tls")
        for i, port in enumerate(policy.port_level_settings if policy is not None else ()):
            if port.tls is not None:
                yield UNVERIFIED_PORT, port.tls, (*at, "portLevelSettings", i, "tls")


def _unverified(mesh: Mesh, key: Key, rule: DestinationRule, tls: ClientTLSSettings) -> str | None:
    """Return why the server is not verified by *tls*, as a message; None when it is."""
    if tls.mode not in (ClientTLSMode.SIMPLE, ClientTLSMode.MUTUAL):
        return None
    if tls.insecure_skip_verify:
        return f"any certificate that {describe(rule.host)} shows will do: it can be anybody (insecureSkipVerify)"
    host = mesh.meant(rule.host, key.namespace)
    inside = any(entry.location is Location.MESH_INTERNAL for _, entry in (mesh.services(host) if host else ()))
    if inside and not tls.ca_certificates and not tls.credential_name:
        return (
            f"{describe(rule.host)} is inside the mesh, and its certificate is verified by the authorities of the "
            "client's operating system, which hardly know it: caCertificates is not set"
        )
    return None
