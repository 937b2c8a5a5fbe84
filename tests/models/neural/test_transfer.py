"""Starting from a network that learned elsewhere: what comes over, what stays, what learns."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from skucast.errors import ConfigError
from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.lowrank import Adapted, maps_of
from skucast.models.neural.transfer import ahead_names, meeting, patch_names, take
from skucast.models.neural.windows import Windows
from skucast.models.spec import load_fitted

from .panels import WEEK, panel_of

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")
HORIZON = 7
KINDS = ("lstm", "gru", "rnn", "cnn", "mlp", "stl-gru", "vae", "attention", "seq2seq")


def make(name="lstm", steps=150, **fields):
    train = {"steps": steps, "batch": 24, "learning_rate": 1e-2, "checks": 6, "patience": 6, **fields.pop("train", {})}
    return registry.make({"model": name, "hidden": 16, "width": 16, "context": 42, "train": train, **fields})


def shops(series, steps, seed, lift=2.0):
    """Shops with one week shape and one effect of promotions, their levels their own."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(1.5, 0.7, (series, 1)))
    on = (rng.random((series, steps)) < 0.15).astype(np.float32)
    values = rng.poisson(level * WEEK[(np.arange(steps) - steps) % 7] * (1 + lift * on))
    return panel_of(values, known={"promotion": on})


@pytest.fixture(scope="module")
def chain():
    """A network of sixty shops."""
    return make(steps=250).fit(shops(60, 180, 0), horizon=HORIZON)


def wql(fitted, panel):
    plan = {"promotion": panel.dense(panel.known["promotion"], HORIZON)}
    said = fitted.predict(HORIZON, plan)
    return measure(panel.dense(steps=HORIZON), said.mean, said.quantiles, said.levels)["wql"]


def state(fitted):
    return {name: w.numpy() for name, w in fitted.network.state_dict().items()}


# ---- what it is good for ------------------------------------------------------------------------------
def test_new_shops_with_a_short_history_gain_from_a_network_of_others(chain):
    """Six new shops, whose promotions work a little differently: a quarter of the steps does, and as few do less."""
    scores = []
    for seed in (1, 2, 3):
        new = shops(6, 84, seed, lift=1.2)
        history = new.until(new.end - HORIZON)
        started = make(steps=25).fit(history, horizon=HORIZON, start_from=chain)
        same, more = (make(steps=steps).fit(history, horizon=HORIZON) for steps in (25, 100))
        assert started.about["loss"] < same.about["loss"]
        scores.append([wql(fitted, new) for fitted in (started, same, more)])
    started, same, more = np.mean(scores, axis=0)
    assert started < 0.85 * same
    assert started < 1.03 * more


def test_without_windows_enough_the_network_of_others_forecasts(chain):
    new = shops(4, 30, 5)
    history = new.until(new.end - HORIZON)
    with pytest.warns(
        UserWarning, match="too few to train a network .* the one that it starts from forecasts as it is"
    ):
        started = make().fit(history, horizon=HORIZON, start_from=chain)
    assert started.network is chain.network
    assert started.about["start"] == {"model": "lstm", "as_it_is": True}
    assert wql(started, new) < wql(SeasonalNaive().fit(history), new)
    np.testing.assert_array_equal(
        started.predict(HORIZON, {"promotion": np.zeros((4, 7))}).quantiles,
        chain.update(history).predict(HORIZON, {"promotion": np.zeros((4, 7))}).quantiles,
    )


def test_started_without_windows_enough_it_can_be_saved(chain, tmp_path):
    history = shops(4, 30, 5)
    with pytest.warns(UserWarning, match="too few"):
        started = make(hidden=16).fit(history, horizon=3, start_from=chain)
    started.save(tmp_path)
    plan = {"promotion": np.ones((4, 3))}
    np.testing.assert_array_equal(load_fitted(tmp_path).predict(3, plan).mean, started.predict(3, plan).mean)


def test_the_result_is_never_worse_on_the_held_out_steps_than_the_start(chain):
    """What learning makes worse is not kept."""
    history = shops(6, 84, 3)
    wild = make(steps=20, train={"learning_rate": 3.0, "finish": 0.0}).fit(history, horizon=HORIZON, start_from=chain)
    for name, weight in state(chain).items():
        np.testing.assert_array_equal(state(wild)[name], weight, err_msg=name)


# ---- what stays -----------------------------------------------------------------------------------------
def moved(fitted, chain):
    """Names of weights that are no longer as they were."""
    before, after = state(chain), state(fitted)
    return {name for name in after if not np.array_equal(before[name], after[name])}


def different(series=8, steps=120, seed=4):
    """Shops that live by another week, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    on = (rng.random((series, steps)) < 0.15).astype(np.float32)
    return panel_of(rng.poisson(6 * WEEK[::-1][np.arange(steps) % 7] * (1 + on)), known={"promotion": on})


def test_a_frozen_encoder_does_not_move(chain):
    frozen = make(freeze="encoder").fit(different(), horizon=HORIZON, start_from=chain)
    names = moved(frozen, chain)
    assert names
    assert not {n for n in names if n.startswith("encoder.")}
    free = make().fit(different(), horizon=HORIZON, start_from=chain)
    assert {n for n in moved(free, chain) if n.startswith("encoder.")}


@pytest.mark.parametrize("rank", [1, 3])
def test_what_adapters_change_has_their_rank(chain, rank):
    adapted = make(rank=rank).fit(different(), horizon=HORIZON, start_from=chain)
    before, after = state(chain), state(adapted)
    names = moved(adapted, chain)
    assert names == set(maps_of(chain.network))
    assert "encoder.memory.weight_ih_l0" in names
    assert "encoder.memory.weight_hh_l0" not in names
    for name in names:
        change = (after[name] - before[name]).reshape(-1, after[name].shape[-1]).astype(np.float64)
        strength = np.linalg.svd(change, compute_uv=False)
        assert (strength > 1e-4 * strength[0]).sum() == min(rank, *change.shape), name


def test_adapters_learn_and_leave_a_plain_network(chain, tmp_path):
    panel = different(steps=140)
    history = panel.until(panel.end - HORIZON)
    adapted = make(rank=4, train={"learning_rate": 3e-2}).fit(history, horizon=HORIZON, start_from=chain)
    assert wql(adapted, panel) < 0.8 * wql(chain.update(history), panel)
    assert not isinstance(adapted.network, Adapted)
    adapted.save(tmp_path)
    plan = {"promotion": np.ones((len(panel), HORIZON))}
    np.testing.assert_array_equal(
        load_fitted(tmp_path).predict(HORIZON, plan).mean, adapted.predict(HORIZON, plan).mean
    )


def test_with_a_frozen_encoder_adapters_stand_beside_the_rest_only(chain):
    adapted = make(rank=2, freeze="encoder").fit(different(), horizon=HORIZON, start_from=chain)
    assert moved(adapted, chain) == {n for n in maps_of(chain.network) if not n.startswith("encoder.")}


@pytest.mark.parametrize("name", ["lstm", "gru", "cnn"])
def test_adapters_say_at_first_what_the_network_says_and_merged_what_they_say(name):
    panel = shops(5, 100, 0)
    inputs = Inputs.of(panel, HORIZON)
    network = make(name, layers=2, dropout=0.0).build(inputs)
    windows = Windows(panel, inputs)
    batch = windows.gather(np.arange(5), windows.end - 1 - HORIZON, forks=2)
    plain = network.loss(batch)
    adapted = Adapted(network, 2, maps_of(network))
    torch.testing.assert_close(adapted.loss(batch), plain)
    learning = [n for n, w in adapted.named_parameters() if w.requires_grad and n.partition(".")[0] in ("up", "down")]
    assert len(learning) == 2 * len(adapted.names)
    with torch.no_grad():
        for up in adapted.up:
            up.normal_(std=0.1)
    changed = adapted.loss(batch)
    assert not torch.allclose(changed, plain)
    torch.testing.assert_close(adapted.quantiles(batch), adapted.describe(batch)[1])
    torch.testing.assert_close(adapted.merge().loss(batch), changed)


# ---- inputs that differ -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", KINDS)
def test_the_same_inputs_come_over_whole(name):
    panel = shops(8, 100, 0)
    spec = make(name, steps=3)
    start = spec.fit(panel, horizon=HORIZON)
    inputs = Inputs.of(panel, HORIZON, 0, 42)
    if name != "stl-gru":
        assert start.inputs == inputs
    network = spec.build(start.inputs)
    taken = take(network, spec.build, start.inputs, start, same_head=True)
    assert taken.whole == tuple(n for n, _ in network.named_parameters())
    assert taken.partly == taken.fresh == ()
    for key, weight in network.state_dict().items():
        torch.testing.assert_close(weight, start.network.state_dict()[key])


def described(spec, network, inputs, panel):
    windows = Windows(panel, inputs)
    with torch.no_grad():
        batch = windows.gather(np.arange(len(panel)), windows.end - 1 - HORIZON)
        return network.eval().describe(batch)[1]


def with_more(panel):
    """The same panel with covariates that stand before, between and after its own."""
    rng = np.random.default_rng(9)
    numbers = {n: rng.normal(size=panel.values.size).astype(np.float32) for n in ("a_price", "z_price", "views")}
    known = {"a_price": numbers["a_price"], **panel.known, "z_price": numbers["z_price"]}
    return dataclasses.replace(panel, known=known, past={"views": numbers["views"]})


@pytest.mark.parametrize("name", KINDS)
def test_new_covariates_say_nothing_at_first_and_the_old_ones_the_same_as_before(name):
    panel = shops(8, 100, 0)
    spec = make(name, steps=3)
    start = spec.fit(panel, horizon=HORIZON)
    wider = with_more(panel)
    inputs = meeting(spec._inputs(wider, HORIZON), start.inputs, patch=False, context=False)
    assert [c.name for c in inputs.covariates] == ["promotion", "a_price", "z_price", "views"]
    network = spec.build(inputs)
    taken = take(network, spec.build, inputs, start, same_head=True)
    assert taken.fresh == ()
    assert taken.partly
    torch.testing.assert_close(
        described(spec, network, inputs, wider),
        described(spec, start.network, start.inputs, panel),
        rtol=1e-4,
        atol=1e-5,
    )


def test_weights_follow_the_names_of_covariates_not_their_places():
    """A known covariate pushed in before another moves its column, in patches and ahead."""
    panel = with_more(shops(8, 100, 0))
    spec = make(steps=3)
    start = spec.fit(dataclasses.replace(panel, known={"promotion": panel.known["promotion"]}), horizon=HORIZON)
    assert [c.name for c in start.inputs.covariates] == ["promotion", "views"]
    inputs = meeting(spec._inputs(panel, HORIZON), start.inputs, patch=False, context=False)
    assert [c.name for c in inputs.covariates] == ["promotion", "a_price", "z_price", "views"]
    network = spec.build(inputs)
    take(network, spec.build, inputs, start, same_head=True)
    for names, weight in ((patch_names, "encoder.embed.weight"), (ahead_names, "ahead.weight")):
        old = dict(zip(names(start.inputs), start.network.get_parameter(weight).T, strict=True))
        for name, column in zip(names(inputs), network.get_parameter(weight).T, strict=True):
            torch.testing.assert_close(column, old.get(name, torch.zeros_like(column)))


def test_a_covariate_keeps_the_units_that_the_network_knows():
    panel = with_more(shops(8, 100, 0))
    dear = dataclasses.replace(panel, known={**panel.known, "a_price": panel.known["a_price"] * 10 + 5})
    old, new = Inputs.of(panel, HORIZON), Inputs.of(dear, HORIZON)
    price = next(c for c in meeting(new, old, patch=False, context=False).covariates if c.name == "a_price")
    assert price == next(c for c in old.covariates if c.name == "a_price")
    assert price not in new.covariates


def test_new_texts_of_a_covariate_get_channels_behind_the_known_ones():
    def weather(texts, codes):
        values = np.ones((3, 60))
        return panel_of(values, known={"weather": np.resize(codes, (3, 60))}, categories={"weather": texts})

    old = Inputs.of(weather(("rain", "sun"), [0, 1]), HORIZON)
    new = Inputs.of(weather(("hail", "sun"), [0, 1]), HORIZON)
    both = meeting(new, old, patch=False, context=False)
    assert [c.texts for c in both.covariates] == [("rain", "sun", "hail")]


def test_a_covariate_that_is_gone_keeps_its_place_and_counts_as_usual(chain):
    bare = panel_of(np.random.default_rng(0).poisson(5 * WEEK[np.arange(100) % 7], (8, 100)))
    started = make(steps=5).fit(bare, horizon=HORIZON, start_from=chain)
    assert [c.name for c in started.inputs.covariates] == ["promotion"]
    assert np.isfinite(started.predict(HORIZON).mean).all()
    assert started.about["start"]["partly"] == []


def test_a_longer_horizon_goes_on_with_the_same_days_of_the_week(chain):
    spec = make(steps=3)
    inputs = meeting(Inputs.of(shops(8, 100, 0), 17, 0, 42), chain.inputs, patch=False, context=False)
    network = spec.build(inputs)
    taken = take(network, spec.build, inputs, chain, same_head=True)
    assert set(taken.partly) == {"spread.weight", "spread.bias"}
    own = chain.network.spread.bias
    torch.testing.assert_close(network.spread.bias, torch.cat([own, own, own[:3]]))


def test_a_shorter_horizon_takes_the_first_steps(chain):
    started = make(steps=3, freeze="encoder").fit(shops(8, 100, 0), horizon=4, start_from=chain)
    assert started.inputs.horizon == 4
    network = make().build(started.inputs)
    take(network, make().build, started.inputs, chain, same_head=True)
    torch.testing.assert_close(network.spread.bias, chain.network.spread.bias[:4])


def test_it_is_told_what_came_over(chain):
    wider = with_more(shops(8, 100, 0))
    about = make(steps=3, rank=2).fit(wider, horizon=14, start_from=chain).about["start"]
    assert about["model"] == "lstm"
    assert about["new_inputs"] == ["a_price", "views", "z_price"]
    assert set(about["partly"]) == {"encoder.embed.weight", "ahead.weight", "spread.weight", "spread.bias"}
    assert about["fresh"] == []
    assert about["rank"] == 2
    assert about["whole"] == len(list(chain.network.parameters())) - 4


def test_another_head_starts_fresh(chain):
    about = make(steps=3, head="negbin").fit(shops(8, 100, 0), horizon=HORIZON, start_from=chain).about["start"]
    assert set(about["fresh"]) == {"head.out.weight", "head.out.bias"}


def branded(names, seed):
    """Items of brands whose sizes differ."""
    rng = np.random.default_rng(seed)
    brand = np.resize(names, 12)
    panel = panel_of(rng.poisson(4.0 + 3.0 * (brand == names[0])[:, None], (12, 80)))
    return dataclasses.replace(panel, static=panel.static.with_columns(pl.Series("brand", brand)))


def test_vectors_of_texts_come_over_by_the_text():
    spec = make(steps=3, embed="static")
    start = spec.fit(branded(["nord", "sud"], 0), horizon=HORIZON)
    started = make(steps=3, embed="static", freeze="none").fit(
        branded(["est", "sud", "nord"], 1), horizon=HORIZON, start_from=start
    )
    (group,) = started.inputs.statics.groups
    assert set(group.texts) == {"est", "nord", "sud"}
    network = spec.build(started.inputs)
    taken = take(network, spec.build, started.inputs, start, same_head=True)
    (table,) = [n for n, w in network.named_parameters() if w.shape[0] == 4 and "still" in n]
    assert table in taken.partly
    (before,) = start.inputs.statics.groups
    for text in ("nord", "sud"):
        torch.testing.assert_close(
            network.get_parameter(table)[group.texts.index(text) + 1],
            start.network.get_parameter(table)[before.texts.index(text) + 1],
        )
    assert np.isfinite(started.predict(HORIZON).mean).all()


def test_what_static_numbers_say_of_size_stays_in_the_units_that_the_network_knows():
    def priced(seed, centre):
        panel = branded(["nord", "sud"], seed)
        price = np.random.default_rng(seed).normal(centre, 2.0, 12)
        return dataclasses.replace(panel, static=panel.static.with_columns(price=price))

    spec = make(embed="static")
    old, new = priced(0, 5.0), priced(1, 30.0)
    before, fresh = spec._inputs(old, HORIZON), spec._inputs(new, HORIZON)
    both = meeting(fresh, before, patch=False, context=False)
    (number,) = both.statics.numbers
    assert (number.centre, number.spread) == (before.statics.numbers[0].centre, before.statics.numbers[0].spread)
    near = new.take(np.flatnonzero(np.abs(new.static["price"].to_numpy() - number.centre) < 8 * number.spread))
    np.testing.assert_allclose(both.statics.sizes(near), fresh.statics.sizes(near), rtol=1e-5)


def test_a_target_beside_demand_that_is_another_starts_fresh():
    panel = with_more(shops(8, 100, 0))
    panel = dataclasses.replace(panel, past={n: np.abs(panel.known["a_price"]) for n in ("views", "carts")})
    start = make(steps=3, targets=("views",)).fit(panel, horizon=HORIZON)
    same, other = (
        make(steps=3, targets=(name,)).fit(panel, horizon=HORIZON, start_from=start).about["start"]
        for name in ("views", "carts")
    )
    assert same["fresh"] == []
    assert set(other["fresh"]) == {"others.0.out.weight", "others.0.out.bias"}


OPTIONS = [{}, {"scaling": "robust"}, {"targets": ("views",)}]


@pytest.mark.parametrize("options", OPTIONS)
def test_names_of_inputs_are_those_of_the_windows(options):
    """Changing one column of a panel changes just the inputs that bear its name."""
    panel = with_more(shops(6, 100, 0))
    spec = make(**options)
    inputs = spec._inputs(panel, HORIZON)
    assert len(patch_names(inputs)) == inputs.patch_width
    assert len(ahead_names(inputs)) == inputs.ahead_width
    other = dataclasses.replace(panel, past={"views": panel.past["views"][::-1].copy()})
    one, two = (
        Windows(p, inputs).gather(np.arange(6), panel.indptr[1:] + HORIZON * np.arange(6) - 1) for p in (panel, other)
    )
    changed = (one.patches != two.patches).flatten(0, 1).any(dim=0).numpy()
    assert changed.any()
    assert {n for n, c in zip(patch_names(inputs), changed, strict=True) if c} == {
        n for n in patch_names(inputs) if "views" in n
    }
    scarce = dataclasses.replace(panel, known={**panel.known, "promotion": 1 - panel.known["promotion"]})
    two = Windows(scarce, inputs).gather(np.arange(6), panel.indptr[1:] + HORIZON * np.arange(6) - 1)
    one = Windows(panel, inputs).gather(np.arange(6), panel.indptr[1:] + HORIZON * np.arange(6) - 1)
    changed = (one.patches != two.patches).flatten(0, 1).any(dim=0).numpy()
    assert {n for n, c in zip(patch_names(inputs), changed, strict=True) if c} == {
        f"covariate promotion {k}" for k in range(7)
    }
    values = panel.with_values(panel.values + 1)
    two = Windows(values, inputs).gather(np.arange(6), panel.indptr[1:] + HORIZON * np.arange(6) - 1)
    changed = (one.ahead != two.ahead).flatten(0, 2).any(dim=0).numpy()
    assert {n.split()[0] for n, c in zip(ahead_names(inputs), changed, strict=True) if c} == {"memory"}


# ---- errors ---------------------------------------------------------------------------------------------
def test_other_models_say_that_they_cannot_start_from_one(chain):
    for name in ("ets", "lightgbm", "seasonal-naive"):
        with pytest.raises(ConfigError, match=f"Model '{name}' cannot start from a fitted model"):
            registry.make(name).fit(shops(4, 60, 0), start_from=chain)


def test_a_start_that_makes_no_sense_is_an_error(chain):
    panel = shops(8, 100, 0)
    with pytest.raises(ConfigError, match="'gru' can start from a trained 'gru' only, not from 'lstm'"):
        make("gru").fit(panel, start_from=chain)
    with pytest.raises(ConfigError, match="'lstm' can start from a trained 'lstm' only, not from 'seasonal-naive'"):
        make().fit(panel, start_from=SeasonalNaive().fit(panel))
    with pytest.raises(ConfigError, match=r"other sizes: its 'encoder.embed.weight' is \(16, \d+\), not \(24, \d+\)"):
        make(hidden=24).fit(panel, horizon=HORIZON, start_from=chain)
    with pytest.raises(ConfigError, match="trained at frequency 'D', and the panel is of 'W-SUN'"):
        make().fit(panel_of(np.ones((3, 60)), "W-SUN"), start_from=chain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        never = make().fit(shops(2, 15, 0), horizon=3)
    with pytest.raises(ConfigError, match="had too little to learn from: it has no network"):
        make().fit(panel, start_from=never)


@pytest.mark.parametrize("fields", [{"rank": 2}, {"freeze": "encoder"}])
def test_freezing_and_adapters_need_a_start(fields):
    with pytest.raises(ConfigError, match="freeze and rank are for a fit that starts from another model"):
        make(**fields).fit(shops(8, 100, 0), horizon=HORIZON)


@pytest.mark.parametrize(("fields", "message"), [({"rank": -1}, "rank must be"), ({"rank": True}, "rank must be"), ({"freeze": "head"}, "freeze must be")])  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(fields, message):
    with pytest.raises(ConfigError, match=message):
        make(**fields)


def test_options_of_starting_survive_json():
    spec = make(rank=3, freeze="encoder")
    assert registry.spec_from_dict(spec.to_dict()) == spec


# ---- devices --------------------------------------------------------------------------------------------
def test_saved_arrays_belong_to_no_device(chain, tmp_path):
    """What was trained elsewhere loads here: the file holds numbers, not devices, and they come to the CPU."""
    chain.save(tmp_path)
    header = Path(tmp_path / "model.safetensors").read_bytes()[:4000]
    assert b"cuda" not in header
    assert b"device" not in header
    loaded = load_fitted(tmp_path)
    assert {w.device.type for w in loaded.network.state_dict().values()} == {"cpu"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", KINDS)
def test_trained_on_a_gpu_it_forecasts_on_a_cpu(name, tmp_path):
    panel = shops(8, 100, 0)
    fitted = make(name, train={"device": "cuda"}).fit(panel, horizon=HORIZON)
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    there = dataclasses.replace(loaded.spec, train=dataclasses.replace(loaded.spec.train, device="cpu"))
    here = dataclasses.replace(loaded, spec=there)
    plan = {"promotion": np.ones((8, HORIZON))}
    np.testing.assert_allclose(here.predict(HORIZON, plan).mean, fitted.predict(HORIZON, plan).mean, rtol=1e-6)
