"""PeerAuthentication: what workloads demand of those who connect to them: mutual TLS, or not.

Source: Istio's `security.v1beta1` and its validation. 2018 had no such kind.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Uint32Key, documented
from store.resources.names import check_port
from store.resources.policy_target import PolicySelector, check_policy_selector


class MutualTLSMode(StrEnum):
    """UNSET takes the mode of the namespace, then of the mesh, and PERMISSIVE where neither says one."""

    UNSET = "UNSET"
    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"


@frozen
class MutualTLS:
    """What connections are accepted."""

    mode: MutualTLSMode = documented(
        "STRICT accepts mutual TLS only, PERMISSIVE plaintext too, DISABLE plaintext only.",
        default=MutualTLSMode.UNSET, since="1.5", unset="what the namespace, then the mesh says", example="STRICT",
    )  # fmt: skip


@frozen
class PeerAuthentication:
    """`spec` of a PeerAuthentication."""

    selector: PolicySelector | None = documented(
        "The workloads of this namespace that it is for; in the root namespace, those of every namespace.",
        since="1.5", unset="all", example="{matchLabels: {app: ratings}}",
    )  # fmt: skip
    mtls: MutualTLS | None = documented(
        "For all ports.", since="1.5", unset="what the namespace, then the mesh says", example="{mode: STRICT}"
    )
    port_level_mtls: Mapping[Uint32Key, MutualTLS] | None = documented(
        "Port of the workload → its own setting. Needs a selector.", since="1.5", example="{8080: {mode: DISABLE}}"
    )


def check(spec: PeerAuthentication) -> Iterator[Diagnostic]:
    """Yield what is wrong with *spec*."""
    yield from check_policy_selector(spec.selector, "selector")
    ports = spec.port_level_mtls
    if ports is None:
        return
    if not ports:
        yield error("missing-field", "no port is named", "portLevelMtls", expected="at least one port",
                    hint="name one, or leave it out")  # fmt: skip
    elif spec.selector is None or not spec.selector.match_labels:
        hint = "add selector.matchLabels: ports are those of certain workloads"
        yield error("conflict", "settings of ports need a selector with labels", "portLevelMtls", hint=hint)
    for port in ports:
        yield from check_port(int(port), "portLevelMtls", port)
