"""Labeled C grids: components on dimensions that are half points of others'."""

import numpy as np
import pytest

from findops import Divergence

xarray = pytest.importorskip("xarray", reason="labeled arrays are xarray's, an extra")

X, Y = np.arange(8) + 0.5, (np.arange(6) + 0.5) * 0.5
DIV = Divergence(to="node")
FACES = np.arange(9.0), np.arange(7.0) * 0.5


def flow(xu, yv, x=X, y=Y):
    """u = x, v = 2y at faces across."""
    return xarray.Dataset(
        {
            "u": (("y", "xu"), 0 * y[:, None] + xu[None]),
            "v": (("yv", "x"), 2 * yv[:, None] + 0 * x[None]),
        },
        {"x": x, "y": y, "xu": xu, "yv": yv},
    )


@pytest.mark.parametrize(
    ("xu", "yv"), [FACES, (FACES[0][1:-1], FACES[1][1:-1])], ids=["faces", "midpoints"]
)
def test_divergence_is_exact(xu, yv):
    found = DIV(flow(xu, yv), x="u", y="v")
    assert found.dims == ("y", "x")
    np.testing.assert_array_equal(found.x, X)
    np.testing.assert_allclose(found, 3, rtol=1e-13)


def test_chunks_stay_lazy():
    dask = pytest.importorskip("dask.array", reason="dask is an extra")
    found = DIV(flow(*FACES).chunk(2), x="u", y="v")
    assert isinstance(found.data, dask.Array)
    np.testing.assert_allclose(found, 3, rtol=1e-13)


@pytest.mark.parametrize(("end", "part"), [("+", slice(None, -1)), ("-", slice(1, None))])
def test_a_missing_face_is_a_wall_or_refused(end, part):
    given = flow(FACES[0][part], FACES[1][part])
    with pytest.raises(ValueError, match=rf"'u' has no value on x[{end}].*says that it is a wall"):
        DIV(given, x="u", y="v")
    found = DIV(given, closure="zero", x="u", y="v")
    inside = slice(None, -1) if end == "+" else slice(1, None)
    np.testing.assert_allclose(found[inside, inside], 3, rtol=1e-13)
    corner, gone = ((-1, -1), (8.0, 3.0)) if end == "+" else ((0, 0), (0.0, 0.0))
    np.testing.assert_allclose(found[corner], 3 - gone[0] / 1 - 2 * gone[1] / 0.5, rtol=1e-12)


@pytest.mark.parametrize("turned", [False, True], ids=["after", "before"])
def test_circles_close(turned):
    x, y = np.arange(8.0), np.arange(6) * 0.5
    given = flow(x + 0.5, y + 0.25, x, y)
    given["u"] = np.sin(2 * np.pi * given.xu / 8) + 0 * given.y
    given["v"] = 0 * given.v
    if turned:
        given = given.roll(xu=1).assign_coords(xu=x - 0.5)
    found = DIV(given, periodic={"x": 8.0, "y": 3.0}, x="u", y="v")
    exact = 2 * np.sin(np.pi / 8) * np.cos(2 * np.pi * x / 8)
    np.testing.assert_allclose(found.transpose("y", "x"), np.tile(exact, (6, 1)), atol=1e-14)


@pytest.mark.parametrize("made", [DIV, Divergence()], ids=str)
def test_foreign_dimensions_are_refused(made):
    given = flow(np.arange(8) * 1.3, np.arange(6) * 7.0)
    with pytest.raises(ValueError, match="neither the same nor half points of one another"):
        made(given, x="u", y="v")


def test_what_does_not_meet_is_refused():
    with pytest.raises(ValueError, match="does not meet"):
        Divergence()(flow(*FACES), x="u", y="v")
