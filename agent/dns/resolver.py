"""The addresses of the DNS names that the configuration needs: asked again in time, kept when DNS fails.

Which names those are is the caller's business; how one lookup goes is in `agent/dns/upstream.py`, the file of
last good addresses in `agent/dns/kept.py`. Envoy does not resolve: a DNS failure would hold back its start.

    want() → due heap → at most 32 lookups → addresses ─publish (10 ms)→ answers
                ↑ TTL, back-off, hosts file changed │  └─save (1 s)────→ disk
"""

import heapq
import logging
import math
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from types import MappingProxyType

import trio
from attrs import define, frozen

from agent.dns import kept as disk
from agent.dns.etc_hosts import HostsFile
from agent.dns.kept import Kept
from agent.dns.upstream import Found, LookupFailed, Server, Upstream, read_servers
from agent.watchable import Watchable

logger = logging.getLogger(__name__)

MIN_TTL_SECONDS = 5.0
MAX_TTL_SECONDS = 3600.0
JITTER = 0.1
"""Of a TTL or a back-off, to either side, so that hosts and names do not ask in step."""
MAX_LATE_SECONDS = 1.0
"""A changed answer is noticed within its TTL and this, however long the TTL."""
FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0
PATIENCE_SECONDS = 0.5
"""After this a name that has no answer yet is shown without one, so that nobody waits for it any longer."""
MAX_LOOKUPS = 32
PUBLISH_SECONDS = 0.01
"""Between two publications: answers that arrive together go out together."""
SAVE_SECONDS = 1.0
SAVE_AGAIN_SECONDS = 30.0
"""After the disk refused."""
HOSTS_SECONDS = 5.0
"""Between two looks at the hosts file."""


@frozen
class Answer:
    """What is known about one name.

    Attributes:
        addresses: sorted, IPv4 first; the last good ones while DNS fails.
        resolved: False when nothing was ever answered: not yet, or lookups failed and nothing was kept.
    """

    addresses: tuple[str, ...]
    resolved: bool


@define(eq=False)
class _Wanted:
    """One name that is wanted now.

    Attributes:
        name: as the configuration spells it.
        addresses: the last good ones.
        shown_at: trio time from which the name is in `answers`; -inf once there is an outcome.
        due_at: trio time of the next lookup; inf while one is on its way.
        failures: lookups that failed in a row.
        problem: why the last lookup failed, None when it did not.
        local: whether the addresses came from this machine, not from a server.
    """

    name: str
    addresses: tuple[str, ...]
    shown_at: float
    due_at: float
    failures: int = 0
    problem: str | None = None
    local: bool = False

    @property
    def answer(self) -> Answer:
        return Answer(self.addresses, bool(self.addresses))


class Resolver:
    """Keeps the addresses of a set of names up to date in `answers`.

    A name is there as soon as it has last good addresses from disk or an outcome of its first lookup, or has
    been wanted for `PATIENCE_SECONDS`, whichever comes first. Order of addresses and TTLs are no changes.
    """

    def __init__(
        self,
        upstream: Sequence[str],
        kept: Path,
        *,
        hosts: Path = Path("/etc/hosts"),
        chance: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the servers, the hosts file and the last good addresses; ask nobody yet.

        Args:
            upstream: paths of resolv.conf files and `ip[:port]`.
            kept: the file of last good addresses.
            hosts: the machine's own names, asked first.
            chance: a number from 0 up to 1, for jitter.
            wall_clock: seconds since the epoch, for the age of what is on disk.
        """
        self.answers: Watchable[Mapping[str, Answer]] = Watchable(MappingProxyType({}))
        self._upstream = Upstream(read_servers(upstream))
        self._hosts = HostsFile(hosts)
        self._chance = chance
        self._wall_clock = wall_clock
        self._file = kept
        self._kept = disk.load(kept)
        self._wanted: dict[str, _Wanted] = {}
        self._due: list[tuple[float, int, _Wanted]] = []
        self._tickets = count()
        self._lookups = trio.Semaphore(MAX_LOOKUPS)
        self._due_changed = _Bell()
        self._answers_changed = _Bell()
        self._kept_changed = _Bell()

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers that are asked, in the order in which they were named."""
        return self._upstream.servers

    @property
    def problems(self) -> Mapping[str, str]:
        """Name → why its last lookup failed, of the wanted names whose last lookup did."""
        return {w.name: w.problem for w in self._wanted.values() if w.problem is not None}

    def want(self, names: Collection[str]) -> None:
        """Make *names* the whole set that is wanted. Others leave `answers` now, and the disk in a week."""
        wanted = set(names)
        gone = self._wanted.keys() - wanted
        for name in gone:
            del self._wanted[name]
        self._stamp(gone)
        new = wanted - self._wanted.keys()
        for name in sorted(new, key=lambda name: (name in self._kept, name)):  # those without an answer first
            self._wanted[name] = self._begin(name)
        if gone or new:
            self._publish()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look up what is wanted, for ever. Addresses that are not on disk yet are written when it ends."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_up_due)
                nursery.start_soon(self._publish_changes)
                nursery.start_soon(self._watch_hosts)
                nursery.start_soon(self._save_changes)
                task_status.started()
        finally:
            if self._kept_changed.rung:
                self._save(self._to_keep())

    # What is decided, without waiting.

    def _begin(self, name: str) -> _Wanted:
        now = trio.current_time()
        kept = self._kept.get(name)
        addresses, shown_at = (kept.addresses, now) if kept else ((), now + PATIENCE_SECONDS)
        wanted = _Wanted(name, addresses, shown_at, math.inf)
        local = self._local(name)
        if local is not None:
            self._settle(wanted, local, local=True)
        else:
            self._schedule(wanted, now)
        self._answers_changed.ring()
        return wanted

    def _local(self, name: str) -> Found | None:
        """Return what *name* is without asking a server: an address itself, or a name in the hosts file."""
        try:
            return Found((str(ip_address(name)),), MAX_TTL_SECONDS)
        except ValueError:
            addresses = self._hosts.lookup(name)
        return Found(addresses, MAX_TTL_SECONDS) if addresses else None

    def _schedule(self, wanted: _Wanted, at: float) -> None:
        wanted.due_at = at
        heapq.heappush(self._due, (at, next(self._tickets), wanted))
        self._due_changed.ring()

    def _next_due(self) -> float:
        """Return when the next name is due, inf when none is; entries that are out of date before it go."""
        while self._due:
            at, _, wanted = self._due[0]
            if self._wanted.get(wanted.name) is wanted and wanted.due_at == at:
                return at
            heapq.heappop(self._due)
        return math.inf

    def _settle(self, wanted: _Wanted, found: Found, *, local: bool) -> None:
        """Take a good answer, and ask again when its TTL is over."""
        wanted.failures, wanted.problem, wanted.local = 0, None, local
        wanted.addresses = found.addresses
        kept = self._kept.get(wanted.name)
        if kept is None or kept.addresses != found.addresses:
            self._kept[wanted.name] = Kept(found.addresses, self._wall_clock())
            self._kept_changed.ring()
        ttl = min(max(found.ttl_seconds, MIN_TTL_SECONDS), MAX_TTL_SECONDS)
        self._finish(wanted, ttl + min(self._jitter(ttl), MAX_LATE_SECONDS))

    def _fail(self, wanted: _Wanted, problem: str) -> None:
        """Keep what the name has, and ask again after a while."""
        wanted.failures += 1
        wanted.problem = problem
        backoff = min(FIRST_BACKOFF_SECONDS * 2 ** min(wanted.failures - 1, 16), MAX_BACKOFF_SECONDS)
        self._finish(wanted, backoff + self._jitter(backoff))

    def _finish(self, wanted: _Wanted, seconds: float) -> None:
        wanted.shown_at = -math.inf
        self._answers_changed.ring()
        self._schedule(wanted, trio.current_time() + seconds)

    def _take_hosts_file(self) -> None:
        """Ask again, now, for every name that the hosts file says something new about."""
        for wanted in self._wanted.values():
            local = self._local(wanted.name)
            changed = wanted.local if local is None else local.addresses != wanted.addresses
            if changed and wanted.due_at != math.inf:
                self._schedule(wanted, trio.current_time())

    def _jitter(self, seconds: float) -> float:
        return seconds * JITTER * (2 * self._chance() - 1)

    def _publish(self) -> None:
        now = trio.current_time()
        shown = {w.name: w.answer for w in self._wanted.values() if w.shown_at <= now}
        self.answers.set(MappingProxyType(shown))

    def _next_shown(self) -> float:
        """Return when the next name has to be shown without an answer; inf when every name is shown."""
        now = trio.current_time()
        return min((w.shown_at for w in self._wanted.values() if w.shown_at > now), default=math.inf)

    def _stamp(self, names: Collection[str]) -> None:
        """Note that *names* were wanted until now, and have it written."""
        now = self._wall_clock()
        for name in names:
            if name in self._kept:
                self._kept[name] = Kept(self._kept[name].addresses, now)
                self._kept_changed.ring()

    def _to_keep(self) -> dict[str, Kept]:
        """Return what belongs on disk now, and forget what does no longer."""
        now = self._wall_clock()
        for name in self._wanted.keys() & self._kept.keys():
            self._kept[name] = Kept(self._kept[name].addresses, now)
        self._kept = disk.expire(self._kept, now=now)
        return dict(self._kept)

    def _save(self, names: Mapping[str, Kept]) -> bool:
        """Write *names*; return whether that went well. Without a disk we go on from memory."""
        try:
            disk.save(self._file, names)
        except OSError as e:
            logger.warning("%s: last good DNS answers cannot be written: %s", self._file, e.strerror)
            return False
        return True

    # What takes time.

    async def _look_up_due(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                await self._lookups.acquire()
                nursery.start_soon(self._look_up, await self._wait_due())

    async def _wait_due(self) -> _Wanted:
        """Wait until a lookup is due, and take it off the list."""
        while (at := self._next_due()) > trio.current_time():
            with trio.move_on_at(at):
                await self._due_changed.wait()
        _, _, wanted = heapq.heappop(self._due)
        wanted.due_at = math.inf
        return wanted

    async def _look_up(self, wanted: _Wanted) -> None:
        """Look one name up and note the outcome, unless nobody wants it any more."""
        found, problem = self._local(wanted.name), ""
        if found is None:
            try:
                found = await self._upstream.lookup(wanted.name)
            except LookupFailed as e:
                problem = str(e)
        self._lookups.release()
        if self._wanted.get(wanted.name) is not wanted:
            return
        local = self._local(wanted.name)  # it may have come in the meantime
        if local is not None:
            self._settle(wanted, local, local=True)
        elif found is not None:
            self._settle(wanted, found, local=False)
        else:
            self._fail(wanted, problem)

    async def _publish_changes(self) -> None:
        while True:
            with trio.move_on_at(self._next_shown()):
                await self._answers_changed.wait()
            self._publish()
            await trio.sleep(PUBLISH_SECONDS)

    async def _watch_hosts(self) -> None:
        while True:
            await trio.sleep(HOSTS_SECONDS)
            if self._hosts.refresh():
                self._take_hosts_file()

    async def _save_changes(self) -> None:
        while True:
            await self._kept_changed.wait()
            if await trio.to_thread.run_sync(self._save, self._to_keep()):
                await trio.sleep(SAVE_SECONDS)
            else:
                self._kept_changed.ring()
                await trio.sleep(SAVE_AGAIN_SECONDS)

    def __repr__(self) -> str:
        servers = " ".join(map(str, self.servers)) or "no server"
        return f"<Resolver wanted={len(self._wanted)} failing={len(self.problems)} servers: {servers}>"


class _Bell:
    """Wakes one waiter; a ring that nobody waited for is not lost, and several are one."""

    def __init__(self) -> None:
        self._event = trio.Event()

    @property
    def rung(self) -> bool:
        return self._event.is_set()

    def ring(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event = trio.Event()
