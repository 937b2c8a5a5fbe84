import numpy as np
import torch

from skucast.models.neural.inputs import Inputs
from skucast.models.neural.sampler import Sampler
from skucast.models.neural.windows import Windows

from .panels import panel_of, yearly


def sampler_of(values, held_out=7, half_life=0, balance=0.0, **more):
    panel = panel_of(values, **more)
    return Sampler.of(Windows(panel, Inputs.of(panel, 7)), held_out, half_life, balance)


def test_training_never_sees_a_held_out_step_as_a_target():
    values = np.ones((5, 60))
    values[:, -7:] = 1e6
    sampler = sampler_of(values)
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = sampler.draw(rng, 64, 4, 7)
        assert (batch.target * batch.weight * batch.scale[..., None]).max() < 10
        assert batch.weight.sum() > 0


def test_a_short_context_has_fewer_forks_than_asked_for():
    panel = panel_of(np.ones((2, 60)))
    windows = Windows(panel, Inputs.of(panel, 7, patch=7, context=14))
    assert Sampler.of(windows, 7).draw(np.random.default_rng(0), 5, 8, 7).target.shape == (5, 2, 7)


def test_windows_begin_at_the_first_sale_and_leave_something_to_forecast():
    values = np.zeros((3, 60))
    values[0, 20:] = 2.0
    values[1, 50] = 1.0  # sold once, after that nothing: still a lesson
    values[2, 58] = 1.0  # within the held-out steps: nothing to learn from
    sampler = sampler_of(values)
    assert sampler.rows.tolist() == [0, 1]
    assert (sampler.first - sampler.windows.start[sampler.rows]).tolist() == [20, 50]
    assert (sampler.last - sampler.windows.start[sampler.rows]).tolist() == [51, 51]
    assert sampler.origins == 32 + 2


def test_a_series_that_stopped_ends_with_its_last_observation():
    values = np.ones((1, 60))
    values[0, 30:] = np.nan
    sampler = sampler_of(values)
    assert sampler.last.tolist() == [28]


def test_busy_series_are_drawn_more_often_but_not_only_they():
    values = np.ones((3, 80)) * np.array([[1.0], [4.0], [1e9]])
    sampler = sampler_of(values)
    share = np.diff(sampler.share, prepend=0.0)
    np.testing.assert_allclose(share[1] / share[0], 2.0, rtol=1e-3)
    assert share[0] > 0.01


def test_exam_loss_is_the_weighted_quantile_loss_of_the_held_out_steps():
    rng = np.random.default_rng(1)
    values = rng.poisson(3, (6, 60)).astype(float) + 1
    sampler = sampler_of(values)
    exam = sampler.exam(rng)
    perfect = exam.loss(lambda batch: batch.target[..., None].expand(-1, -1, -1, 15))
    assert perfect == 0.0
    zero = exam.loss(lambda batch: torch.zeros(*batch.target.shape, 15))
    np.testing.assert_allclose(zero, 1.0, rtol=1e-5)  # 2 * mean level * demand / demand
    for paper in exam.papers:
        np.testing.assert_allclose(paper.batch.target[:, 0] * paper.batch.scale, values[paper.rows, -7:], rtol=1e-5)
    assert sum(len(paper.rows) for paper in exam.papers) == 6


def test_with_a_half_life_origins_are_drawn_half_as_often_so_many_steps_before():
    sampler = sampler_of(np.ones((1, 120)), half_life=20)
    rng = np.random.default_rng(0)
    chance, length = rng.random(200_000), np.full(200_000, sampler.last[0] - sampler.first[0] + 1)
    drawn = np.bincount(sampler._within(chance, length), minlength=length[0])
    assert drawn.size == length[0]
    weight = 0.5 ** ((length[0] - 1 - np.arange(length[0])) / 20)
    np.testing.assert_allclose(drawn / drawn.sum(), weight / weight.sum(), atol=2e-3)


def test_with_a_half_life_a_series_counts_by_what_its_origins_do():
    values = np.ones((3, 120))
    values[1, 80:] = np.nan  # stopped forty steps ago
    sampler = sampler_of(values, half_life=10, starts=[0, 0, 100])
    share = np.diff(sampler.share, prepend=0.0)
    weight = [
        sum(0.5 ** ((112 - t) / 10) for t in range(first, last + 1))
        for first, last in zip(
            sampler.first - sampler.windows.start + [0, 0, 100], sampler.last - sampler.windows.start + [0, 0, 100],
            strict=True,
        )
    ]  # fmt: skip
    np.testing.assert_allclose(share, np.array(weight) / sum(weight), rtol=1e-4)


def test_balanced_classes_are_drawn_equally_often():
    rng = np.random.default_rng(0)
    values = rng.poisson(20.0, (30, 120)).astype(float)
    values[:3] = rng.random((3, 120)) < 0.2  # rarely sold
    plain, even = (np.diff(sampler_of(values, balance=b).share, prepend=0.0)[:3].sum() for b in (0.0, 1.0))
    assert plain < 0.05
    np.testing.assert_allclose(even, 0.5, rtol=1e-6)
    np.testing.assert_allclose(
        np.diff(sampler_of(values, balance=0.5).share, prepend=0.0)[:3].sum(),
        plain**0.5 / (plain**0.5 + (1 - plain) ** 0.5),
        rtol=1e-6,
    )


def test_where_fewer_steps_are_held_out_than_are_forecast_late_steps_are_judged_too():
    panel = yearly(series=30, steps=80)
    sampler = Sampler.of(Windows(panel, Inputs.of(panel, 20)), 4)
    exam = sampler.exam(np.random.default_rng(0))
    assert [paper.lag for paper in exam.papers] == [0, 8, 16]
    assert sorted(row for paper in exam.papers for row in paper.rows) == list(range(30))
    for paper in exam.papers:
        counts = paper.batch.weight[:, 0] > 0
        assert counts.any(dim=0).nonzero().flatten().tolist() == list(range(paper.lag, paper.lag + 4))
        held = paper.batch.target[:, 0, paper.lag : paper.lag + 4] * paper.batch.scale
        np.testing.assert_allclose(held, panel.dense()[paper.rows, -4:], rtol=1e-5)
    zero = exam.loss(lambda batch: torch.zeros(*batch.target.shape, 15))
    np.testing.assert_allclose(zero, 1.0, rtol=1e-5)


def test_short_series_are_judged_right_before_the_held_out_steps():
    panel = panel_of(np.ones((3, 80)), "W-SUN", starts=[0, 0, 74])
    exam = Sampler.of(Windows(panel, Inputs.of(panel, 20)), 4).exam(np.random.default_rng(0))
    assert {(int(row), paper.lag) for paper in exam.papers for row in paper.rows} == {(0, 0), (1, 8), (2, 0)}
