"""Vector calculus between nodes, edges, faces and centers, and systems of such components."""

from fractions import Fraction

import pytest

from findops import Curl, Divergence, Gradient, Upwind


@pytest.mark.parametrize("made", [Gradient, Divergence, Curl])
def test_positions_print(made):
    assert str(made(to="half")) == f"{made()}[to half]"
    assert repr(made(["x", "y"], to="node")) == f"{made.__name__}(['x', 'y'], to='node')"
    assert made(to="half") != made()
    assert r"^{\to\mathrm{half}}" in made(to="half")._repr_latex_()


def test_every_derivative_goes_to_the_half_points_of_its_own_axis():
    half = Fraction(1, 2)
    stencil = Curl(["x", "y"], to="half").stencil(1)
    assert stencil[0, 0] == {(0, -half): 1, (0, half): -1}
    assert stencil[0, 1] == {(-half, 0): -1, (half, 0): 1}


@pytest.mark.parametrize("made", [Gradient, Divergence, Curl])
def test_what_maps_nowhere_is_refused(made):
    with pytest.raises(ValueError, match=f"{made.__name__}: to must be 'half' or 'node'"):
        made(to="edge")
    with pytest.raises(ValueError, match="works from points to the same points"):
        made(scheme=Upwind(1), to="half")
