"""A process of this machine, held so that it cannot be mistaken for a later one with the same number. Linux only.

Nothing here knows about Envoy. Files on disk are `run_files.py`.
"""

import os
import select
import signal
import socket
import struct
from pathlib import Path
from typing import Self

import trio


class PidFd:
    """A living process, ours or somebody else's child.

    Signals through it never reach another process: the descriptor stays bound to this one (pidfd_open(2)).

    Attributes:
        pid: its number, which the kernel may give to another process after its end.
        start_time: clock ticks from boot to its start (proc(5), field 22); with the pid it names a process for good.
    """

    def __init__(self, pid: int, start_time: int, fd: int) -> None:
        self.pid = pid
        self.start_time = start_time
        self._fd = fd

    def __repr__(self) -> str:
        state = "closed" if self._fd < 0 else "ended" if self.ended else "running"
        return f"<PidFd {self.pid}, {state}>"

    @classmethod
    def open(cls, pid: int) -> Self | None:
        """Return the process with number *pid*; None: there is none, or it has ended and is a zombie.

        Must be closed.
        """
        try:
            process = cls.open_child(pid)
        except OSError:
            return None
        # Asked last: a process that lives now lived when its start time was read. A zombie, which keeps its
        # pid and start time, counts as ended here.
        if process.ended:
            process.close()
            return None
        return process

    @classmethod
    def open_child(cls, pid: int) -> Self:
        """Return our child *pid*, which may have ended already: then `wait_exit` says how.

        Must be closed.
        """
        fd = os.pidfd_open(pid)
        return cls(pid, _start_time(pid), fd)

    @property
    def ended(self) -> bool:
        """Whether it has ended (a zombie has)."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    async def wait_exit(self) -> str:
        """Wait for the end; leave no zombie if it was our child.

        Several tasks may wait at once.

        Returns:
            `exit status 1`, `signal 9`, or `ended` when the kernel tells the reason to somebody else (the
            parent).
        """
        fd = os.dup(self._fd)  # trio allows one task to wait on one descriptor
        try:
            await trio.lowlevel.wait_readable(fd)
            return _reap(fd)
        finally:
            os.close(fd)

    def send(self, number: signal.Signals) -> None:
        """Send signal *number*; one that has ended is left alone."""
        try:
            signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Let go of the process; it lives on."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


async def listener_pid(path: str) -> int | None:
    """Return the pid of the process that listens on the unix socket *path*.

    None: nobody listens, or it lives in a pid namespace that we do not see.
    """
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            await connection.connect(path)
        except OSError:
            return None
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid or None


def _start_time(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field is the program's name in brackets, with whatever bytes it likes: count from its end.
    return int(stat.rpartition(")")[2].split()[19])


def _reap(fd: int) -> str:
    try:
        result = os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return "ended"
    if result is None:
        return "ended"
    if result.si_code == os.CLD_EXITED:
        return f"exit status {result.si_status}"
    return f"signal {result.si_status}"
