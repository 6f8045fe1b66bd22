"""Documents ↔ resources, and records ↔ bytes. The only place that knows both what a user wrote and what we keep of it.

Strict with people (`decode`), lenient with what is stored (`understand`, `unpack`): DESIGN.md, law 10. Which kind a
document is, is `store/type_meta.py`; how a single field is read is `store/structure.py`; what a kind demands of its
spec is the kind's `check`.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgpack
from attrs import evolve, field, frozen

from store.brevity import MAX_ALIKE, brief
from store.containers import under
from store.diagnostic import NOT_SUPPORTED, Diagnostic, FieldPath, Level, error
from store.field_index import TOP, where_it_belongs
from store.keys import MESH_CONFIG, NAMESPACE
from store.metadata import check_texts, misspelt, tidied
from store.plan import snake_case
from store.resources.dry_run import check_no_dry_run
from store.resources.fields import Metadata
from store.resources.kinds import Kind, Resource, Spec
from store.resources.names import is_dns_label, is_name, is_subdomain
from store.scalars import REFUSED, Found, describe
from store.stand_in import untouched
from store.structure import structure, unknown_field, unstructure
from store.type_meta import NOT_A_MESH_RESOURCE, OLD_KIND, type_meta
from store.url_hosts import with_bare_host

MAX_DEPTH = 64
MAX_RECORD_BYTES = 1536 * 1024
"""As much as etcd takes in one request unless it is told otherwise (`--max-request-bytes`)."""


def decode(document: object) -> tuple[Resource | None, tuple[Diagnostic, ...]]:
    """Read a document as its author meant it, strictly.

    Args:
        document: plain values as YAML or JSON give them.

    Returns:
        The resource, or None when any diagnostic is an error or the document is another program's; and all
        diagnostics, warnings too, paths from the document's root. `status` is ignored, since exports carry it. Never
        raises.
    """
    if not isinstance(document, Mapping):
        return None, (
            error(
                "wrong-type",
                f"the document is {describe(document)}",
                expected="a mapping with apiVersion and kind",
            ),
        )
    meta = type_meta(document)
    if meta.foreign:
        return None, meta.diagnostics
    kind = meta.kind
    diagnostics = [*_top_level(document), *meta.diagnostics]
    metadata = _metadata(document, kind, diagnostics)
    spec = _spec(document, kind, metadata, diagnostics) if kind else None
    said = tuple(brief(_without_echo(document, diagnostics), 2 * MAX_ALIKE)) if diagnostics else ()
    if kind is not None and any(one.code == "unknown-field" for one in said):
        said = tuple(where_it_belongs(one, kind, document) if one.code == "unknown-field" else one for one in said)
    if any(one.code == "bad-host" for one in said):
        said = tuple(with_bare_host(one, document) if one.code == "bad-host" else one for one in said)
    if kind is None or metadata is None or spec is None or any(one.is_error for one in said):
        return None, said
    return Resource(str(document["apiVersion"]), kind.name, metadata, spec), said


def encode(resource: Resource) -> dict[str, object]:
    """Return *resource* as a plain document that `decode` reads back as an equal one. Defaults are left out."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": unstructure(resource.metadata),
        "spec": unstructure(resource.spec),
    }


def understand(document: object) -> tuple[Resource | None, tuple[Diagnostic, ...]]:
    """Read a document that is stored already, perhaps by a newer version.

    Args:
        document: whatever msgpack can hold.

    Returns:
        The resource, or None with diagnostics; what we do not know or cannot run has the code `needs-newer-agent`.
        Never raises: a bad record is kept, reported, and stops no other.
    """
    resource, diagnostics = decode(document)
    said = tuple(_as_stored(one) for one in diagnostics)
    return (None if any(one.code == NEEDS_NEWER_AGENT for one in said) else resource), said


NEEDS_NEWER_AGENT = "needs-newer-agent"
_NEWER = frozenset({"unknown-field", "unknown-kind", "unknown-version", NOT_SUPPORTED, NOT_A_MESH_RESOURCE, OLD_KIND})


def _as_stored(said: Diagnostic) -> Diagnostic:
    if said.code not in _NEWER:
        return said
    hint = "a newer agent may understand it"
    return evolve(said, level=Level.ERROR, code=NEEDS_NEWER_AGENT, expected=None, hint=hint)


# --- the parts of a document --------------------------------------------------------------------------------


def _top_level(document: Mapping[object, object]) -> Iterator[Diagnostic]:
    unknown = [key for key in document if key not in TOP]
    for key in unknown[:20]:
        if isinstance(key, str):
            yield unknown_field(key, TOP)
        else:
            yield error("wrong-type", f"the key {describe(key)} is not a string")


def _metadata(document: Mapping[object, object], kind: Kind | None, diagnostics: list[Diagnostic]) -> Metadata | None:
    written = document.get("metadata")
    if written is None:
        diagnostics.append(error("missing-field", '"metadata" is missing', expected="metadata with a name"))
        return None
    found = structure(tidied(written), Metadata)
    diagnostics += under((*misspelt(written), *found.diagnostics), "metadata")
    if found.value is REFUSED and found.guess is REFUSED:
        return None
    metadata: Metadata = found.guess if found.value is REFUSED else found.value
    diagnostics += under(brief(untouched(_check_metadata(metadata, kind), _that_touch(found))), "metadata")
    return None if found.value is REFUSED else metadata


def _check_metadata(metadata: Metadata, kind: Kind | None) -> Iterator[Diagnostic]:
    if not is_subdomain(metadata.name):
        expected = "lower-case letters, digits, - and ., up to 253 characters"
        yield error("bad-value", f"{describe(metadata.name)} is not a name", "name", expected=expected)
    elif kind and kind.name == "Gateway" and not is_dns_label(metadata.name):
        yield error(
            "bad-value",
            f"{describe(metadata.name)} is not a name of a Gateway",
            "name",
            expected="a name without dots",
        )
    elif kind and kind.name == MESH_CONFIG.kind and metadata.name != MESH_CONFIG.name:
        message = f"{describe(metadata.name)} is not the name of the MeshConfig: there is one in a mesh"
        hint = f'write "name: {MESH_CONFIG.name}"'
        yield error("bad-value", message, "name", expected=MESH_CONFIG.name, hint=hint)
    if kind and not kind.namespaced and metadata.namespace != NAMESPACE:
        message = f"a {kind.name} is of the whole mesh, not of the namespace {describe(metadata.namespace)}"
        yield error("bad-value", message, "namespace", hint="leave the namespace out")
    elif not is_name(metadata.namespace):
        expected = "lower-case letters, digits and -, up to 63 characters"
        yield error("bad-value", f"{describe(metadata.namespace)} is not a namespace", "namespace", expected=expected)
    yield from check_texts(metadata)


def _spec(
    document: Mapping[object, object], kind: Kind, metadata: Metadata | None, diagnostics: list[Diagnostic]
) -> Spec | None:
    written = document.get("spec")
    if written is None:
        diagnostics.append(error("missing-field", '"spec" is missing', expected=f"the spec of a {kind.name}"))
        return None
    found = structure(written, kind.spec)
    diagnostics += under(found.diagnostics, "spec")
    if found.value is REFUSED and found.guess is REFUSED:
        return None
    spec: Spec = found.guess if found.value is REFUSED else found.value
    mistakes = _that_touch(found)
    diagnostics += under(brief(untouched(kind.check(spec), mistakes)), "spec")
    diagnostics += untouched(_check_in_place(metadata, spec, kind), tuple(under(mistakes, "spec")))
    return None if found.value is REFUSED else spec


def _that_touch(found: Found) -> tuple[Diagnostic, ...]:
    """Return the mistakes of a value that could earn a second finding: what was read well may be judged."""
    if found.value is REFUSED:
        return found.diagnostics
    return tuple(said for said in found.diagnostics if said.code == "unknown-field")


def _check_in_place(metadata: Metadata | None, spec: Spec, kind: Kind) -> Iterator[Diagnostic]:
    if metadata is None:
        return
    if kind.check_in_place is not None:
        yield from kind.check_in_place(metadata, spec)
    if kind.name != "AuthorizationPolicy":
        yield from check_no_dry_run(metadata, kind.name)


def _without_echo(document: object, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out that a field is missing, or will not do unset, where its mapping has a field that nobody knows.

    It was meant for it: `resoluton: DNS` is one mistake, not also a resolution that is missing.
    """
    said = list(diagnostics)
    unknown = {one.path[:-1] for one in said if one.code == "unknown-field"}
    for one in said:
        missing = one.code in ("missing-field", "empty-selector") and one.path in unknown
        unset = one.code in _OF_DEFAULTS and one.path[:-1] in unknown and not _is_written(document, one.path)
        if not missing and not unset:
            yield one


_OF_DEFAULTS = frozenset({NOT_SUPPORTED, "conflict", "ignored"})
"""Codes that a field's default can have."""


def _is_written(document: object, path: FieldPath) -> bool:
    """Say whether *document* itself has something at *path*, in today's spelling or in snake_case."""
    for step in path:
        if isinstance(document, Mapping) and isinstance(step, str):
            document = document.get(step, document.get(snake_case(step)))
        elif isinstance(document, list | tuple) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return False
    return document is not None


# --- records ------------------------------------------------------------------------------------------------


class BadRecord(ValueError):  # noqa: N818 - named as what it is
    """Bytes that are no record: malformed, too large or too deep."""


@frozen
class Source:
    """Where a resource was applied from.

    Attributes:
        file: as the user gave it.
        line: from 1.
    """

    file: str
    line: int


@frozen
class Record:
    """What etcd holds of a Resource.

    Attributes:
        document: as it was applied.
        source: the file and line it came from.
        created: number of the apply that created it; kept through updates and rollbacks, decides age.
        apply: id of the apply that wrote it last.
        set: the `--set` it belongs to, or None.
        vips: service host → address that the mesh gave it.
    """

    document: Mapping[str, object]
    source: Source
    created: int
    apply: str
    set: str | None = None
    vips: Mapping[str, str] = field(factory=dict)


def pack(record: Record) -> bytes:
    """Return *record* as bytes, the same for equal records.

    Raises:
        BadRecord: `unpack` would not take it: too large, too deep, or values that are not JSON's.
    """
    plain = {
        "document": record.document,
        "source": {"file": record.source.file, "line": record.source.line},
        "created": record.created,
        "apply": record.apply,
        "set": record.set,
        "vips": record.vips,
    }
    _check_plain(plain, MAX_DEPTH)
    try:
        packed: bytes = msgpack.packb(_sorted(plain))
    except (ValueError, TypeError, OverflowError) as refused:
        raise BadRecord(f"the record cannot be stored: {refused}") from refused
    if len(packed) > MAX_RECORD_BYTES:
        raise BadRecord(f"the record has {len(packed)} bytes, {MAX_RECORD_BYTES} are allowed")
    return packed


def _check_plain(value: object, depth: int) -> None:
    """Raise BadRecord when *value* is not JSON's, or nests deeper than *depth*."""
    if value is None or isinstance(value, str | bool | int | float):
        return
    if depth <= 0:
        raise BadRecord(f"the record is deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadRecord("a key of the record is not a string")
            _check_plain(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item, depth - 1)
    else:
        raise BadRecord(f"{type(value).__name__} has no place in a record")


def _sorted(value: object) -> object:
    """Return *value* with the keys of every mapping in order, so that equal records are equal bytes."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def unpack(data: bytes) -> Record:
    """Return the record in *data*. Fields of a record that only a newer version knows are left out.

    Raises:
        BadRecord: *data* is malformed, too large or too deep; nothing else is ever raised.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise BadRecord(f"the record has {len(data)} bytes, {MAX_RECORD_BYTES} are allowed")
    try:
        plain = msgpack.unpackb(data, ext_hook=_no_extension)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as malformed:
        raise BadRecord(f"the record is malformed: {malformed}") from malformed
    _check_plain(plain, MAX_DEPTH)
    return _record(plain)


def _no_extension(code: int, _: bytes) -> object:
    raise ValueError(f"extension type {code}")


def _record(plain: object) -> Record:
    if not isinstance(plain, dict):
        raise BadRecord("the record is not a mapping")
    document, source, vips = plain.get("document"), plain.get("source"), plain.get("vips", {})
    if not isinstance(document, dict) or not isinstance(source, dict) or not isinstance(vips, dict):
        raise BadRecord("document, source and vips of a record are mappings")
    if not all(isinstance(address, str) for address in vips.values()):
        raise BadRecord("a VIP is not a string")
    part_of = plain.get("set")
    if part_of is not None and not isinstance(part_of, str):
        raise BadRecord('"set" is not a string')
    return Record(
        document=document,
        source=Source(_text(source, "file"), _number(source, "line")),
        created=_number(plain, "created"),
        apply=_text(plain, "apply"),
        set=part_of,
        vips=vips,
    )


def _text(plain: Mapping[str, object], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str):
        raise BadRecord(f'"{name}" is not a string')
    return value


def _number(plain: Mapping[str, object], name: str) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRecord(f'"{name}" is not a whole number')
    return value
