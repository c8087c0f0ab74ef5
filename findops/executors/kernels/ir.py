"""Functions in LLVM's intermediate representation, as text: integers, vectors, loops."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["SYMBOL", "Builder", "Count", "Lanes", "Of"]

SYMBOL = "fill"
"""The name of each function."""

HEADER = f"define void @{SYMBOL}(ptr %args, ptr %box, ptr %u, ptr %v, ptr %places, " + (
    "double %re, double %im) {"
)

Of = TypeVar("Of")
"""What stands for an array: its address by name in a function, itself outside."""

Count = int | str
"""An integer: a constant, or the name of a value."""

Lanes = tuple[bool, ...]
"""Which lanes of a vector take part."""


class Builder:
    """The instructions of a function on vectors of real numbers, in the order of their making.

    Integers that are known are numbers of Python's, and what is made of them is known too.
    """

    def __init__(self, size: int, lanes: int) -> None:
        self.size, self.lanes = size, lanes
        self.real = {4: "float", 8: "double"}[size]
        self.vector = f"<{lanes} x {self.real}>"
        self.bits = f"<{lanes} x i1>"
        self.suffix = f"v{lanes}f{8 * size}"
        self.text: list[str] = []
        self.declared: set[str] = set()
        self.block = "entry"
        self._names = 0
        self._stepped: dict[tuple[str, str, Count], str] = {}

    def function(self) -> str:
        """Return the function, which returns nothing, as text."""
        self.emit("ret void")
        ends = ["}", "!0 = !{}", "!1 = !{i32 1}", ""]
        return "\n".join([*sorted(self.declared), HEADER, *self.text, *ends])

    # Instructions -------------------------------------------------------------------------------

    def emit(self, instruction: str) -> None:
        self.text.append(instruction)

    def value(self, expression: str) -> str:
        """Name the value of an expression."""
        self._names += 1
        name = f"%v{self._names}"
        self.text.append(f"{name} = {expression}")
        return name

    def mark(self, label: str) -> None:
        self.text.append(f"{label}:")
        self.block = label

    def label(self, name: str) -> str:
        self._names += 1
        return f"{name}{self._names}"

    def intrinsic(self, result: str, name: str, *types: str) -> str:
        """Declare a function of LLVM's, and return how it is called."""
        self.declared.add(f"declare {result} @{name}({', '.join(types)})")
        return f"call {result} @{name}"

    @contextmanager
    def loop(self, start: Count, stop: Count, step: int = 1) -> Iterator[str]:
        """Count from `start` while below `stop`, maybe never."""
        head, body, done = map(self.label, ("loop", "body", "done"))
        before = self.block
        self.emit(f"br label %{head}")
        self.mark(head)
        place = len(self.text)
        i = self.value("")
        self.emit(f"br i1 {self.compare('slt', i, stop)}, label %{body}, label %{done}")
        self.mark(body)
        # LLVM's search for better loop counters takes most of its time, and finds none: what it
        # cannot see through it leaves as it is.
        yield self.value(f'call i64 asm "", "=r,0"(i64 {i})')
        following = self.value(f"add i64 {i}, {step}")
        self.text[place] = f"{i} = phi i64 [{start}, %{before}], [{following}, %{self.block}]"
        self.emit(f"br label %{head}")
        self.mark(done)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Do something only where a condition holds."""
        then, done = map(self.label, ("then", "done"))
        self.emit(f"br i1 {condition}, label %{then}, label %{done}")
        self.mark(then)
        yield
        self.emit(f"br label %{done}")
        self.mark(done)

    def fold(
        self, start: Count, stop: Count, kind: str, value: str, step: Callable[[str, str], str]
    ) -> str:
        """Return what a value of some kind becomes by a step (count, value) for each count."""
        head, body, done = map(self.label, ("fold", "body", "done"))
        before = self.block
        self.emit(f"br label %{head}")
        self.mark(head)
        place = len(self.text)
        i, carried = self.value(""), self.value("")
        self.emit(f"br i1 {self.compare('slt', i, stop)}, label %{body}, label %{done}")
        self.mark(body)
        made = step(i, carried)
        following = self.value(f"add i64 {i}, 1")
        self.text[place] = f"{i} = phi i64 [{start}, %{before}], [{following}, %{self.block}]"
        self.text[place + 1] = (
            f"{carried} = phi {kind} [{value}, %{before}], [{made}, %{self.block}]"
        )
        self.emit(f"br label %{head}")
        self.mark(done)
        return carried

    def either(
        self, condition: str, kind: str, then: Callable[[], str], other: Callable[[], str]
    ) -> str:
        """Return one value where a condition holds, else another."""
        labels = [self.label("then"), self.label("other")]
        done = self.label("done")
        self.emit(f"br i1 {condition}, label %{labels[0]}, label %{labels[1]}")
        found = []
        for label, make in zip(labels, (then, other), strict=True):
            self.mark(label)
            found.append(f"[{make()}, %{self.block}]")
            self.emit(f"br label %{done}")
        self.mark(done)
        return self.value(f"phi {kind} {', '.join(found)}")

    # Integers and addresses ---------------------------------------------------------------------

    def add(self, a: Count, b: Count) -> Count:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if 0 in (a, b):
            return b if a == 0 else a
        return self.value(f"add i64 {a}, {b}")

    def mul(self, a: Count, b: Count) -> Count:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if 0 in (a, b):
            return 0
        if 1 in (a, b):
            return b if a == 1 else a
        return self.value(f"mul i64 {a}, {b}")

    def compare(self, how: str, a: Count, b: Count) -> str:
        return self.value(f"icmp {how} i64 {a}, {b}")

    def least(self, a: Count, b: Count) -> str:
        return self.value(f"select i1 {self.compare('slt', a, b)}, i64 {a}, i64 {b}")

    def offset(self, pointer: str, by: Count) -> str:
        """Return the address so many bytes further on."""
        return pointer if by == 0 else self.value(f"getelementptr i8, ptr {pointer}, i64 {by}")

    def beyond(self, pointer: str, by: Count, known: int) -> str:
        """Return the address so many bytes further on, and a known number more.

        The first step is one value for all known ones, which loops then move on alone.
        """
        if isinstance(by, int):
            return self.offset(pointer, by + known)
        key = self.block, pointer, by
        if key not in self._stepped:
            self._stepped[key] = self.offset(pointer, by)
        return self.offset(self._stepped[key], known)

    def load_int(self, pointer: str, index: Count) -> str:
        place = self.value(f"getelementptr i64, ptr {pointer}, i64 {index}")
        return self.value(f"load i64, ptr {place}, !invariant.load !0")

    def load_pointer(self, pointer: str, index: Count) -> str:
        return self.value(f"inttoptr i64 {self.load_int(pointer, index)} to ptr")

    # Numbers ------------------------------------------------------------------------------------

    def element(self, kind: str, pointer: str, index: Count) -> str:
        """Return the address of an element of an array of some kind."""
        return self.value(f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    def load_real(self, pointer: str, index: Count = 0) -> str:
        place = pointer
        if index != 0:
            place = self.value(f"getelementptr {self.real}, ptr {pointer}, i64 {index}")
        return self.value(f"load {self.real}, ptr {place}, align {self.size}")

    def scalar(self, operation: str, a: str, b: str) -> str:
        return self.value(f"{operation} {self.real} {a}, {b}")

    # Vectors ------------------------------------------------------------------------------------

    def mask(self, lanes: Lanes) -> str:
        return "<" + ", ".join(f"i1 {str(lane).lower()}" for lane in lanes) + ">"

    def fill(self, values: Sequence[float]) -> str:
        """Return a vector of known numbers."""
        return "<" + ", ".join(f"{self.real} {value:e}" for value in values) + ">"

    def splat(self, x: str) -> str:
        """Return a vector of one number."""
        one = self.value(f"insertelement {self.vector} poison, {self.real} {x}, i64 0")
        return self.shuffled(one, [0] * self.lanes)

    def splat_pair(self, pointer: str) -> str:
        """Return a vector that repeats the two numbers at an address."""
        pair = self.value(f"load <2 x {self.real}>, ptr {pointer}, align {self.size}")
        order = ", ".join(f"i32 {lane % 2}" for lane in range(self.lanes))
        two = f"<2 x {self.real}>"
        return self.value(
            f"shufflevector {two} {pair}, {two} poison, <{self.lanes} x i32> <{order}>"
        )

    def shuffled(self, x: str, order: Sequence[int]) -> str:
        listed = ", ".join(f"i32 {lane}" for lane in order)
        return self.value(
            f"shufflevector {self.vector} {x}, {self.vector} poison, "
            f"<{self.lanes} x i32> <{listed}>"
        )

    def load(self, pointer: str, lanes: Lanes | None = None) -> str:
        """Return the vector at an address; of lanes that take no part nothing is read."""
        if lanes is None or all(lanes):
            return self.value(f"load {self.vector}, ptr {pointer}, align {self.size}")
        call = self.intrinsic(
            self.vector, f"llvm.masked.load.{self.suffix}.p0",
            "ptr", self.bits, self.vector,
        )  # fmt: skip
        return self.value(
            f"{call}(ptr align {self.size} {pointer}, {self.bits} {self.mask(lanes)}, "
            f"{self.vector} zeroinitializer)"
        )

    def store(
        self, x: str, pointer: str, lanes: Lanes | None = None, streaming: bool = False
    ) -> None:
        """Write a vector, past the caches where it is `streaming` and cache lines begin there."""
        if lanes is None or all(lanes):
            align = self.size * self.lanes if streaming else self.size
            past = ", !nontemporal !1" if streaming else ""
            self.emit(f"store {self.vector} {x}, ptr {pointer}, align {align}{past}")
            return
        call = self.intrinsic(
            "void", f"llvm.masked.store.{self.suffix}.p0", self.vector, "ptr", self.bits
        )
        self.emit(
            f"{call}({self.vector} {x}, ptr align {self.size} {pointer}, "
            f"{self.bits} {self.mask(lanes)})"
        )

    def fetch(self, pointer: str) -> None:
        """Ask for the cache line at an address, which will be read soon."""
        call = self.intrinsic("void", "llvm.prefetch.p0", "ptr", "i32", "i32", "i32")
        self.emit(f"{call}(ptr {pointer}, i32 0, i32 2, i32 1)")

    def product(self, a: str, b: str) -> str:
        return self.value(f"fmul {self.vector} {a}, {b}")

    def sum(self, a: str, b: str) -> str:
        return self.value(f"fadd {self.vector} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        """Return a · b + c, rounded once where the processor can."""
        call = self.intrinsic(self.vector, f"llvm.fmuladd.{self.suffix}", *[self.vector] * 3)
        return self.value(f"{call}({self.vector} {a}, {self.vector} {b}, {self.vector} {c})")

    def select(self, lanes: str, a: str, b: str) -> str:
        """Return the lanes of a where a vector of bits is set, else those of b."""
        if a == b:
            return a
        return self.value(f"select {self.bits} {lanes}, {self.vector} {a}, {self.vector} {b}")

    def choose(self, bit: str, a: str, b: str) -> str:
        """Return a where a bit is set, else b."""
        return self.value(f"select i1 {bit}, {self.vector} {a}, {self.vector} {b}")

    def nonzero(self, x: str) -> str:
        """Return in which lanes a vector is not zero."""
        return self.value(f"fcmp une {self.vector} {x}, zeroinitializer")

    # Complex numbers: pairs of lanes --------------------------------------------------------------

    def evens(self, x: str) -> str:
        """Return each even lane twice: the real parts."""
        return self.shuffled(x, [lane // 2 * 2 for lane in range(self.lanes)])

    def odds(self, x: str) -> str:
        """Return each odd lane twice: the imaginary parts."""
        return self.shuffled(x, [lane // 2 * 2 + 1 for lane in range(self.lanes)])

    def times_i(self, x: str) -> str:
        """Return complex numbers times i."""
        swapped = self.shuffled(x, [lane ^ 1 for lane in range(self.lanes)])
        signs = self.fill([-1.0 if lane % 2 == 0 else 1.0 for lane in range(self.lanes)])
        return self.product(swapped, signs)
