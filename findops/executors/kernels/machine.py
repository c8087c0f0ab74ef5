"""Machine code: kernels compiled for this processor, and kept in the user's cache folder."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import llvmlite
import llvmlite.binding as llvm

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kernel", "Machine", "compiled", "here", "lanes", "last_cache_bytes"]

CACHE_BYTES = 1 << 28
"""Bytes that kept kernels may take."""

CHECKED_BYTES = 1 << 23
"""Bytes that a process keeps before it looks again how much there is."""

LAST_CACHE = 1 << 24
"""Bytes of the largest cache where the system tells of none larger."""

SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_double, ctypes.c_double)


@dataclass(frozen=True)
class Machine:
    """A kind of processor."""

    triple: str
    cpu: str
    features: str

    @cached_property
    def vector_bytes(self) -> int:
        """Bytes of its widest vectors."""
        features = self.features.split(",")
        return 64 if "+avx512f" in features else 32 if "+avx2" in features else 16

    @cached_property
    def _target(self) -> Any:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        return llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.cpu, features=self.features, opt=2, reloc="pic", codemodel="small", jit=True
        )

    def object_code(self, text: str) -> bytes:
        """Return machine code for functions in LLVM's intermediate representation."""
        module = llvm.parse_assembly(text)
        module.triple = self.triple
        module.verify()
        code: bytes = self._target.emit_object(module)
        return code

    def key(self, text: str) -> str:
        """Return a name for the machine code of some functions."""
        version = f"{llvmlite.__version__} {llvm.llvm_version_info}"
        seen = "\n".join((version, self.triple, self.cpu, self.features, text))
        return hashlib.sha256(seen.encode()).hexdigest()


@cache
def here() -> Machine:
    """Return the machine that this process runs on."""
    features = llvm.get_host_cpu_features().flatten()
    return Machine(llvm.get_process_triple(), llvm.get_host_cpu_name(), features)


def lanes() -> int:
    """Return how many numbers of double precision a vector of this machine holds."""
    return here().vector_bytes // 8


def last_cache_bytes() -> int:
    """Return the bytes of the largest cache of this machine, where the system tells."""
    found = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    with suppress(OSError, ValueError):
        sizes = [int(path.read_text().strip().removesuffix("K")) << 10 for path in found]
        return max([LAST_CACHE, *sizes])
    return LAST_CACHE


class Kernel:
    """A function that can be called; its code is freed when nobody holds it any more."""

    def __init__(self, code: bytes, symbol: str) -> None:
        builder = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(symbol)
        self._library = builder.link(_jit(), f"{symbol}{next(_numbers)}")
        self.address = int(self._library[symbol])
        self.call: Callable[..., None] = SIGNATURE(self.address)
        """(arguments, box, u, v, places, re, im), all but the last two addresses."""


_numbers = count()
_lock = threading.Lock()
_kernels: WeakValueDictionary[str, Kernel] = WeakValueDictionary()


@cache
def _jit() -> Any:
    """Return what links code into this process, one for all kernels."""
    return llvm.create_lljit_compiler(here()._target, use_jit_link=False, suppress_errors=False)


def compiled(text: str, symbol: str) -> Kernel:
    """Return the function of a module: known, or kept by an earlier process, or compiled now."""
    key = here().key(text)
    # LLVM's modules share one context, which no two threads may use at once.
    with _lock:
        kernel = _kernels.get(key)
        if kernel is None:
            code = _kept(key)
            if code is None:
                code = here().object_code(text)
                _keep(key, code)
            kernel = _kernels[key] = Kernel(code, symbol)
        return kernel


if hasattr(os, "register_at_fork"):
    # A child forked while another thread compiles must not wait for it.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


# Code that is kept ------------------------------------------------------------------------------


def folder() -> Path:
    """Return where code is kept: ``FINDOPS_CACHE_DIR``, else the system's place for caches."""
    chosen = os.environ.get("FINDOPS_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "findops"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "findops"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "findops"


def _kept(key: str) -> bytes | None:
    """Return kept code, None where there is none that can be trusted."""
    # Whatever is wrong with the folder or the file, the kernel is compiled anew.
    with suppress(OSError, RuntimeError):
        path = folder() / f"{key}.bin"
        if not _is_own(path.parent):
            return None
        content = path.read_bytes()
        digest, code = content[:32], content[32:]
        if hashlib.sha256(key.encode() + code).digest() == digest:
            os.utime(path)
            return code
    return None


def _keep(key: str, code: bytes) -> None:
    """Keep code for other processes, if that is possible."""
    with suppress(OSError, RuntimeError):
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(place):
            return
        made, name = tempfile.mkstemp(dir=place)
        try:
            with os.fdopen(made, "wb") as file:
                file.write(hashlib.sha256(key.encode() + code).digest() + code)
            Path(name).replace(place / f"{key}.bin")
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        if _unchecked.grown(len(code)):
            _forget_oldest(place, CACHE_BYTES - CHECKED_BYTES)


class _Unchecked:
    """Bytes kept since the folder was looked at; at first it may hold anything."""

    total = CHECKED_BYTES

    def grown(self, size: int) -> bool:
        """Tell whether it is time to look again, with so many bytes more."""
        self.total = 0 if self.total >= CHECKED_BYTES else self.total + size
        return self.total == 0


_unchecked = _Unchecked()


def _is_own(place: Path) -> bool:
    """Tell whether a folder is the user's, so that nobody else can have put code there."""
    if not hasattr(os, "getuid"):
        return place.is_dir()
    found = place.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _forget_oldest(place: Path, most: int) -> None:
    """Remove the code used longest ago while all takes more than so many bytes."""
    files = sorted(place.glob("*.bin"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in files)
    for path in files:
        if total <= most:
            break
        total -= path.stat().st_size
        path.unlink(missing_ok=True)
