"""Errors that speak to people.

Every error a user can cause is one clear sentence that names the file, column, series or date and
says what to do. The command line prints only the sentence; Python callers get it as the message.
"""

from __future__ import annotations


class SkucastError(Exception):
    """Base of all errors that skucast raises on purpose."""


class DataError(SkucastError):
    """The records cannot be used as they are (missing column, unreadable date, duplicate key...)."""


class ConfigError(SkucastError):
    """The project file or an argument asks for something impossible."""


class ModelError(SkucastError):
    """A model cannot do what is asked of it (unknown name, covariate it cannot use...)."""


class MissingExtraError(SkucastError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'skucast[{extra}]'.")
        self.extra = extra
