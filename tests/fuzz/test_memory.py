"""Files that are made to hurt: each is answered within seconds and within a memory that any machine has."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.reader import MAX_FILE_BYTES

ROOT = Path(__file__).parents[2]
MAX_BYTES = 1024 * 1024 * 1024
MAX_SECONDS = 20
"""Of processor time; the system ends the process then."""

HEAD = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n"
SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({bytes}, {bytes}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
from ctl.inputs import load
said = load([sys.argv[1]]).diagnostics
print(said[0].code, len(said))
"""


def repeated(before: str, part: str, after: str = "") -> str:
    """Return as many of *part* as a file may have bytes, between the two others."""
    return before + part * ((MAX_FILE_BYTES - len(before) - len(after) - 1) // len(part)) + after


BOMBS = {
    "items of a wrong type": HEAD + "  hosts: [" + "1," * 490_000 + "]\n",
    "unknown fields": HEAD + "  http: [" + "{x: 1}," * 50_000 + "]\n",
    "ellipses": "a:\n" + "  x\n  ...\n" * 100_000,
    "brackets": repeated("", "["),
    "dashes": repeated("", "- "),
    "documents": repeated("", "a: 1\n---\n"),
    "broken documents": repeated("", "a: [\n---\n"),
    "keys": "".join(f"k{i}: 1\n" for i in range(50_000)),
    "aliases": "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)),
    "merges": "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}, b{i}: *a{i - 1}}}\n" for i in range(1, 300)),
    "a quote without an end": repeated("a: '", "x\n\n"),
    "tabs": repeated("a:\n", "\tb: 1\n"),
    "a pattern": HEAD + "  http: [{match: [{uri: {regex: '" + "(a|b)*" * 600_000 + "'}}]}]\n",
    "one line": repeated("a: ", "x"),
    "blanks": repeated(HEAD, " "),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(name: str, tmp_path: Path) -> None:
    """It is refused, in a gibibyte of addresses and a few seconds."""
    file = tmp_path / "bomb.yaml"
    file.write_text(BOMBS[name])

    script = SCRIPT.format(bytes=MAX_BYTES, seconds=MAX_SECONDS)
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, cwd=ROOT)

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.split()
