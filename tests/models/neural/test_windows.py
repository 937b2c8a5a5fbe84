import numpy as np
import pytest
import torch

from skucast.models.neural.inputs import Inputs
from skucast.models.neural.windows import Windows

from .panels import panel_of

STEPS, HORIZON, PATCH, CONTEXT = 90, 5, 7, 28


def noisy(rows=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(4.0, (rows, STEPS)).astype(np.float64) + 1


def windows_of(panel, horizon=HORIZON, future=None):
    return Windows(panel, Inputs.of(panel, horizon, patch=PATCH, context=CONTEXT), future)


def parts(batch):
    return {"patches": batch.patches, "ahead": batch.ahead, "scale": batch.scale}


def equal(left, right):
    for name, part in parts(left).items():
        assert torch.equal(part, parts(right)[name]), name


def cell(windows, row, column):
    """Flat cell of a column of the right-aligned matrix."""
    return windows.end[row] - STEPS + column


def window(panel, column, **options):
    """All series' windows that end at a column."""
    windows = windows_of(panel)
    rows = np.arange(len(panel))
    return windows.gather(rows, cell(windows, rows, column), **options)


def test_targets_are_the_steps_after_each_fork_in_units_of_its_scale():
    values = noisy()
    panel = panel_of(values)
    rows, at = np.array([2, 0]), np.array([60, 75])
    windows = windows_of(panel)
    batch = windows.gather(rows, cell(windows, rows, at), forks=3)
    assert batch.target.shape == (2, 3, HORIZON)
    for b, (row, last) in enumerate(zip(rows, at, strict=True)):
        for f in range(3):
            first = last - PATCH * (2 - f) + 1
            expected = values[row, first : first + HORIZON]
            np.testing.assert_allclose(batch.target[b, f] * batch.scale[b, f], expected, rtol=1e-5)
    assert (batch.weight == 1).all()


def test_context_is_demand_in_units_of_the_scale_at_the_end_of_each_patch():
    values = noisy()
    panel = panel_of(values)
    windows = windows_of(panel)
    batch = windows.gather(np.array([1]), cell(windows, np.array([1]), 60))
    got = torch.sinh(batch.patches[0, :, :PATCH]).numpy()
    for p in range(4):
        last = 60 - PATCH * (3 - p)
        scale = windows._scale[cell(windows, 1, last)].item()
        np.testing.assert_allclose(got[p] * scale, values[1, last - 6 : last + 1], rtol=1e-4)
    np.testing.assert_array_equal(batch.patches[0, :, PATCH : 2 * PATCH], 1.0)


@pytest.mark.parametrize("fork", [0, 1, 2])
def test_what_comes_after_a_fork_does_not_change_its_input(fork):
    values = noisy()
    origin = 60 - PATCH * (2 - fork)
    other = values.copy()
    other[:, origin + 1 :] = np.random.default_rng(9).uniform(1e3, 1e6, other[:, origin + 1 :].shape)
    rng = np.random.default_rng(1)
    past = {"views": rng.random(values.shape)}
    spoilt = {"views": past["views"].copy()}
    inputs = Inputs.of(panel_of(values, past=past), HORIZON, patch=PATCH, context=CONTEXT)
    spoilt["views"][:, origin + 1 :] = 1e9
    batches = []
    for v, p in ((values, past), (other, spoilt)):
        panel = panel_of(v, past=p)
        windows, rows = Windows(panel, inputs), np.arange(4)
        batches.append(windows.gather(rows, cell(windows, rows, 60), forks=3))
    seen = CONTEXT // PATCH - (2 - fork)  # patches up to the fork's own
    assert torch.equal(batches[0].patches[:, :seen], batches[1].patches[:, :seen])
    assert torch.equal(batches[0].ahead[:, fork], batches[1].ahead[:, fork])
    assert torch.equal(batches[0].scale[:, fork], batches[1].scale[:, fork])
    assert not torch.equal(batches[0].target[:, fork], batches[1].target[:, fork])


def test_forks_are_the_windows_that_end_there():
    panel = panel_of(noisy())
    windows = windows_of(panel)
    rows = np.array([0, 3])
    together = windows.gather(rows, cell(windows, rows, 60), forks=2)
    alone = windows.gather(rows, cell(windows, rows, 53))
    torch.testing.assert_close(together.ahead[:, 0], alone.ahead[:, 0])
    torch.testing.assert_close(together.target[:, 0], alone.target[:, 0])
    torch.testing.assert_close(together.patches[:, :-1], alone.patches[:, 1:])


def test_missing_and_sold_out_steps_are_masked_in_input_and_loss():
    values = noisy(rows=1)
    values[0, 50] = np.nan
    values[0, 62] = np.nan
    available = np.ones_like(values, dtype=bool)
    available[0, [52, 64]] = False
    panel = panel_of(values, available=available)
    batch = windows_of(panel).gather(np.array([0]), np.array([60]))
    demand, seen = batch.patches[0, :, :PATCH].flatten(), batch.patches[0, :, PATCH : 2 * PATCH].flatten()
    hidden = [CONTEXT - 1 - (60 - c) for c in (50, 52)]
    assert (demand[hidden] == 0).all()
    assert (seen[hidden] == 0).all()
    assert seen.sum() == CONTEXT - 2
    assert batch.weight[0, 0].tolist() == [1, 0, 1, 0, 1]
    assert (batch.target[0, 0, [1, 3]] == 0).all()


def test_what_a_sold_out_step_would_have_shown_does_not_matter():
    values = noisy()
    available = np.random.default_rng(2).random(values.shape) > 0.3
    other = np.where(available, values, 1e6)
    batches = [window(panel_of(v, available=available), 60, forks=2) for v in (values, other)]
    equal(*batches)
    assert torch.equal(batches[0].target, batches[1].target)


def test_context_before_a_series_begins_is_empty_whatever_stands_before_it():
    values = noisy()
    starts = [0, 55, 0, 0]
    one = panel_of(values, starts=starts)
    changed = values.copy()
    changed[0] *= 100
    batches = []
    for panel in (one, panel_of(changed, starts=starts)):
        windows = windows_of(panel)
        batches.append(windows.gather(np.array([1]), cell(windows, np.array([1]), 60)))
    equal(*batches)
    seen = batches[0].patches[0, :, PATCH : 2 * PATCH].flatten()
    assert seen.tolist() == [0.0] * (CONTEXT - 6) + [1.0] * 6
    assert (batches[0].patches[0, :3] == 0).all()


def test_held_out_steps_do_not_count():
    batch = window(panel_of(noisy()), STEPS - 4, hidden=2)
    np.testing.assert_array_equal(batch.weight[:, 0], [[1, 0, 0, 0, 0]] * 4)


def test_some_steps_ahead_are_those_of_all_of_them():
    panel = panel_of(noisy(), known={"promotion": np.random.default_rng(3).integers(0, 2, (4, STEPS))})
    windows = windows_of(panel)
    rows = np.arange(4)
    origins = cell(windows, rows, 70)
    full = windows.gather(rows, origins, forks=2)
    some = windows.gather(rows, origins, forks=2, steps=np.array([1, 4]))
    assert some.steps.tolist() == [1, 4]
    assert torch.equal(some.ahead, full.ahead[:, :, [1, 4]])
    assert torch.equal(some.target, full.target[:, :, [1, 4]])
    assert torch.equal(some.weight, full.weight[:, :, [1, 4]])


def test_known_covariates_of_the_step_itself_are_seen_in_training_and_ahead():
    rng = np.random.default_rng(4)
    longer = rng.random((4, STEPS + HORIZON)).astype(np.float32)
    panel = panel_of(noisy(), known={"price": longer[:, :STEPS]})
    inputs = Inputs.of(panel, HORIZON, patch=PATCH, context=CONTEXT)
    windows = Windows(panel, inputs, {"price": longer[:, STEPS:]})
    price = inputs.covariates[0]
    at = len(inputs.calendar)
    rows = np.arange(4)
    for last in (60, STEPS - 1):
        batch = windows.gather(rows, cell(windows, rows, last))
        expected = (longer[:, last + 1 : last + 1 + HORIZON] - price.centre) / price.spread
        np.testing.assert_allclose(batch.ahead[:, 0, :, at], expected, rtol=1e-4, atol=1e-5)


def test_the_calendar_ahead_is_that_of_the_target_day():
    panel = panel_of(noisy())
    inputs = Inputs.of(panel, HORIZON, patch=PATCH, context=CONTEXT)
    batch = window(panel, STEPS - 1)
    stamps = panel.freq.stamp(panel.end + 1 + np.arange(HORIZON)).astype("datetime64[D]")
    weekday = (stamps.astype(int) + 3) % 7
    k = inputs.calendar.index("week_sin1")
    np.testing.assert_allclose(batch.ahead[0, 0, :, k], np.sin(2 * np.pi * weekday / 7), atol=1e-6)


def test_memory_holds_last_week_and_last_year():
    days = np.arange(800)
    values = (100 + days % 7 + (days > 400) * 50.0)[None, :]
    panel = panel_of(values)
    inputs = Inputs.of(panel, HORIZON)
    batch = Windows(panel, inputs).gather(np.array([0]), np.array([799]))
    memory = batch.ahead[0, 0, :, -7:]
    np.testing.assert_allclose(torch.sinh(memory[:, 0]) * batch.scale[0, 0], values[0, 793:798], rtol=1e-4)
    around = [values[0, 799 + h - 364 - 3 : 799 + h - 364 + 4].mean() for h in range(1, HORIZON + 1)]
    np.testing.assert_allclose(torch.sinh(memory[:, 4]) * batch.scale[0, 0], around, rtol=1e-4)
    assert (memory[:, [1, 3, 6]] == 1).all()
    young = Windows(panel_of(values[:, -100:]), inputs).gather(np.array([0]), np.array([99]))
    assert (young.ahead[0, 0, :, -3:] == 0).all()  # no last year


@pytest.mark.parametrize("horizon", [3, 10, 400])
def test_memory_never_reaches_past_the_origin(horizon):
    values = np.random.default_rng(0).poisson(5, (2, 900)).astype(float)
    other = values.copy()
    other[:, 480:] = 1e5
    batches = []
    for v in (values, other):
        panel = panel_of(v)
        windows = Windows(panel, Inputs.of(panel, horizon))
        batches.append(windows.gather(np.arange(2), windows.start + 479))
    equal(*batches)


def test_a_panel_without_sales_gives_finite_windows_that_do_not_count():
    panel = panel_of(np.stack([np.zeros(STEPS), np.full(STEPS, np.nan)]))
    batch = window(panel, STEPS - 10)
    for part in parts(batch).values():
        assert torch.isfinite(part).all()
    assert (batch.weight == 0).all()
    assert (batch.scale == 1).all()
