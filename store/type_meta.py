"""`apiVersion` and `kind` of a document → which of our kinds it is, or what it is instead.

Kubernetes calls the two together TypeMeta. A directory may hold what other programs read (Deployments, EnvoyFilters):
that is told as a warning. Whatever may have been meant for us and is written wrongly is an error, never less.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.kinds import KINDS, Kind
from store.scalars import MAX_COMPARED, describe, did_you_mean

NOT_A_MESH_RESOURCE = "not-a-mesh-resource"
"""Code for a document that another program reads."""

OLD_KIND = "old-kind"
"""Code for a kind of the API before v1alpha3, which `meshctl convert` turns into today's."""

RENAMED_KINDS: Mapping[str, str] = MappingProxyType({"ExternalService": "ServiceEntry"})
"""Kinds of the first v1alpha3 → their name of today."""

BEFORE_V1ALPHA3: Mapping[str, str] = MappingProxyType(
    {"RouteRule": "VirtualService", "DestinationPolicy": "DestinationRule", "EgressRule": "ServiceEntry"}
)
"""Kinds of `config.istio.io/v1alpha2` → what says the same today."""

_OLD_GROUP = "config.istio.io"

NOT_OURS = frozenset({"EnvoyFilter", "ProxyConfig", "RequestAuthentication"})
"""Kinds in the groups of ours, known and not run by us."""

_NAMESAKES = frozenset({("gateway.networking.k8s.io", "Gateway")})
"""(group, kind) that bears the name of a kind of ours and is another thing."""

_KUBERNETES = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})
"""Kubernetes' groups without a domain; its core is \"\"."""

_NEAR_KIND, _NEAR_GROUP = 0.8, 0.85
"""So much alike (difflib's ratio) is what was meant: `VirtualServce`, `networking.istio.oi`; not ServiceRole and
ServiceEntry (0.7), nor `networking.k8s.io` and `networking.istio.io` (0.83)."""


@frozen
class TypeMeta:
    """What a document says it is.

    Attributes:
        kind: one of ours, also when its apiVersion is wrong; None for what is none.
        diagnostics: what is to be said about `apiVersion` and `kind`.
        foreign: whether another program reads it, so that nothing else in it concerns us.
    """

    kind: Kind | None
    diagnostics: tuple[Diagnostic, ...] = ()
    foreign: bool = False


def type_meta(document: Mapping[object, object]) -> TypeMeta:
    """Judge `apiVersion` and `kind` of *document*. Never raises, whatever they are."""
    word, version = document.get("kind"), document.get("apiVersion")
    if word is None or word == "":
        return TypeMeta(None, (error("missing-field", '"kind" is missing', expected=_one_of(KINDS)),))
    if not isinstance(word, str):
        return TypeMeta(None, (error("wrong-type", f"{describe(word)} is not a kind", "kind", expected="a string"),))
    group = _group_of(version)
    kind = KINDS.get(RENAMED_KINDS.get(word, word))
    # 1. Ours, or nearly: a right kind in a wrong apiVersion is a mistake, not somebody else's.
    if kind is not None and (group, word) not in _NAMESAKES:
        return TypeMeta(kind, _of_ours(word, version, kind))
    # 2. Known, and never to be run.
    if word in BEFORE_V1ALPHA3 and group in (None, _OLD_GROUP, *_our_groups()):
        return TypeMeta(None, (_old_kind(word),))
    # 3. Something of somebody else, unless it may have been meant for one of ours.
    if group is None or _may_be_ours(word, group, version):
        return TypeMeta(None, _unknown(word, version, group))
    return TypeMeta(None, (_not_ours(word, group),), foreign=True)


def _of_ours(word: str, version: object, kind: Kind) -> tuple[Diagnostic, ...]:
    said: list[Diagnostic] = []
    if word in RENAMED_KINDS:
        message = f'kind "{word}" is a spelling of 2018'
        said.append(warning("old-spelling", message, "kind", hint=f'write "{kind.name}"'))
    accepted = [f"{kind.group}/{each}" for each in kind.versions]
    if version is None:
        said.append(error("missing-field", '"apiVersion" is missing', expected=_one_of(accepted)))
    elif version not in accepted:
        message = f"{describe(version)} is not an apiVersion of {kind.name}"
        hint = did_you_mean(version, accepted) if isinstance(version, str) else None
        said.append(error("unknown-version", message, "apiVersion", expected=_one_of(accepted), hint=hint))
    if not kind.runs:
        said.append(not_supported(f"{kind.name} is not supported yet", "kind"))
    return tuple(said)


def _old_kind(word: str) -> Diagnostic:
    message = f'kind "{word}" belongs to the API before v1alpha3; today a {BEFORE_V1ALPHA3[word]} says it'
    return error(OLD_KIND, message, "kind", hint="rewrite it with `meshctl convert -f FILE`")


def _unknown(word: str, version: object, group: str | None) -> tuple[Diagnostic, ...]:
    names = tuple(BEFORE_V1ALPHA3) if group == _OLD_GROUP else tuple(KINDS)
    hint = did_you_mean(word, (*names, *NOT_OURS))
    said = [error("unknown-kind", f"unknown kind {describe(word)}", "kind", expected=_one_of(names), hint=hint)]
    if version is None:
        said.append(error("missing-field", '"apiVersion" is missing', expected="apiVersion and kind"))
    elif group is None:
        said.append(error("wrong-type", f"{describe(version)} is not an apiVersion", "apiVersion",
                          expected="group/version"))  # fmt: skip
    return tuple(said)


def _not_ours(word: str, group: str) -> Diagnostic:
    whose = "Kubernetes reads it" if _is_kubernetes(group) else "meshctl does not run it"
    hint = "`meshctl convert -f FILE` makes a Gateway and a VirtualService of it" if word == "Ingress" else None
    return warning(NOT_A_MESH_RESOURCE, f"{describe(word)} is not a mesh resource: {whose}", "kind", hint=hint)


# --- whose a group is ---------------------------------------------------------------------------------------


def _group_of(version: object) -> str | None:
    """Return the API group in *version*, "" for Kubernetes' core (`v1`); None when it is no apiVersion at all."""
    if not isinstance(version, str) or not version:
        return None
    group, slash, _ = version.rpartition("/")
    return group if slash else ""


@cache
def _our_groups() -> frozenset[str]:
    return frozenset(kind.group for kind in KINDS.values())


def _is_kubernetes(group: str) -> bool:
    return group in _KUBERNETES or group.endswith(".k8s.io")


def _may_be_ours(word: str, group: str, version: object) -> bool:
    """Say whether a document of an unknown kind may have been meant to be one of ours."""
    if word in NOT_OURS or (group, word) in _NAMESAKES:
        return False
    if group in _our_groups() or word.lower() in _lower_kinds():
        return True
    if group == "":  # `v1alpha3` lacks its group; Kubernetes' core has had no such version
        return version != "v1"
    if group == _OLD_GROUP:
        return _is_near(word, BEFORE_V1ALPHA3, _NEAR_KIND)
    if group.endswith(".istio.io"):
        return _is_near(word, tuple(KINDS), _NEAR_KIND)
    return not _is_kubernetes(group) and _is_near(group, _our_groups(), _NEAR_GROUP)


def _is_near(word: str, names: Iterable[str], cutoff: float) -> bool:
    return len(word) <= MAX_COMPARED and bool(difflib.get_close_matches(word, names, n=1, cutoff=cutoff))


@cache
def _lower_kinds() -> frozenset[str]:
    return frozenset(word.lower() for word in (*KINDS, *RENAMED_KINDS))


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"
