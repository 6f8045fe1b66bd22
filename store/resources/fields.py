"""What the kinds share: how a field is declared, metadata, keys, the small value types.

A field is one statement: its type, and with `documented` its default, what it means, since when it exists, how it was
written in 2018, and whether it runs. The decoder (`store/structure.py`) and `meshctl fields` read nothing else. What a
kind demands of its fields is the kind's `check`, beside its types. No kind is known here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import attrs
from attrs import field, frozen


def _as_it_is(value: object) -> object:
    return value


@frozen
class Old:
    """How a field was written once, accepted with a warning.

    Attributes:
        name: the spelling, camelCase; the field's own name when only the shape of its value was another.
        today: turns the value into what the field takes today; returns `NOT_OLD` for a value that is no old shape.
        written: today's form, for the hint; None is the field's name.
        said: what is old about the shape of the value; None says that it is.
        yields: whether Istio takes it beside today's spelling too, and goes by that one.
    """

    name: str
    today: Callable[[Any], object] = _as_it_is
    written: str | None = None
    said: str | None = None
    yields: bool = False


NOT_OLD = object()
"""What `Old.today` answers when a value is not in the old shape."""


@frozen
class FieldDoc:
    """What is known of a field besides its type and default; see `documented`."""

    meaning: str = ""
    since: str = "0.7"
    unset: str | None = None
    example: str | None = None
    old: tuple[Old, ...] = ()
    runs: bool = True
    neutral: tuple[object, ...] = ()


def documented(
    meaning: str,
    *,
    default: object = None,
    since: str = "0.7",
    unset: str | None = None,
    example: str | None = None,
    old: tuple[Old, ...] = (),
    runs: bool = True,
    neutral: tuple[object, ...] = (),
) -> Any:
    """Return an attrs field with its documentation.

    Args:
        meaning: what the field says, in a sentence or two.
        default: its value when it is not written; `attrs.NOTHING` makes it required; a dict makes a read-only mapping.
        since: the Istio release whose API has it first.
        unset: what not writing it means, in words, where the default alone does not say it.
        example: a value as one writes it in YAML flow style.
        old: its earlier spellings and shapes.
        runs: whether hosts do what it says; if not, `apply` refuses it as `not-supported` and `validate` warns.
        neutral: values that say what not writing it says: they are supported in any case.
    """
    metadata = {DOC: FieldDoc(meaning, since, unset, example, old, runs, neutral)}
    if isinstance(default, dict):
        return field(factory=dict, converter=_frozen_mapping, hash=False, metadata=metadata)
    return field(default=default, metadata=metadata)


DOC = "doc"
"""Key of the `FieldDoc` in an attrs attribute's metadata."""


def doc_of(attribute: "attrs.Attribute[Any]") -> FieldDoc:
    """Return what is known of *attribute*; an empty `FieldDoc` when it was declared without `documented`."""
    found = attribute.metadata.get(DOC)
    return found if isinstance(found, FieldDoc) else FieldDoc()


def _frozen_mapping(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@frozen(order=True)
class Key:
    """The identity of a Resource. Ordered by namespace, name, kind: the order of equal age."""

    namespace: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@frozen
class Metadata:
    """`metadata` of every kind. What else exports carry there (uid, generation …) is dropped."""

    LENIENT: ClassVar[bool] = True

    name: str = documented("Unique among the resources of one kind in one namespace.", default=attrs.NOTHING)
    namespace: str = documented("Which names mean what, and who owns them.", default="default", example="shop")
    labels: Mapping[str, str] = documented("For people and their programs.", default={})
    annotations: Mapping[str, str] = documented("For people and their programs.", default={})
    creation_timestamp: str | None = documented(
        "RFC 3339, as some exports carry it; decides age among files that are read offline."
    )


@frozen
class StringMatch:
    """One of `exact`, `prefix`, `regex`. For headers and query parameters, `{}` means "is present"."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"exact", "prefix", "regex"}),)

    exact: str | None = documented("The whole value, case-sensitive.", example="/v1/login")
    prefix: str | None = documented("How the value begins; `/foo` is also the beginning of `/foobar`.", example="/v1/")
    regex: str | None = documented("An RE2 expression that the whole value matches.", example="/v[0-9]+/.*")


class Duration(float):
    """Seconds. Written as Go writes durations: `1h30m`, `250ms`."""

    __slots__ = ()


class Int32(int):
    """A signed 32-bit number; Istio's decoder also takes it in quotes."""

    __slots__ = ()


class Uint32(int):
    """An unsigned 32-bit number; Istio's decoder also takes it in quotes."""

    __slots__ = ()


class Uint64(int):
    """An unsigned 64-bit number; Istio's decoder also takes it in quotes."""

    __slots__ = ()


class Uint32Key(str):
    """A `Uint32` that is the key of a mapping: JSON has only strings there, YAML may write plain numbers."""

    __slots__ = ()


class Double(float):
    """A finite floating-point number; Istio's decoder also takes it in quotes."""

    __slots__ = ()


class Bytes(bytes):
    """Bytes, written in base64 (standard or URL-safe alphabet, with or without padding)."""

    __slots__ = ()


@frozen
class PortSelector:
    """A port of a service, by its number."""

    REMOVED: ClassVar[Mapping[str, str]] = MappingProxyType({"name": 'ports are chosen by "number"'})

    number: Uint32 = documented("1 to 65535.", default=attrs.NOTHING, example="9080")
