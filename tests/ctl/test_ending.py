"""How a command ends at Ctrl-C, wherever it is."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.e2e.meshctl import Meshctl

SECONDS = 30


def interrupted(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Press Ctrl-C, and return exit code, stdout, stderr."""
    running.send_signal(signal.SIGINT)
    said, talk = running.communicate(timeout=SECONDS)
    return running.returncode, said, talk.strip()


def test_ctrl_c_while_files_are_read_is_no_answer(tmp_path: Path) -> None:
    """130, as shells say it; 1 would be a finding. There is nothing to read about it."""
    pipe = tmp_path / "slow.yaml"
    os.mkfifo(pipe)
    running = Meshctl("http://127.0.0.1:1", tmp_path).start("validate", "-f", str(pipe))

    with pipe.open("wb"):  # returns once it reads
        ended = interrupted(running)

    assert (130, "", "") == ended


def test_ctrl_c_while_etcd_is_asked_is_no_answer(tmp_path: Path) -> None:
    """The same among tasks: what they are stopped with is Ctrl-C and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        port = silent.getsockname()[1]
        running = Meshctl(f"http://127.0.0.1:{port}", tmp_path).start("analyze")
        connection, _ = silent.accept()
        with connection:
            ended = interrupted(running)

    assert (130, "", "") == ended
