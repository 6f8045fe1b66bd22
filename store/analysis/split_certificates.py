"""Do several servers of one Gateway show the same certificate on one port?

Browsers reuse an HTTP/2 connection for every name that its certificate is for (RFC 9113, section 9.1.1), and each HTTPS
server has routes of its own: a request for the other server's host finds none. The same among several Gateways is
`certificates.py`'s.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code, see
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, Level
from store.resources.fields import Key
from store.resources.gateway import Gateway, Server
from store.resources.server_tls import PASSING

SPLIT_CERTIFICATE = Code(
    "split-certificate",
    "one certificate in several servers of a Gateway",
    Level.WARNING,
    "Two HTTPS servers of a Gateway have the same port and the same certificate, and different hosts. A browser that is"
    " connected for a host of the one uses it for a host of the other too, since the certificate is for both,"
    " and gets a 404: each server knows its own hosts only.",
    """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
  - port: {number: 443, name: https-shop, protocol: HTTPS}
    hosts: [shop.example.com]
    tls: {mode: SIMPLE, credentialName: all-example-com}
  - port: {number: 443, name: https-blog, protocol: HTTPS}
    hosts: [blog.example.com]
    tls: {mode: SIMPLE, credentialName: all-example-com}
""",
    "Write one server with all hosts of the certificate: `hosts: [shop.example.com, blog.example.com]`. Or give each"
    " server a certificate for its own hosts alone.",
)
CODES = (SPLIT_CERTIFICATE,)


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield the servers of Gateways among *keys* whose certificate an earlier server shows on the same port."""
    for key, gateway in mesh.of(Gateway, keys):
        first: dict[object, tuple[int, Server]] = {}
        for i, server in enumerate(gateway.servers):
            if not _certificate(server):
                continue
            shown = (server.bind, server.port.number, _certificate(server))
            j, other = first.setdefault(shown, (i, server))
            if j != i and set(other.hosts).isdisjoint(server.hosts):
                message = (
                    f"servers[{j}] shows the same certificate on port {server.port.number} for other hosts: browsers"
                    " may use one connection for both, and get 404"
                )
                hint = f"move the hosts into servers[{j}]"
                related = [see(key, "the other server", "spec", "servers", j, "tls")]
                yield SPLIT_CERTIFICATE.at(key, message, "spec", "servers", i, "tls", hint=hint, related=related)


def _certificate(server: Server) -> tuple[str, ...]:
    """Return where the certificate of an HTTPS server is from; nothing when it ends no TLS of HTTP, or the mesh's."""
    tls = server.tls
    if tls is None or tls.mode in PASSING or server.port.protocol.upper() != "HTTPS":
        return ()
    files = (tls.server_certificate, *(each.server_certificate for each in tls.tls_certificates))
    return tuple(sorted(name for name in (tls.credential_name, *tls.credential_names, *files) if name))
