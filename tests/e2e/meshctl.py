"""`meshctl` as its users run it: the command in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path


class Meshctl:
    """Runs `meshctl` in a directory, against one etcd."""

    def __init__(self, endpoint: str, directory: Path) -> None:
        self.directory = directory
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("MESHCTL_")}
        self._environment |= {"MESHCTL_ETCD": endpoint}

    def __call__(self, *words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it, and compare its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "ctl.main", *words],
            cwd=self.directory, env=self._environment, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert code == done.returncode, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start it and return at once; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "ctl.main", *words],
            cwd=self.directory, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def json(self, *words: str, code: int = 0) -> dict[str, object]:
        """Run it with `-o json` and return its answer."""
        answer = json.loads(self(*words, "-o", "json", code=code).stdout)
        assert isinstance(answer, dict)
        return answer

    def write(self, name: str, *documents: str) -> str:
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("---\n".join(documents))
        return name

    def complete(self, line: str) -> list[str]:
        """Return what a shell would offer at the end of *line*, as bash is told it."""
        words = line.split(" ")
        asked = {"_MESHCTL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        done = subprocess.run(
            [sys.executable, "-c", "from ctl.main import main; main()"],
            cwd=self.directory, env=self._environment | asked, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert "" == done.stderr
        return done.stdout.split()
