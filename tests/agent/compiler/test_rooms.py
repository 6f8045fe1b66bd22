"""Law 1 and 2: what the compiler stands on, and what it must never touch."""

import subprocess
import sys

import pytest

FORBIDDEN = ("trio", "grpc", "etcd3", "httpx", "socket", "subprocess")
PROGRAM = """
import importlib, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print("\\n".join(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("module", ["agent.compiler.compile", "agent.compiler.incremental", "store.resources.kinds"])
def test_pure_rooms_load_neither_network_nor_store(module: str) -> None:
    """Importing the compiler brings in no trio, no gRPC, no socket: `meshctl` compiles without an agent's baggage."""
    said = subprocess.run([sys.executable, "-c", PROGRAM, module], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in said.stdout.split()}

    assert set() == loaded & set(FORBIDDEN)
