"""The next piece of work, prepared while the present one is used."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Calls a function one time ahead of need in a thread, in the same order as without one.

    Args:
        prepare: makes the next piece. Only the thread may touch what it changes.
        ahead: False calls it when a piece is asked for.
    """

    def __init__(self, prepare: Callable[[], T], *, ahead: bool) -> None:
        self._prepare = prepare
        self._pool = ThreadPoolExecutor(1, "skucast-prefetch") if ahead else None
        self._coming: Future[T] | None = None

    def next(self) -> T:
        """The next piece.

        Raises:
            Exception: what the function raised, in the place of the piece.
        """
        if self._pool is None:
            return self._prepare()
        coming = self._coming or self._pool.submit(self._prepare)
        piece = coming.result()
        self._coming = self._pool.submit(self._prepare)
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
