"""`tls` of a server: what a host shows its clients, and what it asks of them. Gateways and Sidecars have it.

Files are the host's; whether they exist is not known here.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from enum import StrEnum

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import documented
from store.resources.names import check_limit
from store.scalars import describe, did_you_mean


class TLSMode(StrEnum):
    """`tls.mode`: who ends TLS, and whether clients show a certificate too."""

    PASSTHROUGH = "PASSTHROUGH"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    AUTO_PASSTHROUGH = "AUTO_PASSTHROUGH"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"
    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"


class TLSProtocol(StrEnum):
    """`tls.minProtocolVersion`, `tls.maxProtocolVersion`."""

    TLS_AUTO = "TLS_AUTO"
    TLSV1_0 = "TLSV1_0"
    TLSV1_1 = "TLSV1_1"
    TLSV1_2 = "TLSV1_2"
    TLSV1_3 = "TLSV1_3"


@frozen
class TLSCertificate:
    """One of `tls.tlsCertificates`."""

    server_certificate: str = documented("File with the certificate and its chain.", default="", since="1.26",
                                         example="/etc/certs/rsa.pem")  # fmt: skip
    private_key: str = documented("File with its key.", default="", since="1.26", example="/etc/certs/rsa.key")
    ca_certificates: str = documented("File with the authorities of client certificates.", default="", since="1.26",
                                      example="/etc/certs/ca.pem")  # fmt: skip


@frozen
class ServerTLSSettings:
    """`tls` of a server."""

    https_redirect: bool = documented("Answer every plain HTTP request with a 301 to https.", default=False,
                                      example="true")  # fmt: skip
    mode: TLSMode = documented(
        "PASSTHROUGH: TLS is not ended here, the SNI chooses a route. SIMPLE: ended with the certificate below. "
        "MUTUAL: the same, and clients must show one. OPTIONAL_MUTUAL: clients may show one, which then has to be "
        "valid. AUTO_PASSTHROUGH: the SNI names the service itself. ISTIO_MUTUAL: MUTUAL with the mesh's own "
        "certificates.",
        default=TLSMode.PASSTHROUGH, example="SIMPLE",
    )  # fmt: skip
    server_certificate: str = documented("File with the certificate and its chain.", default="",
                                         example="/etc/certs/server.pem")  # fmt: skip
    private_key: str = documented("File with the key of the certificate.", default="",
                                  example="/etc/certs/server.key")  # fmt: skip
    ca_certificates: str = documented("File with the authorities that may have signed a client's certificate.",
                                      default="", example="/etc/certs/ca.pem")  # fmt: skip
    ca_crl: str = documented("File with the client certificates that were revoked.", default="", since="1.22",
                             example="/etc/certs/crl.pem")  # fmt: skip
    credential_name: str = documented("Name of a secret with certificate, key and authorities, instead of files.",
                                      default="", since="1.1", example="shop-cert")  # fmt: skip
    credential_names: tuple[str, ...] = documented(
        "One or two secrets, for an RSA and an ECDSA certificate.", default=(), since="1.26",
        example="[shop-rsa, shop-ecdsa]",
    )  # fmt: skip
    ca_cert_credential_name: str = documented(
        "Name of a secret with the authorities alone; goes before those of credentialName.",
        default="", since="1.28", example="clients-ca",
    )  # fmt: skip
    tls_certificates: tuple[TLSCertificate, ...] = documented(
        "One or two certificates in files, for RSA and ECDSA.", default=(), since="1.26",
        example="[{serverCertificate: /etc/certs/rsa.pem, privateKey: /etc/certs/rsa.key}]",
    )  # fmt: skip
    subject_alt_names: tuple[str, ...] = documented(
        "Client certificates must be for one of these names.", default=(), unset="any name",
        example="[spiffe://mesh/ns/shop/sa/web]",
    )  # fmt: skip
    verify_certificate_spki: tuple[str, ...] = documented(
        "SHA-256 of the public keys that client certificates may have, in base64.", default=(), since="1.3",
        example='["NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A="]',
    )  # fmt: skip
    verify_certificate_hash: tuple[str, ...] = documented(
        "SHA-256 of the client certificates that are let in, in hex, with or without colons.", default=(),
        since="1.3",
    )  # fmt: skip
    min_protocol_version: TLSProtocol = documented("The oldest version that clients may speak.",
                                                   default=TLSProtocol.TLS_AUTO, since="1.1",
                                                   unset="TLS 1.2", example="TLSV1_2")  # fmt: skip
    max_protocol_version: TLSProtocol = documented("The newest version.", default=TLSProtocol.TLS_AUTO, since="1.1",
                                                   unset="TLS 1.3", example="TLSV1_3")  # fmt: skip
    cipher_suites: tuple[str, ...] = documented("The ciphers up to TLS 1.2, by their OpenSSL names.", default=(),
                                                since="1.1", unset="Envoy's",
                                                example="[ECDHE-RSA-AES128-GCM-SHA256]")  # fmt: skip
    ecdh_curves: tuple[str, ...] = documented("The curves of the key exchange.", default=(), since="1.32",
                                              unset="Envoy's", example="[X25519, P-256]")  # fmt: skip
    insecure_skip_verify: bool | None = documented(
        "Let clients in whose certificate is not valid; the service behind gets it and can judge.", since="1.31",
        unset="false", example="true",
    )  # fmt: skip


PASSING = frozenset({TLSMode.PASSTHROUGH, TLSMode.AUTO_PASSTHROUGH})
"""Modes that do not end TLS."""
_OF_CLIENTS = ("subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash", "insecureSkipVerify")

CIPHER_SUITES = frozenset(
    {
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA",
    }
)  # fmt: skip
"""Those of BoringSSL without pre-shared keys; what begins with a sign (`[…|…]`, `-ALL`) is an expression of its own."""

ECDH_CURVES = frozenset({"P-224", "P-256", "P-384", "P-521", "X25519", "X25519MLKEM768", "X25519Kyber768Draft00"})
"""Istio's list, from BoringSSL's."""


def check_server_tls(tls: ServerTLSSettings, *path: str | int, secrets: bool = True) -> Iterator[Diagnostic]:
    """Yield what is wrong with *tls*, whatever its port's protocol (Istio's `validateTLSOptions`).

    Args:
        tls: what is judged.
        path: where it stands.
        secrets: whether a secret may be advised in place of files; Sidecars take none.
    """
    yield from _check_versions(tls, *path)
    yield from _check_list(tls.cipher_suites, CIPHER_SUITES, "cipher", *path, "cipherSuites")
    yield from _check_list(tls.ecdh_curves, ECDH_CURVES, "curve", *path, "ecdhCurves")
    yield from _check_fingerprints(tls, *path)
    yield from check_limit(len(tls.credential_names), 2, "secrets", *path, "credentialNames")
    yield from check_limit(len(tls.tls_certificates), 2, "certificates", *path, "tlsCertificates")
    if tls.mode is TLSMode.ISTIO_MUTUAL:
        for name in _own_certificates(tls):
            yield error("conflict", f"ISTIO_MUTUAL takes the mesh's certificates, and no {name}", *path, name,
                        hint=f"take {name} out, or write mode: MUTUAL")  # fmt: skip
    else:
        yield from _check_certificates(tls, "or name a secret as credentialName" if secrets else None, *path)
        yield from _check_client_side(tls, *path)


def certificate_files(tls: ServerTLSSettings) -> tuple[str, ...]:
    """Return the JSON names of the single files of *tls* that are written."""
    files = {"serverCertificate": tls.server_certificate, "privateKey": tls.private_key,
             "caCertificates": tls.ca_certificates}  # fmt: skip
    return tuple(name for name, value in files.items() if value)


def _other_certificates(tls: ServerTLSSettings) -> tuple[str, ...]:
    others = {"credentialName": tls.credential_name, "credentialNames": tls.credential_names,
              "tlsCertificates": tls.tls_certificates}  # fmt: skip
    return tuple(name for name, value in others.items() if value)


def _own_certificates(tls: ServerTLSSettings) -> tuple[str, ...]:
    return (*certificate_files(tls), *_other_certificates(tls))


def _sources(tls: ServerTLSSettings) -> tuple[str, ...]:
    """Return the JSON names of what gives *tls* a certificate and its key."""
    pair = ("serverCertificate",) if tls.server_certificate and tls.private_key else ()
    return (*pair, *_other_certificates(tls))


def _check_certificates(tls: ServerTLSSettings, hint: str | None, *path: str | int) -> Iterator[Diagnostic]:
    """Yield which of the certificate fields of a mode other than ISTIO_MUTUAL are missing, too many or useless.

    Args:
        tls: what is judged.
        hint: what to do where a file is missing, besides naming it.
        path: where it stands.
    """
    first, *others = _sources(tls) or ("",)
    for name in others:
        yield error("conflict", f"{first} and {name} exclude each other: both give the certificate", *path, name,
                    expected="one of serverCertificate with privateKey, credentialName, credentialNames, "
                    "tlsCertificates")  # fmt: skip
    if tls.mode in PASSING:
        for name in (*_own_certificates(tls), *(("caCrl",) if tls.ca_crl else ())):
            yield warning("ignored", f"{name} is not used: {tls.mode} does not end TLS here", *path, name,
                          hint="to end TLS here, write mode: SIMPLE")  # fmt: skip
    elif not tls.credential_name and not tls.credential_names:
        yield from _check_files(tls, hint, *path)


def _check_files(tls: ServerTLSSettings, hint: str | None, *path: str | int) -> Iterator[Diagnostic]:
    """Yield which files are missing from *tls*, which ends TLS and names no secret."""
    if tls.tls_certificates:
        for i, certificate in enumerate(tls.tls_certificates):
            yield from _check_pair(tls.mode, certificate, hint, *path, "tlsCertificates", i)
    else:
        yield from _check_pair(tls.mode, tls, hint, *path)
    if tls.mode is TLSMode.SIMPLE:
        if tls.ca_crl:
            yield error("conflict", "SIMPLE asks no client for a certificate: there is nothing to look up in caCrl",
                        *path, "caCrl", hint="take it out, or write mode: MUTUAL")  # fmt: skip
    elif not tls.ca_certificates and not tls.ca_cert_credential_name:
        yield error("missing-field", f"{tls.mode} needs the authorities of client certificates", *path,
                    expected="caCertificates", hint=hint)  # fmt: skip


def _check_pair(
    mode: TLSMode, pair: ServerTLSSettings | TLSCertificate, hint: str | None, *path: str | int
) -> Iterator[Diagnostic]:
    for name, value in (("serverCertificate", pair.server_certificate), ("privateKey", pair.private_key)):
        if not value:
            yield error("missing-field", f"{mode} needs a certificate and its key: {name} is missing", *path,
                        expected=name, hint=hint)  # fmt: skip


def _check_client_side(tls: ServerTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is asked of client certificates by a mode that asks for none."""
    if tls.mode in (TLSMode.MUTUAL, TLSMode.OPTIONAL_MUTUAL):
        return
    values = (tls.subject_alt_names, tls.verify_certificate_spki, tls.verify_certificate_hash, tls.insecure_skip_verify)
    for name in (name for name, value in zip(_OF_CLIENTS, values, strict=True) if value):
        yield warning("ignored", f"{name} is not used: {tls.mode} asks no client for a certificate", *path, name,
                      hint="to ask for one, write mode: MUTUAL")  # fmt: skip


def _check_versions(tls: ServerTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    order = list(TLSProtocol)
    low, high = tls.min_protocol_version, tls.max_protocol_version
    lowest = order.index(TLSProtocol.TLSV1_2 if low is TLSProtocol.TLS_AUTO else low)
    highest = order.index(TLSProtocol.TLSV1_3 if high is TLSProtocol.TLS_AUTO else high)
    if lowest > highest:
        message = f"the oldest version is {order[lowest]}, the newest {order[highest]}: no client gets in"
        yield warning("conflict", message, *path, "maxProtocolVersion")
    if low in (TLSProtocol.TLSV1_0, TLSProtocol.TLSV1_1) and not tls.cipher_suites:
        yield warning("ignored", f"{low} has no effect without cipherSuites: the usual ones need TLS 1.2", *path,
                      "minProtocolVersion", hint="list ciphers that it knows: ECDHE-RSA-AES128-SHA …")  # fmt: skip


def _check_list(names: tuple[str, ...], known: frozenset[str], what: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield which of *names* are left out of a list: nobody knows them, or they stand there already."""
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            yield warning("ignored", f"{what} {describe(name)} is listed twice", *path, i)
        elif name not in known and name not in ("", "ALL") and name[0].isalnum():
            yield warning("ignored", f"{describe(name)} is not a {what} that Envoy has: it is left out", *path, i,
                          hint=did_you_mean(name, known))  # fmt: skip
        seen.add(name)


_HEX = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}", re.ASCII)


def _check_fingerprints(tls: ServerTLSSettings, *path: str | int) -> Iterator[Diagnostic]:
    """Yield which fingerprints Envoy would refuse (its `CertificateValidationContext`)."""
    for i, text in enumerate(tls.verify_certificate_spki):
        if not _is_base64_of_sha256(text):
            yield error("bad-value", f"{describe(text)} is not the SHA-256 of a key in base64", *path,
                        "verifyCertificateSpki", i, expected="44 characters, 32 bytes in base64")  # fmt: skip
    for i, text in enumerate(tls.verify_certificate_hash):
        if not _HEX.fullmatch(text):
            yield error("bad-value", f"{describe(text)} is not the SHA-256 of a certificate in hex", *path,
                        "verifyCertificateHash", i, expected="64 hex digits, or 32 pairs and colons")  # fmt: skip


def _is_base64_of_sha256(text: str) -> bool:
    try:
        return len(text) == 44 and len(base64.b64decode(text, validate=True)) == 32
    except (ValueError, binascii.Error):
        return False
