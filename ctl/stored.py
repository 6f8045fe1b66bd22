"""Stored resources for `get` and `delete`: which ones are meant, and how a list of them looks."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from store.client import State
from store.codec import Record
from store.keys import NAMESPACE, Keys
from store.resources.fields import Key
from store.resources.kinds import KINDS, Kind, kind_by_word
from store.resources.mesh_config import DEFAULT_SUFFIXES
from store.scalars import did_you_mean

DEFAULT_NAMESPACE = "default"


class UnknownKind(ValueError):  # noqa: N818 - named as what it is
    """The word names no kind; the message says which there are."""


@frozen
class Stored:
    """A record and its Key."""

    key: Key
    record: Record

    @property
    def spec(self) -> Mapping[str, Any]:
        """The document's `spec`, as stored: a newer version may have written it, so nothing is known to be in it."""
        spec = self.record.document.get("spec")
        return spec if isinstance(spec, Mapping) else {}


def kind_named(word: str) -> Kind:
    """Return the kind that *word* names; as with kubectl, its group may follow: `virtualservices.networking.istio.io`.

    Raises:
        UnknownKind: it names none.
    """
    plain, _, group = word.partition(".")
    kind = kind_by_word(plain)
    if kind is None or (group and group not in (kind.group, *(f"{each}.{kind.group}" for each in kind.versions))):
        words = [each for known in KINDS.values() for each in (known.plural, known.name)]
        hint = did_you_mean(word, words)
        listed = ", ".join(f"{k.plural} ({k.short})" if k.short else k.plural for k in KINDS.values())
        raise UnknownKind(f'unknown kind "{word}"; {hint or f"kinds are {listed}"}')
    return kind


@frozen
class Meant:
    """Which resources the words of a command line mean.

    Attributes:
        kinds: names of the kinds; none is every kind.
        named: (kind, name) of each that is meant by name, kind None being any kind; none is all of *kinds*.
    """

    kinds: tuple[str, ...] = ()
    named: tuple[tuple[str | None, str], ...] = ()

    @property
    def kind(self) -> str | None:
        """The only kind; None when there are more."""
        return self.kinds[0] if len(self.kinds) == 1 else None


def meant(word: str, names: Sequence[str]) -> Meant:
    """Return what `KIND[,KIND…] [NAME…]` or `KIND/NAME…` mean; KIND `all` is every kind.

    Raises:
        UnknownKind: a word names no kind.
        ValueError: both forms at once.
    """
    if "/" not in word:
        if any("/" in name for name in names):
            raise ValueError("write KIND NAME… or KIND/NAME…, not both at once")
        words = [each for each in word.split(",") if each] or [word]
        kinds = () if "all" in words else tuple(dict.fromkeys(kind_named(each).name for each in words))
        return Meant(kinds, tuple(dict.fromkeys((kind, name) for kind in kinds or (None,) for name in names)))
    named: list[tuple[str | None, str]] = []
    kind: str | None = None
    for each in (word, *names):  # a name without its kind is of the kind before it
        before, slash, name = each.rpartition("/")
        if slash:
            kind = None if before == "all" else kind_named(before).name
        named.append((kind, name))
    kinds = () if any(of is None for of, _ in named) else tuple(dict.fromkeys(of for of, _ in named if of))
    return Meant(kinds, tuple(dict.fromkeys(named)))


def is_mesh_wide(kind: str | None) -> bool:
    """Whether resources of *kind* are of the whole mesh, and of no namespace."""
    known = KINDS.get(kind or "")
    return known is not None and not known.namespaced


def key_of(kind: str, name: str, namespace: str) -> Key:
    """Return the Key of the resource that somebody who works in *namespace* means by its *name*."""
    return Key(NAMESPACE if is_mesh_wide(kind) else namespace, name, kind)


def is_meant(key: Key, kinds: Collection[str], namespace: str | None) -> bool:
    """Whether *key* is among what *kinds* (none is every kind) of *namespace* (None is everywhere) mean.

    What is of the whole mesh is meant in every namespace by who names its kind, and by nobody else: `delete --all -n
    default` leaves the settings of the mesh alone.
    """
    if kinds and key.kind not in kinds:
        return False
    return namespace is None or (bool(kinds) if is_mesh_wide(key.kind) else key.namespace == namespace)


def where(kind: str | None, namespace: str | None) -> str:
    """Return in words where resources of *kind* were looked for."""
    if is_mesh_wide(kind):
        return "in the mesh"
    return f"in namespace {namespace}" if namespace else "in any namespace"


def everything(state: State, keys: Keys) -> list[Stored]:
    """Return all records of *state* that can be read, by kind, namespace and name."""
    found = ((keys.parse_resource(text), state.record(text)) for text in state.raw)
    stored = [Stored(key, record) for key, record in found if key is not None and record is not None]
    return sorted(stored, key=lambda each: (_rank(each.key.kind), each.key.kind, each.key))


def _rank(kind: str) -> int:
    return list(KINDS).index(kind) if kind in KINDS else len(KINDS)


def unreadable(state: State, keys: Keys) -> list[str]:
    """Return the keys whose bytes are no record."""
    return [str(keys.parse_resource(text)) for text in state.raw if state.record(text) is None]


def not_found(kind: str, name: str, namespace: str | None, stored: Iterable[Stored]) -> str:
    """Return that there is no such resource, and where there is one like it."""
    same_kind = [each.key for each in stored if each.key.kind == kind]
    elsewhere = sorted(key.namespace for key in same_kind if key.name == name)
    hint = did_you_mean(name, [key.name for key in same_kind if is_meant(key, (kind,), namespace)])
    if elsewhere:
        hint = f"there is one in namespace {', '.join(elsewhere)}"
    return f'there is no {kind} "{name}" {where(kind, namespace)}' + (f"; {hint}" if hint else "")


# --- columns ------------------------------------------------------------------------------------------------

Columns = tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[str, ...]]]


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else ""


def _each(value: object, text: Callable[[Mapping[str, Any]], str]) -> str:
    items = value if isinstance(value, list | tuple) else ()
    return ", ".join(text(item) for item in items if isinstance(item, Mapping))


def _server(server: Mapping[str, Any]) -> str:
    port = server.get("port")
    port = port if isinstance(port, Mapping) else {}
    return f"{port.get('number')}/{port.get('protocol')} {_joined(server.get('hosts'))}"


def _endpoint(endpoint: Mapping[str, Any]) -> str:
    """Return address and ports of its own, which tell apart endpoints of one machine: `10.0.0.1:8001/8002`."""
    address = str(endpoint.get("address"))
    ports = "/".join(dict.fromkeys(map(str, _mapping(endpoint.get("ports")).values())))
    if not ports:
        return address
    return f"[{address}]:{ports}" if ":" in address else f"{address}:{ports}"


def _labels(value: object) -> str:
    return ", ".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, Mapping) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sized(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _selector(spec: Mapping[str, Any]) -> str:
    return _labels(_mapping(spec.get("selector")).get("matchLabels"))


COLUMNS: Mapping[str, Columns] = {
    "Gateway": (
        ("SELECTOR", "SERVERS"),
        lambda spec: (_labels(spec.get("selector")), _each(spec.get("servers"), _server)),
    ),
    "VirtualService": (
        ("HOSTS", "GATEWAYS"),
        lambda spec: (_joined(spec.get("hosts")), _joined(spec.get("gateways")) or "mesh"),
    ),
    "DestinationRule": (
        ("HOST", "SUBSETS"),
        lambda spec: (str(spec.get("host")), _each(spec.get("subsets"), lambda subset: str(subset.get("name")))),
    ),
    "ServiceEntry": (
        ("HOSTS", "PORTS", "RESOLUTION", "ENDPOINTS"),
        lambda spec: (
            _joined(spec.get("hosts")),
            _each(spec.get("ports"), lambda port: f"{port.get('number')}/{port.get('protocol') or 'TCP'}"),
            str(spec.get("resolution", "NONE")),
            _each(spec.get("endpoints"), _endpoint),
        ),
    ),
    "PeerAuthentication": (
        ("SELECTOR", "MODE"),
        lambda spec: (_selector(spec), _text(_mapping(spec.get("mtls")).get("mode"))),
    ),
    "AuthorizationPolicy": (
        ("SELECTOR", "ACTION", "RULES"),
        lambda spec: (_selector(spec), _text(spec.get("action")) or "ALLOW", str(len(_sized(spec.get("rules"))))),
    ),
    "MeshConfig": (
        ("SUFFIXES", "OUTBOUND", "REGISTRATION"),
        lambda spec: (
            _joined(spec.get("serviceSuffixes", DEFAULT_SUFFIXES)),
            _text(_mapping(spec.get("outboundTrafficPolicy")).get("mode")),
            _text(spec.get("registration")),
        ),
    ),
    "Grant": (
        ("NAMESPACES", "ACCOUNTS", "GROUPS"),
        lambda spec: (_joined(spec.get("namespaces")), _joined(spec.get("accounts")), _joined(spec.get("groups"))),
    ),
}
"""Kind → what its table shows besides the name."""


def rows(kind: str, stored: Sequence[Stored], *, namespaces: bool, wide: bool) -> list[tuple[str, ...]]:
    """Return header and rows of a table of one kind.

    Args:
        namespaces: whether to show the namespace, if the kind has one.
        wide: whether to show where it was applied from.
    """
    headings, cells = COLUMNS.get(kind, ((), lambda _: ()))
    namespaces = namespaces and not is_mesh_wide(kind)
    first = ("NAMESPACE", "NAME") if namespaces else ("NAME",)
    lines = [(*first, *headings, "APPLY", *(("CREATED", "SOURCE") if wide else ()))]
    for each in stored:
        source = f"{each.record.source.file}:{each.record.source.line}"
        name = (each.key.namespace, each.key.name) if namespaces else (each.key.name,)
        last = (each.record.apply, *((str(each.record.created), source) if wide else ()))
        lines.append((*name, *(cell or "-" for cell in cells(each.spec)), *last))
    return lines
