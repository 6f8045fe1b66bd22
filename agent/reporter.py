"""Finds out when an apply is live, and writes it to the store: `seen` once an apply, `status` at most once a second."""

import logging
from collections.abc import Callable, Mapping

import trio

from agent.compiler.envoy_config import Id
from agent.envoy.admin import Admin, AdminUnavailable
from agent.rollout import Rollout
from agent.status import EnvoyState, host_status, notes, to_read_back
from store.errors import StoreUnavailable
from store.etcd.client import Etcd
from store.host import HostStatus, Seen, pack
from store.keys import Keys
from store.snapshot import Snapshot

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
PENDING_SECONDS = 1.0
"""An apply that is not settled by then is reported as pending first."""
READ_BACK_SECONDS = (0.003, 0.2)
"""Pause before Envoy's admin is asked again: first, and at most."""


class Reporter:
    """Reports for one host.

    Args:
        conditions: returns (held, unread records, names that do not resolve) as they are now.
        envoy_state: returns the process's state as it is now.
    """

    def __init__(
        self,
        etcd: Etcd,
        keys: Keys,
        host: str,
        rollout: Rollout,
        admin: Admin,
        *,
        agent_version: str,
        conditions: Callable[[], tuple[str | None, Mapping[str, str], Mapping[str, str]]],
        envoy_state: Callable[[], EnvoyState],
    ) -> None:
        self._etcd = etcd
        self._keys = keys
        self._host = host
        self._rollout = rollout
        self._admin = admin
        self._agent_version = agent_version
        self._conditions = conditions
        self._envoy_state = envoy_state
        self._snapshot = Snapshot()
        self._settled: Snapshot | None = None
        self._unsettled: set[Id] = set()
        self._active: dict[Id, str] = {}
        self._streams = 0
        self._since = 0.0
        self._moved = False
        self._seen: Seen | None = None
        self._poked = trio.Event()
        self._seen_changed = trio.Event()

    def __repr__(self) -> str:
        return f"<Reporter {self._host} unsettled={len(self._unsettled)} seen={self._seen}>"

    def note(self, snapshot: Snapshot, changed: frozenset[Id]) -> None:
        """*snapshot* was offered to Envoy, and differs in *changed* from what was offered before."""
        if snapshot.head != self._snapshot.head:
            self._since = trio.current_time()
            self._moved = bool(self._unsettled)
        self._moved = self._moved or bool(changed)
        self._snapshot = snapshot
        self._unsettled |= changed
        self.poke()

    def poke(self) -> None:
        """Something may have changed; look."""
        self._poked.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Report for ever. While etcd is away the latest report waits."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_seen)
            nursery.start_soon(self._write_status)
            task_status.started()
            await self._settle()

    async def _settle(self) -> None:
        pause = READ_BACK_SECONDS[0]
        while True:
            self._poked = trio.Event()
            self._notice_stream()
            accepted = not self._rollout.unsettled(self._unsettled)
            live = accepted and await self._read_back()
            if live and accepted and not self._rollout.unsettled(self._unsettled):
                self._conclude()
            elif trio.current_time() - self._since > PENDING_SECONDS:
                self._say("pending")
            pause = min(pause * 2, READ_BACK_SECONDS[1]) if accepted and not live else READ_BACK_SECONDS[0]
            with trio.move_on_after(pause if accepted and not live else PENDING_SECONDS):
                await self._poked.wait()
                if accepted and not live:
                    await trio.sleep(pause)

    def _notice_stream(self) -> None:
        """After a new stream nothing is known: Envoy may be another one. Everything has to show itself again."""
        if self._streams == self._rollout.streams:
            return
        self._streams = self._rollout.streams
        self._active.clear()
        self._settled = None
        self._unsettled.update(self._rollout.config.resources)

    async def _read_back(self) -> bool:
        """Ask Envoy which versions are active; return whether all are that should be."""
        complete = True
        for kind, versions in to_read_back(self._rollout, self._unsettled - self._shown()).items():
            try:
                found = await self._admin.active_versions(kind.word, versions)
            except AdminUnavailable as e:
                log.info("cannot read back: %s", e)
                return False
            self._active.update({(kind, name): version for name, version in found.items()})
            complete = complete and all(found.get(name) == version for name, version in versions.items())
        return complete

    def _shown(self) -> set[Id]:
        wanted = self._rollout.config.resources
        return {i for i in self._unsettled if i in self._active and i in wanted and self._active[i] == wanted[i].version}

    def _conclude(self) -> None:
        for gone in (i for i in self._unsettled if i not in self._rollout.config.resources):
            self._active.pop(gone, None)
        refused = {(resource.type, resource.name) for resource, _ in self._rollout.refusals()}
        verdict = "rejected" if refused & self._unsettled else "active" if self._moved else "unaffected"
        self._unsettled.clear()
        self._settled = self._snapshot
        self._say(verdict)

    def _say(self, verdict: str) -> None:
        head = self._snapshot.head
        if head is None or (self._seen and self._seen.apply == head.apply and self._seen.verdict not in ("", "pending")):
            return
        if self._seen and (self._seen.apply, self._seen.verdict) == (head.apply, verdict):
            return
        self._seen = Seen(head.apply, verdict, round((trio.current_time() - self._since) * 1000))
        self._seen_changed.set()
        log.info("apply %s: %s", head.apply, verdict)

    async def _write_seen(self) -> None:
        while True:
            await self._seen_changed.wait()
            self._seen_changed = trio.Event()
            assert self._seen is not None, "set before the event"
            if self._seen.verdict == "rejected":  # whoever reads `seen` looks for the reasons next
                await self._put(self._keys.status(self._host), pack(self._status()))
            if not await self._put(self._keys.seen(self._host), pack(self._seen)):
                self._seen_changed.set()
                await trio.sleep(STATUS_SECONDS)

    async def _write_status(self) -> None:
        written: bytes | None = None
        while True:
            status = pack(self._status())
            if status != written and await self._put(self._keys.status(self._host), status):
                written = status
            await trio.sleep(STATUS_SECONDS)

    async def _put(self, key: str, value: bytes) -> bool:
        try:
            await self._etcd.put(key, value)
        except StoreUnavailable as e:
            log.debug("cannot report: %s", e)
            return False
        return True

    def _status(self) -> HostStatus:
        held, unread, unresolved = self._conditions()
        return host_status(
            rollout=self._rollout,
            snapshot=self._snapshot,
            settled=self._settled,
            active=self._active,
            envoy=self._envoy_state(),
            held=held,
            said=tuple(notes(self._rollout, self._snapshot, unread, unresolved)),
            agent_version=self._agent_version,
        )
