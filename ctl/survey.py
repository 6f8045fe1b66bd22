"""One look at the whole mesh: what it should be, and what its hosts say. For `status` and `hosts`."""

from attrs import frozen

from store.etcd.client import Etcd
from store.host import BadHostRecord, Head, unpack
from store.hosts import KnownHost, read_hosts
from store.keys import Keys
from store.replica import Replica
from store.snapshot import Snapshot


@frozen
class Survey:
    """What was seen.

    Attributes:
        head: the latest apply; None before the first.
        revision: of `config/`.
        snapshot: the mesh; None when the stored records are not what an apply wrote.
        held: why not; None with a snapshot.
        unread: `Kind namespace/name` → why this version cannot read its record.
        hosts: all that are live or ever reported, by name.
    """

    head: Head | None
    revision: int
    snapshot: Snapshot | None
    held: str | None
    unread: dict[str, str]
    hosts: tuple[KnownHost, ...]


async def look(etcd: Etcd, keys: Keys) -> Survey:
    """Read everything once.

    Raises:
        StoreUnavailable: etcd does not answer.
    """
    listing = await etcd.list(keys.config)
    replica = Replica(keys)
    replica.load(((item.key, item.value) for item in listing.items), listing.revision)
    head_value = next((item.value for item in listing.items if item.key == keys.head), None)
    hosts = (await read_hosts(etcd, keys)).hosts
    return Survey(_head(head_value), listing.revision, replica.snapshot, replica.held, dict(replica.unread), hosts)


def _head(value: bytes | None) -> Head | None:
    try:
        return unpack(value, Head) if value is not None else None
    except BadHostRecord:
        return None
