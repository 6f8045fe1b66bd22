"""Documents → originals of old kinds and resources of today, read as strictly as any resource."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
from attrs import evolve, frozen

from ctl.convert.model import Original
from ctl.convert.old_ingress import Ingress, check_ingress, with_text_ports
from ctl.convert.old_policies import DestinationPolicy, EgressRule, check_destination_policy, check_egress_rule
from ctl.convert.old_rules import RouteRule, check_route_rule
from store.codec import decode, encode
from store.containers import under
from store.diagnostic import Diagnostic, Level, Related, error
from store.metadata import check_texts, misspelt, tidied
from store.reader import Document
from store.resources.fields import Key, Metadata, documented
from store.resources.kinds import Resource
from store.resources.names import is_name, is_subdomain
from store.scalars import REFUSED, describe
from store.stand_in import untouched
from store.structure import structure
from store.type_meta import NOT_A_MESH_RESOURCE


@frozen
class _Envelope:
    """What every document has."""

    api_version: str = documented("Group and version.", default=attrs.NOTHING)
    kind: str = documented("The kind.", default=attrs.NOTHING)
    metadata: Metadata = documented("Name and namespace.", default=attrs.NOTHING)


@frozen
class _RouteRule(_Envelope):
    spec: RouteRule = documented("The rule.", default=attrs.NOTHING)


@frozen
class _DestinationPolicy(_Envelope):
    spec: DestinationPolicy = documented("The policy.", default=attrs.NOTHING)


@frozen
class _EgressRule(_Envelope):
    spec: EgressRule = documented("The rule.", default=attrs.NOTHING)


@frozen
class _Ingress(_Envelope):
    spec: Ingress = documented("The rules.", default=attrs.NOTHING)


@frozen
class OldKind:
    """A kind that is converted.

    Attributes:
        versions: its apiVersions.
        document: the class of its documents.
        check: what was refused; takes a spec, yields diagnostics whose paths start inside it.
    """

    versions: tuple[str, ...]
    document: type[Any]
    check: Callable[[Any], Iterator[Diagnostic]]


_V1ALPHA2 = ("config.istio.io/v1alpha2",)
_INGRESS = ("networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1")

OLD_KINDS: Mapping[str, OldKind] = MappingProxyType(
    {
        "RouteRule": OldKind(_V1ALPHA2, _RouteRule, check_route_rule),
        "DestinationPolicy": OldKind(_V1ALPHA2, _DestinationPolicy, check_destination_policy),
        "EgressRule": OldKind(_V1ALPHA2, _EgressRule, check_egress_rule),
        "Ingress": OldKind(_INGRESS, _Ingress, check_ingress),
    }
)

OLD_SPELLING = "old-spelling"
"""What `decode` calls a spelling of before."""

_NEARLY = frozenset({"config.istio.io", "networking.istio.io"})
"""API groups in which somebody may write a kind of `config.istio.io` by mistake."""


@frozen
class Readings:
    """Everything that is in the input.

    Attributes:
        originals: documents of old kinds.
        current: documents of today's kinds.
        rewritten: those of *current* that were written in spellings of before; their documents are in today's.
        ports: (namespace, name) of a Kubernetes Service → name of a port → its number.
        diagnostics: what is wrong.
    """

    originals: Mapping[Key, Original]
    current: Mapping[Key, tuple[Resource, Document]]
    rewritten: frozenset[Key]
    ports: Mapping[tuple[str, str], Mapping[str, int]]
    diagnostics: tuple[Diagnostic, ...]


def read_all(documents: Sequence[Document]) -> Readings:
    """Read *documents*, each as what it says it is. A mistake never raises."""
    diagnostics: list[Diagnostic] = []
    foreign: list[Diagnostic] = []
    originals: dict[Key, Original] = {}
    current: dict[Key, tuple[Resource, Document]] = {}
    rewritten: set[Key] = set()
    seen: dict[Key, Document] = {}
    for document in documents:
        if (kind := _old_kind(document.value)) is not None:
            original, wrong = _read_original(document, kind)
            diagnostics += document.locate(wrong)
            if original and _first(original.key, document, seen, diagnostics):
                originals[original.key] = original
            continue
        resource, said = decode(document.value)
        if said and said[0].code == NOT_A_MESH_RESOURCE:
            foreign += document.locate(said)
        else:
            diagnostics += document.locate(one for one in said if one.is_error)
        if resource and _first(resource.key, document, seen, diagnostics):
            today = _in_todays_spelling(resource, said)
            if today is not None:
                rewritten.add(resource.key)
            current[resource.key] = (resource, document if today is None else evolve(document, value=today))
    if len(foreign) == len(documents):
        foreign = [evolve(said, level=Level.ERROR) for said in foreign]
    ports = dict(_service_ports(document.value for document in documents))
    return Readings(originals, current, frozenset(rewritten), ports, (*diagnostics, *foreign))


def _in_todays_spelling(resource: Resource, said: Iterable[Diagnostic]) -> dict[str, object] | None:
    """Return the document of *resource* in today's spelling, None when it is; *said* is what reading it gave rise to.

    A value that has an old name only (`LEAST_CONN`) stays as it is: what it is called today means something else.
    """
    old = _old_spellings(said)
    today = encode(resource) if old else {}
    return today if old and _old_spellings(decode(today)[1]) < old else None


def _old_spellings(said: Iterable[Diagnostic]) -> int:
    return sum(one.code == OLD_SPELLING for one in said)


def _old_kind(value: object) -> str | None:
    """Return the old kind of a document, or None when it is none that is converted."""
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str) or value["kind"] not in OLD_KINDS:
        return None
    version = value.get("apiVersion")
    if version is None or version in OLD_KINDS[value["kind"]].versions or not isinstance(version, str):
        return str(value["kind"])
    group = version.partition("/")[0] if "/" in version else ""
    groups = {each.partition("/")[0] for each in OLD_KINDS[value["kind"]].versions}
    nearly = group in groups or (value["kind"] != "Ingress" and (group in _NEARLY or not group))
    return str(value["kind"]) if nearly else None


def _first(key: Key, document: Document, seen: dict[Key, Document], diagnostics: list[Diagnostic]) -> bool:
    """Say whether *key* is new; note when it is not."""
    earlier = seen.setdefault(key, document)
    if earlier is document:
        return True
    other = Related("the other definition", earlier.place(("metadata", "name")), str(key))
    said = error("duplicate-resource", f"{key} is defined twice", "metadata", "name")
    diagnostics += document.locate((evolve(said, related=[other]),))  # type: ignore[list-item]  # attrs loses tuple's type
    return False


def _read_original(document: Document, name: str) -> tuple[Original | None, list[Diagnostic]]:
    kind = OLD_KINDS[name]
    value = with_text_ports(document.value) if name == "Ingress" else document.value
    assert isinstance(value, Mapping), "it has a kind"
    fields = {key: item for key, item in value.items() if key != "status"}
    found = structure({**fields, "metadata": tidied(fields.get("metadata"))}, kind.document)
    diagnostics = [*found.diagnostics, *under(misspelt(fields.get("metadata")), "metadata")]
    whole = found.value if found.value is not REFUSED else found.guess
    if whole is not REFUSED:
        checked = _check(whole, kind)
        checked = checked if found.value is not REFUSED else untouched(checked, found.diagnostics)
        # A field that nobody knows was meant for the one that is missing beside it: that is one mistake.
        stray = {said.path[:-1] for said in diagnostics if said.code == "unknown-field"}
        diagnostics += [said for said in checked if said.code != "missing-field" or said.path not in stray]
    if any(said.is_error for said in diagnostics):
        return None, diagnostics
    return Original(document, name, whole.metadata, whole.spec), diagnostics


def _check(whole: Any, kind: OldKind) -> Iterator[Diagnostic]:
    if whole.api_version not in kind.versions:
        message = f"{describe(whole.api_version)} is not an apiVersion of {whole.kind}"
        yield error("unknown-version", message, "apiVersion", expected=f"one of {', '.join(kind.versions)}")
    metadata: Metadata = whole.metadata
    if not is_subdomain(metadata.name):
        expected = "lower-case letters, digits, - and ., up to 253 characters"
        yield error("bad-value", f"{describe(metadata.name)} is not a name", "metadata", "name", expected=expected)
    if not is_name(metadata.namespace):
        expected = "lower-case letters, digits and -, up to 63 characters"
        message = f"{describe(metadata.namespace)} is not a namespace"
        yield error("bad-value", message, "metadata", "namespace", expected=expected)
    yield from under(check_texts(metadata), "metadata")
    yield from under(kind.check(whole.spec), "spec")


# --- Kubernetes' Services -----------------------------------------------------------------------------------


def _service_ports(values: Iterable[object]) -> Iterator[tuple[tuple[str, str], Mapping[str, int]]]:
    """Yield the named ports of each Kubernetes Service: an Ingress may call a port by its name."""
    for value in values:
        if not isinstance(value, Mapping) or (value.get("apiVersion"), value.get("kind")) != ("v1", "Service"):
            continue
        metadata, spec = value.get("metadata"), value.get("spec")
        ports = spec.get("ports") if isinstance(spec, Mapping) else None
        if isinstance(metadata, Mapping) and isinstance(ports, list):
            key = (str(metadata.get("namespace") or "default"), str(metadata.get("name")))
            yield key, dict(_named(port) for port in ports if isinstance(port, Mapping) and _is_named(port))


def _is_named(port: Mapping[str, object]) -> bool:
    return isinstance(port.get("name"), str) and isinstance(port.get("port"), int)


def _named(port: Mapping[str, Any]) -> tuple[str, int]:
    return port["name"], port["port"]
