"""Runs are complete or absent, whatever happens to the process that writes them."""

import os
import random
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from skucast.errors import ConfigError, DataError
from skucast.store.runs import list_runs, open_run, sweep, writing_run

WRITER = """
import sys
from pathlib import Path
import polars as pl
from skucast.store.runs import writing_run

print("ready", flush=True)
while True:
    with writing_run(Path(sys.argv[1]), {"config": {}}) as folder:
        for name in ("forecast", "scores", "repairs"):
            pl.DataFrame({"n": range(20_000)}).write_parquet(folder / f"{name}.parquet")
"""


def test_a_run_is_whole_and_read_only(tmp_path):
    about = {"config": {"seed": 1}}
    with writing_run(tmp_path, about) as folder:
        pl.DataFrame({"a": [1, 2]}).write_parquet(folder / "forecast.parquet")
        pl.DataFrame({"sku": ["007"]}).write_csv(folder / "purchase_plan.csv")
        assert list_runs(tmp_path) == []  # not visible before it is finished
    (run,) = list_runs(tmp_path)
    assert run.id == about["id"]
    assert run.manifest["config"] == {"seed": 1}
    assert run.verify() == []
    assert run.frame("forecast")["a"].to_list() == [1, 2]
    assert run.frame("purchase_plan").height == 1
    assert (run.folder / "forecast.parquet").stat().st_mode & 0o222 == 0
    with pytest.raises(DataError, match="has no table 'sales'; it has: forecast, purchase_plan"):
        run.frame("sales")


def test_verify_tells_which_file_was_changed(tmp_path):
    with writing_run(tmp_path, {}) as folder:
        (folder / "log.txt").write_text("one")
    (run,) = list_runs(tmp_path)
    (run.folder / "log.txt").chmod(0o644)
    (run.folder / "log.txt").write_text("two")
    assert run.verify() == ["log.txt"]


def test_a_failed_run_leaves_nothing(tmp_path):
    def broken():
        with writing_run(tmp_path, {}) as folder:
            (folder / "forecast.parquet").write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_open_run_by_name_beginning_and_latest(tmp_path):
    with pytest.raises(ConfigError, match="no finished run"):
        open_run(tmp_path)
    ids = []
    for _ in range(2):
        about: dict[str, object] = {}
        with writing_run(tmp_path, about):
            pass
        ids.append(about["id"])
    assert open_run(tmp_path).id == max(ids)
    assert open_run(tmp_path, ids[0]).id == ids[0]
    with pytest.raises(ConfigError, match="no run is named 'nowhere'"):
        open_run(tmp_path, "nowhere")
    with pytest.raises(ConfigError, match="2 runs are named '2'"):
        open_run(tmp_path, "2")


def test_an_unwritable_store_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"), writing_run(tmp_path / "file" / "runs", {}):
        pass


def test_the_unfinished_folder_of_a_living_writer_is_spared(tmp_path):
    with writing_run(tmp_path, {}) as folder:
        assert sweep(tmp_path) == 0
        assert folder.exists()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_the_store_stays_readable(tmp_path, seed):
    rng = random.Random(seed)
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for run in list_runs(tmp_path):
            assert run.verify() == []
            assert run.frame("forecast").height == 20_000
    before = len(list_runs(tmp_path))
    with writing_run(tmp_path, {}) as folder:
        (folder / "log.txt").write_text("next")
    assert len(list_runs(tmp_path)) == before + 1
    assert not list(tmp_path.glob(".unfinished-*"))  # what the killed ones left is swept away
