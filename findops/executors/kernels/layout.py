"""The records of a lowered plan: places of their fields in an array of integers.

Kernels know these names as constants. A place that holds 0 says that there is no such record, so
that no record is at 0. Strides and displacements are in bytes, lengths along the last axis in
lanes: one for a real number, two for a complex one.
"""

# The plan. AXES counts the outer axes, the first of which is the batch. SAME is the place of one
# flag for each row of the last outer axis: whether its taps are those of the row before, shifted.
# AHEADS counts what to fetch ahead, of which the first READ are read whatever is done with the
# output. Buffers from ROW_BUFFERS on hold one row. CAPACITY is the first of the lengths of the
# lists: groups, taps, pointwise taps, edges, rows and complex rows of coefficients, masks, aheads,
# mid points, rows that a term reads.
AXES, LINES, LINE, SAME, SAME_LENGTH, READ, AHEADS, AHEAD, ROW_BUFFERS, PAIRED, CAPACITY = range(11)
HEADER_SIZE = CAPACITY + 10

# A line: what is written to one row of one buffer.
TARGET, LENGTH, HEAD, TAIL, GROUPS, GROUP = range(6)
LINE_SIZE = 6

# A group: coefficients times a sum of terms, for every tap of the tables MID. IMAGINARY is the
# place in `data` of a complex factor's two parts, or 0.
MID, COEFFICIENTS, COEFFICIENT, TERMS, TERM, IMAGINARY = range(6)
GROUP_SIZE = 6

# A coefficient: its address, kind, whether it stands where the mid taps are, and then pairs of a
# stride and an extent for every axis; an index is taken modulo an extent that is not 0.
ADDRESS, KIND, AT_MID, COEFFICIENT_STRIDES = range(4)
ROW, COMPLEX_ROW, SCALAR, MASK_ROW, MASK_SCALAR = range(5)

# A term: WEIGHT is a place in `data`; LAST that of what is done along the last axis, or 0; then
# pairs of a table (or 0) and an extent for every axis.
SOURCE, WEIGHT, LAST, TERM_TABLES = range(4)

# A table of one band along an outer axis: how many rows and columns it has (on a circle, a row that
# is ROWS further on reads COLUMNS columns further on), and the places of the first tap of each row,
# of the taps' columns, and of their weights in `data`.
ROWS, COLUMNS, STARTS, TAP_COLUMNS, TAP_WEIGHTS = range(5)

# What is done along the last axis. TAPS displacements and weights (from WEIGHTS in `data`, one each
# or, if POINTWISE, LENGTH each, some of them zero if that is HOLED), and the matrices of the edges:
# columns, and for each of them HEAD or TAIL weights.
TAPS, DISPLACEMENTS, WEIGHTS, POINTWISE = range(4)
WHOLE, HOLED = 1, 2
HEAD_COLUMNS, HEAD_COLUMN, HEAD_WEIGHTS, HEAD_LANES = range(4, 8)
TAIL_COLUMNS, TAIL_COLUMN, TAIL_WEIGHTS, TAIL_LANES = range(8, 12)

# What to fetch ahead: a buffer or, if that is negative, an address; then how many
# points ahead along the axis before the last outer one, and a stride for every axis.
AHEAD_BUFFER, AHEAD_ADDRESS, AHEAD_REACH, AHEAD_STRIDES = range(4)
