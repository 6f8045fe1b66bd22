"""Finds out when an apply is live, and writes it to the store: `seen` once an apply, `status` at most once a second."""

import logging
from collections.abc import Callable, Iterable, Mapping

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
FINAL = ("active", "unaffected", "rejected")
"""Verdicts that an apply keeps, except that one that was rejected may heal: a port that was taken becomes free."""
READ_BACK_SECONDS = (0.003, 0.2)
"""Pause before Envoy's admin is asked again: first, and at most."""

Conditions = tuple[str | None, Mapping[str, str], Mapping[str, str]]
"""Why the store is not followed (None: it is), unread records, names that do not resolve."""


class Reporter:
    """Reports for one host.

    Args:
        conditions: returns them as they are now.
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
        conditions: Callable[[], Conditions],
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
        self._unanswered: set[Id] = set()
        self._active: dict[Id, str] = {}
        self._refused: set[Id] = set()
        self._stream: tuple[int, bool] | None = None
        self._since = 0.0
        self._moved = False
        self._seen: Seen | None = None
        self._written: bytes | None = None
        self._writing_status = trio.Lock()
        self._changes = 0
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
        self._expect(changed)
        self.poke()

    def _expect(self, ids: Iterable[Id]) -> None:
        """Envoy has to answer, and to show, *ids* anew."""
        for i in ids:
            self._unsettled.add(i)
            self._unanswered.add(i)
            self._active.pop(i, None)

    def poke(self) -> None:
        """Something may have changed; look."""
        self._changes += 1
        self._poked.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Report for ever. While etcd is away the latest report waits."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_seen)
            nursery.start_soon(self._write_status)
            task_status.started()
            await self._settle()

    async def _settle(self) -> None:
        """Look whenever poked; once Envoy has answered everything, ask it with growing pauses until it shows it all."""
        pause = READ_BACK_SECONDS[0]
        while True:
            self._poked = trio.Event()  # before looking: what comes meanwhile is looked at next
            changes = self._changes
            self._notice_stream()
            self._notice_healed()
            is_answered = self._is_answered()
            is_live = is_answered and await self._read_back()
            if is_live and changes == self._changes:
                self._conclude()
            elif not is_live and trio.current_time() - self._since >= PENDING_SECONDS:
                self._say("pending")
            if is_answered and not is_live:
                await trio.sleep(pause)
                pause = min(pause * 2, READ_BACK_SECONDS[1])
                continue
            pause = READ_BACK_SECONDS[0]
            with trio.move_on_after(PENDING_SECONDS):
                await self._poked.wait()

    def _is_answered(self) -> bool:
        """Whether Envoy has answered all that it has to. What it answered once is looked at again only in the end."""
        self._unanswered = self._rollout.unsettled(self._unanswered)
        if not self._unanswered and self._unsettled:
            self._unanswered = self._rollout.unsettled(self._unsettled)
        return not self._unanswered

    def _notice_stream(self) -> None:
        """After a stream came or went nothing is known: Envoy may be another one. All has to show itself again."""
        stream = (self._rollout.streams, self._rollout.is_connected)
        if self._stream == stream:
            return
        self._stream = stream
        self._active.clear()
        self._settled = None
        self._expect(self._rollout.config.resources)

    def _notice_healed(self) -> None:
        """What Envoy refused and has taken after all, as a port that was taken and is free: it has to show itself."""
        healed = {i for i in self._refused - self._refusals() if i in self._rollout.config.resources}
        self._refused -= healed
        self._expect(healed)
        self._moved = self._moved or bool(healed)

    def _refusals(self) -> set[Id]:
        return {(resource.type, resource.name) for resource, _ in self._rollout.refusals()}

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
        shown = [i for i in self._unsettled if i in self._active]
        return {i for i in shown if (desired := wanted.get(i)) is not None and self._active[i] == desired.version}

    def _conclude(self) -> None:
        if self._unsettled or self._settled is not self._snapshot:
            self._refused = self._refusals()
            verdict = "rejected" if self._refused & self._unsettled else "active" if self._moved else "unaffected"
            self._unsettled.clear()
            self._settled = self._snapshot
            self._say(verdict)

    def _say(self, verdict: str) -> None:
        head = self._snapshot.head
        if head is None or not self._is_news(head.apply, verdict):
            return
        self._seen = Seen(head.apply, verdict, round((trio.current_time() - self._since) * 1000))
        self._seen_changed.set()
        log.info("apply %s: %s", head.apply, verdict)
        for resource, refusal in self._rollout.refusals() if verdict == "rejected" else ():
            of = ", ".join(map(str, resource.origins[:1])) or "this host"
            log.warning("Envoy refuses %s/%s of %s: %s", resource.type.word, resource.name, of, refusal.message)

    def _is_news(self, apply: str, verdict: str) -> bool:
        seen = self._seen
        if seen is None or seen.apply != apply:
            return True
        if seen.verdict == "rejected" and verdict in FINAL:
            return not any(self._rollout.refusals())
        return seen.verdict not in (verdict, *FINAL)

    async def _write_seen(self) -> None:
        while True:
            await self._seen_changed.wait()
            self._seen_changed = trio.Event()
            assert self._seen is not None, "set before the event"
            if not await self._put_seen(self._seen):
                self._seen_changed.set()
                await trio.sleep(STATUS_SECONDS)

    async def _put_seen(self, seen: Seen) -> bool:
        """Write *seen*; before a last word the whole status, for whoever reads `seen` looks there next."""
        if seen.verdict in FINAL and not await self._put_status():
            return False
        return await self._put(self._keys.seen(self._host), pack(seen))

    async def _write_status(self) -> None:
        """Write the status when it is another one. It is made only when something happened: it counts everything."""
        made: object = None
        while True:
            state = self._state()
            if state != made and await self._put_status():
                made = state
            await trio.sleep(STATUS_SECONDS)

    def _state(self) -> object:
        held, unread, unresolved = self._conditions()
        return self._changes, self._settled, held, dict(unread), dict(unresolved), self._envoy_state()

    async def _put_status(self) -> bool:
        async with self._writing_status:  # made and written as one: an older status must not land last
            status = pack(self._status())
            if status == self._written:
                return True
            self._written = None  # a write that fails may have happened
            if not await self._put(self._keys.status(self._host), status):
                return False
            self._written = status
            return True

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
            unsettled=self._unsettled,
            envoy=self._envoy_state(),
            held=held,
            said=tuple(notes(self._rollout, unread, unresolved)),
            agent_version=self._agent_version,
        )
