"""What the measurements were made on."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

import findops
from benchmarks import THREADS
from benchmarks.compiler import gcc

__all__ = ["description"]

LIBRARIES = (
    "numpy",
    "scipy",
    "llvmlite",
    "devito",
    "findiff",
    "jax",
    "py-pde",
    "pyamg",
    "pylops",
    "pystencils",
)


def description() -> dict[str, str]:
    """Describe the machine (Linux), the libraries and the day."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": date.today().isoformat(),
        "CPU": f"{_model()}, {len(os.sched_getaffinity(0))} cores",
        "caches": _caches(),
        "memory": f"{memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "threads": f"{THREADS} for every code that has them",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "findops": findops.__version__,
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "C compiler": gcc("--version").splitlines()[0],
    }


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _caches() -> str:
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)
