import numpy as np
import pytest

from skucast.decide.inventory import Distribution, lead_time_demand, lead_time_demand_moments
from skucast.errors import ConfigError

PATHS = np.random.default_rng(0).poisson(4, (3, 400, 12)).astype(np.float32)


def test_demand_is_summed_over_the_periods_of_each_path():
    lead = np.random.default_rng(1).integers(0, 7, (3, 400))
    got = lead_time_demand(PATHS, lead, review=4)
    for i in range(3):
        for k in range(0, 400, 37):
            n = lead[i, k]
            assert got.before[i, k] == PATHS[i, k, :n].sum()
            assert got.protected[i, k] == PATHS[i, k, : n + 4].sum()


def test_lead_times_may_be_one_number_or_one_per_item():
    one = lead_time_demand(PATHS, 3, review=1)
    np.testing.assert_array_equal(one.protected, PATHS[:, :, :4].sum(axis=2))
    each = lead_time_demand(PATHS, np.array([0, 3, 5]))
    assert (each.before[0] == 0).all()
    np.testing.assert_array_equal(each.before[2], PATHS[2, :, :5].sum(axis=1))
    np.testing.assert_array_equal(lead_time_demand(PATHS[0], 3).before, one.before[:1])


def test_draws_come_in_the_shares_of_the_distribution_and_do_not_depend_on_other_items():
    law = Distribution.of_pairs({2: 0.25, 3: 0.5, 7: 0.25})
    got = lead_time_demand(PATHS, law, seed=3)
    assert np.bincount(got.lead_time[0]).tolist() == [0, 0, 100, 200, 0, 0, 0, 100]
    alone = lead_time_demand(PATHS[1:2], law, seed=3)
    np.testing.assert_array_equal(got.before[1], alone.before[0])
    assert (lead_time_demand(PATHS, law, seed=4).lead_time != got.lead_time).any()


def test_dependence_between_periods_widens_the_sum():
    """Paths whose periods move together: sqrt(L) would be far too narrow."""
    level = np.random.default_rng(2).gamma(4, 5, (1, 4000, 1))
    paths = np.repeat(level, 6, axis=2)
    got = lead_time_demand(paths, 6).before
    assert got.std() == pytest.approx(6 * level.std())


def test_moments_take_many_items():
    law = lead_time_demand_moments([20, 8], [5, 3], [10, 2], [2, 0])
    np.testing.assert_allclose(law.sd, [43.01162633521314, np.sqrt(18)])


@pytest.mark.parametrize(
    ("lead", "review", "says"),
    [
        (10, 3, "end after 12 periods, but lead time and review period take up to 13"),
        (-1, 0, "must not be negative"),
        (np.array([1.5]), 0, "whole periods"),
        (np.array([1, 2]), 0, "one per item \\(3\\)"),
        (2, -1, "Review must be a whole number of at least 0"),
    ],
)
def test_lead_times_that_cannot_be_are_said(lead, review, says):
    with pytest.raises(ConfigError, match=says):
        lead_time_demand(PATHS, lead, review)
