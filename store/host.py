"""What is stored about hosts and applies: plain records, msgpack in etcd, JSON in `meshctl -o json`."""

import math
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, TypeVar

import msgpack
from attrs import asdict, field, frozen
from cattrs import Converter
from cattrs.errors import BaseValidationError

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""A record of ours is far smaller; what is larger was written by somebody else."""


MAX_DIGITS = 15
"""An apply number has fewer digits."""


class BadHostRecord(ValueError):  # noqa: N818
    """The bytes are not a record of the class asked for: somebody else wrote them. Readers skip the key."""


def _exactly(cls: type, *accepted: type) -> Callable[[Any, Any], Any]:
    """Return a hook that takes a *cls*, or one of *accepted*, and nothing that could merely be turned into one."""

    def structure(value: Any, _: Any) -> Any:
        if type(value) not in (cls, *accepted):
            raise TypeError(f"{type(value).__name__} in the place of {cls.__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is no number that JSON has")
        return cls(value)

    return structure


_converter = Converter(detailed_validation=False)
for _cls, _accepted in ((str, ()), (bool, ()), (int, ()), (float, (int,))):
    _converter.register_structure_hook(_cls, _exactly(_cls, *_accepted))


def pack(value: Any) -> bytes:
    """Return *value* (an attrs instance of this module) as msgpack, equal bytes for equal values."""
    return msgpack.packb(_sorted(_converter.unstructure(value)), use_bin_type=True)  # type: ignore[no-any-return]


def _sorted(value: Any) -> Any:
    """Return *value* with the keys of every mapping in order."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def unpack(data: bytes, cls: type[T]) -> T:
    """Return the instance of *cls* that *data* holds; fields that we do not know are dropped.

    Raises:
        BadHostRecord: *data* is not one.
    """
    if len(data) > MAX_BYTES:
        raise BadHostRecord(f"{len(data)} bytes are too many for a {cls.__name__}")
    try:
        return _converter.structure(msgpack.unpackb(data, raw=False, strict_map_key=True), cls)
    except _NOT_OURS as e:
        raise BadHostRecord(f"not a {cls.__name__}: {e}") from e


_NOT_OURS = (
    BaseValidationError,
    ArithmeticError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
    msgpack.UnpackException,
)


def to_json(value: Any) -> dict[str, Any]:
    """Return *value* as plain data for `-o json`; what is None is left out."""

    def strip(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {k: strip(v) for k, v in item.items() if v is not None}
        if isinstance(item, list | tuple):
            return [strip(v) for v in item]
        return item

    return strip(asdict(value, recurse=True))  # type: ignore[no-any-return]


@frozen
class Head:
    """`config/head`: the apply that made the present state.

    Attributes:
        apply: its id, `<number>-<four hex digits>`; numbers rise by one.
        author: who, as meshctl knew it.
        time: seconds since the epoch.
        message: why, as given by `-m`.
        records: number of records under `config/resources/`.
        digest: order-free sum of the hashes of these records, see `store/digest.py`.
        parent: id of the apply before; None for the first.
    """

    apply: str
    author: str
    time: float
    message: str
    records: int
    digest: str
    parent: str | None = None

    @property
    def number(self) -> int:
        return apply_number(self.apply)


def apply_number(apply_id: str) -> int:
    """Return the number in an apply id; 0 for one that has none."""
    number = apply_id.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS else 0


def _listens(_record: object, attribute: Any, value: tuple[str, ...]) -> None:
    """Refuse what is no list of `ip:port`: the compiler takes a record's word for it.

    Raises:
        ValueError: one of them is not.
    """
    for each in value:
        address, _, port = each.rpartition(":")
        ip_address(address.removeprefix("[").removesuffix("]"))
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"{attribute.name}: {each!r} is not ip:port")


def _is_address(_record: object, _attribute: object, value: str) -> None:
    ip_address(value)


@frozen
class HostRecord:
    """`live/hosts/<host>`: what a host is, and all of its settings that its configuration depends on.

    Attributes:
        name: the host.
        instance: differs between any two agents that could claim one name.
        agent, envoy: versions; envoy is None until it runs.
        address: where peers reach it.
        gateway_bind: where gateways listen unless the Gateway says.
        labels: what Gateway selectors match.
        namespace: its own proxy's.
        http_proxy: `ip:port` of each explicit proxy listener.
        outbound_policy: ALLOW_ANY or REGISTRY_ONLY.
        resolvers: `ip:port` of upstream DNS servers, for hosts outside the registry.
        since: seconds since the epoch, when this agent registered.
    """

    name: str
    instance: str = ""
    agent: str = ""
    envoy: str | None = None
    address: str = "127.0.0.1"
    gateway_bind: str = field(default="127.0.0.1", validator=_is_address)
    labels: dict[str, str] = field(factory=dict)
    namespace: str = "default"
    http_proxy: tuple[str, ...] = field(default=("127.0.0.1:15080",), validator=_listens)
    outbound_policy: str = "ALLOW_ANY"
    resolvers: tuple[str, ...] = field(default=(), validator=_listens)
    since: float = 0.0


@frozen
class Rejection:
    """Something of ours that Envoy refused.

    Attributes:
        xds: type and name, `routes/9080|reviews`.
        message: Envoy's words, shortened.
        resource: `Kind namespace/name` it was made from; None for what the agent makes by itself.
        file, line: where that was applied from.
        others: further resources that it was made from.
    """

    xds: str
    message: str
    resource: str | None = None
    file: str | None = None
    line: int | None = None
    others: tuple[str, ...] = ()


@frozen
class Seen:
    """`report/<host>/seen`: a host's word on the latest apply that it worked on.

    Attributes:
        apply: its id.
        verdict: active, unaffected, rejected or pending.
        milliseconds: from seeing the apply to the verdict.
    """

    apply: str
    verdict: str
    milliseconds: int = 0


@frozen
class TypeCounts:
    """Resources of one xDS type: accepted by Envoy, warming, active (read back), rejected."""

    accepted: int = 0
    warming: int = 0
    active: int = 0
    rejected: int = 0


@frozen
class HostStatus:
    """`report/<host>/status`: what one host says about itself. No clock readings: equal states are equal bytes.

    Attributes:
        apply, revision: what it has seen.
        active_apply, active_revision: everything up to here is verifiably what Envoy runs, the *rejections* excepted;
            None while that is not so, as after a crash of Envoy.
        rejections: see `Rejection`.
        held: why the stored configuration is not followed (records changed without an apply …); None when it is.
        notes: what a person should know: unread records, tables that wait for a cluster.
        xds: type → counts.
        envoy_state: `live`, `starting`, `down`.
        envoy_restarts: how often Envoy died under this agent.
        envoy_exit: how it died the last time.
        left: True when the host left the mesh on purpose.
    """

    apply: str | None = None
    revision: int = 0
    active_apply: str | None = None
    active_revision: int = 0
    rejections: tuple[Rejection, ...] = ()
    held: str | None = None
    notes: tuple[str, ...] = ()
    xds: dict[str, TypeCounts] = field(factory=dict)
    envoy_state: str = "down"
    envoy_version: str | None = None
    agent_version: str | None = None
    envoy_restarts: int = 0
    envoy_exit: str | None = None
    left: bool = False
