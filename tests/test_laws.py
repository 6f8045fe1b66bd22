"""The laws of the house that no linter knows: pure rooms, what importing a room brings in, sizes, reserved names."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPURE = {"trio", "socket", "subprocess", "time", "random", "threading", "grpc", "httpx"}
PURE = [
    "store/resources",
    "store/codec.py",
    "store/type_meta.py",
    "store/metadata.py",
    "store/plan.py",
    "store/structure.py",
    "store/stand_in.py",
    "store/containers.py",
    "store/scalars.py",
    "store/field_index.py",
    "store/brevity.py",
    "store/diff.py",
    "store/reader.py",
    "store/yaml_nodes.py",
    "store/yaml_values.py",
    "store/yaml_errors.py",
    "store/snapshot.py",
    "store/index.py",
    "store/replica.py",
    "store/digest.py",
    "store/journal.py",
    "store/keys.py",
    "store/host.py",
    "store/diagnostic.py",
    "store/analysis",
    "ctl/convert",
    "store/etcd/txn.py",
    "agent/compiler",
    "agent/rollout.py",
    "agent/status.py",
    "agent/addresses.py",
    "agent/ads/protocol.py",
    "agent/envoy/bootstrap.py",
]
RESERVED = {"envoy", "xds", "validate", "udpa", "test"}
"""Top-level names of generated packages: a module of ours that bears one breaks their imports."""
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def sources() -> Iterator[Path]:
    for package in ("store", "agent", "ctl"):
        yield from sorted((ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_imports_no_world(room: str) -> None:
    """Pure rooms take time, chance and input as arguments."""
    path = ROOT / room
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    found = {str(f.relative_to(ROOT)): sorted(IMPURE & set(imported(ast.parse(f.read_text())))) for f in files}

    assert files
    assert {} == {name: modules for name, modules in found.items() if modules}


@pytest.mark.parametrize(
    ("room", "foreign"),
    [
        ("agent.compiler.compile", ("trio", "grpc")),
        ("agent.compiler.incremental", ("trio", "grpc")),
        ("store.resources.kinds", ("trio", "grpc", "google.protobuf")),
        ("ctl.main", ("trio", "grpc", "yaml", "cattrs", "rich")),
    ],
)
def test_importing_a_room_brings_in_what_it_needs_only(room: str, foreign: tuple[str, ...]) -> None:
    """The compiler runs without the agent's machinery, and `meshctl --help` without anybody's."""
    code = f"import sys, {room}; print([m for m in {foreign!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert "[]" == done.stdout.strip()


def test_files_and_functions_stay_within_a_reader_s_grasp() -> None:
    """A file has at most 400 lines, a function at most 60."""
    long = []
    for file in sources():
        text = file.read_text()
        if text.count("\n") > MAX_FILE_LINES:
            long.append(f"{file.name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                size = node.end_lineno - node.lineno + 1
                long += [f"{file.name}:{node.lineno} {node.name}: {size} lines"] if size > MAX_FUNCTION_LINES else []

    assert [] == long


def test_the_two_lower_floors_hand_nothing_on() -> None:
    """`import store` and `import agent` are free: their `__init__` is empty."""
    assert ["", ""] == [(ROOT / package / "__init__.py").read_text() for package in ("store", "agent")]


def test_no_room_takes_a_generated_package_s_name() -> None:
    """Top-level packages of the generated code keep their names."""
    assert set() == RESERVED & {p.name.removesuffix(".py") for p in ROOT.iterdir()}


def test_every_room_says_what_lives_in_it() -> None:
    """Each file opens with a docstring."""
    silent = [
        str(f.relative_to(ROOT)) for f in sources() if f.read_text() and not ast.get_docstring(ast.parse(f.read_text()))
    ]

    assert [] == silent
