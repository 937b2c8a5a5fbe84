"""Tuned: what a search for better settings found, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from ..models.space import option
from ..models.spec import Spec
from .trial import counted


@dataclass(frozen=True, eq=False, repr=False)
class Tuned:
    """The best settings of a model, and the search that led to them.

    Scores are those of the windows that chose, so a little too good; the present settings stay unless others were
    better there by more than chance explains.

    Attributes:
        spec: the model as it should be used.
        start: the model as it was.
        before: mean WQL of ``start`` over the windows.
        after: that of ``spec``.
        error: standard error of the difference between ``start`` and the best other setting.
        best_other: mean WQL of the best other setting, chosen or not; None if none was tested to the end.
        trials: one row per setting tried, in order: ``trial``, ``outcome`` (``tested``, ``stopped early``, ``failed``),
            ``wql`` over the windows tested, ``windows``, ``seconds``, ``why`` it failed, and a column per option.
        windows: past windows that settings were tested on.
        steps: length of a window.
        seconds: that all trials took, in all sessions.
        notes: what a reader should know.
    """

    spec: Spec
    start: Spec
    before: float
    after: float
    error: float
    best_other: float | None
    trials: pl.DataFrame
    windows: int
    steps: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def improved(self) -> bool:
        """Other settings than the present ones should be used."""
        return self.spec != self.start

    @property
    def changed(self) -> dict[str, Any]:
        """Options that differ from the present ones, and their new values."""
        names = [name for name in self.spec.space if option(self.spec, name) != option(self.start, name)]
        return {name: option(self.spec, name) for name in names}

    def frame(self) -> pl.DataFrame:
        """The trials, from the lowest WQL upwards; those tested on all windows first."""
        order = pl.col("outcome").replace_strict(
            {"tested": 0, "stopped early": 1, "failed": 2}, return_dtype=pl.Int64
        )  # fmt: skip
        return self.trials.sort(order, -pl.col("windows"), "wql", "trial", nulls_last=True)

    def sentence(self, lang: Literal["en", "zh"] = "en") -> str:
        """What was gained, in words."""
        count = self.trials.height
        gain = 100 * (self.before - (self.after if self.improved else self.best_other or self.before)) / self.before
        error = 100 * self.error / self.before
        if lang == "zh":
            tried = (
                f"模型 {self.spec.name}：在最近 {self.windows} 个各 {self.steps} 步的历史窗口上试了 {count} 组参数，"
                f"用时 {self.seconds:.0f} 秒。"
            )
            if self.improved:
                listed = "，".join(f"{name} = {in_words(value)}" for name, value in self.changed.items())
                return (
                    f"{tried}最佳参数使 WQL 从 {self.before:.4f} 降到 {self.after:.4f}"
                    f"（降低 {gain:.1f}%，标准误 {error:.1f}%）：{listed}。"
                )
            if self.best_other is None:
                return f"{tried}没有其他参数完成全部测试，保持现有参数。"
            return (
                f"{tried}没有参数的改进超出偶然波动（最好的一组{'降低' if gain >= 0 else '升高'} {abs(gain):.1f}%，"
                f"标准误 {error:.1f}%），保持现有参数。"
            )
        tried = (
            f"{self.spec.name}: {counted(count, 'setting')} tried on the last {counted(self.windows, 'window')} of "
            f"{counted(self.steps, 'step')} in {self.seconds:.0f} s."
        )
        if self.improved:
            listed = ", ".join(f"{name} = {in_words(value)}" for name, value in self.changed.items())
            return (
                f"{tried} The best takes WQL from {self.before:.4f} to {self.after:.4f} ({gain:.1f} % lower, standard "
                f"error {error:.1f} %): {listed}."
            )
        if self.best_other is None:
            return f"{tried} No other setting was tested to the end, so the present ones stay."
        return (
            f"{tried} None was better by more than chance (the best by {gain:.1f} %, standard error {error:.1f} %), "
            "so the present ones stay."
        )

    def __repr__(self) -> str:
        return f"Tuned({self.sentence()})"


def brief(spec: Spec) -> dict[str, Any]:
    """A spec as a project file would say it: its name and the options that are not the default."""
    return {"model": spec.name, **_differences(spec.to_dict(), type(spec)().to_dict())}


def _differences(given: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in given.items():
        default = usual.get(name)
        if value == default:
            continue
        out[name] = _differences(value, default) if isinstance(value, dict) and isinstance(default, dict) else value
    return out


def in_words(value: Any) -> str:
    """The value of an option as a project file would say it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(in_words(v) for v in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
