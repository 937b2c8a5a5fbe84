"""Checks of arguments, each with a sentence that names what is wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError


def positive(**values: npt.ArrayLike) -> None:
    """Every value must be a finite number above zero.

    Raises:
        ConfigError: with the name of the first that is not.
    """
    for name, value in values.items():
        x = np.asarray(value, dtype=np.float64)
        if not (np.isfinite(x) & (x > 0)).all():
            raise ConfigError(f"{_words(name)} must be a number above zero, not {_first(x, x > 0)}.")


def not_negative(**values: npt.ArrayLike) -> None:
    """Every value must be a finite number, zero or above.

    Raises:
        ConfigError: with the name of the first that is not.
    """
    for name, value in values.items():
        x = np.asarray(value, dtype=np.float64)
        if not (np.isfinite(x) & (x >= 0)).all():
            raise ConfigError(f"{_words(name)} must be a number of at least zero, not {_first(x, x >= 0)}.")


def share(**values: npt.ArrayLike) -> None:
    """Every value must lie strictly between 0 and 1.

    Raises:
        ConfigError: with the name of the first that does not.
    """
    for name, value in values.items():
        x = np.asarray(value, dtype=np.float64)
        fine = (x > 0) & (x < 1)
        if not fine.all():
            raise ConfigError(f"{_words(name)} must lie between 0 and 1, not be {_first(x, fine)}.")


def whole(least: int, **values: int) -> None:
    """Every value must be a whole number of at least ``least``.

    Raises:
        ConfigError: with the name of the first that is not.
    """
    for name, value in values.items():
        if value != int(value) or value < least:
            raise ConfigError(f"{_words(name)} must be a whole number of at least {least}, not {value}.")


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _first(x: npt.NDArray[np.float64], fine: npt.NDArray[np.bool_]) -> str:
    """The first offending number."""
    bad = x[~(fine & np.isfinite(x))]
    return f"{float(bad.ravel()[0]):g}"
