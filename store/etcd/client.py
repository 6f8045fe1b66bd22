"""The etcd client: unary calls, tried at one endpoint after the other. What the keys mean is not known here.

Reads and calls that may be repeated are tried elsewhere after a failure. A transaction is not, once it may
have been sent: the caller has to read back what became of it. Watching is in `watch.py`.
"""

import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import grpc
import trio
from attrs import frozen
from etcd3 import etcdrpc

from store.errors import Conflict, StoreUnavailable
from store.etcd import lease as leases
from store.etcd import txn as transactions
from store.etcd.bridge import open_channel, unary
from store.etcd.endpoint import Endpoint, parse_endpoints
from store.etcd.failure import CallFailed, Compacted, LeaseLost, OutcomeUnknown, refused, silent
from store.etcd.txn import Committed, Txn, prefix_range

__all__ = ["Compacted", "Etcd", "EtcdStatus", "KeyValue", "LeaseLost", "Listing", "OutcomeUnknown"]

# One attempt at one endpoint. An election takes 1–2 s; a read that waits longer is better asked elsewhere.
ATTEMPT_SECONDS = 3.0
# Every endpoint is tried once, and once more if they all failed quickly, as in the moment of a restart.
_QUICK_SECONDS = 0.5
_PAUSE_SECONDS = (0.1, 0.3)
# A listing whose pages were compacted away under it starts over; one compacted faster than that is not read.
_LIST_ATTEMPTS = 3


@frozen
class KeyValue:
    """One key as etcd holds it.

    Attributes:
        key: the whole key.
        value: its bytes.
        mod_revision: revision of the last change.
        create_revision: revision at which it came to be.
        lease: id of the lease it lives by; 0 = none.
    """

    key: str
    value: bytes
    mod_revision: int
    create_revision: int = 0
    lease: int = 0


@frozen
class Listing:
    """All keys under a prefix at one revision.

    Attributes:
        revision: the revision that all items are of; watch from the next one.
        cluster_id: the cluster that answered.
        items: sorted by key.
    """

    revision: int
    cluster_id: int
    items: tuple[KeyValue, ...]


@frozen
class EtcdStatus:
    """What one member says of itself.

    Attributes:
        version: of the server, such as "3.5.1".
        endpoint: URL of the member that answered.
        cluster_id: the cluster it belongs to.
        revision: the store's revision there.
    """

    version: str
    endpoint: str
    cluster_id: int
    revision: int


@frozen
class _Member:
    """An endpoint with its channel and stubs."""

    endpoint: Endpoint
    channel: grpc.Channel
    kv: Any
    lease: Any
    maintenance: Any


class Etcd:
    """One logical connection to an etcd cluster; its endpoints are tried in turn.

    Use it as an async context manager. All methods may be called from several tasks at once, and be cancelled
    at any point. Besides what each names, every method raises:

        StoreUnavailable: no endpoint answers (within 3 s each; a refused connection is said within half a
            second), or one refuses; the message names endpoint and reason.
    """

    def __init__(self, endpoints: Sequence[str]) -> None:
        """Remember the endpoints; nothing is opened yet.

        Args:
            endpoints: URLs such as "http://127.0.0.1:2379".

        Raises:
            MeshError: none, a bad one, or https, which is not supported yet.
        """
        self.endpoints = parse_endpoints(endpoints)
        # The preferred one first. Agents start in random order, so that a fleet spreads over the members.
        self._order = random.sample(self.endpoints, len(self.endpoints))
        self._members: dict[Endpoint, _Member] = {}
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._members)} open"
        return f"<Etcd {', '.join(endpoint.url for endpoint in self._order)}; {state}>"

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first call."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all channels."""
        self._closed = True
        for member in self._members.values():
            member.channel.close()
        self._members.clear()

    # --- keys

    async def get(self, key: str) -> KeyValue | None:
        """Read one key, linearizably.

        Returns:
            Its present state, or None when there is no such key.
        """
        response = await self._call(lambda member: member.kv.Range, etcdrpc.RangeRequest(key=key.encode()))
        return _key_value(response.kvs[0]) if response.kvs else None

    async def list(self, prefix: str, *, revision: int = 0, page: int = 1000) -> Listing:
        """Read all keys under a prefix, as of one revision.

        Args:
            prefix: "" lists everything.
            revision: as of when; 0 = now. Every page is read at the revision of the first.
            page: keys a request.

        Raises:
            Compacted: the given `revision` is no longer kept.
        """
        for attempt in range(_LIST_ATTEMPTS):
            try:
                return await self._list_pages(prefix, revision, page)
            except Compacted:
                if revision:
                    raise Compacted(revision) from None
                if attempt == _LIST_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _list_pages(self, prefix: str, revision: int, page: int) -> Listing:
        start, end = prefix_range(prefix)
        items: list[KeyValue] = []
        while True:
            request = etcdrpc.RangeRequest(key=start, range_end=end, limit=page, revision=revision)
            response = await self._call(lambda member: member.kv.Range, request)
            revision = revision or response.header.revision
            items += map(_key_value, response.kvs)
            if not response.more:
                return Listing(revision=revision, cluster_id=response.header.cluster_id, items=tuple(items))
            start = response.kvs[-1].key + b"\0"

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write one key. After a failure it is written again, so only its one owner should use this.

        Args:
            key: the whole key.
            value: its bytes.
            lease: id of the lease the key lives by; 0 = none.

        Returns:
            The revision of the change.

        Raises:
            LeaseLost: there is no such lease.
        """
        request = etcdrpc.PutRequest(key=key.encode(), value=value, lease=lease)
        response = await self._call(lambda member: member.kv.Put, request)
        return int(response.header.revision)

    async def delete(self, key: str) -> int:
        """Remove one key; again after a failure, so only its one owner should use this.

        Returns:
            The store's revision after it, also when there was no such key.
        """
        request = etcdrpc.DeleteRangeRequest(key=key.encode())
        response = await self._call(lambda member: member.kv.DeleteRange, request)
        return int(response.header.revision)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove all keys under a prefix; "" is everything.

        Returns:
            The store's revision after it, also when there was nothing to remove.
        """
        start, end = prefix_range(prefix)
        request = etcdrpc.DeleteRangeRequest(key=start, range_end=end)
        response = await self._call(lambda member: member.kv.DeleteRange, request)
        return int(response.header.revision)

    async def commit(self, txn: Txn) -> Committed:
        """Apply one transaction, in one revision.

        Returns:
            Whether its compares held (if not, nothing was done), and the revision.

        Raises:
            OutcomeUnknown: it was sent, and no answer came.
            TooLarge: more than one transaction takes; nothing was sent.
            LeaseLost: a put names a lease that is gone; nothing was done.
        """
        request = transactions.request(txn)
        response = await self._call(lambda member: member.kv.Txn, request, repeatable=False)
        return transactions.committed(response)

    # --- leases

    async def grant(self, ttl_seconds: int, *, lease_id: int = 0) -> int:
        """Make a lease.

        Args:
            ttl_seconds: it expires so long after its last renewal.
            lease_id: its id; 0 = a random one.

        Returns:
            Its id.

        Raises:
            Conflict: there is a lease of the id given.
        """
        # The id is chosen here even if the caller does not care: a repeated grant then makes no second lease.
        chosen = lease_id or random.randrange(1, 2**63)
        try:
            request = etcdrpc.LeaseGrantRequest(TTL=ttl_seconds, ID=chosen)
            await self._call(lambda member: member.lease.LeaseGrant, request)
        except Conflict:
            if lease_id:
                raise
        return chosen

    async def revoke(self, lease_id: int) -> None:
        """End a lease and remove its keys; one that is gone already is no mistake."""
        try:
            await self._call(lambda member: member.lease.LeaseRevoke, etcdrpc.LeaseRevokeRequest(ID=lease_id))
        except LeaseLost:
            return

    async def lease_remaining(self, lease_id: int) -> int | None:
        """Ask how long a lease has to live.

        Returns:
            Whole seconds, or None when it is gone.
        """
        request = etcdrpc.LeaseTimeToLiveRequest(ID=lease_id)
        response = await self._call(lambda member: member.lease.LeaseTimeToLive, request)
        return int(response.TTL) if response.TTL >= 0 else None

    async def keep_alive(
        self,
        lease_id: int,
        *,
        every_seconds: float,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Renew a lease for ever, on a stream of its own; see `lease.keep_alive`.

        Raises:
            LeaseLost: etcd answers that the lease is gone.
        """
        pace = every_seconds
        await leases.keep_alive(self.endpoints, lease_id, every_seconds=pace, task_status=task_status)

    # --- the cluster

    async def revision(self, key: str) -> int:
        """Ask the whole cluster, not one member that may lag behind, for its revision.

        Args:
            key: any that the caller may read, existing or not; with roles, every read needs one.
        """
        request = etcdrpc.RangeRequest(key=key.encode(), count_only=True)
        response = await self._call(lambda member: member.kv.Range, request)
        return int(response.header.revision)

    async def status(self) -> EtcdStatus:
        """Ask the preferred member that answers what it is."""
        response = await self._call(lambda member: member.maintenance.Status, etcdrpc.StatusRequest())
        return EtcdStatus(
            version=response.version,
            endpoint=self._order[0].url,
            cluster_id=response.header.cluster_id,
            revision=response.header.revision,
        )

    # --- one call, several endpoints

    async def _call(self, method: Callable[[_Member], Any], request: Any, *, repeatable: bool = True) -> Any:
        """Try the endpoints in turn until one answers.

        After each failure there are four cases:
        1. the answer is definite: raise it;
        2. the request has certainly not been applied: try the next endpoint;
        3. it may have been, and may be repeated: try the next endpoint;
        4. it may have been, and may not be repeated: OutcomeUnknown.
        """
        failures: dict[str, CallFailed] = {}
        began = trio.current_time()
        for pause in (random.uniform(*_PAUSE_SECONDS), 0.0):
            for endpoint in tuple(self._order):
                try:
                    response = await unary(method(self._member(endpoint)), request, seconds=ATTEMPT_SECONDS)
                except CallFailed as failed:
                    if not failed.elsewhere:
                        raise refused(endpoint.url, failed) from failed
                    if not (repeatable or failed.unapplied):
                        raise OutcomeUnknown(_unknown(endpoint, failed)) from failed
                    failures[endpoint.url] = failed
                else:
                    self._prefer(endpoint)
                    return response
            if trio.current_time() - began > _QUICK_SECONDS:
                break
            await trio.sleep(pause)
        raise StoreUnavailable(silent(failures))

    def _member(self, endpoint: Endpoint) -> _Member:
        if self._closed:
            raise RuntimeError("this Etcd is closed")
        if endpoint not in self._members:
            channel = open_channel(endpoint)
            self._members[endpoint] = _Member(
                endpoint=endpoint,
                channel=channel,
                kv=etcdrpc.KVStub(channel),
                lease=etcdrpc.LeaseStub(channel),
                maintenance=etcdrpc.MaintenanceStub(channel),
            )
        return self._members[endpoint]

    def _prefer(self, endpoint: Endpoint) -> None:
        self._order.remove(endpoint)
        self._order.insert(0, endpoint)


def _key_value(kv: Any) -> KeyValue:
    return KeyValue(
        key=kv.key.decode(errors="surrogateescape"),
        value=kv.value,
        mod_revision=kv.mod_revision,
        create_revision=kv.create_revision,
        lease=kv.lease,
    )


def _unknown(endpoint: Endpoint, failed: CallFailed) -> str:
    return (
        f"etcd at {endpoint.url} did not say whether the change was made: {failed.reason}; "
        "read it back before trying again"
    )
