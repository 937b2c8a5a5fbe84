"""Which covariate belongs to which part of a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.explain.parts import part_of

from ..models.series import panel_of


def panel(**columns: list[float]):
    flat = panel_of({"a": np.ones(4)})
    return flat.with_known({name: np.array(values) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("price", "price"), ("sell_price", "price"), ("Verkaufspreis", "price"), ("销售价格", "price"),
        ("promotion", "promotion"), ("promo_flag", "promotion"), ("deal", "promotion"), ("feat", "promotion"),
        ("MarkDown3", "promotion"), ("promotion_discount", "promotion"), ("on_sale", "promotion"), ("促销", "promotion"),
        ("temperature", "weather"), ("temp_max", "weather"), ("tmax", "weather"), ("rain_mm", "weather"), ("气温", "weather"),
        ("is_holiday", "holidays"), ("event_name_1", "holidays"), ("school_vacation", "holidays"), ("节假日", "holidays"),
        ("week", "season"), ("dow", "season"), ("month_sin1", "season"), ("is_weekend", "season"), ("trend", "season"),
        ("snap", "other"), ("visitors", "other"), ("sales_force", "other"), ("template", "other"), ("feature_3", "other"),
        ("window", "other"), ("weekly_ads", "other"), ("competitor", "other"),
    ],
)  # fmt: skip
def test_names_tell_the_part(name, part):
    assert part_of(panel(**{name: [1, 0, 2, 0]})) == {name: part}


def test_a_promoted_price_is_a_price_if_it_is_hardly_ever_zero():
    assert part_of(panel(promo_price=[3.0, 2.5, 3.0, 3.0]))["promo_price"] == "price"
    assert part_of(panel(promo_price=[0.0, 0.0, 2.5, 0.0]))["promo_price"] == "promotion"


def test_a_part_can_be_given():
    found = part_of(panel(x=[1, 2, 3, 4], y=[0, 1, 0, 1], price=[1, 1, 1, 1]), {"weather": ["x"], "promotion": "y"})
    assert found == {"x": "weather", "y": "promotion", "price": "price"}


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="part 'colour'; there are: season, holidays, promotion, price"):
        part_of(panel(x=[1, 2, 3, 4]), {"colour": ["x"]})
    with pytest.raises(ConfigError, match="no known covariate 'z' to belong to 'weather'; there are: x"):
        part_of(panel(x=[1, 2, 3, 4]), {"weather": ["z"]})
    with pytest.raises(ConfigError, match="'x' is given to two parts"):
        part_of(panel(x=[1, 2, 3, 4]), {"weather": ["x"], "price": ["x"]})
