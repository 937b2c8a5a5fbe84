"""Train the pretrained model, or go on with a training: ``python benchmarks/pretrain.py RECIPE.json FOLDER [MINUTES]``.

RECIPE.json holds the options of `skucast.models.pretrained.training.Recipe`; FOLDER gets checkpoints and the curve.
``--export OUT`` writes the averaged weights as fp16 safetensors with their manifest instead of training;
``--share 0.7`` goes only so much of the way from the weights that the training began with (``start`` in the recipe);
``--evaluation FILE.json`` puts what was measured with them into it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from skucast.models.pretrained.training import Recipe, State, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("minutes", type=float, nargs="?", default=float("inf"))
    parser.add_argument("--export", type=Path, help="folder of weights to write to, instead of training")
    parser.add_argument("--name", help="of the weights; the size's by default")
    parser.add_argument("--share", type=float, default=1.0, help="of the way from the weights it began with")
    parser.add_argument("--evaluation", type=Path, help="JSON of what was measured, for the manifest")
    given = parser.parse_args()
    recipe = Recipe.load(given.recipe)
    if given.export is None:
        state = train(recipe, given.folder, given.minutes, say=lambda line: print(line, flush=True))
        print(f"{state.step:,} of {recipe.steps:,} steps after {state.seconds / 3600:.2f} core-hours")
        return
    from skucast.models.pretrained.shipped import export

    measured = json.loads(given.evaluation.read_text()) if given.evaluation else None
    state = State.load(given.folder / "checkpoint.pt", recipe)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    about = export(state, given.export, given.name, measured, commit, given.share)
    print(json.dumps({key: value for key, value in about.items() if key != "curve"}, indent=1))


if __name__ == "__main__":
    main()
