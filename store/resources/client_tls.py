"""`tls` of a DestinationRule: how connections to a service are secured.

Files are those of the host that connects; whether they exist is not known here.
"""

from collections.abc import Iterator
from enum import StrEnum

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import documented

MAX_SNI_CHARACTERS = 255
"""Envoy's limit (`UpstreamTlsContext.sni`)."""


class ClientTLSMode(StrEnum):
    """`tls.mode`. ISTIO_MUTUAL presents the mesh's own certificates."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@frozen
class ClientTLSSettings:
    """`tls`. Not written at all, connections inside the mesh are secured wherever the other side can."""

    mode: ClientTLSMode = documented(
        "Whether connections are TLS, and whether a client certificate is presented.",
        default=ClientTLSMode.DISABLE,
        example="SIMPLE",
    )
    client_certificate: str = documented(
        "The file with the client's certificate, for MUTUAL.", default="", example="/etc/certs/client.pem"
    )
    private_key: str = documented(
        "The file with the client's private key, for MUTUAL.", default="", example="/etc/certs/client-key.pem"
    )
    ca_certificates: str = documented(
        "The file with the authorities that the server's certificate may be from.",
        default="",
        unset="those of the operating system",
        example="/etc/certs/ca.pem",
    )
    credential_name: str = documented(
        "The secret with certificate, key and authorities, instead of files. "
        "Hosts other than gateways use it only when the rule has a workloadSelector.",
        default="",
        since="1.7",
        example="client-credential",
    )
    ca_cert_credential_name: str = documented(
        "The secret with the authorities alone, whatever credentialName has. "
        "Hosts other than gateways use it only when the rule has a workloadSelector.",
        default="",
        since="1.32",
        example="servers-ca",
    )
    subject_alt_names: tuple[str, ...] = documented(
        "The server's certificate has to have one of these names.",
        default=(),
        unset="the name that the request is for",
        example="[api.example.com]",
    )
    sni: str = documented(
        "The name that is told to the server in the TLS handshake.",
        default="",
        unset="the name that the request is for",
        example="api.example.com",
    )
    insecure_skip_verify: bool | None = documented(
        "Whether any certificate of the server will do.", since="1.12", unset="false", example="true"
    )
    ca_crl: str = documented(
        "The file with the certificates that were revoked.", default="", since="1.22", example="/etc/certs/crl.pem"
    )


def check_client_tls(tls: ClientTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *tls* at *path* (Istio's `ValidateTLS`); DISABLE and ISTIO_MUTUAL use no file."""
    if len(tls.sni) > MAX_SNI_CHARACTERS:
        message = f"a name of {len(tls.sni)} characters is no server name"
        yield error("bad-value", message, *path, "sni", expected=f"at most {MAX_SNI_CHARACTERS} characters")
    if tls.mode not in (ClientTLSMode.SIMPLE, ClientTLSMode.MUTUAL):
        return
    if tls.insecure_skip_verify:
        yield from _check_unverified(tls, *path)
    if tls.credential_name:
        yield from _check_credential(tls, *path)
    elif tls.mode is ClientTLSMode.MUTUAL:
        yield from _check_mutual(tls, *path)


def _check_unverified(tls: ClientTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    """With MUTUAL a credential is fine: it may hold the client's certificate only."""
    simple = tls.mode is ClientTLSMode.SIMPLE
    for name, given in (
        ("caCertificates", tls.ca_certificates),
        ("credentialName", tls.credential_name if simple else ""),
        ("subjectAltNames", tls.subject_alt_names),
    ):
        if given:
            message = f"insecureSkipVerify verifies nothing, so {name} is of no use"
            yield error("conflict", message, *path, name, hint=f"leave out {name} or insecureSkipVerify")


def _check_credential(tls: ClientTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    for name, given in (
        ("clientCertificate", tls.client_certificate),
        ("privateKey", tls.private_key),
        ("caCertificates", tls.ca_certificates),
        ("caCrl", tls.ca_crl),
    ):
        if given:
            message = f"credentialName and {name} exclude each other"
            yield error("conflict", message, *path, name, expected="a credential or files, not both")


def _check_mutual(tls: ClientTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    for name, given in (("clientCertificate", tls.client_certificate), ("privateKey", tls.private_key)):
        if not given:
            message = f"MUTUAL presents a client certificate, and {name} is missing"
            hint = "for the mesh's own certificates, write mode: ISTIO_MUTUAL"
            yield error("missing-field", message, *path, expected=name, hint=hint)
