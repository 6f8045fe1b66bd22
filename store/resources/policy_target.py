"""Whom a policy of `security.istio.io` is for: workloads by their labels, or a resource that they stand behind.

Source: Istio's `type.v1beta1` and its validation.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import documented
from store.resources.workload_selector import check_selector
from store.scalars import describe, did_you_mean

MAX_NAME_CHARACTERS = 253


@frozen
class PolicySelector:
    """Workloads that have all of *match_labels*."""

    match_labels: Mapping[str, str] = documented(
        "Labels that a workload has to have, all of them and with these values.", default={}, since="1.4",
        unset="every workload", example="{app: ratings}",
    )  # fmt: skip


@frozen
class PolicyTargetReference:
    """A resource of the policy's own namespace, for whose traffic the policy is."""

    kind: str = documented("Kind of the resource.", default=attrs.NOTHING, since="1.20", example="Gateway")
    name: str = documented("Name of the resource.", default=attrs.NOTHING, since="1.20", example="edge")
    group: str = documented(
        "API group of the resource.", default="", since="1.20", unset="Kubernetes' core",
        example="gateway.networking.k8s.io",
    )  # fmt: skip
    namespace: str | None = documented("Its namespace; only the policy's own is possible.", since="1.20")


TARGETS: Mapping[str, str] = MappingProxyType(
    {
        "Service": "",
        "ServiceEntry": "networking.istio.io",
        "Gateway": "gateway.networking.k8s.io",
        "GatewayClass": "gateway.networking.k8s.io",
    }
)
"""Kinds that a policy can be for → their group; Kubernetes' core has no name."""
_CORE = "core"


def check_policy_selector(selector: PolicySelector | None, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *selector* at *path*; None is fine."""
    if selector is not None:
        yield from check_selector(selector.match_labels, *path, name="matchLabels")


def check_target(target: PolicyTargetReference, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *target* at *path*."""
    if not target.name:
        yield error("bad-value", "the name of the target is empty", *path, "name", expected="the name of a resource")
    elif len(target.name) > MAX_NAME_CHARACTERS:
        expected = f"at most {MAX_NAME_CHARACTERS} characters"
        yield error("limit", f"the name has {len(target.name)} characters", *path, "name", expected=expected)
    if target.namespace:
        hint = "leave it out, and put the policy into the namespace of its target"
        message = f"the target is in another namespace, {describe(target.namespace)}"
        yield error("bad-value", message, *path, "namespace", hint=hint)
    expected = "one of " + ", ".join(f"{group or _CORE}/{kind}" for kind, group in TARGETS.items())
    if target.kind not in TARGETS:
        message = f"a policy cannot be for a {describe(target.kind)}"
        yield error("bad-value", message, *path, "kind", expected=expected, hint=did_you_mean(target.kind, TARGETS))
    elif (target.group or _CORE) != (TARGETS[target.kind] or _CORE):
        message = f"{target.kind} is not a kind of {describe(target.group or _CORE)}"
        yield error("bad-value", message, *path, "group" if target.group else "kind", expected=expected)
