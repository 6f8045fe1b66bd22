"""AuthorizationPolicy: which requests workloads let in. The rules themselves are in `authorization_rule.py`.

Source: Istio's `security.v1beta1` and its validation. 2018 had no such kind.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.authorization_rule import Rule, check_rule, written
from store.resources.dry_run import check_dry_run
from store.resources.fields import Metadata, documented
from store.resources.names import check_limit
from store.resources.policy_target import PolicySelector, PolicyTargetReference, check_policy_selector, check_target

MAX_RULES = 512
MAX_TARGETS = 16


class Action(StrEnum):
    """Of all policies for a workload, those of CUSTOM are asked first, then DENY, then ALLOW."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    AUDIT = "AUDIT"
    CUSTOM = "CUSTOM"


@frozen
class ExtensionProvider:
    """Who decides under the action CUSTOM."""

    name: str = documented("A provider in the settings of the mesh.", default="", since="1.9", example="my-authz")


@frozen
class AuthorizationPolicy:
    """`spec` of an AuthorizationPolicy. `{}` lets nothing in."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"selector", "targetRef", "targetRefs"}),)

    selector: PolicySelector | None = documented(
        "The workloads of this namespace that it is for; in the root namespace, those of every namespace.",
        since="1.4", unset="all", example="{matchLabels: {app: ratings}}",
    )  # fmt: skip
    target_ref: PolicyTargetReference | None = documented(
        "The resource that it is for, instead of a selector.", since="1.20", unset="what the selector says"
    )
    target_refs: tuple[PolicyTargetReference, ...] = documented(
        "The resources that it is for, instead of a selector.", default=(), since="1.22", unset="what the selector says"
    )
    rules: tuple[Rule, ...] = documented(
        "Requests that it is about: those that fit one of the rules; `{}` is every request.", default=(), since="1.4",
        unset="no request: with ALLOW, nothing is let in", example="[{from: [{source: {namespaces: [shop]}}]}]",
    )  # fmt: skip
    action: Action = documented(
        "What becomes of them: ALLOW lets them in and whatever no ALLOW policy names not, DENY refuses them, AUDIT"
        " marks them, CUSTOM asks the provider.",
        default=Action.ALLOW, since="1.4", example="DENY",
    )  # fmt: skip
    provider: ExtensionProvider | None = documented(
        "Who decides under CUSTOM, and only there.", since="1.9", example="{name: my-authz}"
    )


def check(spec: AuthorizationPolicy) -> Iterator[Diagnostic]:
    """Yield what is wrong with *spec*."""
    yield from check_policy_selector(spec.selector, "selector")
    if spec.target_ref is not None:
        yield from check_target(spec.target_ref, "targetRef")
    yield from check_limit(len(spec.target_refs), MAX_TARGETS, "targets", "targetRefs")
    for i, target in enumerate(spec.target_refs):
        yield from check_target(target, "targetRefs", i)
    yield from check_limit(len(spec.rules), MAX_RULES, "rules", "rules")
    yield from _check_action(spec)
    for i, rule in enumerate(spec.rules):
        yield from check_rule(rule, "rules", i)
        if spec.action is Action.CUSTOM:
            yield from _check_custom(rule, "rules", i)
        if spec.action is Action.DENY and _speaks_of_http_only(rule):
            message = "this DENY rule names HTTP only: it refuses all traffic to TCP ports"
            yield warning("http-only-deny", message, "rules", i, hint="name the ports in to.operation.ports")


def check_in_place(metadata: Metadata, spec: AuthorizationPolicy) -> Iterator[Diagnostic]:
    """Yield what is wrong with *spec* beside its *metadata*, paths from the document."""
    yield from check_dry_run(metadata, spec.action)


def _check_action(spec: AuthorizationPolicy) -> Iterator[Diagnostic]:
    if spec.action in (Action.DENY, Action.CUSTOM) and not spec.rules:
        hint = "write the rule {} if every request is meant"
        message = f"{spec.action} without rules is about no request"
        yield error("missing-field", message, expected="rules", hint=hint)
    if spec.action is Action.CUSTOM:
        if spec.provider is None or not spec.provider.name:
            at = () if spec.provider is None else ("provider",)
            message = "CUSTOM asks a provider, and none is named"
            yield error("missing-field", message, *at, expected="provider" if spec.provider is None else "name",
                        hint="write provider: {name: …}")  # fmt: skip
    elif spec.provider is not None:
        hint = "write action: CUSTOM if it shall decide"
        yield error("conflict", f"{spec.action} asks no provider", "provider", hint=hint)


_IDENTITIES = ("namespaces", "serviceAccounts", "principals", "requestPrincipals")
_NOT_CUSTOM = frozenset({*_IDENTITIES, *(f"not{name[0].upper()}{name[1:]}" for name in _IDENTITIES)})
_KEYS_NOT_CUSTOM = frozenset({"source.namespace", "source.serviceAccount", "source.principal"})


def _check_custom(rule: Rule, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what Istio cannot ask before a provider is asked: identities, which are known later."""
    hint = "a provider sees the identity itself; or write an ALLOW or DENY policy beside this one"
    for i, each in enumerate(rule.from_ or ()):
        for name in written(each.source):
            if name in _NOT_CUSTOM:
                message = f"{name} is not possible under CUSTOM"
                yield error("conflict", message, *path, "from", i, "source", name, hint=hint)
    for i, condition in enumerate(rule.when):
        if condition.key in _KEYS_NOT_CUSTOM or condition.key.startswith("request.auth."):
            message = f"{condition.key} is not possible under CUSTOM"
            yield error("conflict", message, *path, "when", i, "key", hint=hint)


_OF_TOKENS = frozenset({"requestPrincipals", "notRequestPrincipals"})
_PORTS = frozenset({"ports", "notPorts"})


def _speaks_of_http_only(rule: Rule) -> bool:
    """Whether nothing in *rule* but attributes of HTTP limits it: what TCP lacks counts as fitting under DENY.

    Source: Istio's warning of the same, whose conditions these are.
    """
    if rule.to:
        return not any(written(each.operation).keys() & _PORTS for each in rule.to)
    return bool(rule.from_) and all(written(each.source).keys() <= _OF_TOKENS for each in rule.from_ or ())
