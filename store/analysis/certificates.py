"""Do several Gateways show the same certificate? (Istio: IST0138.)

Browsers reuse an HTTP/2 connection for every name that its certificate is for (RFC 9113, section 9.1.1): what was meant
for one Gateway's host then arrives at the other's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh, may_both_select
from store.diagnostic import Diagnostic, Level
from store.resources.fields import Key
from store.resources.gateway import Gateway
from store.resources.server_tls import PASSING, ServerTLSSettings

SAME_CERTIFICATE = Code(
    "IST0138",
    "one certificate in several Gateways",
    Level.WARNING,
    "Gateways of the same hosts show the same certificate. A browser that has a connection to a host of one of them"
    " uses it for hosts of the other too, if the certificate is for both names, and gets a 404 there.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [shop.example.com]
    tls: {mode: SIMPLE, serverCertificate: /etc/certs/all.pem, privateKey: /etc/certs/all.key}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: blog}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [blog.example.com]
    tls: {mode: SIMPLE, serverCertificate: /etc/certs/all.pem, privateKey: /etc/certs/all.key}
""",
    "Put the hosts of one certificate into one server of one Gateway, or give each Gateway a certificate of its own.",
)
CODES = (SAME_CERTIFICATE,)

_Use = tuple[Key, Gateway, int]
"""A server: its Gateway, and its position."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the servers of Gateways among *keys* whose certificate another Gateway shows too."""
    judged = list(mesh.of(Gateway, keys))
    if not judged:
        return
    shown: dict[str, list[_Use]] = defaultdict(list)
    for key, gateway in mesh.gateways:
        for i, certificate in _certificates(gateway):
            shown[certificate].append((key, gateway, i))
    for key, gateway in judged:
        for i, certificate in _certificates(gateway):
            other = next((use for use in shown[certificate] if _is_another(use, key, gateway)), None)
            if other is not None:
                yield _shown_twice(key, i, certificate, other)


def _shown_twice(key: Key, i: int, certificate: str, other: _Use) -> Diagnostic:
    message = f"{other[0]} shows the same certificate ({certificate}): browsers may take one for the other, and get 404"
    related = [see(other[0], "the other server", "spec", "servers", other[2], "tls")]
    return SAME_CERTIFICATE.at(key, message, "spec", "servers", i, "tls", related=related)


def _is_another(use: _Use, key: Key, gateway: Gateway) -> bool:
    return use[0] != key and may_both_select(use[1].selector, gateway.selector)


def _certificates(gateway: Gateway) -> Iterator[tuple[int, str]]:
    for i, server in enumerate(gateway.servers):
        if server.tls is not None and server.tls.mode not in PASSING:
            for certificate in dict.fromkeys(_shown(server.tls)):
                yield i, certificate


def _shown(tls: ServerTLSSettings) -> Iterator[str]:
    yield from (name for name in (tls.credential_name, *tls.credential_names) if name)
    if tls.server_certificate:
        yield tls.server_certificate
    yield from (each.server_certificate for each in tls.tls_certificates if each.server_certificate)
