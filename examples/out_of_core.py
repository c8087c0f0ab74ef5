"""Where a tracer is emitted, from snapshots that no worker could hold.

A source that moves with the wind V emits at a rate A'(t) into a puff of variance s² = s0² + 2κt,

    c(t, x, y, z) = A(t) exp(−|x − X0 − V t|² / 2s²) / s³,    A(t) = (1 − cos 2πt)/2,

which solves ∂c/∂t + V·∇c − κ∇²c = A'(t)/A(t) c exactly: applied to the snapshots, the operator on
the left gives back the emissions. It reaches from chunk to chunk in time and in space, and around
the two periodic axes; at the ends of time and at the ground stencils are one-sided.

Snapshots are written to Zarr by a `dask.distributed` cluster of processes, read, and the emissions
written to Zarr again. Together the workers may use less memory than the snapshots take. Printed is
the most memory that each process ever held, in chunks beyond what it takes when its libraries are
loaded. A chunk is held until its neighbors are there, so that workers hold a section through the
chunks: few, if these are cut along few axes. The picture shows what all workers held over time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import matplotlib as mpl
import numpy as np
import zarr
from dask.distributed import Client, LocalCluster
from distributed.diagnostics import MemorySampler
from numpy.typing import NDArray

from findops import Diff, Grid, Laplacian, Periodic, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "out_of_core.png"
SNAPSHOTS, POINTS = 32, 184
CHUNKS = (32, 2, 92, 184)
WORKERS, LIMIT = 2, 720_000_000  # bytes for each, of which libraries take some 280 million
WIND, START, KAPPA, S0 = (0.5, 0.3, 0.1), (0.7, 0.4, 0.3), 1e-3, 0.1

EMISSIONS = (
    Diff("t", acc=4)
    + sum(v * Diff(axis, acc=4) for v, axis in zip(WIND, "xyz", strict=True))
    - KAPPA * Laplacian(["x", "y", "z"], acc=4)
)


def series(snapshots: int, n: int) -> Grid:
    """Snapshots over a unit of time of a unit cube, periodic but for z."""
    return Grid(
        t=Uniform(0, 1, snapshots),
        x=Periodic(0, 1, n),
        y=Periodic(0, 1, n),
        z=Uniform(0, 1, n),
    )


def puff(rate: Callable[[Array], Array], t: Array, *points: Array) -> Array:
    """Return the puff with some function in the place of A, on an open mesh, dask's or NumPy's."""
    square = 2 * KAPPA * t + S0**2
    result = rate(t) / square**1.5
    for x, start, v, round_ in zip(points, START, WIND, (True, True, False), strict=True):
        away = x - start - v * t
        away = away - np.round(away) if round_ else away
        result = result * np.exp(-(away**2) / (2 * square))
    return result


def amount(t: Array) -> Array:
    return (1 - np.cos(2 * np.pi * t)) / 2


def emitted(t: Array) -> Array:
    return np.pi * np.sin(2 * np.pi * t)


def chunked(rate: Callable[[Array], Array], grid: Grid, chunks: tuple[int, ...]) -> da.Array:
    """Return the puff as an array of dask, made chunk by chunk."""
    return puff(rate, *(da.from_array(x, chunks=chunks) for x in grid.coordinates()))


def new(path: Path, grid: Grid, chunks: tuple[int, ...]) -> zarr.Array:
    return zarr.create_array(path, shape=grid.shape, chunks=chunks, dtype=float)


def run(folder: Path, grid: Grid, chunks: tuple[int, ...]) -> tuple[da.Array, float, float]:
    """Write snapshots and emissions to Zarr; return these, and their largest errors.

    The errors are relative to the largest emissions: everywhere, and between the third snapshot and
    the last but two, where stencils are central in time.
    """
    chunks = tuple(min(size, n) for size, n in zip(chunks, grid.shape, strict=True))
    da.store(chunked(amount, grid, chunks), new(folder / "snapshots", grid, chunks), lock=False)
    snapshots = da.from_zarr(folder / "snapshots")
    found = EMISSIONS.on(grid)(snapshots)
    da.store(found, new(folder / "emissions", grid, chunks), lock=False)
    written = da.from_zarr(folder / "emissions")
    wrong = abs(written - chunked(emitted, grid, chunks))
    largest, *errors = da.compute(abs(written).max(), wrong.max(), wrong[2:-2].max())
    return written, *(float(error / largest) for error in errors)


def peak_memory() -> float:
    """Return the most memory that this process ever held, in MB, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))


def picture(grid: Grid, found: da.Array, held: Array, size: float) -> None:
    figure, axes = plt.subplots(1, 4, figsize=(16, 3.9), layout="constrained")
    x, y = grid["x"].coordinates, grid["y"].coordinates
    times = grid["t"].coordinates
    moments = [np.argmin(abs(times - t)) for t in (0.25, 0.5, 0.75)]
    cuts = [np.asarray(found[i].max(axis=2) + found[i].min(axis=2)) for i in moments]
    top = max(np.abs(cut).max() for cut in cuts)
    for ax, i, cut in zip(axes, moments, cuts, strict=False):
        image = ax.pcolormesh(x, y, cut.T, cmap="RdBu_r", vmin=-top, vmax=top)
        ax.set(title=f"emissions at t = {times[i]:.2f}", xlabel="x", ylabel="y", aspect=1)
    figure.colorbar(image, ax=axes[:3], pad=0.01)
    axes[3].axhline(size, color="k", label="all snapshots")
    axes[3].axhline(WORKERS * LIMIT / 1e6, color="C3", ls="--", label="limit of both workers")
    axes[3].plot(held[:, 0], held[:, 1], label="held by both workers")
    axes[3].set(title="memory, MB", xlabel="seconds", ylim=(0, 1.1 * size))
    axes[3].legend(loc="lower right")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def loaded() -> float:
    """Apply to a small field, so that all libraries are loaded; return the most memory held."""
    small = series(9, 16)
    EMISSIONS.on(small)(puff(amount, *small.coordinates()))
    return peak_memory()


def main() -> None:
    loaded()  # Kernels are compiled here, if they never were, and found on disk by the workers.
    grid = series(SNAPSHOTS, POINTS)
    size, chunk = np.prod(grid.shape) * 8 / 1e6, np.prod(CHUNKS) * 8 / 1e6
    cluster = LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, memory_limit=LIMIT, dashboard_address=None
    )
    with tempfile.TemporaryDirectory() as folder, cluster, Client(cluster) as client:
        before = client.run(loaded)
        sampler, start = MemorySampler(), time.perf_counter()
        with sampler.sample("run", client=client, measure="process", interval=0.2):
            found, error, inside = run(Path(folder), grid, CHUNKS)
        seconds = time.perf_counter() - start
        print(f"{SNAPSHOTS} snapshots of {POINTS}³: {size:.0f} MB in {found.npartitions} chunks of "
              f"{chunk:.1f} MB")  # fmt: skip
        print(f"{WORKERS} workers of at most {LIMIT / 1e6:.0f} MB, {WORKERS * LIMIT / 1e6:.0f} MB "
              "together")  # fmt: skip
        print(f"written, read, applied, written, checked in {seconds:.1f} s")
        for i, (worker, most) in enumerate(client.run(peak_memory).items()):
            more = most - before[worker]
            print(f"peak memory of worker {i}: {most:.0f} MB, {before[worker]:.0f} for libraries, "
                  f"{more:.0f} MB or {more / chunk:.1f} chunks beyond")  # fmt: skip
        print(f"errors of the emissions: {error:.1e} of the largest, {inside:.1e} inside")
        held = np.array(sampler.samples["run"], dtype=float)
        held[:, 0] -= held[0, 0]
        held[:, 1] /= 1e6
        picture(grid, found, held, size)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
