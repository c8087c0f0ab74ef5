"""Compiled kernels: what a plan says, on every machine and in every variant."""

import os
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import findops as fo
from findops import Diff, Field, Grid, Laplacian, Periodic, Points, Uniform
from findops.executors.kernels import fused, machine
from findops.executors.kernels.fused import Fused
from findops.executors.kernels.nest import kernel
from findops.executors.kernels.row import Variant
from findops.executors.kernels.schedule import schedule
from findops.executors.kernels.stage import lower
from findops.plan.program import Chain
from tests.cases import CASES, each
from tests.support import random_array

HERE = machine.here()
FEATURES = {
    "SSE2": "+sse2",
    "AVX2": "+sse2,+sse4.2,+avx,+avx2,+fma",
    "AVX-512": "+sse2,+sse4.2,+avx,+avx2,+fma,+avx512f,+avx512dq,+avx512bw,+avx512vl",
}
MACHINES = {
    name: replace(HERE, cpu="x86-64", features=features)
    for name, features in FEATURES.items()
    if HERE.triple.startswith("x86_64")
    and set(features.split(",")) <= set(HERE.features.split(","))
}
SOME = CASES[::97]
KINDS = {"d": 1e-13, "f": 1e-6, "D": 1e-13}


# The oracle: a plan, step by step, with dense matrices ------------------------------------------


def dense(band):
    columns, weights = band.table()
    matrix = np.zeros((band.rows, band.cols))
    np.add.at(matrix, (np.arange(band.rows)[:, None], columns), weights)
    return matrix


def interpret(program, u, size=False):
    """Apply a program; where `size` is asked for, with the magnitudes of all that it holds."""
    norm = np.abs if size else np.asarray
    inputs = norm(u).reshape(-1, *program.inputs.points)
    out = np.zeros((program.outputs.count, *program.outputs.points), complex)
    for part in program.parts:
        if isinstance(part, Chain):
            value = inputs[part.col].astype(complex)
            for term in reversed(part.terms):
                for axis, band in enumerate(term.bands):
                    if band is not None:
                        value = np.moveaxis(
                            np.tensordot(norm(dense(band)), value, (1, axis)), 0, axis
                        )
                value = value * norm(term.coefficient)
                for mask in term.masks:
                    value = np.where(mask, value, 0)
            out[part.row] += value
        else:
            value = u
            for factor in reversed(part.programs):
                value = interpret(factor, value, size)
            out += value.reshape(out.shape)
    return out


# Every machine and variant ----------------------------------------------------------------------


def strided(shape, dtype, gap):
    """Return an array with room between the planes of its outer axes."""
    wide = tuple(n + gap for n in shape)
    return np.zeros(wide, dtype)[tuple(slice(0, n) for n in shape)]


def variants(op, u, monkeypatch):
    """Yield what a program gives of u by each kind of kernel."""
    program, dtype = op.program, u.dtype
    made = Fused(program, dtype)
    shape = (1, program.outputs.count, *program.outputs.points)
    fields = u.reshape(1, program.inputs.count, *program.inputs.points)

    def filled(u, out, adding=False):
        made(u, out, 1.0, adding)
        return out.copy()

    yield "plain", filled(fields, np.full(shape, np.nan, dtype))
    yield "adding", filled(fields, np.zeros(shape, dtype), True)
    wide, out = strided(fields.shape, dtype, 3), strided(shape, dtype, 5)
    wide[...] = fields
    yield "general", filled(wide, out)
    monkeypatch.setattr(fused, "LARGE", 0)
    for shift in (0, 24):
        raw = np.zeros(fields.nbytes + np.prod(shape) * u.itemsize + 192, np.uint8)
        start = -raw.ctypes.data % 64 + shift
        out = raw[start : start + int(np.prod(shape)) * u.itemsize].view(dtype).reshape(shape)
        yield f"streaming {shift}", filled(fields, out)
    monkeypatch.setattr(fused, "SEGMENT", 64)
    monkeypatch.setattr(fused, "SERIAL", 0)
    with fo.set_num_threads(2):
        yield "threads", filled(fields, np.full(shape, np.nan, dtype))


@each(SOME)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kernel_does_what_the_plan_says(case, kind, monkeypatch):
    op = case.op()
    if op.program.is_complex and kind != "D":
        pytest.skip("its coefficients are complex")
    u = random_array(op.program.inputs.shape, kind)
    want = interpret(op.program, u).ravel()
    bound = KINDS[kind] * interpret(op.program, u, size=True).real.ravel()
    bits = {}
    for name, chosen in MACHINES.items():
        with monkeypatch.context() as patch:
            patch.setattr(machine, "here", lambda chosen=chosen: chosen)
            for variant, got in variants(op, u, patch):
                got = got.ravel()
                assert np.all(np.abs(got - want) <= bound), (name, variant)
                # Without fused multiplication and addition, SSE2 rounds otherwise.
                same = bits.setdefault(name == "SSE2", got)
                np.testing.assert_array_equal(got, same, err_msg=f"{name}, {variant}")


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("acc", [2, 8])
def test_kernels_compile_for_other_processors(dtype, acc):
    op = Laplacian(acc=acc).on(Grid(Uniform(0, 1, 20), Periodic(0, 1, 30)))
    plan = schedule(op.program)
    low = lower(plan.stages[0], plan, np.dtype(dtype), (False, True))
    others = {
        "aarch64": (machine.Machine("aarch64-unknown-linux-gnu", "generic", "+neon"), 183),
        **{name: (replace(HERE, triple="x86_64-unknown-linux-gnu", cpu="x86-64", features=f), 62)
           for name, f in FEATURES.items()},
    }  # fmt: skip
    for name, (other, number) in others.items():
        lanes = other.vector_bytes // low.shape.size
        assert lanes == {"AVX2": 32, "AVX-512": 64}.get(name, 16) // low.shape.size
        text = kernel(low.shape, Variant(((),) * len(low.shape.buffers)), lanes, 0)
        code = other.object_code(text)
        assert code[:4] == b"\x7fELF"
        assert int.from_bytes(code[18:20], "little") == number


# What kernels are made for ----------------------------------------------------------------------


def kernels_of(op, dtype=float):
    """The kernels of an operator after a call."""
    made = Fused(op.program, np.dtype(dtype))
    u = np.zeros((1, op.program.inputs.count, *op.program.inputs.points), dtype)
    made(u, np.zeros((1, op.program.outputs.count, *op.program.outputs.points), dtype), 1.0, False)
    return [kernel for stage in made.stages for kernel in stage.kernels.values()]


def test_one_kernel_serves_every_operator_of_its_structure():
    rng = np.random.default_rng(1)
    E = Field("k") * Diff("x", 2, acc=4) + 2 * Diff("y", acc=4)
    k = [rng.random((30, 40)) for _ in range(3)]
    op = E.on(Grid(x=Uniform(0, 1, 30), y=Uniform(0, 1, 40)), k=k[0])
    wider = E.on(Grid(x=Uniform(3, 8, 30), y=Uniform(-1, 2, 40)), k=k[1])
    assert kernels_of(op) == kernels_of(op.replace(k=k[2])) == kernels_of(wider)
    uneven = [np.sort(rng.random(30)) for _ in range(2)]
    first, second = (Diff("x", 2).on(Grid(x=Points(x), y=Uniform(0, 1, 40))) for x in uneven)
    assert kernels_of(first) == kernels_of(second)
    other = E.on(Grid(x=Uniform(0, 1, 31), y=Uniform(0, 1, 40)), k=rng.random((31, 40)))
    assert kernels_of(op) != kernels_of(other)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("by", [1, 7, 13, 25])
def test_circles_of_any_offset(axis, by):
    n = 26
    grid = Grid(Periodic(0, 1, n), Periodic(0, 1, n))
    op = Diff(axis, scheme=fo.Offsets([-by, 0, by])).on(grid)
    u = random_array((n, n), "d")
    made = Fused(op.program, np.dtype(float))
    out = np.full((1, 1, n, n), np.nan)
    made(u[None, None], out, 1.0, False)
    want = op.matrix() @ u.ravel()
    np.testing.assert_allclose(out.ravel(), want, rtol=0, atol=1e-12 * np.abs(want).max())


# Memory -----------------------------------------------------------------------------------------

GUARDED = """
import ctypes, mmap
import numpy as np
from findops.executors.kernels import fused, machine, stage
from findops.executors.kernels.fused import Fused
from tests.cases import CASES

libc = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE
held = []


def guarded(values, at_end):
    "Return a copy between pages that must not be touched."
    values = np.asarray(values)
    inner = -(-max(values.nbytes, 1) // PAGE) * PAGE
    area = mmap.mmap(-1, inner + 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for page in (start, start + PAGE + inner):
        assert libc.mprotect(ctypes.c_void_p(page), PAGE, 0) == 0
    held.append(area)
    place = PAGE + (inner - values.nbytes if at_end else 0)
    made = np.frombuffer(area, np.uint8, values.nbytes, place).view(values.dtype)
    made = made.reshape(values.shape)
    made[...] = values
    return made


whole = stage.prepared
for at_end in (False, True):
    def prepared(factor, dtype, length):
        values, kind = whole(factor, dtype, length)
        return guarded(values, at_end), kind
    stage.prepared = prepared
    # Rows shorter than a vector are read under masks alone.
    for case in (c for i, c in enumerate(CASES) if i % 47 == 5 or c.name == "four axes"):
        op = case.op()
        for kind in ("D",) if op.program.is_complex else ("d", "f"):
            made = Fused(op.program, np.dtype(kind))
            ins, outs = op.program.inputs, op.program.outputs
            u = guarded(np.ones((1, ins.count, *ins.points), kind), at_end)
            out = guarded(np.zeros((1, outs.count, *outs.points), kind), at_end)
            for fused.LARGE in (1 << 23, 0):
                for adding in (False, True):
                    made(u, out, 1.0, adding)
            held.clear() if len(held) > 500 else None
print("whole")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are guarded by mprotect of Linux's libc")
def test_nothing_beyond_the_arrays_is_touched():
    run = subprocess.run(
        [sys.executable, "-c", GUARDED], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-2000:])
    assert run.stdout == "whole\n"


# Code that is kept ------------------------------------------------------------------------------

CALL = """
import sys
import numpy as np
from findops import Diff, Grid, Laplacian, Uniform
from findops.executors.kernels import machine

made, real = [], machine.Machine.object_code
machine.Machine.object_code = lambda self, text: made.append(text) or real(self, text)
n = int(sys.argv[1]) if len(sys.argv) > 1 else 30
op = Laplacian().on(Grid(Uniform(0, n - 1, n), Uniform(0, 59, 60)))
x, y = op.domain.coordinates()
assert np.abs(op(x**2 + 3 * y**2) - 8).max() < 1e-9
print(len(made))
"""


def call(folder, *arguments, **environment):
    """Run a program that applies an operator; return how many kernels it compiled."""
    run = subprocess.run(
        [sys.executable, "-c", CALL, *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, "FINDOPS_CACHE_DIR": str(folder), **environment},
    )  # fmt: skip
    return int(run.stdout)


def test_code_is_kept_for_other_processes(tmp_path):
    folder = tmp_path / "kept"
    assert call(folder) == 1
    (file,) = folder.iterdir()
    assert call(folder) == 0
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    content = file.read_bytes()
    for damaged in (b"", content[:40], content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
        file.write_bytes(damaged)
        assert call(folder) == 1
        assert file.read_bytes() == content


@pytest.mark.skipif(os.name != "posix", reason="the rights of folders are those of POSIX")
def test_a_folder_that_others_may_write_is_not_trusted(tmp_path):
    assert call(tmp_path) == 1
    tmp_path.chmod(0o777)
    assert call(tmp_path) == 1
    tmp_path.chmod(0o700)
    assert call(tmp_path) == 0


def test_where_nothing_can_be_kept_kernels_work(tmp_path):
    file = tmp_path / "file"
    file.write_text("no folder")
    assert call(file) == 1
    assert call(file / "below") == 1


def test_kept_code_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setenv("FINDOPS_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(machine, "CACHE_BYTES", 1000)
    monkeypatch.setattr(machine, "CHECKED_BYTES", 0)
    tmp_path.chmod(0o700)
    for i in range(5):
        machine._keep(f"key{i}", bytes(300))
        os.utime(tmp_path / f"key{i}.bin", (i, i))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"key{i}.bin" for i in (2, 3, 4)]
    assert machine._kept("key4") == bytes(300)
    assert machine._kept("key0") is None


def test_many_processes_compile_the_same_at_once(tmp_path):
    environment = {**os.environ, "FINDOPS_CACHE_DIR": str(tmp_path / "kept")}
    runs = [
        subprocess.Popen([sys.executable, "-c", CALL], stdout=subprocess.PIPE, env=environment)
        for _ in range(4)
    ]
    assert all(run.wait() == 0 for run in runs)
    for run in runs:
        run.stdout.close()
    (file,) = (tmp_path / "kept").iterdir()
    assert file.suffix == ".bin"
    assert call(tmp_path / "kept") == 0


def test_threads_and_forks_compile_at_once(tmp_path):
    code = """
import os, threading
import numpy as np
from findops import Grid, Laplacian, Uniform
from findops.executors.kernels import fused  # Python's locks of imports do not survive a fork
ops = [Laplacian(acc=acc).on(Grid(Uniform(0, 1, n), Uniform(0, 1, 70)))
       for acc in (2, 4, 6) for n in (40, 41, 42)]
u = [np.ones(op.domain.shape) for op in ops]
found = {}
threads = [threading.Thread(target=lambda i=i: found.setdefault(i, ops[i % 9](u[i % 9])))
           for i in range(27)]
for thread in threads:
    thread.start()
child = os.fork() if hasattr(os, "fork") else 1
if child == 0:
    ops[8](u[8])
    os._exit(0)
for thread in threads:
    thread.join()
if child > 1:
    assert os.waitpid(child, 0)[1] == 0
assert all(np.array_equal(found[i], found[i % 9]) for i in range(27))
print("done")
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "FINDOPS_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert run.stdout == "done\n", run.stderr
