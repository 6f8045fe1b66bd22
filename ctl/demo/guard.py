"""The one who cleans up: a process that outlives the demo, however that ends.

The demo holds the write end of a pipe, which is this process's stdin. When it closes (the demo finished, was
interrupted, crashed or was killed), the guard ends everything that was started and removes the directory.
What was started is known by the variable `MARK` in its environment, which children inherit: also an Envoy in a
session of its own, or a process started in the last moment. The guard makes the directory too, so that there is no
moment in which nobody would remove it.

Only the standard library is imported here: the guard has to stand before anything else is started.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

MARK = "MESHCTL_DEMO_DIRECTORY"
"""Variable that each process of a demo bears; its value is the demo's directory."""

KEEP = b"keep"
"""Line that tells the guard to leave the directory where it is."""

INTERRUPT = b"interrupt "
"""Begins a line with the pid of a process that ends by SIGINT: an agent, which then takes its Envoy along."""

MAX_DIRECTORY_BYTES = 60
"""Of the directory's path: with `/vm-1/run/admin.sock` behind it, it has to fit a unix socket's 100 bytes."""

LEAVE_SECONDS = 6.0
"""How long agents may take to leave the mesh."""

TERM_SECONDS = 1.0
"""How long the others may take after SIGTERM."""

_LAST_SECONDS = 5.0


class _Process:
    """A process that cannot become another one: signals go to its pidfd."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)

    def close(self) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor


def marked(directory: str) -> list[int]:
    """Return the pids of all processes of the demo in *directory*, except this one."""
    ours = f"{MARK}={directory}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - nothing but names is wanted
        if name.isdigit() and int(name) != os.getpid() and ours in _environment(name):
            found.append(int(name))
    return found


def _environment(pid: str) -> list[bytes]:
    """Return the environment that *pid* was started with; empty for what is gone, a zombie or another user's."""
    try:
        return Path("/proc", pid, "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def end_all(directory: str, interrupt: Iterable[int] = ()) -> list[int]:
    """End all processes of the demo in *directory*: politely, then firmly.

    Args:
        directory: the demo's.
        interrupt: pids of those that end by SIGINT, first, while the others still serve them.

    Returns:
        The pids of what is left even so: nothing, unless the kernel holds it.
    """
    _end(directory, signal.SIGINT, LEAVE_SECONDS, only=set(interrupt))
    _end(directory, signal.SIGTERM, TERM_SECONDS)
    deadline = time.monotonic() + _LAST_SECONDS
    while (left := _marked_still(directory)) and time.monotonic() < deadline:
        _end(directory, signal.SIGKILL, 0.5)
    return left


def _marked_still(directory: str) -> list[int]:
    """Return what `marked` does, after a second look: between fork and exec a process does not bear its mark yet."""
    left = marked(directory)
    if not left:
        time.sleep(0.1)
        left = marked(directory)
    return left


def _end(directory: str, number: signal.Signals, seconds: float, *, only: set[int] | None = None) -> None:
    """Send a signal to the demo's processes, and wait for their end."""
    with _opened(directory, only) as processes:
        for process in processes:
            process.send(number)
        _wait(processes, seconds)


@contextlib.contextmanager
def _opened(directory: str, only: set[int] | None) -> Iterator[list[_Process]]:
    with contextlib.ExitStack() as stack:
        processes = []
        for pid in marked(directory):
            if only is None or pid in only:
                with contextlib.suppress(ProcessLookupError):
                    processes.append(stack.enter_context(contextlib.closing(_Process(pid))))
        # A pid may have been given to another between the search and the opening; the opened one stays what it is.
        again = set(marked(directory))
        yield [process for process in processes if process.pid in again]


def _wait(processes: list[_Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    waiting = list(processes)
    while waiting and (left := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(waiting, [], [], left)  # a pidfd reads as ready when its process ends
        waiting = [process for process in waiting if process not in ended]


def make_directory() -> str:
    """Return a new directory, for temporary files of this user, with a short path."""
    usual = tempfile.gettempdir()
    short = len(os.fsencode(usual)) + len("/meshctl-demo-12345678") <= MAX_DIRECTORY_BYTES
    return tempfile.mkdtemp(prefix="meshctl-demo-", dir=usual if short else "/tmp")


def remove(directory: str) -> None:
    """Remove *directory* and all in it; what a process wrote in its last moment too."""
    for _ in range(3):
        shutil.rmtree(directory, ignore_errors=True)
        if not os.path.lexists(directory):
            return
        time.sleep(0.1)


def stand_guard(pipe: BinaryIO, directory: str) -> int:
    """Wait until *pipe* ends, then clean up.

    Args:
        pipe: lines of the demo, see `KEEP` and `INTERRUPT`.
        directory: the demo's.

    Returns:
        The exit code: 0, or 1 when something could not be ended.
    """
    interrupt: list[int] = []
    keep = False
    with contextlib.suppress(_EndNow):
        for line in pipe:
            if line.startswith(INTERRUPT) and line.endswith(b"\n"):
                interrupt.append(int(line.removeprefix(INTERRUPT)))
            keep = keep or line.strip() == KEEP
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left = end_all(directory, interrupt)
    if not keep:
        remove(directory)
    return 1 if left else 0


class _EndNow(Exception):  # noqa: N818 - no failure: somebody asked
    """SIGTERM: clean up without waiting for the demo."""


def _end_now(_number: int, _frame: object) -> None:
    raise _EndNow


def main() -> None:
    """Stand guard: `python -m ctl.demo.guard`, the pipe as stdin. The first and only line said is the directory."""
    # Ctrl-C and a closed terminal are the demo's affair; we see its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_now)
    directory = make_directory()
    with contextlib.suppress(OSError):  # a demo that is gone already
        os.write(sys.stdout.fileno(), os.fsencode(directory) + b"\n")
    sys.exit(stand_guard(sys.stdin.buffer, directory))


if __name__ == "__main__":
    main()
