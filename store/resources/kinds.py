"""The table of kinds: what is known of each, in one place. A new kind is a file beside this one and a line here."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from store.diagnostic import Diagnostic
from store.plan import Plan, classes_below, plan_of
from store.resources import (
    authorization_policy,
    destination_rule,
    gateway,
    grant,
    mesh_config,
    peer_authentication,
    service_entry,
    sidecar,
    virtual_service,
    workload_entry,
    workload_group,
)
from store.resources.authorization_policy import AuthorizationPolicy
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key, Metadata
from store.resources.gateway import Gateway
from store.resources.grant import Grant
from store.resources.mesh_config import MeshConfig
from store.resources.peer_authentication import PeerAuthentication
from store.resources.service_entry import ServiceEntry
from store.resources.sidecar import Sidecar
from store.resources.virtual_service import VirtualService
from store.resources.workload_entry import WorkloadEntry
from store.resources.workload_group import WorkloadGroup

Spec = (
    Gateway | VirtualService | DestinationRule | ServiceEntry | WorkloadEntry | WorkloadGroup | Sidecar
    | PeerAuthentication | AuthorizationPolicy | MeshConfig | Grant
)  # fmt: skip


Check = Callable[[Any], Iterator[Diagnostic]]
"""A kind's own rules: takes an instance of the kind's class, yields diagnostics whose paths start inside `spec`."""
CheckInPlace = Callable[[Metadata, Any], Iterator[Diagnostic]]
"""Rules that rest on the metadata, too: takes both, yields diagnostics whose paths start at the document."""


@frozen
class Kind:
    """One kind of Resource.

    Attributes:
        name: as documents write it, `VirtualService`.
        plural: lower case, `virtualservices`.
        short: `vs`; empty when kubectl has none either.
        group: API group, `networking.istio.io`.
        versions: all accepted, the first is what we write.
        spec: the class of its `spec`.
        check: its rules.
        check_in_place: those of its rules that rest on the metadata, too; None if there are none.
        runs: whether hosts do what it says; if not, `apply` refuses it as `not-supported` and `validate` warns.
        namespaced: whether there is one of a name in each namespace; if not, its Key has the namespace `default`.
    """

    name: str
    plural: str
    short: str
    group: str
    versions: tuple[str, ...]
    spec: type[Spec]
    check: Check
    check_in_place: CheckInPlace | None = None
    runs: bool = True
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.versions[0]}"


@frozen
class Resource:
    """A document, understood.

    Attributes:
        api_version: as the document wrote it.
        kind: the kind's name.
        metadata: see `Metadata`.
        spec: an instance of the kind's class.
    """

    api_version: str
    kind: str
    metadata: Metadata
    spec: Spec

    @property
    def key(self) -> Key:
        return Key(self.metadata.namespace, self.metadata.name, self.kind)


_NETWORKING = "networking.istio.io"
_VERSIONS = ("v1alpha3", "v1beta1", "v1")
_SECURITY = "security.istio.io"
_SECURITY_VERSIONS = ("v1beta1", "v1", "v1alpha3")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("Gateway", "gateways", "gw", _NETWORKING, _VERSIONS, Gateway, gateway.check),
        Kind("VirtualService", "virtualservices", "vs", _NETWORKING, _VERSIONS, VirtualService, virtual_service.check,
             virtual_service.check_in_place),
        Kind("DestinationRule", "destinationrules", "dr", _NETWORKING, _VERSIONS, DestinationRule,
             destination_rule.check, destination_rule.check_in_place),
        Kind("ServiceEntry", "serviceentries", "se", _NETWORKING, _VERSIONS, ServiceEntry, service_entry.check,
             service_entry.check_in_place),
        Kind("WorkloadEntry", "workloadentries", "we", _NETWORKING, _VERSIONS, WorkloadEntry, workload_entry.check,
             runs=False),
        Kind("WorkloadGroup", "workloadgroups", "wg", _NETWORKING, _VERSIONS, WorkloadGroup, workload_group.check,
             runs=False),
        Kind("Sidecar", "sidecars", "", _NETWORKING, _VERSIONS, Sidecar, sidecar.check, sidecar.check_in_place,
             runs=False),
        Kind("PeerAuthentication", "peerauthentications", "pa", _SECURITY, _SECURITY_VERSIONS, PeerAuthentication,
             peer_authentication.check, runs=False),
        Kind("AuthorizationPolicy", "authorizationpolicies", "ap", _SECURITY, _SECURITY_VERSIONS, AuthorizationPolicy,
             authorization_policy.check, authorization_policy.check_in_place, runs=False),
        Kind("MeshConfig", "meshconfigs", "mc", "meshctl", ("v1",), MeshConfig, mesh_config.check, namespaced=False),
        Kind("Grant", "grants", "gr", "meshctl", ("v1",), Grant, grant.check, runs=False, namespaced=False),
    )
}


def kind_by_word(word: str) -> Kind | None:
    """Return the kind that *word* names as people write it (`vs`, `virtualservice(s)`, `VirtualService`), or None."""
    lower = word.lower()
    return next((k for k in KINDS.values() if lower and lower in (k.name.lower(), k.plural, k.short)), None)


@cache
def old_spellings() -> Mapping[str, tuple[str, ...]]:
    """Return today's JSON name of a field → its spellings of 2018, over all kinds: where to look for it in a file."""
    found: dict[str, dict[str, None]] = {}
    for plan in _plans():
        for spelling, (name, _) in plan.old.items():
            found.setdefault(name, {})[spelling] = None
    return {name: tuple(spellings) for name, spellings in found.items()}


@cache
def flattened_names() -> frozenset[str]:
    """Return the names of mappings of 2018 whose fields stand one level higher today."""
    return frozenset(name for plan in _plans() for name in plan.flattened)


def _plans() -> Iterator[Plan]:
    return (plan_of(cls) for kind in KINDS.values() for cls in classes_below(kind.spec))
