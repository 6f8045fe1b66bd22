"""Judging files against merely loading them as YAML, with the parser in C.

    python tests/bench/validate.py --files 100 --documents 100 --rounds 3

Two ratios: `load` within one process, and the whole command against a bare program that only loads the files. Both in
processor time, since that is what a busy machine leaves alone; the best of the rounds.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from ctl.inputs import load

SERVICE = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: svc-{n}
  namespace: shop
spec:
  hosts: [svc-{n}.shop.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - number: 8080
    name: http
    protocol: HTTP
  endpoints:
  - address: 10.0.{high}.{low}
    labels:
      version: v1
  - address: 10.1.{high}.{low}
    labels:
      version: v2
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: svc-{n}
  namespace: shop
spec:
  host: svc-{n}
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
    connectionPool:
      tcp:
        maxConnections: 100
  subsets:
  - name: v1
    labels:
      version: v1
  - name: v2
    labels:
      version: v2
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: svc-{n}-{half}
  namespace: shop
spec:
  hosts:
  - svc-{n}-{half}
  http:
  - match:
    - headers:
        cookie:
          regex: ^(.*?;)?(user=jason)(;.*)?$
    route:
    - destination:
        host: svc-{n}
        subset: v2
  - timeout: 3s
    route:
    - destination:
        host: svc-{n}
        subset: v1
      weight: 90
    - destination:
        host: svc-{n}
        subset: v2
      weight: 10
"""
TEMPLATES = (SERVICE, RULE, ROUTE, ROUTE)

LOADS = """
import pathlib, sys, yaml
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for document in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader):
        pass
"""
VALIDATES = "import sys; from ctl.main import main; main()"


def write_files(directory: Path, files: int, documents: int) -> None:
    """Write *files* of *documents* resources each."""
    for file in range(files):
        texts = []
        for i in range(documents):
            n = (file * documents + i) // len(TEMPLATES)
            texts.append(TEMPLATES[i % len(TEMPLATES)].format(n=n, half=i % 2, high=n // 250, low=n % 250))
        (directory / f"{file:04}.yaml").write_text("---\n".join(texts))


def load_plainly(directory: Path) -> None:
    """Do what the bare program does."""
    for file in sorted(directory.iterdir()):
        for _ in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader):
            pass


def judge(directory: Path, expected: int) -> None:
    """Judge the files; all of them are right."""
    inputs = load([str(directory)])
    assert expected == len(inputs.loaded), inputs.diagnostics[:3]


def seconds_in_process(work: Callable[[], None]) -> float:
    """Return the processor time of *work*."""
    start = time.process_time()
    work()
    return time.process_time() - start


def seconds_of_process(*words: str) -> float:
    """Return the processor time of a Python of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", *words], check=True, capture_output=True, cwd=Path(__file__).parents[2])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and print seconds and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=100)
    arguments.add_argument("--documents", type=int, default=100, help="in each file")
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_files(directory, given.files, given.documents)
        works: dict[str, Callable[[], float]] = {
            "yaml": lambda: seconds_in_process(lambda: load_plainly(directory)),
            "load": lambda: seconds_in_process(lambda: judge(directory, given.files * given.documents)),
            "yaml, a program": lambda: seconds_of_process(LOADS, name),
            "meshctl validate": lambda: seconds_of_process(VALIDATES, "validate", "-f", name),
        }
        taken = {title: [] for title in works}  # type: dict[str, list[float]]
        for _ in range(given.rounds):
            for title, work in works.items():
                taken[title].append(work())
    best = {title: min(seconds) for title, seconds in taken.items()}
    print(f"{given.files} files of {given.documents} resources")
    for title, plain in (("load", "yaml"), ("meshctl validate", "yaml, a program")):
        ratio = best[title] / best[plain]
        print(f"{title:18} {best[title]:6.2f} s   {plain:16} {best[plain]:6.2f} s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
