"""What a host's word on an apply means."""

from pathlib import Path

import pytest
import trio

from ctl.exit_codes import ExitCode
from ctl.waiting import HostRow, Waiting, _list_anew, host_row, unmet
from store.etcd.client import Etcd
from store.host import HostRecord, HostStatus, Rejection, Seen, pack
from store.hosts import KnownHost
from store.keys import Keys
from tests.embedded import start_etcd

OURS = Rejection("listeners/a", "bad", "Gateway default/ours", "a.yaml", 3)
BESIDE = Rejection("routes/b", "bad", "VirtualService default/x", "b.yaml", 1, ("Gateway default/ours",))
OTHER = Rejection("listeners/c", "bad", "Gateway default/other", "c.yaml", 1)
NOBODYS = Rejection("listeners/d", "bad")
JUDGED = frozenset({"Gateway default/ours"})


def host(seen: Seen | None, *rejections: Rejection, live: bool = True, left: bool = False) -> KnownHost:
    status = HostStatus(rejections=rejections, left=left, envoy_state="live")
    return KnownHost("h", HostRecord("h") if live else None, seen, status)


def row(known: KnownHost, *, require_all: bool = False) -> HostRow:
    found = host_row(known, "7-aaaa", JUDGED, require_all=require_all)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seen", "verdict", "blocks"),
    [
        (None, "timeout", True),
        (Seen("6-aaaa", "active", 3), "timeout", True),
        (Seen("7-aaaa", "pending", 1000), "warming", True),
        (Seen("7-aaaa", "active", 3), "active", False),
        (Seen("7-aaaa", "unaffected", 1), "unaffected", False),
        (Seen("7-bbbb", "active", 3), "timeout", True),
        (Seen("9-bbbb", "active", 3), "active", False),
        (Seen("10-bbbb", "active", 3), "active", False),
    ],
)
def test_a_live_host_is_waited_for_until_it_has_a_verdict(seen: Seen | None, verdict: str, blocks: bool) -> None:
    """Its word counts for our apply or a later one; numbers decide, and of equal ones the tag."""
    found = row(host(seen))

    assert (verdict, blocks) == (found.verdict, found.blocks)


@pytest.mark.parametrize(
    ("rejections", "verdict", "counted", "older"),
    [
        ([OURS], "rejected", (OURS,), ()),
        ([BESIDE], "rejected", (BESIDE,), ()),
        ([NOBODYS], "rejected", (NOBODYS,), ()),
        ([OTHER], "active", (), (OTHER,)),
        ([OTHER, OURS], "rejected", (OURS,), (OTHER,)),
        ([], "rejected", (), ()),
    ],
)
def test_only_what_this_apply_changed_is_judged(
    rejections: list[Rejection], verdict: str, counted: tuple[Rejection, ...], older: tuple[Rejection, ...]
) -> None:
    """A rejection counts when it names a resource of ours, as its own or among others, or when it names none."""
    found = row(host(Seen("7-aaaa", "rejected", 5), *rejections))

    assert (verdict, counted, older) == (found.verdict, found.rejections, found.older)


def test_an_older_rejection_beside_an_active_apply_is_a_warning() -> None:
    """A host that says active is active, whatever it still refuses from before."""
    found = row(host(Seen("7-aaaa", "active", 5), OTHER))

    assert ("active", (), (OTHER,)) == (found.verdict, found.rejections, found.older)


@pytest.mark.parametrize("require_all", [False, True])
def test_a_host_whose_lease_ran_out_is_offline(require_all: bool) -> None:
    """It is listed, and waited for only when everybody is required."""
    found = row(host(Seen("7-aaaa", "active"), live=False), require_all=require_all)

    assert ("offline", require_all) == (found.verdict, found.blocks)


def test_a_host_that_left_has_no_row() -> None:
    """Leaving on purpose is no reason to be waited for, or listed."""
    assert host_row(host(None, live=False, left=True), "7-aaaa", JUDGED) is None


def test_a_host_whose_envoy_died_since_is_not_active() -> None:
    """Its word is from before; until Envoy is back it is waited for."""
    known = KnownHost("h", HostRecord("h"), Seen("7-aaaa", "active"), HostStatus(envoy_state="down"))

    assert ("warming", True) == (row(known).verdict, row(known).blocks)


def test_waiting_follows_reports_until_nobody_is_missing() -> None:
    """Reports arrive one by one; what is no report, or not ours, changes nothing."""
    keys = Keys()
    waiting = Waiting(keys, "7-aaaa", JUDGED, require_all=False)
    waiting.listed([KnownHost("a", HostRecord("a")), KnownHost("b", HostRecord("b"))])

    waiting.follow(keys.seen("a"), pack(Seen("7-aaaa", "active", 2)))
    waiting.follow(f"{keys.report}a/other", b"")
    waiting.follow(keys.status("b"), b"not ours")

    assert ["active", "timeout"] == [each.verdict for each in waiting.rows()]
    assert "<Waiting for b>" == repr(waiting)

    waiting.follow(keys.status("b"), pack(HostStatus(rejections=(OURS,), envoy_state="live")))
    waiting.follow(keys.seen("b"), pack(Seen("7-aaaa", "rejected", 9)))

    assert ["active", "rejected"] == [each.verdict for each in waiting.rows()]
    assert waiting.is_over

    waiting.follow(keys.seen("b"), None)

    assert "<Waiting for b>" == repr(waiting)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], ExitCode.YES),
        ([HostRow("a", "active"), HostRow("b", "offline")], ExitCode.YES),
        ([HostRow("a", "warming", blocks=True)], ExitCode.TIMEOUT),
        ([HostRow("a", "timeout", blocks=True), HostRow("b", "rejected")], ExitCode.REJECTED),
    ],
)
def test_the_worst_row_decides_the_exit_code(rows: list[HostRow], code: ExitCode) -> None:
    """A rejection is an answer and worse than a delay."""
    assert code is unmet(rows)


async def test_hosts_are_listed_anew_when_etcd_is_back(tmp_path: Path) -> None:
    """After history was lost etcd may be away too: the change is made, so that costs patience and is no failure."""
    keys = Keys()
    found: list[str] = []

    async def list_anew(etcd: Etcd) -> None:
        found.extend(host.name for host in (await _list_anew(etcd, keys)).hosts)

    with start_etcd(tmp_path) as server, trio.fail_after(20):
        async with Etcd([server.endpoint]) as etcd, trio.open_nursery() as nursery:
            await etcd.put(keys.seen("h"), pack(Seen("7-aaaa", "active")))
            server.kill()
            with trio.move_on_after(0.5):
                await list_anew(etcd)

            assert [] == found

            nursery.start_soon(list_anew, etcd)
            await trio.sleep(0.5)
            server.start()

    assert ["h"] == found
