"""The C compiler, which generated codes need."""

from __future__ import annotations

import subprocess

__all__ = ["gcc"]


def gcc(*arguments: str) -> str:
    """Run gcc and return what it prints.

    Raises
    ------
    RuntimeError
        If there is no gcc, or it fails.
    """
    try:
        run = subprocess.run(["gcc", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("benchmarks require gcc") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"gcc failed: {error.stderr}") from None
    return run.stdout
