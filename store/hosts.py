"""The hosts as operators see them: what each registered, and what each reported last. Agents do not read this."""

from attrs import frozen

from store.etcd.client import Etcd
from store.host import BadHostRecord, HostRecord, HostStatus, Seen, T, apply_number, unpack
from store.keys import Keys


@frozen
class KnownHost:
    """All that the store knows of one host.

    Attributes:
        name: the host.
        record: its live record; None when its lease ran out or it left.
        seen: its word on the latest apply that it worked on; None before the first.
        status: None before the first.
    """

    name: str
    record: HostRecord | None = None
    seen: Seen | None = None
    status: HostStatus | None = None

    @property
    def state(self) -> str:
        """`live`; `gone` when it left on purpose; `stale` when its lease ran out."""
        if self.record is not None:
            return "live"
        return "gone" if self.status and self.status.left else "stale"

    @property
    def latest_number(self) -> int:
        """The highest number of an apply that it speaks of; 0 when it speaks of none."""
        said = (
            self.seen.apply if self.seen else None,
            *((self.status.apply, self.status.active_apply) if self.status else ()),
        )
        return max(apply_number(each or "") for each in said)

    @property
    def active_apply(self) -> str | None:
        """The apply up to which everything is verifiably what its Envoy runs, rejections excepted; None: unknown.

        `seen` is written at once and `status` up to a second later, but only `status` tells that Envoy died since.
        """
        active = self.status.active_apply if self.status else None
        if active is None or self.seen is None or self.seen.verdict == "pending":
            return active
        return max(active, self.seen.apply, key=apply_number)


@frozen
class HostList:
    """All hosts that are live or ever reported.

    Attributes:
        hosts: by name.
        revision: of the reports; watch `report/` from the next one.
        cluster_id: the cluster that answered.
    """

    hosts: tuple[KnownHost, ...]
    revision: int
    cluster_id: int


def has_reached(said: str | None, apply: str) -> bool:
    """Return whether a host that speaks of the apply *said* has come to *apply*.

    It has when *said* is that apply or one with a higher number. The same number with another tag is of another store,
    or of another history of this one, and says nothing.

    Args:
        said: id; None of a host that says nothing.
        apply: id.
    """
    return said is not None and (said == apply or apply_number(said) > apply_number(apply))


async def read_hosts(etcd: Etcd, keys: Keys) -> HostList:
    """Return all hosts. Records that are not ours are passed over.

    Raises:
        StoreUnavailable: etcd does not answer.
    """
    records: dict[str, HostRecord | None] = {}
    seen: dict[str, Seen | None] = {}
    status: dict[str, HostStatus | None] = {}
    reports = await etcd.list(keys.report)
    for item in reports.items:
        reported = keys.parse_report(item.key)
        if reported and reported[1] == "seen":
            seen[reported[0]] = read_or_none(item.value, Seen)
        elif reported:
            status[reported[0]] = read_or_none(item.value, HostStatus)
    for item in (await etcd.list(keys.hosts)).items:
        name = keys.parse_host(item.key)
        if name:
            records[name] = read_or_none(item.value, HostRecord)
    names = sorted(records.keys() | seen.keys() | status.keys())
    hosts = tuple(KnownHost(name, records.get(name), seen.get(name), status.get(name)) for name in names)
    return HostList(hosts, reports.revision, reports.cluster_id)


def read_or_none(value: bytes, cls: type[T]) -> T | None:
    """Return the record of *cls* in *value*, or None when it is not one."""
    try:
        return unpack(value, cls)
    except BadHostRecord:
        return None
