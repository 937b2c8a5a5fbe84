"""Pages of docs/ that are made from what was measured: tables out of benchmarks/results."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import geometric_mean
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS = DOCS.parent / "benchmarks" / "results"
MEASURED, END = "<!-- Made by scripts/pages from benchmarks/results -->", "<!-- end -->"

SETS = {
    "hierarchical_daily": "pasta, 118 items, days", "hierarchical_weekly": "pasta, 118 items, weeks",
    "m5_daily": "M5, 30,490 items, days", "m5_weekly": "M5, 30,490 items, weeks",
    "walmart": "Walmart, 3,306 departments, weeks", "uci_weekly": "UCI gift shop, 4,707 items, weeks",
}  # fmt: skip


def accuracy() -> str:
    """What was measured: the league, M5 and the speed of the statistical family."""
    league, m5, speed = (json.loads((RESULTS / f"{n}.json").read_text()) for n in ("league", "m5", "statistical"))
    sets = {name: league["sets"][name] for name in SETS}
    out = ["<!-- Made by scripts/pages from benchmarks/results: measure anew, not this page. -->", "# Accuracy and speed", "",
           "All figures come from `benchmarks/` (one command each) and are of the last windows of public data sets, on which",
           "nothing was chosen. Lower is better everywhere.", "", "## The league", "",
           "Weighted quantile loss (levels .1 to .9) relative to fev-bench's seasonal naive forecast, which has normal",
           "intervals without a lower bound. skucast's own `seasonal-naive` is a harder yardstick and stands in the table.",
           f"`python benchmarks/league.py DATA_FOLDER`, {circumstances(league['about'])}.", "",
           "| model | " + " | ".join(f"{SETS[n]}, {sets[n]['horizon']} ahead" for n in sets) + " | geometric mean |",
           "|---|" + "---:|" * (len(sets) + 1)]  # fmt: skip
    rows = []
    for model in dict.fromkeys(m for one in sets.values() for m in one["models"]):
        shares = [one["models"].get(model, {}).get("wql", math.nan) / one["yardstick"] for one in sets.values()]
        rows.append((geometric_mean(shares), model, shares))
    ranked = sorted(row for row in rows if not math.isnan(row[0]) and not row[1].endswith("uncalibrated"))
    for mean, model, shares in ranked:
        out.append(f"| `{model}` | " + " | ".join(f"{share:.3f}" for share in shares) + f" | **{mean:.3f}** |")
    out += ["", "Share of what came inside the 80 % interval, and seconds for all windows (fitting and forecasting):", "",
            "| model | " + " | ".join(SETS[n] for n in sets) + " |", "|---|" + "---:|" * len(sets)]  # fmt: skip
    for _, model, _ in ranked:
        cells = [one["models"][model] for one in sets.values()]
        out.append(
            f"| `{model}` | "
            + " | ".join(f"{100 * c['coverage_80']:.0f} %, {c['seconds']:.0f} s" for c in cells)
            + " |"
        )
    sample = json.loads((RESULTS / "league_100.json").read_text())
    names = [n for n in SETS if n in sample["sets"]]
    out += ["", "## Beside other packages", "",
            "The same windows on a sample of 100 series of each set, all in one process one after another. `fracast` was pretrained",
            "on sets of this kind; mlforecast gives no intervals where histories are short. statsforecast's models fit series by series and see no covariates; its AutoARIMA was not run.",
            f"`python benchmarks/league.py DATA_FOLDER --series 100 --peers`, {circumstances(sample['about'])}.", "",
            "| model | " + " | ".join(SETS[n].partition(",")[0] + SETS[n].rpartition(",")[2].replace(" ", ", ", 1) for n in names)
            + " | geometric mean | seconds |", "|---|" + "---:|" * (len(names) + 2)]  # fmt: skip
    board = []
    for model in dict.fromkeys(m for n in names for m in sample["sets"][n]["models"]):
        cells = [sample["sets"][n]["models"].get(model, {}) for n in names]
        if all("wql" in c for c in cells) and not model.endswith("uncalibrated"):
            shares = [c["wql"] / sample["sets"][n]["yardstick"] for c, n in zip(cells, names, strict=True)]
            mean = geometric_mean(shares)
            board.append((mean, model, shares, sum(c["seconds"] for c in cells)))
    for mean, model, shares, seconds in sorted(board):
        out.append(
            f"| `{model}` | " + " | ".join(f"{share:.3f}" for share in shares) + f" | **{mean:.3f}** | {seconds:.0f} |"
        )
    out += ["", "## M5, weighted by money", "",
            "WRMSSE over the twelve levels of the M5 competition, d_1914 to d_1941, from 419 days of history.",
            f"`python benchmarks/m5.py DATA_FOLDER`, {circumstances(m5['about'])}. `reconciled` forecasts all levels and makes",
            "them add up (see [forecasts that add up](hierarchies.md)); with `five-years` the levels of stores and departments are",
            "forecast from the five years of daily sums that the data folder holds of them.", "",
            "| model | all | store | item and store | mean of 12 levels | seconds | MB |", "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    shown = {m: one for m, one in m5["models"].items() if not m.startswith("reconciled") or m.endswith(" wls-level")}
    for model, one in sorted(shown.items(), key=lambda item: item[1]["wrmsse"]):
        levels = " | ".join(f"{one[f'level_{k}']:.3f}" for k in (1, 3, 12))
        seconds = (
            one.get("base_seconds", 0)
            + one.get("seconds", 0)
            + one.get("fit_seconds", 0)
            + one.get("predict_seconds", 0)
        )
        out.append(f"| `{model}` | {levels} | **{one['wrmsse']:.3f}** | {seconds:.0f} | {one['peak_memory_mb']:,} |")
    out += ["", "## Speed of the statistical family", "",
            "Beside statsforecast on M5 days, season 7, 28 days ahead, one thread; it runs series after series on a sample",
            f"of {speed['about']['sample']}, its quick models on all series too. "
            f"`python benchmarks/statistical.py DATA_FOLDER`, {circumstances(speed['about'])}.", "",
            "| skucast / statsforecast | series a second | times as fast | WQL ratio | MASE ratio (of the mean) |",
            "|---|---:|---:|---:|---:|"]  # fmt: skip
    for pair, one in speed["compared"].items():
        rate = speed["skucast_all"][pair.split(" / ")[0]]["series_per_second"]
        times = one.get("speed_ratio_all", one["speed_ratio"])
        loss = f"{one['wql_ratio']:.3f}" if "wql_ratio" in one else ""
        out.append(f"| {pair} | {rate:,.0f} | {times:.1f} | {loss} | {one['mase_of_mean_ratio']:.3f} |")
    return "\n".join(out) + "\n"


def hierarchies() -> str:
    """The page about forecasts that add up, with what was measured between its marks."""
    m5 = json.loads((RESULTS / "m5.json").read_text())
    levels = ("total", "state", "store", "category", "department", "state, cat.", "state, dept", "store, cat.", "store, dept",
              "item", "item, state", "item, store")  # fmt: skip
    out = [MEASURED, "| base forecasts, method | " + " | ".join(levels) + " | mean | seconds |", "|---|" + "---:|" * 14]
    for name, one in m5["models"].items():
        if name.startswith("reconciled"):
            cells = " | ".join(f"{one[f'level_{k}']:.3f}" for k in range(1, 13))
            said = name.replace("reconciled:five-years", "five years of sums,").replace("reconciled", "419 days,")
            out.append(f"| {said} | {cells} | **{one['wrmsse']:.3f}** | {one['seconds']:.1f} |")
    paths, any_one = m5["paths"]["reconciled"], m5["models"]["reconciled wls-level"]
    out += ["", f"Seconds are of reconciling the means of {paths['nodes']:,} nodes; base forecasts took {any_one['base_seconds']:.0f} s more. "
            f"{paths['paths']} sample paths of all nodes over 28 days: {paths['seconds']:.0f} s, {any_one['peak_memory_mb']:,} MB at most; "
            f"the largest gap between a group and its series is {paths['largest_gap_in_units']:g} of {paths['largest_value']:,.0f} units"
            ". With `419 days` all levels are learned from the 419 days at hand; with `five years of "
            "sums` the levels of stores and departments from their five years of daily sums.", "",
            f"`python benchmarks/m5.py DATA_FOLDER`, {circumstances(m5['about'])}.", END]  # fmt: skip
    return _between("hierarchies.md", out)


def calibration() -> str:
    """The page about intervals, with what was measured between its marks."""
    league = json.loads((RESULTS / "league.json").read_text())
    out = [MEASURED, "Share of what came inside the 50, 80 and 95 % interval of `auto:balanced`, on held-out windows, before and after, and",
           "WQL relative to before.", "",
           "| set | class | before | after | WQL |", "|---|---|---:|---:|---:|"]  # fmt: skip
    share = lambda cells: " / ".join("" if c is None else f"{100 * c:.0f}" for c in cells)  # noqa: E731
    measured = {n: said for n, said in SETS.items() if "auto:balanced uncalibrated" in league["sets"][n]["models"]}
    for name, said in measured.items():
        models = league["sets"][name]["models"]
        after, before = models["auto:balanced"], models["auto:balanced uncalibrated"]
        kinds = ("coverage_50", "coverage_80", "coverage_95")
        out.append(
            f"| {said} | **all** | {share([before[k] for k in kinds])} | **{share([after[k] for k in kinds])}** | "
            f"{after['wql'] / before['wql']:.4f} |"
        )
        for kind, cells in after["coverage"].items():
            out.append(
                f"| | {kind} | {share(before['coverage'].get(kind, []))} | {share(cells)} | "
                f"{after['classes'][kind] / before['classes'][kind]:.4f} |"
                if kind in after["classes"] else f"| | {kind} | {share(before['coverage'].get(kind, []))} | {share(cells)} | |"
            )  # fmt: skip
    singles = (
        [m for m in league["sets"]["hierarchical_daily"]["models"] if m.startswith("conformal:")] if measured else []
    )
    if singles:
        out += ["", "Single models, 80 % interval, as they are and as `conformal` (WQL relative to as they are):", "",
                "| model | " + " | ".join(measured.values()) + " |", "|---|" + "---:|" * len(measured)]  # fmt: skip
        for label in singles:
            cells = []
            for name in measured:
                models = league["sets"][name]["models"]
                before, after = models.get(label.split(":")[1]), models.get(label)
                cells.append(
                    ""
                    if before is None or after is None
                    else f"{100 * before['coverage_80']:.0f} to {100 * after['coverage_80']:.0f} ({after['wql'] / before['wql']:.3f})"
                )
            out.append(f"| `{label.split(':')[1]}` | " + " | ".join(cells) + " |")
    out += [
        "",
        "Over the steps ahead:",
        "",
        "![Share inside the intervals by step ahead, before and after](images/coverage.png)",
        "",
        f"`python benchmarks/league.py DATA_FOLDER`, then `scripts/figures`; {circumstances(league['about'])}.",
        END,
    ]
    return _between("calibration.md", out)


def tuning() -> str:
    """The page about tuning, with what was measured between its marks."""
    made = json.loads((RESULTS / "tuning.json").read_text())
    out = [MEASURED, "| set, model | budget | settings tried | WQL of the windows that chose | WQL of later windows | later, change |",
           "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, one in made["tasks"].items():
        search, later = one["search"], one["later"]
        after = later.get("after", later["before"])["wql"]
        change = 100 * (after / later["before"]["wql"] - 1)
        out.append(
            f"| {SETS[name.split(' / ')[0]]}, `{one['model']}` | {one['budget_seconds']:.0f} s | {search['trials']} "
            f"({search['stopped_early']} stopped early) | {search['wql_before']:.4f} to {search['wql_after']:.4f} "
            f"| {later['before']['wql']:.4f} to {after:.4f} | {change:+.1f} % |"
        )
    for name, one in made["tasks"].items():
        changed = ", ".join(f"`{k} = {json.dumps(v)}`" for k, v in one["search"]["changed"].items()) or "nothing"
        out += ["", f"Changed ({name}): {changed}."]
    killed = made["killed_and_resumed"]
    same = (
        "the same trials and the same choice"
        if killed["all_trials_alike"] and killed["same_choice"]
        else "a difference"
    )
    out += ["", f"Killed after {killed['finished_before_the_kill']} of {killed['trials']} settings of `{killed['model']}` and resumed, "
            f"against the same search left alone: {same}.", "",
            f"`python benchmarks/tuning.py DATA_FOLDER`, {circumstances(made['about'])}.", END]  # fmt: skip
    return _between("tuning.md", out)


def explanations() -> str:
    """The page about what drives a forecast, with what was measured between its marks."""
    made = json.loads((RESULTS / "explanations.json").read_text())
    out = [MEASURED, "Planted effects found again, as a share of what they truly are (1 is exact), on shops of 100 items and three years",
           "of days; the mean of three shops, in brackets the least and the most. To regressions, whose effects add",
           "up, effects that add up are planted and the public holidays of Great Britain; to the others, factors and holidays",
           "marked by a column.", "", "| model | effects | promotion | price | holidays |", "|---|---|---:|---:|---:|"]  # fmt: skip
    shares: dict[tuple[str, str], dict[str, str]] = {}
    for row in made["recovery"]:
        cell = f"{row['mean']:.2f} ({row['least']:.2f} to {row['most']:.2f})"
        shares.setdefault((row["model"], row["effects"]), {})[row["part"]] = cell
    for (model, effects), cells in shares.items():
        out.append(f"| `{model}` | {effects} | {cells['promotion']} | {cells['price']} | {cells['holidays']} |")
    out += ["", "Seconds per 1,000 items, the model fitted before; sentences are in both languages. M5 has 28 days ahead with prices, food",
            "stamp days and holidays, the gift shop (UCI) 8 weeks with holidays. `ensemble` puts the five above it together. `lightgbm` fits the",
            "mean only here (`objective = \"tweedie\"`); with quantiles it asks more trees.", "",
            "| set | model | forecast | explanation | sentences | largest gap between parts and forecast |", "|---|---|---:|---:|---:|---:|"]  # fmt: skip
    for row in made["cost"]:
        per = 1000 / row["items"]
        seconds = " | ".join(f"{per * row[f'{n}_seconds']:.2f}" for n in ("forecast", "explanation", "sentences"))
        out.append(f"| {SETS.get(row['set'], 'M5, days')} | `{row['model']}` | {seconds} | {row['largest_gap']:.0e} |")
    names = {"hierarchical_daily": "pasta", "orange_juice": "orange juice", "uci_weekly": "gift shop"}
    out += ["", "Ten sentences about windows of the past of public sets:", ""]
    for row in made["sentences"]:
        out += [f"- {names[row['set']]} {row['item']}, `{row['model']}`: {row['en']}", f"  {row['zh']}"]
    out += ["", f"`python benchmarks/explanations.py DATA_FOLDER`, {circumstances(made['about'])}.", END]
    return _between("explanations.md", out)


def censored_demand() -> str:
    """The page about demand behind stock-outs, with what was measured between its marks."""
    made = json.loads((RESULTS / "censoring.json").read_text())
    shops, seeds = made["simulated"], made["about"]["held_out_seeds"]
    ways = [way for way in next(iter(shops.values())) if way != "about"]
    lost = ", ".join(f"{kind} {100 * shops[kind]['about']['lost']:.0f} %" for kind in shops)
    out = [MEASURED, f"Simulated shops with known demand, {made['about']['series']} items and {made['about']['days']} days, {len(seeds)} shops of each",
           f"kind on which nothing was chosen. An order a week that arrives a week later: demand lost, {lost}.",
           "Bias of the mean of history against true demand, and of ETS's forecasts against those from true demand; weighted",
           "quantile loss (WQL) against true demand, mean of the three kinds.", "",
           "| history | " + " | ".join(f"bias, {kind}" for kind in shops) + " | bias of ETS | WQL `ets` | `negbin` | `pretrained` |",
           "|---|" + "---:|" * (len(shops) + 4)]  # fmt: skip
    for way in ways:
        rows = [shops[kind][way] for kind in shops]
        truth = [shops[kind]["true demand"]["ets_bias"] for kind in shops]
        shifted = sum((1 + row["ets_bias"]) / (1 + t) - 1 for row, t in zip(rows, truth, strict=True)) / len(rows)
        losses = " | ".join(
            f"{sum(row[f'{m}_wql'] for row in rows) / len(rows):.4f}" for m in ("ets", "negbin", "pretrained")
        )
        out.append(
            f"| {way} | "
            + " | ".join(f"{100 * row['history_bias']:+.1f} %" for row in rows)
            + f" | {100 * shifted:+.1f} % | {losses} |"
        )
    slow = made["slow"]["seasonal"]
    out += ["", "Three of the seasonal shops, models that take longer (`auto` with its fast preset): bias against true demand, WQL.", "",
            "| history | `lightgbm` | `auto` |", "|---|---:|---:|"]  # fmt: skip
    for way, row in slow.items():
        if way != "about":
            cells = " | ".join(f"{100 * row[f'{m}_bias']:+.1f} %, {row[f'{m}_wql']:.4f}" for m in ("lightgbm", "auto"))
            out.append(f"| {way} | {cells} |")
    out += ["", "Judged on: one and the same forecast (ETS on estimated demand), judged on four kinds of actuals, WQL and bias.", "",
            "| judged on | " + " | ".join(made["judging"]) + " |", "|---|" + "---:|" * len(made["judging"])]  # fmt: skip
    for name in next(iter(made["judging"].values())):
        cells = [made["judging"][kind][name] for kind in made["judging"]]
        out.append(f"| {name} | " + " | ".join(f"{c['wql']:.4f}, {100 * c['bias']:+.1f} %" for c in cells) + " |")
    models = [k.removesuffix("_wql") for k in made["vn2"]["early"]["mask"] if k.endswith("_wql")]
    out += ["", "VN2 (599 items, weeks, 11 % out of stock; no week out of stock has a sale, so by default nothing is estimated and",
            "`negbin` is the mask): WQL on weeks in stock, 8 weeks ahead, three windows each. Defaults were chosen on the early ones.", "",
            "| history | " + " | ".join(f"`{m}` early | held out" for m in models) + " |", "|---|" + "---:|" * (2 * len(models))]  # fmt: skip
    for way in made["vn2"]["early"]:
        cells = [made["vn2"][part][way].get(f"{m}_wql") for m in models for part in ("early", "held_out")]
        out.append(f"| {way} | " + " | ".join("" if c is None else f"{c:.4f}" for c in cells) + " |")
    seconds = ", ".join(
        f"{k.removesuffix('_seconds')} {v:.0f} s" for k, v in made["speed"].items() if k.endswith("_seconds")
    )
    out += ["", f"Processor time for 30,000 series of 450 days, {100 * made['speed']['sold_out']:.0f} % of the days sold out, fit and apply: {seconds};",
            f"peak memory {made['speed']['negbin_peak_mb'] / 1000:.1f} GB, with kaplan-meier {made['speed']['kaplan-meier_peak_mb'] / 1000:.1f} GB.", "",
            f"`python benchmarks/censoring.py DATA_FOLDER`, {circumstances(made['about'])}.", END]  # fmt: skip
    return _between("censored-demand.md", out)


def _between(name: str, lines: list[str]) -> str:
    """A page whose part between the marks is made anew."""
    page = (DOCS / name).read_text(encoding="utf-8")
    return page.partition(MEASURED)[0] + "\n".join(lines) + page.partition(MEASURED)[2].partition(END)[2]


def circumstances(about: dict[str, Any]) -> str:
    """When, where and with which seed something was measured."""
    said = f"; {about['note']}" if "note" in about else ""
    seed = f", seed {about['seed']}" if "seed" in about else ""
    return f"{about['made'][:10]}, {about['machine']}{seed}{said}"


def neural() -> str:
    """The page about networks, with what was measured so far between its marks."""
    race, accuracy_of = (json.loads((RESULTS / f"{n}.json").read_text()) for n in ("neural_race", "neural_accuracy"))
    out = [MEASURED, *_race(race), *(_speed(race["speed"]) if "speed" in race else []), *_networks(accuracy_of)]
    if (RESULTS / "neural_tuning.json").is_file():
        out += _tuned(json.loads((RESULTS / "neural_tuning.json").read_text()))
    return _between("neural.md", [*out, END])


def _race(race: dict[str, Any]) -> list[str]:
    out = ["### Against neuralforecast", "", "Seconds of training on one thread until neuralforecast's best score is reached, without covariates on either side.",
           "Where there are several seeds, that of the median is shown, and in brackets in how many of them its best was reached.", "",
           "| set | skucast | neuralforecast | its best WQL | after | skucast is there after | times faster |", "|---|---|---|---:|---:|---:|---:|"]  # fmt: skip
    for name, pairs in race["race"].items():
        for seeds in pairs.values():
            ranked = sorted(seeds.values(), key=lambda one: -one.get("times_faster", 0.0))
            one, reached = ranked[len(ranked) // 2], sum("times_faster" in each for each in ranked)
            of = f" ({reached} of {len(ranked)})" if len(ranked) > 1 else ""
            there = (
                f"{one['reached_seconds']:.1f} s{of} | {one['times_faster']:.1f}"
                if "reached_seconds" in one
                else f"not{of} | –"
            )
            out.append(
                f"| {SETS[name]} | `{one['ours']}` | {one['peer']} | {one['peer_best']:.4f} | {one['peer_best_seconds']:.0f} s | {there} |"
            )
    per_second = [one["peer_windows_per_second"] for pairs in race["race"].values() for one in pairs["lstm"].values()]
    return [*out, "", f"neuralforecast's LSTM trained {min(per_second):,} to {max(per_second):,} windows a second there.", "",
            f"`python benchmarks/neural_race.py DATA_FOLDER --peer PYTHON`, {circumstances(race['about'])}."]  # fmt: skip


def _speed(speed: dict[str, Any]) -> list[str]:
    out = ["", "### Speed", "", f"Windows per second in training: two layers of {speed['hidden']} units, {speed['context']} days of context, 28 ahead,",
           f"{speed['batch']} windows a batch, patches of a week. Memory is what training adds to the process.", "",
           "| network | weights | 1 thread | 2 threads | 1 thread, bf16 | 2 threads, bf16 | memory |", "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, rows in speed["networks"].items():
        cells = [f"{rows[f'{p}, {t} threads']['windows_per_second']:,}" for p in ("fp32", "bf16") for t in (1, 2)]
        first = rows["fp32, 1 threads"]
        out.append(f"| `{name}` | {first['weights']:,} | {' | '.join(cells)} | {first['extra_gb']:.2f} GB |")
    return [
        *out,
        "",
        f"`python benchmarks/neural_race.py DATA_FOLDER --speed`, {speed['about']['made'][:10]}, {speed['about']['machine']}.",
    ]


def _networks(measured: dict[str, Any]) -> list[str]:
    sets = measured["sets"]
    models = list(next(iter(sets.values()))["models"])
    titles = " | ".join(f"{SETS[n].split(',')[0]}, {SETS[n].split(', ')[-1]}" for n in sets)
    lines = "|---|" + "---:|" * len(sets)
    out = ["", "### Accuracy", "", "Weighted quantile loss (levels .1 to .9) on the held-out windows of the league; where there is more than one seed the mean,",
           "and in brackets the lowest and the highest. Of M5 and the gift shop a thousand series are taken; – was not run.", "",
           f"| model | {titles} |", lines]  # fmt: skip
    relative = ["", "Relative to fev-bench's seasonal naive, beside networks of fev-bench's published table. Theirs are of fev-bench's windows and",
                "all series, ours of later windows of the same data and of samples, so that only rough differences mean something; M5 has five",
                "years, of which ours know the last 447 days.", "",
                f"| model | {titles} |", lines]  # fmt: skip
    for model in models:
        cells, shares = [], []
        for one in sets.values():
            found = [seed["wql"] for seed in one["models"].get(model, {}).values()]
            mean = sum(found) / max(len(found), 1)
            spread = f" ({min(found):.3f} to {max(found):.3f})" if len(found) > 1 else ""
            cells.append(f"{mean:.3f}{spread}" if found else "–")
            shares.append(f"{mean / one['yardstick']:.3f}" if found else "–")
        out.append(f"| `{model}` | {' | '.join(cells)} |")
        relative.append(f"| `{model}` | {' | '.join(shares)} |")
    for name, label in {"deepar": "DeepAR", "tft": "TFT", "patchtst": "PatchTST"}.items():
        told = measured["published"][name]
        relative.append(
            f"| {label}, published | " + " | ".join(f"{told[n]:.3f}" if n in told else "–" for n in sets) + " |"
        )
    return [
        *out,
        *relative,
        "",
        f"`python benchmarks/neural_accuracy.py DATA_FOLDER`, {measured['about']['made'][:10]}, {measured['about']['machine']}.",
    ]


def _tuned(tuned: dict[str, Any]) -> list[str]:
    out = [
        "",
        "### Tuning",
        "",
        "| set, model | budget | settings tried | WQL of the windows that chose | WQL of later windows |",
        "|---|---:|---:|---:|---:|",
    ]
    notes = []
    for name, one in tuned["tasks"].items():
        search, later, key = one["search"], one["later"], name.split(" / ")[0]
        after = later.get("after", later["before"])["wql"]
        out.append(f"| {SETS[key]}, `{one['model']}` | {one['budget_seconds']:.0f} s | {search['trials']} | {search['wql_before']:.4f} to "
                   f"{search['wql_after']:.4f} | {later['before']['wql']:.4f} to {after:.4f} |")  # fmt: skip
        changed = ", ".join(f"`{k} = {json.dumps(v)}`" for k, v in search["changed"].items()) or "nothing"
        notes += [
            "",
            f"Changed: {changed}. `python benchmarks/tuning.py DATA_FOLDER --task {key} --model {one['model']} --budget {one['budget_seconds']:.0f} --as neural_tuning`.",
        ]
    return [*out, *notes]
