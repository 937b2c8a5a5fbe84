"""Train the pretrained model, or go on with a training: ``python benchmarks/pretrain.py RECIPE.json FOLDER [MINUTES]``.

RECIPE.json holds the options of `skucast.models.pretrained.training.Recipe`; FOLDER gets checkpoints and the curve.
``--export OUT`` writes the averaged weights as fp16 safetensors with their manifest instead of training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from skucast.models.pretrained.training import Recipe, State, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("minutes", type=float, nargs="?", default=float("inf"))
    parser.add_argument("--export", type=Path, help="folder of weights to write to, instead of training")
    given = parser.parse_args()
    recipe = Recipe.load(given.recipe)
    if given.export is None:
        state = train(recipe, given.folder, given.minutes, say=lambda line: print(line, flush=True))
        print(f"{state.step:,} of {recipe.steps:,} steps after {state.seconds / 3600:.2f} hours")
        return
    from skucast.models.pretrained.shipped import export

    print(export(State.load(given.folder / "checkpoint.pt", recipe), given.export))


if __name__ == "__main__":
    main()
