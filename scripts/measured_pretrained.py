"""The measured part of docs/pretrained.md, from benchmarks/results."""

from __future__ import annotations

import json
from statistics import geometric_mean
from typing import Any

from measured import END, MEASURED, RESULTS, _between, circumstances

SETS = {
    "hierarchical_daily": "pasta, days", "hierarchical_weekly": "pasta, weeks", "m5_daily": "M5, days",
    "m5_weekly": "M5, weeks", "walmart": "Walmart, weeks", "uci_daily": "UCI gift shop, days",
    "uci_weekly": "UCI gift shop, weeks", "orange_juice": "orange juice, weeks",
}  # fmt: skip

WITHOUT = "auto:balanced without pretrained"


def pretrained() -> str:
    """The page about the pretrained model, with what was measured so far between its marks."""
    out = [MEASURED]
    for name, made in (
        ("zero_shot", _zero_shot), ("league", _in_auto), ("fine_tuning", _fine_tuning), ("pretrained_speed", _speed),
    ):  # fmt: skip
        path = RESULTS / f"{name}.json"
        if path.is_file():
            out += made(json.loads(path.read_text()))
    return _between("pretrained.md", [*out, END])


def _zero_shot(content: dict[str, Any]) -> list[str]:
    sets = content["sets"]
    weights = content["weights"]
    first = next(iter(sets.values()))["models"]
    labels = [name for name in first if "fracast" not in name]
    out = ["### Without fitting", "", "WQL (levels .1 to .9) on the last windows of each set, relative to fev-bench's seasonal naive; in brackets the 95 % interval",
           "of a bootstrap over series. All series, all windows of the league; `ets`, `theta`, `croston` and `lightgbm` were fitted to the set before its",
           "first window and updated from window to window, the pretrained model was not fitted at all.", "",
           "| model | " + " | ".join(SETS[n] for n in sets) + " | geometric mean |", "|---|" + "---:|" * (len(sets) + 1)]  # fmt: skip
    for label in labels:
        rows = [one["models"].get(label) for one in sets.values()]
        cells = [f"{r['relative']:.3f} ({r['interval'][0]:.2f} to {r['interval'][1]:.2f})" if r else "–" for r in rows]
        out.append(f"| {_title(label)} | {' | '.join(cells)} | {_geometric(rows)} |")
    out += ["", "MASE of the mean, share of what came inside the 80 % interval, and share above its upper end (where zero is inside of most",
            "intervals nothing can lie below them, and 10 % above is what is right):", "",
            "| model | " + " | ".join(SETS[n] for n in sets) + " |", "|---|" + "---:|" * len(sets)]  # fmt: skip
    for label in labels:
        rows = [one["models"].get(label) for one in sets.values()]
        cells = [
            f"{r['mase']:.3f}, {100 * r['coverage_80']:.0f} %, {100 * r['above_90']:.0f} %" if r else "–" for r in rows
        ]
        out.append(f"| {_title(label)} | {' | '.join(cells)} |")
    out += _beside(sets)
    made = (
        f"{weights['parameters']:,} weights, {weights['steps']:,} steps, {weights['core_hours']} core-hours of training"
    )
    if before := weights.get("began_with"):
        made += f" after {before['steps']:,} steps, {before['core_hours']} core-hours with the prior's version {before['prior']}"
        if any(", seed" in label for label in labels):
            made += "; other seeds are of the second stage"
    return [*out, "", f"`python benchmarks/zero_shot.py DATA_FOLDER --seeds FOLDERS`, {circumstances(content['about'])}; {made}."]  # fmt: skip


def _in_auto(content: dict[str, Any]) -> list[str]:
    """What the combination gains by it."""
    sets = {name: one for name, one in content["sets"].items() if WITHOUT in one["models"]}
    if not sets:
        return []
    out = ["", "### In `auto`", "", "WQL of `auto` in its preset `balanced`, relative to fev-bench's seasonal naive, with and without this member:", "",
           "| | " + " | ".join(SETS[n] for n in sets) + " | geometric mean |", "|---|" + "---:|" * (len(sets) + 1)]  # fmt: skip
    for said, label in (("with", "auto:balanced"), ("without", WITHOUT), ("`pretrained` alone", "pretrained")):
        shares = [one["models"][label]["wql"] / one["yardstick"] for one in sets.values()]
        out.append(
            f"| {said} | " + " | ".join(f"{share:.3f}" for share in shares) + f" | **{geometric_mean(shares):.3f}** |"
        )
    return [*out, "", f"`python benchmarks/league.py DATA_FOLDER`, {circumstances(content['about'])}."]


def _beside(sets: dict[str, Any]) -> list[str]:
    """The peer that ships weights too, on a sample."""
    rows = []
    for label, one in ((SETS[n], one["models"]) for n, one in sets.items()):
        pair = [next((r for name, r in one.items() if name.startswith(start)), None) for start in ("fracast", "pretrained on fracast")]  # fmt: skip
        if all(pair):
            rows.append(f"| {label} | {pair[0]['relative']:.3f} | {pair[1]['relative']:.3f} | {pair[0]['seconds']:.0f} s | {pair[1]['seconds']:.1f} s |")  # fmt: skip
    if not rows:
        return []
    return ["", "Beside `fracast` 0.1.0 (85,001 weights, without covariates), on a sample of 200 series of each set. It was trained on public sets of this kind,",
            "so its figures are no zero-shot figures.", "", "| set | fracast | `pretrained` | fracast took | `pretrained` took |", "|---|---:|---:|---:|---:|", *rows]  # fmt: skip


def _title(label: str) -> str:
    name, comma, rest = label.partition(" ") if "," not in label else label.partition(",")
    return f"`{name}`{comma}{rest}"


def _geometric(rows: list[dict[str, Any] | None]) -> str:
    known = [row["relative"] for row in rows if row]
    return f"**{geometric_mean(known):.3f}**" if len(known) == len(rows) else "–"


def _fine_tuning(content: dict[str, Any]) -> list[str]:
    out = ["", "### Fine-tuned", "", f"WQL on the held-out windows without and with `fine_tune = \"{content['about']['way']}\"`, {content['about']['budget_seconds']:.0f} seconds before the first of them;",
           "*taken* is what the test on the history decided.", "",
           "| set | without | with | change | taken |", "|---|---:|---:|---:|---|"]  # fmt: skip
    for name, one in content["tasks"].items():
        before, after = one["zero-shot"]["wql"], one["fine-tuned"]["wql"]
        taken = "yes" if one["accepted"] else "too little history" if "left out" in one["notes"][0] else "no"
        out.append(f"| {SETS[name]} | {before:.4f} | {after:.4f} | {100 * one['change'] + 0.0:+.1f} % | {taken} |")
    return [*out, "", f"`python benchmarks/fine_tuning.py DATA_FOLDER`, {circumstances(content['about'])}."]


def _speed(content: dict[str, Any]) -> list[str]:
    speed, large = content["speed"], content["large"]
    out = ["", "### Speed and size", "", f"- {speed['series_a_second']:,} series a second on one core ({speed['slowest']:,} to {speed['quickest']:,} in nine runs): {speed['series']:,} items of M5, 28 days ahead, with prices, SNAP days and holidays.",
           f"- {large['series']:,} series in {large['seconds']:.0f} s on one core; beside the panel ({large['panel_gb']:.2f} GB) and the answer ({large['answer_gb']:.2f} GB) "
           f"the process grew by {max(large['more_gb'], 0):.2f} GB."]  # fmt: skip
    if "install" in content:
        one = content["install"]
        out.append(f"- The wheel has {one['wheel_mb']:.1f} MB. In a new environment without a network the first forecast is there after {one['first_forecast_seconds']:.1f} s, "
                   f"the next time after {one['second_start_seconds']:.1f} s, start of Python included; installing it with its {one['packages']} packages took {one['install_seconds']:.0f} s before.")  # fmt: skip
    return [*out, "", f"`python benchmarks/pretrained_speed.py DATA_FOLDER`, then with `--install`, {circumstances(content['about'])}."]  # fmt: skip
