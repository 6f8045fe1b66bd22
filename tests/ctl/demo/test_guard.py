"""The guard against real processes, some of which do not want to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ctl.demo import guard
from ctl.demo.processes import Guarded

SLEEP = "import time; time.sleep(60)"
STUBBORN = f"import signal; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print(flush=True); {SLEEP}"
# A child in a session of its own, as an agent's Envoy is; the parent is gone at once.
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"


def start(guarded: Guarded, code: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, guard.MARK: str(guarded.directory)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)


def wait_until(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_nothing_is_left_when_the_context_ends() -> None:
    """Processes that are polite, stubborn and orphaned all end, and the directory is gone."""
    with Guarded() as guarded:
        (guarded.directory / "deep").mkdir()
        (guarded.directory / "deep" / "file").write_text("x")
        stubborn = start(guarded, STUBBORN)
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        orphan = start(guarded, ORPHAN)
        orphan.wait()
        polite = start(guarded, SLEEP)

        assert wait_until(lambda: 3 == len(guard.marked(str(guarded.directory))))
    for process in (stubborn, polite, orphan):
        process.communicate()

    assert (-signal.SIGKILL, -signal.SIGTERM) == (stubborn.returncode, polite.returncode)
    assert [] == guard.marked(str(guarded.directory))
    assert not guarded.directory.exists()


def test_the_interrupted_end_first_while_the_others_serve() -> None:
    """A process named for it gets SIGINT, and only when it has ended do the others get SIGTERM."""
    slow = "\n".join(
        (
            "import signal, sys, time",
            "def left(*_):",
            "    time.sleep(0.3); sys.exit(7)",
            "signal.signal(2, left)",
            "print(flush=True)",
            "time.sleep(60)",
        )
    )
    with Guarded() as guarded:
        agent = start(guarded, slow)
        assert agent.stdout is not None
        agent.stdout.readline()
        other = start(guarded, SLEEP)
        guarded.interrupt_at_end(agent.pid)
    agent.communicate()
    other.communicate()

    assert (7, -signal.SIGTERM) == (agent.returncode, other.returncode)


def test_a_demo_that_is_killed_leaves_nothing() -> None:
    """The guard outlives a SIGKILL of the one who started it, and ends what that one started."""
    code = "\n".join(
        (
            "import os, subprocess, sys, time",
            "from ctl.demo import guard",
            "from ctl.demo.processes import Guarded",
            "guarded = Guarded()",
            "environment = {**os.environ, guard.MARK: str(guarded.directory)}",
            f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], env=environment, stdout=subprocess.DEVNULL)",
            "print(guarded.directory, flush=True)",
            "time.sleep(60)",
        )
    )
    demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    directory = Path(demo.stdout.readline().strip())
    there = wait_until(lambda: 1 == len(guard.marked(str(directory))))
    demo.kill()
    demo.communicate()

    assert there
    assert wait_until(lambda: not directory.exists())
    assert [] == guard.marked(str(directory))


def test_a_killed_guard_s_work_is_done_by_the_demo() -> None:
    """Whoever ends the guard first does not save the processes."""
    with Guarded() as guarded:
        process = start(guarded, SLEEP)
        assert wait_until(lambda: 1 == len(guard.marked(str(guarded.directory))))
        os.kill(guarded.pid, signal.SIGKILL)
    process.communicate()

    assert -signal.SIGTERM == process.returncode
    assert not guarded.directory.exists()


def test_a_directory_that_is_wanted_stays() -> None:
    """`keep` ends the processes and leaves the files."""
    with Guarded() as guarded:
        (guarded.directory / "etcd.log").write_text("x")
        guarded.keep = True

    assert "x" == (guarded.directory / "etcd.log").read_text()
    guard.remove(str(guarded.directory))


def test_the_directory_is_short_enough_for_unix_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where TMPDIR is long, /tmp is taken."""
    long = tmp_path / ("d" * 80)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    with Guarded() as guarded:
        length = len(os.fsencode(guarded.directory))

    assert guard.MAX_DIRECTORY_BYTES >= length
