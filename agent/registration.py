"""This host's place in `live/hosts/`: a record that lives by a lease, claimed by one agent at a time."""

import json
import logging
import random
import secrets
from pathlib import Path

import trio
from attrs import evolve

from agent import private_file
from store.errors import Conflict, StoreUnavailable
from store.etcd.client import Etcd, KeyValue, LeaseLost
from store.etcd.txn import Put, Txn, Unchanged
from store.host import BadHostRecord, HostRecord, HostStatus, pack, unpack
from store.keys import Keys

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
"""A host is gone so long after its agent was heard of last; it is heard of three times as often."""
WATCH_SECONDS = 0.5
"""Pause between two looks at a lease that somebody else may be renewing."""


class Registration:
    """Claims the host's name and holds it.

    Attributes:
        looked: nobody else is known to hold the name, or etcd cannot be asked: serving may begin.
        registered: the name is ours: reporting may begin.

    The lease outlives an agent that is restarted: its id is in the run directory's state file, the identity that tells
    us from any other claimant in the state directory's.
    """

    def __init__(
        self,
        etcd: Etcd,
        keys: Keys,
        record: HostRecord,
        *,
        run_dir: Path,
        state_dir: Path,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._etcd = etcd
        self._keys = keys
        self._lease_seconds = lease_seconds
        self._lease_file = run_dir / "lease.json"
        self._instance_file = state_dir / "instance"
        self._record = evolve(record, instance=_instance(self._instance_file))
        self._lease = _read_lease(self._lease_file, self._record.instance)
        self.looked = trio.Event()
        self.registered = trio.Event()

    def __repr__(self) -> str:
        return f"<Registration {self._record.name} lease={self._lease:x}>"

    @property
    def record(self) -> HostRecord:
        """What is, or will be, registered."""
        return self._record

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Claim the name and keep it for ever; while etcd is away, try on.

        Raises:
            Conflict: another agent holds the name; who, is in the message.
        """
        task_status.started()
        while True:
            try:
                await self._claim()
                self.registered.set()
                await self._etcd.keep_alive(self._lease, every_seconds=self._lease_seconds / 3)
            except LeaseLost:
                log.warning("the lease of this host ran out: registering again")
                self._lease = 0
            except StoreUnavailable as e:
                self.looked.set()
                log.warning("not registered yet: %s", e)
                await trio.sleep(random.uniform(0.3, 1.0))

    async def _claim(self) -> None:
        key = self._keys.host(self._record.name)
        while True:
            if not self._lease or await self._etcd.lease_remaining(self._lease) is None:
                self._lease = await self._etcd.grant(self._lease_seconds)
                self._save_lease()
            held = await self._etcd.get(key)
            if held is not None:
                await self._refuse_if_taken(held)
            self.looked.set()
            put = Put(key, pack(self._record), lease=self._lease)
            done = await self._etcd.commit(Txn((Unchanged(key, held.mod_revision if held else 0),), (put,)))
            if done.succeeded:
                return  # else somebody was quicker, or the lease of our last life ran out just now: look again

    async def _refuse_if_taken(self, held: KeyValue) -> None:
        try:
            holder = unpack(held.value, HostRecord)
        except BadHostRecord:
            return  # nobody's: overwrite it
        name, at = holder.name, f"the agent at {holder.address} (instance {holder.instance})"
        if holder.instance != self._record.instance:
            raise Conflict(
                f"the host name {name} is in use by {at};"
                " give this host another `host:`, or stop that agent with `mesh-agent leave`"
            )
        self.looked.set()  # as far as one look can tell, the name is ours
        if held.lease not in (0, self._lease) and await self._is_renewed(held.lease):
            raise Conflict(
                f"the host name {name} is in use by {at}, a copy of this installation: its state directory was cloned;"
                f" remove {self._instance_file} here and give this host another `host:`"
            )

    async def _is_renewed(self, lease: int) -> bool:
        """Watch *lease* until somebody renews it, or it is plain that nobody does, as after a reboot of this host."""
        least = self._lease_seconds
        # A lease that is renewed every third of its time has always two thirds left, or somewhat less.
        while (left := await self._etcd.lease_remaining(lease)) is not None and left >= self._lease_seconds / 2:
            if left > least:
                return True
            least = left
            await trio.sleep(WATCH_SECONDS)
        return False

    async def leave(self) -> None:
        """Give the name back, and say in the host's status that it left on purpose.

        A name that another agent holds is left to it.
        """
        held = await self._etcd.get(self._keys.host(self._record.name))
        if held is None or self._is_ours(held.value):
            await self._say_left()
        if self._lease:
            await self._etcd.revoke(self._lease)
        self._lease_file.unlink(missing_ok=True)

    def _is_ours(self, value: bytes) -> bool:
        try:
            return unpack(value, HostRecord).instance == self._record.instance
        except BadHostRecord:
            return True

    async def _say_left(self) -> None:
        status_key = self._keys.status(self._record.name)
        kept = await self._etcd.get(status_key)
        try:
            status = unpack(kept.value, HostStatus) if kept else HostStatus()
        except BadHostRecord:
            status = HostStatus()
        await self._etcd.put(status_key, pack(evolve(status, left=True, envoy_state="down", xds={})))

    def _save_lease(self) -> None:
        _write(self._lease_file, json.dumps({"lease": self._lease, "instance": self._record.instance}))


def _instance(file: Path) -> str:
    """Return this installation's identity, made at the first start and kept across restarts."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if len(text) != 16:
        text = secrets.token_hex(8)
        _write(file, text)
    return text


def _read_lease(file: Path, instance: str) -> int:
    """Return the lease of the agent before us; 0 when there was none, or it was another installation's."""
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        return int(saved["lease"]) if saved["instance"] == instance else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _write(file: Path, text: str) -> None:
    """Write *file*, readable by us only. A full disk costs what the file is for, and is no reason to end."""
    try:
        private_file.write(file, text.encode())
    except OSError as e:
        log.warning("cannot write %s: %s", file, e.strerror)
