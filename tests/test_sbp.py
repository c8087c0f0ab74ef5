"""Summation by parts: the laws in exact arithmetic, published coefficients, dissipation."""

from fractions import Fraction

import numpy as np
import pytest

import findops as fo
from findops import SBP, Diff, Grid, Periodic, Points, Uniform, UpwindSBP
from findops.schemes import DissipationScheme
from findops.schemes.sbp.derivation import (
    boundary_derivative,
    centered_stencil,
    first_derivative,
    second_derivative,
)
from tests.support import assert_same_matrix

SOURCES = ("compatible", "mattsson-nordstrom-2004", "strand-1994")
FIRST = [SBP(p, source) for p in (2, 4, 6, 8) for source in SOURCES]
FIRST += [SBP(6, (Fraction(2, 3),)), SBP(8, ("2/3", "-1/9", "3/4"))]
SECOND = [scheme for scheme in FIRST if "strand-1994" not in repr(scheme)]


def whole(scheme, order, n):
    """The matrix of a derivative on n points with unit spacing, in Fractions."""
    exact = scheme.exact_matrix(order)
    reach, rows = len(exact.interior) // 2, []
    for i in range(n):
        if i < len(exact.head):
            row = [*exact.head[i], *[Fraction(0)] * n][:n]
        elif n - 1 - i < len(exact.tail):
            row = [*exact.tail[n - 1 - i], *[Fraction(0)] * n][:n][::-1]
        else:
            row = [Fraction(0)] * n
            row[i - reach : i + reach + 1] = exact.interior
        rows.append(row)
    return np.array(rows, dtype=object)


def size(scheme, order=1):
    return 2 * len(scheme.exact_matrix(order).head) + 3


def norm(scheme, n):
    edge = scheme.edge_norm
    ones = [Fraction(1)] * (n - 2 * len(edge))
    return np.array([*edge, *ones, *reversed(edge)], dtype=object)


def boundary(n):
    B = np.full((n, n), Fraction(0), dtype=object)
    B[0, 0], B[-1, -1] = Fraction(-1), Fraction(1)
    return B


def powers(n, degree):
    return np.array([Fraction(i) ** degree for i in range(n)], dtype=object)


def definite(matrix):
    """Whether a symmetric matrix of Fractions is positive semi-definite, by elimination."""
    A = matrix.copy()
    for k in range(len(A)):
        if A[k, k] < 0 or (A[k, k] == 0 and A[k, k:].any()):
            return False
        if A[k, k]:
            A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :]) / A[k, k]
    return True


# Laws, exact ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", FIRST, ids=repr)
def test_first_derivative_sums_by_parts(scheme):
    n = size(scheme)
    H, D = norm(scheme, n), whole(scheme, 1, n)
    assert np.all(H > 0)
    assert np.all(H[:, None] * D + (H[:, None] * D).T == boundary(n))
    for degree in range(scheme.order // 2 + 1):
        assert np.all(D @ powers(n, degree) == degree * powers(n, max(degree - 1, 0)))
    # The norm is a quadrature of the interior's order.
    for degree in range(scheme.order):
        assert sum(H * powers(n, degree)) == Fraction(n - 1) ** (degree + 1) / (degree + 1)


@pytest.mark.parametrize("scheme", SECOND, ids=repr)
def test_second_derivative_sums_by_parts(scheme):
    n, half = size(scheme, 2), scheme.order // 2
    D2, S = whole(scheme, 2, n), scheme.exact_matrix(2).slope
    ends = np.full((n, n), Fraction(0), dtype=object)
    ends[0, : len(S)] = [-w for w in S]
    ends[-1, n - len(S) :] = [-w for w in reversed(S)]
    M = ends - norm(scheme, n)[:, None] * D2
    assert np.all(M == M.T)
    assert definite(M)
    for degree in range(half + 2):
        want = degree * (degree - 1) * powers(n, max(degree - 2, 0))
        assert np.all(D2 @ powers(n, degree) == want)
        assert sum(w * Fraction(i) ** degree for i, w in enumerate(S)) == (degree == 1)


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_the_compatible_pair_is_compatible(order):
    """M ≥ DᵀHD: what diffusion loses is at least what the first derivative sees."""
    scheme = SBP(order)
    n = size(scheme, 2)
    H, D, D2 = norm(scheme, n), whole(scheme, 1, n), whole(scheme, 2, n)
    S = scheme.exact_matrix(2).slope
    M = -H[:, None] * D2
    M[0, : len(S)] -= S
    M[-1, n - len(S) :] -= S[::-1]
    assert definite(M - D.T @ (H[:, None] * D))


def test_mattssons_sixth_order_first_derivative_is_not_compatible_with_the_second():
    scheme = SBP(6, "mattsson-nordstrom-2004")
    n = size(scheme, 2)
    H, D, D2 = norm(scheme, n), whole(scheme, 1, n), whole(scheme, 2, n)
    S = scheme.exact_matrix(2).slope
    M = -H[:, None] * D2
    M[0, : len(S)] -= S
    M[-1, n - len(S) :] -= S[::-1]
    assert not definite(M - D.T @ (H[:, None] * D))


@pytest.mark.parametrize("order", range(2, 10))
def test_upwind_pairs_sum_by_parts_and_damp(order):
    plus, minus = UpwindSBP(order, "+"), UpwindSBP(order, "-")
    n = size(plus)
    H = norm(plus, n)[:, None]
    up, down = (H * whole(scheme, 1, n) for scheme in (plus, minus))
    assert np.all(up + down.T == boundary(n))
    assert np.all(up - down == (up - down).T)
    assert definite(down - up)
    for degree in range(order // 2 + 1):
        want = degree * powers(n, max(degree - 1, 0))
        assert np.all(up @ powers(n, degree) == norm(plus, n) * want)
    # In the interior they are the biased stencils of that order.
    bias = fo.coefficients(1, acc=order, scheme=fo.Biased(1 - order % 2))
    middle = plus.exact_matrix(1).interior
    reach = len(middle) // 2
    found = {k - reach: w for k, w in enumerate(middle) if w}
    assert found == {o: w for o, w in zip(bias.offsets, bias.weights, strict=True) if w}


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("by", [SBP(2), SBP(4), UpwindSBP(5, "+")], ids=repr)
def test_damping_is_symmetric_and_only_damps(by, k):
    scheme = DissipationScheme(by, 2 * k)
    n = size(scheme)
    A = norm(by, n)[:, None] * whole(scheme, 1, n)
    assert np.all(A == A.T)
    assert definite(-A)
    for degree in range(k):
        assert not (A @ powers(n, degree)).any()


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_diffusion_is_narrow_and_loses_more_than_the_first_derivative_sees(order):
    """H D(b) = −DᵀHbD − Σ c·δᵀbδ + ends, for any b, and in the interior D₂ where b is constant."""
    scheme = SBP(order)
    (D, *remainders), half = scheme.pairs, order // 2
    n = max(size(left) for left, _ in remainders) + order
    H = norm(scheme, n)[:, None]
    b = np.array([Fraction(1 + 7 * i % 5, 3) for i in range(n)], dtype=object)[:, None]
    parts = [(whole(left, 1, n), whole(right, 1, n)) for left, right in (D, *remainders)]
    for left, right in parts[1:]:
        A = H * (left @ (b * right))
        assert np.all(A == A.T)
        assert definite(-A)
        for degree in range(half + 1):
            assert not (right @ powers(n, degree)).any()
    total = sum(left @ (b * right) for left, right in parts)
    constant = sum(left @ right for left, right in parts)
    inside = slice(n // 2 - 1, n // 2 + 1)
    far = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > half
    assert not total[inside][far[inside]].any()
    assert np.all(constant[inside] == whole(scheme, 2, n)[inside])
    for degree in range(half + 1):
        want = degree * (degree - 1) * powers(n, max(degree - 2, 0))
        assert np.all(constant @ powers(n, degree) == want)


def test_accuracy_must_determine_what_is_not_given():
    with pytest.raises(ValueError, match="free"):
        first_derivative(3, centered_stencil(1, 3))
    with pytest.raises(ValueError, match="no such entries"):
        first_derivative(2, centered_stencil(1, 2), (((0, 1), Fraction(1)),))
    norm_4, _ = first_derivative(2, centered_stencil(1, 2))
    assert second_derivative(2, norm_4).block[0][:3] == (
        Fraction(9, 8),
        Fraction(-59, 48),
        Fraction(1, 12),
    )
    assert boundary_derivative(2) == (Fraction(-11, 6), 3, Fraction(-3, 2), Fraction(1, 3))


# Published coefficients -------------------------------------------------------------------------


def fractions(text):
    return tuple(map(Fraction, text.split()))


NORMS = {
    SBP(2): "1/2",
    SBP(4): "17/48 59/48 43/48 49/48",
    SBP(6): "13649/43200 12013/8640 2711/4320 5359/4320 7877/8640 43801/43200",
    SBP(8): "1498139/5080320 1107307/725760 20761/80640 1304999/725760 299527/725760 103097/80640 "
    "670091/725760 5127739/5080320",
    UpwindSBP(2, "+"): "1/4 5/4",
    UpwindSBP(3, "+"): "5/12 13/12",
    UpwindSBP(4, "+"): "49/144 61/48 41/48 149/144",
    UpwindSBP(5, "+"): "251/720 299/240 211/240 739/720",
}

MN = "mattsson-nordstrom-2004"
ROWS = [
    (SBP(4), 1, 0, "-24/17 59/34 -4/17 -3/34"),
    (SBP(4), 1, 1, "-1/2 0 1/2"),
    (SBP(4), 1, 2, "4/43 -59/86 0 59/86 -4/43"),
    (SBP(4), 1, 3, "3/98 0 -59/98 0 32/49 -4/49"),
    (SBP(4), 2, 0, "2 -5 4 -1"),
    (SBP(4), 2, 1, "1 -2 1"),
    (SBP(4), 2, 2, "-4/43 59/43 -110/43 59/43 -4/43"),
    (SBP(4), 2, 3, "-1/49 0 59/49 -118/49 64/49 -4/49"),
    (SBP(6, MN), 1, 0, "-21600/13649 104009/54596 30443/81894 -33311/27298 16863/27298 "
     "-15025/163788"),
    (SBP(6, MN), 1, 1, "-104009/240260 0 -311/72078 20229/24026 -24337/48052 36661/360390"),
    (SBP(6, MN), 1, 2, "-30443/162660 311/32532 0 -11155/16266 41287/32532 -21999/54220"),
    (SBP(6, MN), 1, 3, "33311/107180 -20229/21436 485/1398 0 4147/21436 25427/321540 72/5359"),
    (SBP(6, MN), 1, 4, "-16863/78770 24337/31508 -41287/47262 -4147/15754 0 342523/472620 "
     "-1296/7877 144/7877"),
    (SBP(6, MN), 1, 5, "15025/525612 -36661/262806 21999/87602 -25427/262806 -342523/525612 0 "
     "32400/43801 -6480/43801 720/43801"),
    (SBP(6, MN), 2, 0, "114170/40947 -438107/54596 336409/40947 -276997/81894 3747/13649 "
     "21035/163788"),
    (SBP(6, MN), 2, 1, "6173/5860 -2066/879 3283/1758 -303/293 2111/3516 -601/4395"),
    (SBP(6, MN), 2, 2, "-52391/81330 134603/32532 -21982/2711 112915/16266 -46969/16266 "
     "30409/54220"),
    (SBP(6, MN), 2, 3, "68603/321540 -12423/10718 112915/32154 -75934/16077 53369/21436 "
     "-54899/160770 48/5359"),
    (SBP(6, MN), 2, 4, "-7053/39385 86551/94524 -46969/23631 53369/15754 -87904/23631 "
     "820271/472620 -1296/7877 96/7877"),
    (SBP(6, MN), 2, 5, "21035/525612 -24641/131403 30409/87602 -54899/131403 820271/525612 "
     "-117600/43801 64800/43801 -6480/43801 480/43801"),
    (SBP(8, MN), 1, 0, "-2540160/1498139 5544277/5992556 198794991/29962780 -256916579/17977668 "
     "20708767/1498139 -41004357/5992556 27390659/17977668 -2323531/29962780"),
    (SBP(8, MN), 1, 1, "-5544277/31004596 0 -85002381/22146140 49607267/4429228 "
     "-165990199/13287684 7655859/1107307 -7568311/4429228 48319961/465068940"),
    (SBP(8, MN), 1, 2, "-66264997/8719620 9444709/415220 0 -20335981/249132 32320879/249132 "
     "-35518713/415220 2502774/103805 -3177073/1743924"),
    (SBP(8, MN), 1, 3, "256916579/109619916 -49607267/5219996 61007943/5219996 0 "
     "-68748371/5219996 65088123/5219996 -66558305/15659988 3870214/9134993"),
    (SBP(8, MN), 1, 4, "-20708767/2096689 165990199/3594324 -96962637/1198108 68748371/1198108 0 "
     "-27294549/1198108 14054993/1198108 -42678199/25160268 -2592/299527"),
    (SBP(8, MN), 1, 5, "13668119/8660148 -850651/103097 35518713/2061940 -21696041/1237164 "
     "9098183/1237164 0 -231661/412388 7120007/43300740 3072/103097 -288/103097"),
    (SBP(8, MN), 1, 6, "-27390659/56287644 7568311/2680364 -22524966/3350455 66558305/8041092 "
     "-14054993/2680364 2084949/2680364 0 70710683/93812740 -145152/670091 27648/670091 "
     "-2592/670091"),
    (SBP(8, MN), 1, 7, "2323531/102554780 -48319961/307664340 9531219/20510956 -3870214/5127739 "
     "2246221/3238572 -21360021/102554780 -70710683/102554780 0 4064256/5127739 -1016064/5127739 "
     "193536/5127739 -18144/5127739"),
    (SBP(8, MN), 2, 0, "4870382994799/1358976868290 -893640087518/75498714905 "
     "926594825119/60398971924 -1315109406200/135897686829 39126983272/15099742981 "
     "12344491342/75498714905 -451560522577/2717953736580"),
    (SBP(8, MN), 2, 1, "333806012194/390619153855 -154646272029/111605472530 "
     "1168338040/33481641759 82699112501/133926567036 -171562838/11160547253 "
     "-28244698346/167408208795 11904122576/167408208795 -2598164715/312495323084"),
    (SBP(8, MN), 2, 4, "1455067816/21132528431 -171562838/3018932633 -43205598281/36227191596 "
     "48242560214/9056797899 -52276055645/6037865266 57521587238/9056797899 "
     "-80321706377/36227191596 8078087158/21132528431 -1296/299527"),
    (SBP(8, MN), 2, 7, "0 -2598164715/206729925524 10496900965/155047444143 "
     "-44430275135/310094888286 425162482/2720130599 -137529995233/620189776572 "
     "239073018673/155047444143 -144648000000/51682481381 8128512/5127739 -1016064/5127739 "
     "129024/5127739 -9072/5127739"),
    (UpwindSBP(2, "+"), 1, 0, "-3 5 -2"),
    (UpwindSBP(2, "-"), 1, 1, "-1 1"),
    (UpwindSBP(3, "+"), 1, 0, "-7/5 9/5 -2/5"),
    (UpwindSBP(3, "+"), 1, 1, "-5/13 -5/13 12/13 -2/13"),
    (UpwindSBP(4, "+"), 1, 0, "-75/49 205/98 -29/49 3/98"),
    (UpwindSBP(4, "+"), 1, 1, "-169/366 -11/61 99/122 -43/183 4/61"),
    (UpwindSBP(4, "-"), 1, 3, "-3/298 43/149 -389/298 117/149 36/149"),
    (UpwindSBP(5, "+"), 1, 0, "-366/251 941/502 -94/251 -21/502"),
    (UpwindSBP(5, "+"), 1, 1, "-869/1794 -22/299 375/598 -86/897 8/299"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", NORMS, ids=repr)
def test_norms_are_those_in_print(scheme):
    assert scheme.edge_norm == fractions(NORMS[scheme])


@pytest.mark.parametrize(("scheme", "order", "i", "row"), ROWS)
def test_rows_are_those_in_print(scheme, order, i, row):
    got = scheme.exact_matrix(order).head[i]
    want = fractions(row)
    assert got == want + (Fraction(0),) * (len(got) - len(want))


STRAND_6 = (
    "-21600/13649 81763/40947 131/27298 -9143/13649 20539/81894 0",
    "-81763/180195 0 7357/36039 30637/72078 -2328/12013 6611/360390",
    "-131/54220 -7357/16266 0 645/2711 11237/32532 -3487/27110",
    "9143/53590 -30637/64308 -645/5359 0 13733/32154 -67/4660 72/5359",
    "-20539/236310 2328/7877 -11237/47262 -13733/23631 0 89387/118155 -1296/7877 144/7877",
    "0 -6611/262806 3487/43801 1541/87602 -89387/131403 0 32400/43801 -6480/43801 720/43801",
)


@pytest.mark.parametrize(("i", "row"), list(enumerate(STRAND_6)))
def test_strands_operator_of_sixth_order_is_that_in_print(i, row):
    got, want = SBP(6, "strand-1994").exact_matrix(1).head[i], fractions(row)
    assert got == want + (Fraction(0),) * (len(got) - len(want))


@pytest.mark.parametrize("x", [("0.541", "-0.0675", "0.748"), ("1/3", "2/7", "-5/9")])
def test_strands_family_of_eighth_order_is_that_in_print(x):
    """Its entries above the diagonal over the norm, in the three parameters that remain."""
    D, (x1, x2, x3) = SBP(8, x).exact_matrix(1).head, map(Fraction, x)
    upper = {
        (0, 1): 9 * (2257920 * x1 + 11289600 * x2 + 22579200 * x3 - 15849163) / 5992556,
        (0, 2): -3 * (33868800 * x1 + 162570240 * x2 + 304819200 * x3 - 235236677) / 5992556,
        (0, 3): (609638400 * x1 + 2743372800 * x2 + 4572288000 * x3 - 3577778591) / 17977668,
        (0, 4): -3 * (16934400 * x1 + 67737600 * x2 + 84672000 * x3 - 67906303) / 1498139,
        (0, 5): 105 * (967680 * x1 + 2903040 * x2 - 305821) / 5992556,
        (0, 6): -49 * (1244160 * x1 - 18662400 * x3 + 13322233) / 17977668,
        (0, 7): -3 * (6773760 * x2 + 33868800 * x3 - 24839327) / 5992556,
        (1, 2): 3 * (7257600 * x1 + 33868800 * x2 + 60963840 * x3 - 47167457) / 2214614,
        (1, 7): (152409600 * x2 + 731566080 * x3 - 536324953) / 46506894,
        (2, 3): (24192000 * x1 + 101606400 * x2 + 152409600 * x3 - 120219461) / 124566,
        (2, 6): -6 * (134400 * x1 - 1693440 * x3 + 1191611) / 20761,
        (3, 4): 9 * (16128000 * x1 + 56448000 * x2 + 56448000 * x3 - 47206049) / 5219996,
        (4, 5): 105 * (414720 * x1 + 967680 * x2 - 165527) / 1198108,
        (5, 6): 80640 * x1 / 103097,
        (6, 7): 725760 * x3 / 670091,
    }
    assert {place: D[place[0]][place[1]] for place in upper} == upper


def test_strand_has_the_least_bandwidth():
    D = SBP(6, "strand-1994").exact_matrix(1).head
    assert D[0][5] == 0
    D = SBP(8, "strand-1994").exact_matrix(1).head
    assert [D[0][6], D[0][7], D[1][7]] == [0, 0, 0]


# As schemes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scheme", [SBP(4), SBP(8), UpwindSBP(4, "+"), DissipationScheme(SBP(2), 4)], ids=repr
)
def test_on_a_circle_the_interior_is_everywhere(scheme):
    grid = Grid(x=Periodic(0, 1, 20))
    op = Diff("x", scheme=scheme).on(grid)
    stencil = scheme.stencil(1, scheme.claim(1, None))
    want = {(int(o),): float(w * 20) for o, w in
            zip(stencil.offsets, stencil.weights, strict=True)}  # fmt: skip
    assert op.stencil(0) == op.stencil(11) == want
    np.testing.assert_array_equal(scheme.norm(grid["x"]), 0.05)
    if scheme == SBP(4):
        assert_same_matrix(op.matrix(), Diff("x", acc=4).matrix(grid), 0)


@pytest.mark.parametrize("side", ["+", "-"])
def test_sides_are_those_of_coordinates(side):
    up, down = Grid(x=Uniform(0, 1, 14)), Grid(x=Uniform(1, 0, 14))
    D = Diff("x", scheme=UpwindSBP(3, side))
    A, B = D.matrix(up).toarray(), D.matrix(down).toarray()
    np.testing.assert_allclose(B, A[::-1, ::-1], atol=1e-13)


def test_the_norm_integrates():
    axis = Uniform(1, 0, 21)
    x = axis.coordinates
    np.testing.assert_allclose(SBP(6).norm(axis) @ x**5, 1 / 6, rtol=1e-14)


def test_dissipation_damps_the_sawtooth_and_leaves_what_is_smooth():
    grid = Grid(x=Periodic(n=16, step=0.5))
    damp = fo.Dissipation("x", SBP(4), strength=3).on(grid)
    sawtooth = (-1.0) ** np.arange(16)
    # Per unit of time, at a speed of one spacing: the shortest wave by its strength.
    np.testing.assert_allclose(damp(sawtooth), -3 / 0.5 * sawtooth, rtol=1e-14)
    grid = Grid(x=Uniform(0, 1, 30))
    damp, x = fo.Dissipation("x", SBP(4)).on(grid), grid.coordinates()[0]
    np.testing.assert_allclose(damp(x**2), 0, atol=1e-11)
    A = SBP(4).norm(grid["x"])[:, None] * damp.matrix().toarray()
    assert np.linalg.eigvalsh(A + A.T).max() <= 1e-14 * np.abs(A).max()
    np.testing.assert_array_equal(damp.accuracy[[0, 3, 15]], [2, 5, 5])
    down = fo.Dissipation("x", SBP(4)).on(Grid(x=Uniform(1, 0, 30)))
    assert_same_matrix(down.matrix(), damp.matrix(), 0)
    lower = fo.Dissipation("x", SBP(4), order=4)
    assert lower != fo.Dissipation("x", SBP(4))
    assert lower.stencil(1)[(0,)] == Fraction(-3, 8)
    assert eval(repr(lower), {"Dissipation": fo.Dissipation, "SBP": SBP}) == lower


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SBP(5), "order of 2, 4, 6 or 8"),
        (lambda: SBP(True), "order of 2, 4, 6 or 8"),
        (lambda: SBP(4, "nobody-1900"), "source must be one of"),
        (lambda: SBP(6, (1, 2)), r"q56 free, but 2"),
        (lambda: SBP(4, (1,)), "no entries free"),
        (lambda: UpwindSBP(1, "+"), "from 2 to 9"),
        (lambda: UpwindSBP(3, "left"), "side must be"),
        (lambda: Diff("x", acc=4, scheme=SBP(4)), "leave acc out"),
        (lambda: Diff("x", 3, scheme=SBP(4)), "not one of order 3"),
        (lambda: Diff("x", 2, scheme=SBP(4, "strand-1994")), "first derivatives only"),
        (lambda: Diff("x", 2, scheme=UpwindSBP(3, "+")), "has a first derivative"),
        (lambda: fo.Diffusion(1, natural=True, scheme=SBP(4)), "natural=True is not for it"),
        (lambda: Diff("x", to="half", scheme=SBP(4)), "works from points to the same"),
        (lambda: Diff("x", scheme=SBP(4)).on(Grid(x=Points([0, 1, 3, 4, 6, 8, 9, 11]))),
         r"Diff\('x', scheme=SBP\(4\)\): SBP\(4\) needs evenly spaced points"),
        (lambda: Diff("x", scheme=SBP(4)).on(Grid(x=Uniform(0, 1, 7))), "needs 8 points"),
        (lambda: Diff("x", scheme=SBP(4)).on(Grid(x=Uniform(0, 1, 9)), closure="odd"),
         "closure must be 'accurate'"),
        (lambda: SBP(4).norm(Points([0, 1, 3, 4])), "evenly spaced"),
        (lambda: SBP(4).norm(Uniform(0, 1, 7)), "needs 8 points"),
        (lambda: fo.Dissipation("x", SBP(4), strength=-1), "strength"),
        (lambda: fo.Dissipation("x", SBP(4), order=3), "must be even"),
    ],
)  # fmt: skip
def test_refusals(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_wrong_types_are_refused():
    with pytest.raises(TypeError, match="free entries of Q"):
        SBP(6, object())
    with pytest.raises(TypeError, match="a scheme with a norm"):
        fo.Dissipation("x", fo.Central())


@pytest.mark.parametrize(
    ("options", "text"),
    [({"order": 4.0}, "order of Dissipation must be an integer, but is 4.0"),
     ({"strength": "a"}, "strength of Dissipation must be a real number, but is 'a'")],
)  # fmt: skip
def test_what_is_no_number_damps_nothing(options, text):
    with pytest.raises(TypeError, match=text):
        fo.Dissipation("x", SBP(4), **options)
    assert "np." not in repr(fo.Dissipation("x", SBP(4), np.int64(4), np.float64(0.5)))
    with pytest.raises(ValueError, match="at least 0, but got inf"):
        fo.Dissipation("x", SBP(4), strength=np.inf)


def test_what_is_no_order_source_or_axis():
    for make in (lambda: SBP(4.0), lambda: UpwindSBP(5.0, "-")):
        with pytest.raises(ValueError, match="needs an order"):
            make()
    with pytest.raises(TypeError, match="source is a name or the free entries"):
        SBP(6, (float("inf"),))
    for given in (None, 9, np.arange(9.0)):
        with pytest.raises(TypeError, match="norm needs an axis"):
            SBP(4).norm(given)
