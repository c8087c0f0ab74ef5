"""Kernels that Numba compiles: kept for other processes, and compiled anew when sources change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import findops

# What follows prints how many functions it had to compile.
COUNTED = """
from numba.core.event import install_recorder
with install_recorder("numba:compile") as recorder:
    {}
print(sum(event.is_start for _, event in recorder.buffer))
"""

MATRIX_KERNEL = """
    import numpy as np
    from findops.executors.assembly.kernels import compress
    indices, data = np.arange(3), np.array([1.0, 0.0, 2.0])
    ends, columns, numbers = np.zeros(2, int), np.zeros(2, int), np.zeros(2)
    compress(np.array([2, 3]), indices, data, 0, ends, columns, numbers)
    assert (ends.tolist(), columns.tolist(), numbers.tolist()) == ([1, 2], [0, 2], [1.0, 2.0])
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package, whose compiled code nobody else keeps or reads."""
    source, copy = Path(findops.__file__).parent, tmp_path / "findops"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def compiled_in_new_process(code, package):
    """Return how many functions a new process compiles to run some code."""
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(package.parent / "cache"),
        "PYTHONPATH": str(package.parent),
    }
    command = [sys.executable, "-W", "error", "-c", COUNTED.format(code.strip())]
    run = subprocess.run(
        command, cwd=package.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def kept(package):
    return sorted(package.parent.glob("cache/**/*.nbc"))


def test_a_second_process_compiles_nothing(package):
    assert compiled_in_new_process(MATRIX_KERNEL, package) > 0
    before = kept(package)
    assert before
    assert compiled_in_new_process(MATRIX_KERNEL, package) == 0
    assert kept(package) == before


def test_kernels_are_compiled_anew_when_other_sources_change(package):
    assert compiled_in_new_process(MATRIX_KERNEL, package) > 0
    for name in ("executors/contiguous.py", "executors/assembly/pattern.py"):
        with (package / name).open("a") as file:
            file.write("# edited\n")
        assert compiled_in_new_process(MATRIX_KERNEL, package) > 0
