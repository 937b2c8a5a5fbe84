"""Panels in folders: safetensors, Parquet and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from .frequency import Frequency
from .panel import F32, Panel
from .panel_frame import Layout
from .place import Place


def save_panel(panel: Panel, folder: Path) -> None:
    """See `Panel.save`."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    arrays = {n: np.ascontiguousarray(c) for n, c in panel._columns().items()}
    save_file({**arrays, "indptr": panel.indptr}, folder / "panel.safetensors")
    panel.static.write_parquet(folder / "static.parquet")
    layout = panel.layout or Layout()
    stamp = pl.Series([], dtype=layout.time_dtype or pl.Date)
    pl.DataFrame({"time": stamp}).write_parquet(folder / "time.parquet")
    about = {
        "freq": panel.freq.to_dict(),
        "end": panel.end,
        "categories": {n: list(c) for n, c in panel.categories.items()},
        "layout": {"id": layout.id, "time": layout.time, "target": layout.target, "kind": layout.kind},
        "place": panel.place.to_dict(),
    }
    (folder / "panel.json").write_text(json.dumps(about, ensure_ascii=False))


def load_panel(folder: Path) -> Panel:
    """See `Panel.load`."""
    from safetensors.numpy import load_file

    arrays = load_file(folder / "panel.safetensors")
    about = json.loads((folder / "panel.json").read_text())
    time_dtype = pl.read_parquet(folder / "time.parquet").schema["time"]

    def role(prefix: str) -> dict[str, F32]:
        return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}

    return Panel(
        freq=Frequency(**about["freq"]), end=about["end"], values=arrays["values"], indptr=arrays["indptr"],
        static=pl.read_parquet(folder / "static.parquet"), available=arrays.get("available"),
        past=role("past."), known=role("known."),
        categories={n: tuple(c) for n, c in about["categories"].items()},
        layout=Layout(**about["layout"], time_dtype=time_dtype), place=Place.from_dict(about["place"]),
    )  # fmt: skip
