"""`--wait`: until every live host runs an apply or has refused it. `Waiting` decides and is pure; one loop feeds it.

A host's word on an apply is `report/<host>/seen`; why it refused is in `report/<host>/status`, which it writes first.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import trio
from attrs import evolve, frozen

from ctl.exit_codes import ExitCode
from ctl.output import show, table, talk, terminal
from store.errors import StoreUnavailable
from store.etcd.client import Compacted, Etcd
from store.etcd.watch import ClusterChanged, open_watch
from store.host import HostStatus, Rejection, Seen, to_json
from store.hosts import HostList, KnownHost, has_reached, read_hosts, read_or_none
from store.keys import Keys

LOOK_AGAIN_SECONDS = 1.0
"""How often the live hosts are listed while waiting: one may have come, or its lease may have run out."""
NOBODY = "no live hosts: nothing runs this yet; see `meshctl hosts`"


@frozen
class Patience:
    """How to wait.

    Attributes:
        seconds: how long.
        require_all: whether hosts that are offline are waited for.
    """

    seconds: float
    require_all: bool = False


@frozen
class HostRow:
    """One host's answer.

    Attributes:
        host: its name.
        verdict: active, unaffected, warming, rejected, timeout (no word on the apply yet) or offline.
        milliseconds: how long it took, as the host says; None when it did not finish.
        rejections: what it refused of what is judged.
        older: what it refuses that has nothing to do with what is judged.
        note: what else a person should know.
        blocks: whether it is still waited for.
    """

    host: str
    verdict: str
    milliseconds: int | None = None
    rejections: tuple[Rejection, ...] = ()
    older: tuple[Rejection, ...] = ()
    note: str = ""
    blocks: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the row as the contract has it."""
        took = {} if self.milliseconds is None else {"milliseconds": self.milliseconds}
        note = {"note": self.note} if self.note else {}
        older = {"older": [to_json(rejection) for rejection in self.older]} if self.older else {}
        return {
            "host": self.host,
            "verdict": self.verdict,
            **took,
            "rejections": [to_json(rejection) for rejection in self.rejections],
            **older,
            **note,
        }


def host_row(host: KnownHost, apply: str, judged: frozenset[str], *, require_all: bool = False) -> HostRow | None:
    """Return what *host* says to *apply*; None for one that left on purpose and has nothing to say.

    Args:
        apply: id of the apply, or of head when nothing changed.
        judged: `Kind namespace/name` of each resource whose rejection counts.
    """
    if host.state == "gone":
        return None
    seen = host.seen if host.seen and has_reached(host.seen.apply, apply) else None
    if host.state == "stale":
        return HostRow(host.name, "offline", note=_last_word(host), blocks=require_all)
    if seen is None:
        return HostRow(host.name, "timeout", note=_last_word(host), blocks=True)
    if seen.verdict == "pending":
        return HostRow(host.name, "warming", note="; ".join(host.status.notes) if host.status else "", blocks=True)
    if host.status and host.status.envoy_state != "live":  # it was active, and its Envoy has died since
        return HostRow(host.name, "warming", note=f"Envoy is {host.status.envoy_state}", blocks=True)
    rejections = host.status.rejections if host.status else ()
    ours = tuple(each for each in rejections if _is_judged(each, judged))
    older = tuple(each for each in rejections if each not in ours)
    if seen.verdict != "rejected":
        return HostRow(host.name, seen.verdict, seen.milliseconds, older=rejections)
    verdict = "rejected" if ours or not rejections else "active"
    return HostRow(host.name, verdict, seen.milliseconds, ours, older)


def _is_judged(rejection: Rejection, judged: frozenset[str]) -> bool:
    return rejection.resource is None or not judged.isdisjoint((rejection.resource, *rejection.others))


def _last_word(host: KnownHost) -> str:
    return f"last word on apply {host.seen.apply}" if host.seen else "no word yet"


def unmet(rows: Iterable[HostRow]) -> ExitCode:
    """Return how a command ends that waited for *rows*: one rejection is worse than any delay."""
    listed = list(rows)
    if any(row.verdict == "rejected" for row in listed):
        return ExitCode.REJECTED
    return ExitCode.TIMEOUT if any(row.blocks for row in listed) else ExitCode.YES


class Waiting:
    """What the hosts have said so far to one apply. Pure.

    Args:
        apply, judged: see `host_row`.
        require_all: see `Patience`.
    """

    def __init__(self, keys: Keys, apply: str, judged: frozenset[str], *, require_all: bool) -> None:
        self._keys = keys
        self._apply = apply
        self._judged = judged
        self._require_all = require_all
        self._hosts: dict[str, KnownHost] = {}

    def __repr__(self) -> str:
        return f"<Waiting for {', '.join(row.host for row in self.rows() if row.blocks) or 'nobody'}>"

    def listed(self, hosts: Iterable[KnownHost]) -> None:
        """Take a complete list of hosts."""
        self._hosts = {host.name: host for host in hosts}

    def follow(self, etcd_key: str, value: bytes | None) -> None:
        """Take one change of a report; what is none is passed over."""
        reported = self._keys.parse_report(etcd_key)
        if reported is None:
            return
        name, leaf = reported
        host = self._hosts.get(name, KnownHost(name))
        if leaf == "seen":
            host = evolve(host, seen=read_or_none(value, Seen) if value is not None else None)
        else:
            host = evolve(host, status=read_or_none(value, HostStatus) if value is not None else None)
        self._hosts[name] = host

    def rows(self) -> tuple[HostRow, ...]:
        """Return a row for each host, by name, except those that left."""
        hosts = (self._hosts[name] for name in sorted(self._hosts))
        rows = (host_row(host, self._apply, self._judged, require_all=self._require_all) for host in hosts)
        return tuple(row for row in rows if row is not None)

    @property
    def is_over(self) -> bool:
        """Whether nobody is waited for any more."""
        return not any(row.blocks for row in self.rows())


@frozen
class Waited:
    """How waiting ended.

    Attributes:
        rows: each host's, as far as it is known.
        stopped: whether the user stopped it.
    """

    rows: tuple[HostRow, ...]
    stopped: bool = False


async def wait_for_hosts(
    etcd: Etcd, keys: Keys, apply: str, judged: frozenset[str], patience: Patience, *, stop: trio.CancelScope
) -> Waited:
    """Return each host's row once none is waited for, when patience ends, or when *stop* is cancelled.

    Args:
        apply, judged: see `host_row`.
        stop: not entered yet; it is entered here.

    Raises:
        StoreUnavailable: etcd does not answer at the beginning; an outage later costs patience only.
    """
    waiting = Waiting(keys, apply, judged, require_all=patience.require_all)
    with _progress() as progress, stop:
        listed = await read_hosts(etcd, keys)
        waiting.listed(listed.hosts)
        with trio.move_on_after(patience.seconds):
            while not waiting.is_over:
                try:
                    await _follow(etcd, keys, waiting, listed, progress)
                except (Compacted, ClusterChanged):
                    listed = await _list_anew(etcd, keys)
                    waiting.listed(listed.hosts)
    return Waited(waiting.rows(), stop.cancelled_caught)


@contextmanager
def ctrl_c_cancels(scope: trio.CancelScope) -> Iterator[None]:
    """Make Ctrl-C cancel *scope* and not end the process: what is known by then is still to be said.

    For the main thread only, where signals are taken.
    """
    token = trio.lowlevel.current_trio_token()
    before = signal.signal(signal.SIGINT, lambda *_: token.run_sync_soon(scope.cancel, idempotent=True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _follow(
    etcd: Etcd, keys: Keys, waiting: Waiting, listed: HostList, progress: Callable[[Iterable[HostRow]], None]
) -> None:
    """Keep *waiting* up to date until it is over."""
    look = trio.current_time() + LOOK_AGAIN_SECONDS
    start = listed.revision + 1
    async with open_watch(etcd, keys.report, start_revision=start, cluster_id=listed.cluster_id) as watch:
        while not waiting.is_over:
            progress(waiting.rows())
            with trio.move_on_at(look):
                for event in (await anext(watch)).events:
                    waiting.follow(event.key, event.value)
            if trio.current_time() >= look:
                await _look_again(etcd, keys, waiting)
                look = trio.current_time() + LOOK_AGAIN_SECONDS


async def _list_anew(etcd: Etcd, keys: Keys) -> HostList:
    """Return all hosts as soon as etcd answers: the change is made, so its silence is no failure of it."""
    while True:
        try:
            return await read_hosts(etcd, keys)
        except StoreUnavailable:
            await trio.sleep(LOOK_AGAIN_SECONDS)


async def _look_again(etcd: Etcd, keys: Keys, waiting: Waiting) -> None:
    try:
        waiting.listed((await read_hosts(etcd, keys)).hosts)
    except StoreUnavailable:
        return  # the change is made; whether etcd comes back in time is a matter of patience


# --- saying it ----------------------------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[Callable[[Iterable[HostRow]], None]]:
    """Show on a terminal whom we wait for; elsewhere nothing."""
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("waiting for hosts") as status:
        yield lambda rows: status.update(_waiting_for(rows))


def _waiting_for(rows: Iterable[HostRow]) -> str:
    names = [row.host for row in rows if row.blocks]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"waiting for {', '.join(names[:3])}{more}"


def host_table(rows: Iterable[HostRow]) -> None:
    """Print one row a host, and warn of older rejections and of a mesh in which nobody is live."""
    listed = list(rows)
    if not listed:
        talk([NOBODY])
        return
    show(table(("HOST", "VERDICT", "TOOK", "REASON"), [cells for row in listed for cells in _cells(row)]))
    for row in listed:
        for rejection in row.older:
            talk([f"warning: {row.host} also refuses, from before: {reason(rejection)}"])
    if not any(row.verdict != "offline" for row in listed):
        talk([NOBODY])


def say_late(rows: Iterable[HostRow]) -> None:
    """Print whom patience was too short for, if anybody."""
    late = [row.host for row in rows if row.blocks]
    if late:
        talk([f"meshctl: not everything is active in time: {', '.join(late)}; what was applied stays applied"])


def _cells(row: HostRow) -> Iterator[tuple[str, str, str, str]]:
    took = "-" if row.milliseconds is None else f"{row.milliseconds}ms"
    first, *others = [reason(rejection) for rejection in row.rejections] or [row.note or "-"]
    yield row.host, row.verdict, took, first
    yield from (("", "", "", other) for other in others)


def reason(rejection: Rejection) -> str:
    """Return a rejection on one line: where it comes from, what it is about, Envoy's words."""
    place = f"{rejection.file}:{rejection.line}: " if rejection.file else ""
    return f"{place}{rejection.resource or 'the mesh itself'}: {rejection.message} [{rejection.xds}]"
