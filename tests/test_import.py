"""The cost of `import findops`: SymPy, LLVM and Matplotlib only when asked for."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import findops
import numpy as np
from findops import Diff, Gradient, Grid, Uniform
{work}
print([name for name in {heavy!r} if name in sys.modules])
"""
HEAVY = ["sympy", "llvmlite", "matplotlib", "xarray", "dask", "pandas", "hypothesis"]
HEAVY += ["jax", "torch", "array_api_compat", "threadpoolctl"]

WORK = {
    "import": "",
    "apply": "Diff(0, 2)(np.ones(9), 0.1)",
    "bind": "Gradient(acc=4).on(Grid(x=Uniform(0, 1, 9))).matrix()",
    "print": "str(2 * Diff('x') + 1), repr(Diff('x')), Diff('x')._repr_latex_()",
    "accuracy": "(np.sin * Diff(0)).on(Grid(Uniform(0, 1, 9))).accuracy",
    "weights": "findops.weights(1, [0, 1, 2.5]), findops.coefficients(2, acc=8)",
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_heavy_libraries_are_not_imported(work):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(work=work, heavy=HEAVY)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_sympy_comes_with_symbols():
    program = "import sys, findops; findops.Diff('x').stencil(); print('sympy' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "True"
