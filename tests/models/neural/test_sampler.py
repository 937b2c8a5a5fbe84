import numpy as np
import torch

from skucast.models.neural.inputs import Inputs
from skucast.models.neural.sampler import Sampler
from skucast.models.neural.windows import Windows

from .panels import panel_of


def sampler_of(values, held_out=7, **more):
    panel = panel_of(values, **more)
    return Sampler.of(Windows(panel, Inputs.of(panel, 7)), held_out)


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
    np.testing.assert_allclose(
        torch.cat([b.target[:, 0] * b.scale for b, _ in exam.papers]), values[exam.rows, -7:], rtol=1e-5
    )
