"""What the kinds share: metadata, keys, the small value types, and the checks that belong to a value.

Spellings, defaults and refusals are Istio's (`networking.istio.io`, API reference); each kind's own rules are beside
its types. No kind is known here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from attrs import field, frozen


def _frozen_mapping(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


def labels_field() -> Mapping[str, str]:
    """Return an attrs field that holds a read-only string map, empty by default."""
    return field(factory=dict, converter=_frozen_mapping, hash=False)


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
    """`metadata` of every kind.

    Attributes:
        name: unique among the resources of one kind in one namespace.
        namespace: `default` when the document says none.
        labels, annotations: kept as they are.
        creation_timestamp: RFC 3339, as some exports carry it; decides age for files that are read offline.
    """

    LENIENT: ClassVar[bool] = True
    """Fields of `metadata` that we do not know (uid, generation …) are dropped: exports are full of them."""

    name: str
    namespace: str = "default"
    labels: Mapping[str, str] = labels_field()
    annotations: Mapping[str, str] = labels_field()
    creation_timestamp: str | None = None


@frozen
class StringMatch:
    """One of `exact`, `prefix`, `regex` (RE2, the whole value). In `headers`, none of them means "is present"."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"exact", "prefix", "regex"}),)

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


@frozen
class PortSelector:
    """`destination.port`."""

    number: "Uint32"


class Duration(float):
    """Seconds. Written as Go writes durations: `1h30m`, `250ms`."""

    __slots__ = ()


class Int32(int):
    """A signed 32-bit number; Istio's decoder also takes it in quotes."""

    __slots__ = ()


class Uint32(int):
    """An unsigned 32-bit number; Istio's decoder also takes it in quotes."""

    __slots__ = ()
