"""Accuracy: how good the forecasts were where the truth is known, against repeating the last season."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..evaluate.classes import CLASSES
from .content import ReportContent
from .headline import model_name
from .wording import Text, decimals, known, number, percent, period, plain, say, signed_percent

NAIVE = "seasonal-naive"
_CLASS_NAMES = {
    "smooth": ("accuracy.smooth", "accuracy.smooth_is"),
    "erratic": ("accuracy.erratic", "accuracy.erratic_is"),
    "intermittent": ("accuracy.intermittent", "accuracy.intermittent_is"),
    "lumpy": ("accuracy.lumpy", "accuracy.lumpy_is"),
    "new": ("accuracy.new", "accuracy.new_is"),
    "all": ("accuracy.all", "accuracy.all_is"),
}
_LEVEL = 0.8
_TOLERANCE = 0.05


@dataclass(frozen=True)
class Score:
    """Scores of one model on one demand class."""

    label: Text
    hint: Text
    series: Text
    skill: Text
    wql: Text
    wql_naive: Text
    mase: Text
    wape: Text
    coverage: Text
    members: Text
    ours: float | None
    naive: float | None
    worse: bool


@dataclass(frozen=True)
class Accuracy:
    """What the backtest says.

    Attributes:
        model: the one whose forecasts the report shows.
        how: what was tested, in words.
        finding: what it says, in words.
        classes: scores of ``model`` per demand class and in total.
        models: total scores of all models, best first.
        notes: what a reader of the scores should know.
    """

    model: str
    how: Text
    finding: Text
    classes: Sequence[Score]
    models: Sequence[Score]
    notes: Sequence[str]


def make_accuracy(content: ReportContent) -> Accuracy | None:
    """Read the scores of a run; None if there are none."""
    scores, choices = content.score_table(), content.choices
    if scores.height == 0:
        return None
    model = _ours(scores, model_name(content))
    mine = {r["class"]: r for r in scores.filter(pl.col("model") == model).iter_rows(named=True)}
    naive = {r["class"]: r for r in scores.filter(pl.col("model") == NAIVE).iter_rows(named=True)}
    order = [c for c in (*CLASSES, *mine) if c in mine and c != "all"]
    order = [*dict.fromkeys(order), *(["all"] if "all" in mine else [])]
    top = max([v for r in (*mine.values(), *naive.values()) if known(v := r["wql"])], default=1.0) or 1.0
    classes = [_score(mine[c], naive.get(c), c, choices.get(c, ""), top) for c in order]
    totals = scores.filter(pl.col("class") == "all").sort("wql", nulls_last=True, maintain_order=True)
    models = [_score(r, naive.get("all"), str(r["model"]), "", top) for r in totals.iter_rows(named=True)]
    said = _sentences(mine, naive, model)
    finding = Text(" ".join(text.en for text in said), "".join(text.zh for text in said))
    windows, steps = content.tested or (content.config.forecast.windows, content.forecast.horizon)
    how = say("accuracy.intro", model=model, windows=number(windows), period=period(content.panel.freq, steps))
    return Accuracy(model, how, finding, classes, models, content.notes)


def skill(row: Mapping[str, float | None], naive: Mapping[str, float | None] | None) -> float | None:
    """Share of the naive forecast's weighted quantile loss that is saved; negative is worse than naive."""
    given, ours = row["skill"], row["wql"]
    if given is not None and known(given):
        return given
    theirs = naive["wql"] if naive else None
    if ours is None or theirs is None or not known(ours) or not known(theirs) or theirs == 0:
        return None
    return 1 - ours / theirs


def _ours(scores: pl.DataFrame, asked: str) -> str:
    models = scores["model"].to_list()
    if asked in models:
        return asked
    rivals = scores.filter((pl.col("class") == "all") & (pl.col("model") != NAIVE)).sort("wql", nulls_last=True)
    return str(rivals["model"][0]) if rivals.height else str(models[0])


def _score(
    row: Mapping[str, float | None], naive: Mapping[str, float | None] | None, name: str, members: str, top: float
) -> Score:
    gain = skill(row, naive)
    theirs = naive["wql"] if naive else None
    ours = row["wql"]
    label, hint = (say(key) for key in _CLASS_NAMES[name]) if name in _CLASS_NAMES else (plain(name), Text("", ""))
    return Score(
        label=label,
        hint=hint,
        series=number(row["n_series"]),
        skill=signed_percent(gain),
        wql=decimals(ours, 3),
        wql_naive=decimals(theirs, 3),
        mase=decimals(row["mase"], 2),
        wape=percent(row["wape"]),
        coverage=percent(row["coverage_80"]),
        members=Text(members, members.replace(" %", "%")) if members else plain(None),
        ours=100 * ours / top if ours is not None and known(ours) else None,
        naive=100 * theirs / top if theirs is not None and known(theirs) else None,
        worse=gain is not None and gain < 0,
    )


def _sentences(
    mine: Mapping[str, Mapping[str, float | None]], naive: Mapping[str, Mapping[str, float | None]], model: str
) -> list[Text]:
    sentences = []
    total = mine.get("all")
    if total is not None:
        gain = skill(total, naive.get("all"))
        if model == NAIVE:
            sentences.append(say("accuracy.is_naive"))
        elif gain is None:
            sentences.append(say("accuracy.no_comparison"))
        elif gain >= 0.005:
            sentences.append(say("accuracy.better", gain=percent(gain)))
        elif gain <= -0.005:
            sentences.append(say("accuracy.worse", gain=percent(-gain)))
        else:
            sentences.append(say("accuracy.equal"))
        covered = total["coverage_80"]
        if covered is not None and known(covered):
            key = "accuracy.covered"
            if covered < _LEVEL - _TOLERANCE:
                key = "accuracy.too_narrow"
            elif covered > _LEVEL + _TOLERANCE:
                key = "accuracy.too_wide"
            sentences.append(say(key, covered=percent(covered)))
    for name, row in mine.items():
        gain = skill(row, naive.get(name))
        if name != "all" and model != NAIVE and gain is not None and gain <= -0.005:
            label = say(_CLASS_NAMES[name][0]) if name in _CLASS_NAMES else plain(name)
            sentences.append(say("accuracy.class_worse", name=label, gain=percent(-gain)))
    return sentences
