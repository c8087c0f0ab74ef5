"""Threads of the BLAS: one for little work, `set_num_threads` for much, then as before."""

import os
import threading

import numpy as np
import pytest

from findops import BVP, EVP, Diff, Dirichlet, Grid, Laplacian, set_num_threads
from findops.common import blas
from findops.common.blas import WORK_FOR_THREADS, blas_threads, dense_work
from findops.problems.eigen import pencil, shift_invert
from findops.problems.linear import basis


class Library:
    """A BLAS that has some threads."""

    def __init__(self, count):
        self.count = count

    def get_num_threads(self):
        return self.count

    def set_num_threads(self, count):
        self.count = count


@pytest.fixture
def library(monkeypatch):
    """A BLAS of 8 threads, in place of what NumPy and SciPy have."""
    made = Library(8)
    monkeypatch.setattr(blas, "_libraries", lambda: [made])
    return made


def test_work_has_the_threads_that_it_is_worth(library):
    with dense_work(10):
        assert library.count == 8  # it takes one by itself
    with dense_work(WORK_FOR_THREADS - 1):
        assert library.count == 1
    for count, held in ((3, 3), (20, 8)):
        with set_num_threads(count), dense_work(WORK_FOR_THREADS):
            assert library.count == held
    assert library.count == 8


def test_the_innermost_holds(library):
    with blas_threads(1):
        with blas_threads(4):
            assert library.count == 4
            with pytest.raises(ZeroDivisionError), blas_threads(2):
                raise ZeroDivisionError(library.count)
            assert library.count == 4
        assert library.count == 1
    assert library.count == 8


def test_what_was_set_meanwhile_is_found(library):
    with blas_threads(1):
        pass
    library.count = 5
    with blas_threads(6):
        assert library.count == 5
    assert library.count == 5


@pytest.mark.parametrize("first", [0, 1])
def test_of_several_threads_the_least_holds(library, first):
    """They leave in either order."""
    entered, left = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def work(i, count):
        with blas_threads(count):
            entered[i].set()
            assert left[i].wait(60)

    threads = [threading.Thread(target=work, args=(i, 2 + i)) for i in (0, 1)]
    for i, thread in enumerate(threads):
        thread.start()
        assert entered[i].wait(60)
        assert library.count == 2
    for i, held in ((first, 2 + (first == 0)), (1 - first, 8)):
        left[i].set()
        threads[i].join()
        assert library.count == held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Python 3.12: there are threads
def test_a_forked_child_forgets_other_threads(library):
    entered, left = threading.Event(), threading.Event()

    def work():
        with blas_threads(1):
            entered.set()
            left.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(60)
    child = os.fork()
    if not child:
        os._exit(library.count)
    left.set()
    thread.join()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 8


UNEVEN = np.linspace(0, 1, 80) ** 1.2
LINE = Grid(x=UNEVEN)
LONG = Grid(x=np.linspace(0, 1, 600) ** 1.2)
WALLS = [Dirichlet("boundary", 0)]
WORK = {
    "eigenvectors along axes": (
        basis.np.linalg, "eig",
        lambda: BVP(Laplacian(), Grid(x=UNEVEN, y=UNEVEN), WALLS).solve(1.0),
    ),
    "all eigenvectors": (
        pencil.linalg, "eig", lambda: EVP(Diff("x", 2, acc=4), LINE, WALLS).solve(70),
    ),
    "some eigenvectors": (
        shift_invert, "eigs", lambda: EVP(Diff("x", 2), LONG, WALLS).solve(2),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "name", "solve"), WORK.values(), ids=WORK)
def test_small_problems_take_one_thread(where, name, solve, library, monkeypatch):
    seen, function = [], getattr(where, name)

    def watched(*args, **options):
        seen.append(library.count)
        return function(*args, **options)

    monkeypatch.setattr(where, name, watched)
    solve()
    assert set(seen) == {1}
    assert library.count == 8


def test_both_libraries_are_found():
    assert all(found.get_num_threads() >= 1 for found in blas._libraries())
