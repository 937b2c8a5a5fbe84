"""The command line: each command is a few lines over the public API."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .console import Console
from .errors import ConfigError, SkucastError

app = typer.Typer(
    help="Probabilistic demand forecasts and the decisions that hang on them. 需求预测与补货决策。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
DataFile = Annotated[Path, typer.Argument(help="A long table: CSV, TSV, Excel or Parquet.", metavar="FILE")]
Horizon = Annotated[int, typer.Option("--horizon", "-h", help="Steps ahead; 0 takes the usual one.")]
Freq = Annotated[str, typer.Option("--freq", "-f", help="D, W-SUN, MS, h, 1d...; found out if not given.")]
IdColumn = Annotated[str, typer.Option("--id", help="Column that names the series.")]
TimeColumn = Annotated[str, typer.Option("--time", help="Column of dates.")]
TargetColumn = Annotated[str, typer.Option("--target", help="Column of values.")]
Known = Annotated[list[str] | None, typer.Option("--known", help="Column known in the future too (repeatable).")]
Past = Annotated[list[str] | None, typer.Option("--past", help="Column known only in the past (repeatable).")]
Country = Annotated[str, typer.Option("--country", help="Whose holidays and sale days matter, such as GB or CN.")]
TableFile = Annotated[Path | None, typer.Option(help="Table of columns as in docs/tables.md: CSV, Excel or Parquet.")]
ModelName = Annotated[str, typer.Option("--model", "-m", help="Name of a model; see 'skucast models'.")]
FutureFile = Annotated[Path | None, typer.Option("--future", help="Table of the known columns' future.")]
Seed = Annotated[int, typer.Option("--seed", help="Makes the result repeatable.")]

_SENTENCES = 20  # that are printed


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put the demo project.")] = Path("skucast-demo"),
    json: Json = False,
) -> None:
    """Run the main job on bundled real orders (UCI Online Retail II, 1,044,847 lines)."""
    from .data import demo_config

    _run(demo_config(), Console(json), store=folder / "runs")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder with your exports.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing skucast.toml.")] = False,
    json: Json = False,
) -> None:
    """Look into a folder, recognise tables and columns, and write skucast.toml."""
    from .collect.project_file import init_project

    console = Console(json)
    made = init_project(folder, force=force)
    for line in made.found:
        console.say(line)
    for doubt in made.doubts:
        console.say(f"Please check: {doubt}")
    console.say(f"\nWrote {made.path}. Next: skucast run {made.path}")
    console.result({"path": made.path, "found": made.found, "doubts": made.doubts})


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="Project file, or the folder that holds it.")] = Path("skucast.toml"),
    json: Json = False,
) -> None:
    """Do the whole job of a project file: forecast, scores, purchase list and report."""
    _run(config, Console(json))


@app.command()
def forecast(
    file: DataFile,
    horizon: Horizon = 0,
    freq: Freq = "",
    model: ModelName = "auto",
    id: IdColumn = "unique_id",
    time: TimeColumn = "ds",
    target: TargetColumn = "y",
    known: Known = None,
    past: Past = None,
    country: Country = "",
    future: FutureFile = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to this .csv or .parquet.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Forecast a long table (one row per series and date)."""
    from . import api
    from .collect.sources import read_any, write_any

    console = Console(json)
    made = api.forecast(
        read_any(file), horizon or None, freq=freq or None, model=model, id=id, time=time, target=target,
        known=known or (), past=past or (), country=country, future=read_any(future) if future else None, seed=seed,
    )  # fmt: skip
    if out is not None:
        write_any(made, out)
        console.say(f"Wrote {made.height:,} rows to {out}.")
    else:
        console.table(made.head(20).to_dicts(), f"first of {made.height:,} rows; --out FILE keeps them all")
    console.result({"rows": made.height, "out": out, "columns": made.columns} if out else {"rows": made.to_dicts()})


@app.command()
def plan(
    file: DataFile,
    stock: TableFile = None,
    open_orders: TableFile = None,
    products: TableFile = None,
    suppliers: TableFile = None,
    deliveries: TableFile = None,
    prices: TableFile = None,
    terms: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of the section [plan], such as budget=5000 (repeatable)."),
    ] = None,
    horizon: Horizon = 0,
    freq: Freq = "",
    model: ModelName = "auto",
    id: IdColumn = "unique_id",
    time: TimeColumn = "ds",
    target: TargetColumn = "y",
    known: Known = None,
    past: Past = None,
    availability: Annotated[str, typer.Option("--availability", help="Column: could it be bought?")] = "",
    country: Country = "",
    currency: Annotated[str, typer.Option("--currency", help="ISO code of all money.")] = "EUR",
    language: Annotated[Literal["en", "zh"], typer.Option("--language", "-l", help="Of the reasons.")] = "en",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the whole plan to this .csv.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Decide what to order today from a long table of sales, the stock and what is on its way."""
    from . import api
    from .collect.sources import read_any
    from .config import parse_terms

    console = Console(json)
    tables: dict[str, Any] = {
        "stock": stock, "open_orders": open_orders, "products": products, "suppliers": suppliers, "deliveries": deliveries,
        "prices": prices,
    }  # fmt: skip
    given = {name: None if path is None else read_any(path) for name, path in tables.items()} | parse_terms(terms or [])
    made = api.plan(
        read_any(file), horizon or None, freq=freq or None, model=model, id=id, time=time, target=target,
        known=known or (), past=past or (), availability=availability or None, country=country, currency=currency, seed=seed,
        **given,
    )  # fmt: skip
    for line in made.lines().head(_SENTENCES).iter_rows(named=True):
        console.say(f"{line['unique_id']}: {line[f'reason_{language}']}")
    for assumed in made.assumptions:
        console.say(f"- {assumed.en if language == 'en' else assumed.zh}")
    if out is not None:
        made.write_csv(out)
        console.say(f"Wrote the plan of {made.table.height:,} items to {out}.")
    wanted = ("unique_id", "order_qty", "unit_cost", "expected_gain", "reason", f"reason_{language}")
    console.result({"summary": made.summary(), "lines": made.lines().select(wanted).to_dicts(), "out": out})


@app.command()
def backtest(
    file: DataFile,
    horizon: Horizon = 0,
    windows: Annotated[int, typer.Option("--windows", "-w", help="How many times to pretend it is earlier.")] = 3,
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Model to test (repeatable).")] = None,
    freq: Freq = "",
    id: IdColumn = "unique_id",
    time: TimeColumn = "ds",
    target: TargetColumn = "y",
    known: Known = None,
    past: Past = None,
    country: Country = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write all forecasts to this file.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Score models on past windows that they could not see."""
    from . import api
    from .collect.sources import read_any, write_any

    console = Console(json)
    made = api.backtest(
        read_any(file), horizon or None, windows=windows, models=model or ["auto"], freq=freq or None,
        id=id, time=time, target=target, known=known or (), past=past or (), country=country, seed=seed,
    )  # fmt: skip
    board = made.leaderboard()
    console.table(board.to_dicts(), f"{windows} windows; skill is the gain over seasonal naive")
    if out is not None:
        write_any(made.forecasts(), out)
        console.say(f"Wrote the forecasts to {out}.")
    console.result({"leaderboard": board.to_dicts(), "out": out})


@app.command()
def tune(
    config: Annotated[Path, typer.Argument(help="Project file, or the folder that holds it.")] = Path("skucast.toml"),
    model: Annotated[
        str, typer.Option("--model", "-m", help="What to tune; the project's own model if not given.")
    ] = "",
    budget: Annotated[str, typer.Option("--budget", "-b", help="Time for it: 90s, 5m, 1h; 0 is no limit.")] = "5m",
    trials: Annotated[int, typer.Option("--trials", help="Most settings tried; 0 is no limit.")] = 0,
    windows: Annotated[int, typer.Option("--windows", "-w", help="Past windows that settings are tested on.")] = 4,
    storage: Annotated[Path | None, typer.Option("--storage", help="File that keeps the search.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on.")] = False,
    write: Annotated[bool, typer.Option(help="Write what was found into the project file.")] = True,
    json: Json = False,
) -> None:
    """Look for better settings of a model on past windows, and write them into the project file."""
    from .portfolio.tuned import brief
    from .store.journal import Journal
    from .tuning import tune_project

    console = Console(json)
    with console.listening() as listener, _resumable(console):
        done = tune_project(
            config, model, budget=budget, trials=trials, windows=windows, storage=storage, restart=restart, write=write,
            journal=Journal(listener),
        )  # fmt: skip
    found = done.tuned
    console.table(found.frame().drop("why").head(5).to_dicts(), "the best settings")
    console.say(f"\n{found.sentence()}\n{found.sentence('zh')}")
    for note in found.notes:
        console.say(note)
    console.say(f"\n{'Wrote the settings to' if done.written else 'Left as it was:'} {done.path}")
    console.result({
        "model": found.spec.name, "improved": found.improved, "wql_before": found.before, "wql_after": found.after,
        "standard_error": found.error, "trials": found.trials.height, "seconds": found.seconds, "spec": brief(found.spec),
        "forecast_model": done.model, "storage": done.storage, "path": done.path, "written": done.written,
    })  # fmt: skip


@app.command()
def explain(
    file: DataFile,
    horizon: Horizon = 0,
    freq: Freq = "",
    model: ModelName = "auto",
    id: IdColumn = "unique_id",
    time: TimeColumn = "ds",
    target: TargetColumn = "y",
    known: Known = None,
    past: Past = None,
    country: Country = "",
    future: FutureFile = None,
    language: Annotated[Literal["en", "zh"], typer.Option("--language", "-l", help="Of the sentences.")] = "en",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write all parts to this .csv or .parquet.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say what drives each forecast: level, season, holidays, promotion, price, weather, other."""
    from . import api
    from .collect.sources import read_any, write_any

    console = Console(json)
    made = api.explain(
        read_any(file), horizon or None, freq=freq or None, model=model, id=id, time=time, target=target,
        known=known or (), past=past or (), country=country, future=read_any(future) if future else None, seed=seed,
    )  # fmt: skip
    rows = [
        {"id": key, "sentence": text} for key, text in zip(made.ids.to_list(), made.sentences(language), strict=True)
    ]
    for row in rows[:_SENTENCES]:
        console.say(f"{row['id']}: {row['sentence']}")
    if out is not None:
        write_any(made.to_polars(), out)
        console.say(f"Wrote the parts of {len(made):,} series to {out}.")
    elif len(rows) > _SENTENCES:
        console.say(f"... and {len(rows) - _SENTENCES:,} more; --out FILE writes the parts of all")
    console.result({"sentences": rows, "out": out, "totals": made.to_polars(total=True).to_dicts()})


@app.command()
def models(json: Json = False) -> None:
    """List the models and what each can do."""
    from .models.registry import table

    console = Console(json)
    rows = table()
    console.table(rows)
    console.result({"models": rows})


@app.command()
def report(
    run_id: Annotated[str, typer.Argument(help="Run, or the beginning of its name.", metavar="RUN")] = "latest",
    store: Annotated[Path, typer.Option("--store", help="Folder of runs.")] = Path("runs"),
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: Json = False,
) -> None:
    """Say where a run's report lies and what it holds."""
    from .store.runs import open_run

    console = Console(json)
    found = open_run(store, run_id)
    console.table(found.frame("scores").head(12).to_dicts(), f"run {found.id}")
    console.say(f"Report: {found.report}")
    console.result({"id": found.id, "report": found.report, "manifest": found.manifest})
    if show:
        typer.launch(str(found.report))


@contextmanager
def _resumable(console: Console) -> Iterator[None]:
    """Says on Ctrl-C that the work done so far is kept."""
    try:
        yield
    except KeyboardInterrupt:
        console.say("The settings tried so far are kept: the same command goes on where it was stopped.")
        raise


def _run(config: Path, console: Console, store: Path | None = None) -> None:
    from .config import load_config
    from .run import run as run_project
    from .store.journal import Journal

    with console.listening() as listener:
        done = run_project(load_config(config), store=store, journal=Journal(listener))
    console.say(f"\nReport: {done.report}\nNext: skucast report {done.id} --store {done.folder.parent} --open")
    console.result({"id": done.id, "folder": done.folder, "report": done.report, "headline": done.manifest["headline"]})


def main() -> None:
    """Entry point: errors of the user are one sentence, never a traceback."""
    try:
        app()
    except SkucastError as error:
        _fail(str(error), 2 if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        _fail("Stopped. Nothing half-done was kept.", 130)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("SKUCAST_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(
            f"skucast met a case it does not know ({what}). Set SKUCAST_DEBUG=1 to see where, and please report it.", 70
        )


def _fail(sentence: str, code: int) -> None:
    if "--json" in sys.argv:
        value: dict[str, Any] = {"error": sentence}
        Console(machine=True).result(value)
    print(f"Error: {sentence}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
