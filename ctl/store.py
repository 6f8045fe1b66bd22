"""Opening the store that the flags name, and running one command's async part in it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from ctl.options import StoreFlags
from store.etcd.client import Etcd
from store.keys import Keys

T = TypeVar("T")


def run(flags: StoreFlags, work: Callable[[Etcd, Keys], Awaitable[T]]) -> T:
    """Return what *work* returns, given the etcd client and the keys that *flags* name.

    Raises:
        MeshError: the flags name no endpoint, or whatever *work* raises.
    """

    async def connected() -> T:
        async with Etcd(flags.endpoints) as etcd:
            return await work(etcd, Keys(flags.prefix.rstrip("/")))

    return trio.run(connected)
