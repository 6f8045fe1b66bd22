"""Keeping a lease alive over one stream, for as long as the caller likes.

Granting and revoking are plain calls of the client. What to do without it is the caller's business.
"""

from collections.abc import Sequence
from typing import Any

import trio
from etcd3 import etcdrpc

from store.etcd.bridge import Stream, open_stream
from store.etcd.endpoint import Endpoint, Turns
from store.etcd.failure import CallFailed, LeaseLost, refused

# An answer takes a fraction of a millisecond from the leader; a member that needs longer is worth leaving.
ANSWER_SECONDS = 3.0


async def keep_alive(
    endpoints: Sequence[Endpoint],
    lease_id: int,
    *,
    every_seconds: float,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Renew a lease for ever, through loss of streams and members.

    Args:
        endpoints: tried in turn, with a growing pause between failures.
        lease_id: the lease.
        every_seconds: between two renewals; a third of its time to live is usual.
        task_status: `started(ttl)` with the granted seconds, after the first answer.

    Raises:
        LeaseLost: etcd answers that the lease is gone.
        StoreUnavailable: etcd refuses for a reason that will not pass, such as a missing permission.
    """
    turns, told = Turns(endpoints), False

    def renewed(ttl: int) -> None:
        nonlocal told
        turns.succeeded()
        if not told:
            told = True
            task_status.started(ttl)

    while True:
        try:
            async with open_stream(turns.endpoint, _method) as stream:
                while True:
                    renewed(await _renew(stream, lease_id))
                    await trio.sleep(every_seconds)
        except CallFailed as failed:
            if not failed.elsewhere:
                raise refused(turns.endpoint.url, failed) from failed
            await trio.sleep(turns.failed())


def _method(channel: Any) -> Any:
    return etcdrpc.LeaseStub(channel).LeaseKeepAlive


async def _renew(stream: Stream, lease_id: int) -> int:
    stream.send(etcdrpc.LeaseKeepAliveRequest(ID=lease_id))
    response: Any = None
    with trio.move_on_after(ANSWER_SECONDS):
        response = await stream.receive()
    if response is None:
        raise CallFailed("no answer in time")
    if response.TTL <= 0:
        raise LeaseLost(f"lease {lease_id:x} has expired or was revoked")
    return int(response.TTL)
