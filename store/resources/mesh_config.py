"""MeshConfig: the settings of the whole mesh. There is one, and its name is `mesh`.

Where Istio's MeshConfig has a setting, its name is Istio's (`mesh/v1alpha1/config.proto`); the others are ours.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import documented
from store.resources.http_retry import HTTPRetry
from store.resources.names import check_limit, fqdn_problem, is_name
from store.scalars import describe

DEFAULT_SUFFIXES = ("svc.cluster.local",)
DEFAULT_VIP_RANGE = "240.240.0.0/16"
MAX_SUFFIXES = 16
MIN_VIP_BITS = 8
"""A range with fewer addresses than 2 to the power of this soon has none left."""
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}", re.ASCII)

_HOSTS_OWN = "this is a setting of each host, in its agent.yaml"
_OF_KUBERNETES = "it is about Kubernetes, which there is none of here"


class OutboundTrafficPolicyMode(StrEnum):
    """REGISTRY_ONLY refuses requests for hosts that the registry has not."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"


class Registration(StrEnum):
    """GRANTED counts only what a Grant allows the host."""

    OPEN = "OPEN"
    GRANTED = "GRANTED"


@frozen
class OutboundTrafficPolicy:
    """What becomes of requests for hosts that the registry has not."""

    mode: OutboundTrafficPolicyMode | None = documented(
        "Whether they are refused.", since="1.0", unset="ALLOW_ANY", example="REGISTRY_ONLY"
    )


@frozen
class MeshConfig:
    """`spec` of the MeshConfig."""

    REMOVED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **dict.fromkeys(("proxyListenPort", "proxyInboundListenPort", "proxyHttpPort"), _HOSTS_OWN),
            **dict.fromkeys(("defaultConfig", "configSources", "dnsRefreshRate"), _HOSTS_OWN),
            **dict.fromkeys(
                ("ingressClass", "ingressService", "ingressControllerMode", "ingressSelector", "discoverySelectors",
                 "certificates", "serviceScopeConfigs"), _OF_KUBERNETES),
            **dict.fromkeys(
                ("accessLogFormat", "accessLogEncoding", "ca", "caCertificates", "connectTimeout",
                 "defaultDestinationRuleExportTo", "defaultProviders", "defaultServiceExportTo",
                 "defaultVirtualServiceExportTo", "disableEnvoyListenerLog", "enableAutoMtls",
                 "enableEnvoyAccessLogService", "enablePrometheusMerge", "enableTracing", "extensionProviders",
                 "h2UpgradePolicy", "hboneIdleTimeout", "inboundClusterStatName", "inboundTrafficPolicy",
                 "localityLbSetting", "meshMTLS", "outboundClusterStatName", "pathNormalization",
                 "protocolDetectionTimeout", "serviceSettings", "tcpKeepalive", "tlsDefaults", "trustDomainAliases",
                 "verifyCertificateAtClient"), "it is a setting of Istio that this mesh has not"),
        }
    )  # fmt: skip

    service_suffixes: tuple[str, ...] = documented(
        "What a short name may stand for: `reviews` in a rule of the namespace `shop` is the service `reviews`, or"
        " else `reviews.shop.SUFFIX` for the first suffix that has it. Clients call services by short names too.",
        default=DEFAULT_SUFFIXES, since="", example="[svc.cluster.local, mesh.example]",
    )  # fmt: skip
    trust_domain: str = documented(
        "Where the identities of the mesh's workloads come from: `spiffe://TRUST-DOMAIN/ns/…`.",
        default="cluster.local", since="1.1", example="mesh.example", runs=False,
    )  # fmt: skip
    root_namespace: str = documented(
        "The namespace whose policies and defaults are for all namespaces.", default="istio-system", since="1.2",
        runs=False,
    )  # fmt: skip
    outbound_traffic_policy: OutboundTrafficPolicy | None = documented(
        "What becomes of requests for hosts that the registry has not, on hosts that do not say it themselves.",
        since="1.0", unset="ALLOW_ANY", example="{mode: REGISTRY_ONLY}", runs=False,
        neutral=(OutboundTrafficPolicy(), OutboundTrafficPolicy(OutboundTrafficPolicyMode.ALLOW_ANY)),
    )  # fmt: skip
    default_http_retry_policy: HTTPRetry | None = documented(
        "How HTTP requests are retried whose route says nothing of it.", since="1.15",
        unset="connection failures and refused streams, twice", example="{attempts: 0}", runs=False,
    )  # fmt: skip
    access_log_file: str = documented(
        "Where Envoy writes a line for each request.", default="", unset="no access log", example="/dev/stdout",
        runs=False,
    )  # fmt: skip
    vip_range: str = documented(
        "The range of IPv4 addresses that services without one of their own get theirs from.",
        default=DEFAULT_VIP_RANGE, since="", example="240.240.0.0/16", runs=False,
    )  # fmt: skip
    registration: Registration = documented(
        "Whose word on workloads counts: OPEN takes every host's, GRANTED only what a Grant allows it.",
        default=Registration.OPEN, since="", example="GRANTED", runs=False,
    )  # fmt: skip


def check(spec: MeshConfig) -> Iterator[Diagnostic]:
    """Yield what is wrong with *spec*."""
    yield from _check_suffixes(spec.service_suffixes)
    if not _TRUST_DOMAIN.fullmatch(spec.trust_domain):
        message = f"{describe(spec.trust_domain)} is not a trust domain"
        yield error("bad-value", message, "trustDomain", expected="lower-case letters, digits, . _ -")
    if not is_name(spec.root_namespace):
        message = f"{describe(spec.root_namespace)} is not a namespace"
        yield error("bad-value", message, "rootNamespace", expected="lower-case letters, digits and -")
    if spec.access_log_file and not spec.access_log_file.startswith("/"):
        message = f"{describe(spec.access_log_file)} is not a whole path"
        yield error("bad-value", message, "accessLogFile", expected="a path that begins with /")
    problem = _vip_range_problem(spec.vip_range)
    if problem:
        yield error("bad-value", f"{describe(spec.vip_range)}: {problem}", "vipRange", expected=DEFAULT_VIP_RANGE)


def _check_suffixes(suffixes: tuple[str, ...]) -> Iterator[Diagnostic]:
    yield from check_limit(len(suffixes), MAX_SUFFIXES, "suffixes", "serviceSuffixes")
    seen: set[str] = set()
    for i, suffix in enumerate(suffixes):
        problem = "a final dot means nothing here" if suffix.endswith(".") else fqdn_problem(suffix)
        if problem is None and suffix != suffix.lower():
            problem = "it is not in lower case"
        if problem:
            hint = "without the dot in front" if suffix.startswith(".") else None
            yield error("bad-host", f"{describe(suffix)} is not a suffix: {problem}", "serviceSuffixes", i,
                        expected="a domain such as svc.cluster.local", hint=hint)  # fmt: skip
        elif suffix in seen:
            yield error("duplicate", f"{describe(suffix)} is there twice", "serviceSuffixes", i)
        seen.add(suffix)


def _vip_range_problem(text: str) -> str | None:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        return "it is not a range of IPv4 addresses"
    return f"it is too small, /{32 - MIN_VIP_BITS} at least" if 32 - network.prefixlen < MIN_VIP_BITS else None
