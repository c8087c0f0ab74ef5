"""The grids of the table of cases, by name, and the coefficients that live on them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import findops as fo
from findops import Grid
from tests.support import coordinates, open_mesh

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 2 * np.pi  # a period of every wave and coefficient
BOUNDED_LENGTH = 6.0
START = 0.3  # not zero: a mistake in the origin must show


def _nodes(widths, m, length):
    """Return m + 1 nodes whose spacings repeat a pattern: refinement keeps every local ratio."""
    steps = np.resize(widths, m)
    return START + length * np.concatenate([[0], np.cumsum(steps)]) / np.sum(steps)


def _with_ghosts(widths, m, length):
    """Return points with eight ghosts on either side, two of the pattern's periods."""
    nodes = _nodes(widths, m + 16, length * (m + 16) / m)
    return fo.Points(nodes[8:-8], ghosts=(nodes[:8], nodes[-8:]))


def _smooth(m, length):
    s = np.linspace(0, 1, m + 1)
    return START + length * (s + s**2) / 2


def _half(axis):
    return Grid(x=axis).half("x")["x"]


ALTERNATING = (1.0, 1.7)
RANDOM = tuple(np.random.default_rng(7).uniform(0.6, 1.6, 4))

# Each makes an axis of m cells and some length; laws refine by doubling m.
AXES: dict[str, Callable[[int, float], Any]] = {
    "uniform": lambda m, s: fo.Uniform(START, START + s, m + 1),
    "periodic": lambda m, _: fo.Periodic(START, START + LENGTH, m),
    "alternating": lambda m, s: fo.Points(_nodes(ALTERNATING, m, s)),
    "random": lambda m, s: fo.Points(_nodes(RANDOM, m, s)),
    "stretched": lambda m, s: fo.Points(_smooth(m, s)),
    "periodic-random": lambda m, _: fo.Points(_nodes(RANDOM, m, LENGTH)[:-1], period=LENGTH),
    "descending": lambda m, s: fo.Uniform(START + s, START, m + 1),
    "descending-random": lambda m, s: fo.Points(-_nodes(RANDOM, m, s)),
    "cells": lambda m, s: fo.Cells(START, START + s, m),
    "half": lambda m, s: _half(fo.Uniform(START, START + s, m + 1)),
    "faces": lambda m, s: _half(fo.Cells(START, START + s, m)),
    "periodic-half": lambda m, _: _half(fo.Periodic(START, START + LENGTH, m)),
    "random-half": lambda m, s: _half(fo.Points(_nodes(RANDOM, m, s))),
}


# Axes that serve one scheme only: not every case is tried on them.
SPECIAL: dict[str, Callable[[int, float], Any]] = {
    "chebyshev": lambda m, s: fo.ChebyshevPoints(START, START + s, m + 1),
    "chebyshev-descending": lambda m, s: fo.ChebyshevPoints(START + s, START, m + 1),
    "ghosts": lambda m, s: _with_ghosts(RANDOM, m, s),
    "descending-ghosts": lambda m, s: _with_ghosts(RANDOM, m, -s),
    "ghosts-half": lambda m, s: _half(_with_ghosts(RANDOM, m, s)),
}


@cache
def make_grid(spec: str, m: int) -> Grid:
    """Make the grid of "x=uniform y=periodic" (unnamed: "uniform periodic"), m cells an axis.

    A kind may carry its own number of cells: "x=periodic:3".
    """
    axes = {}
    for i, word in enumerate(spec.split()):
        name, _, kind = word.rpartition("=")
        kind, _, count = kind.partition(":")
        # no two spacings alike: weights of different axes must not cancel by accident
        axes[name or i] = (AXES | SPECIAL)[kind](int(count or m), BOUNDED_LENGTH * (1 + 0.07 * i))
    return Grid(*axes.values()) if 0 in axes else Grid(**axes)


def kinds(spec: str) -> list[str]:
    """Return the kind of each axis of a grid's specification."""
    return [word.rpartition("=")[2].partition(":")[0] for word in spec.split()]


# Coefficients, with the derivatives that the meaning of a product needs -------------------------


def a(x):
    return 2 + np.sin(x)


def da(x):
    return np.cos(x)


def dda(x):
    return -np.sin(x)


def k(x, y):
    return 2 + np.sin(x) * np.cos(y)


def kx(x, y):
    return np.cos(x) * np.cos(y)


def ky(x, y):
    return -np.sin(x) * np.sin(y)


def sample(grid, f):
    """Return a coefficient as an array on the grid."""
    return np.array(np.broadcast_to(f(*open_mesh(coordinates(grid))), grid.shape))
