"""Growing boosters side by side: the same trees whatever the number of threads, and errors are not lost."""

import numpy as np
import pytest

from skucast.models.boosting import LightGbm
from skucast.models.boosting_grow import cores, side_by_side

from ..evaluate.planted import random_panel


def test_the_number_of_cores_is_what_was_asked_for_or_what_openmp_allows(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert cores(3) == 3
    assert cores(0) >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert cores(0) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "all")
    assert cores(0) >= 1


def test_answers_come_in_the_order_of_the_questions():
    assert side_by_side(lambda n: n * n, range(7), 3) == [n * n for n in range(7)]
    assert side_by_side(lambda n: n, [], 3) == []


def test_an_error_in_one_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda n: 1 / n, [1, 0, 2], 2)


def test_trees_do_not_depend_on_the_number_of_threads():
    panel = random_panel(20)
    one, three = (LightGbm(trees=10, rows=2000, threads=n).fit(panel, horizon=7).predict(7) for n in (1, 3))
    assert np.array_equal(one.mean, three.mean)
    assert np.array_equal(one.quantiles, three.quantiles)


def test_progress_rises_to_the_end_in_threads_too():
    told = []
    LightGbm(trees=5, rows=2000, threads=3).fit(
        random_panel(), horizon=7, progress=lambda what, done: told.append(done)
    )
    assert told == sorted(told)
    assert told[-1] <= 1
    assert told[-1] > 0.8
