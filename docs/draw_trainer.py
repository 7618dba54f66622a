"""Draws the picture of docs/trainer.md: validation by averaged weights and by the current ones, of the same trainings.

    python docs/draw_trainer.py [--results benchmarks/results/ablation.jsonl]

The trainings are those of `benchmarks.ablation`: both rows have the same seeds, batches and first weights.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.ablation import read_results
from benchmarks.ablation_rows import ROWS

HERE = Path(__file__).parent
COLOURS = {"current weights": "tab:orange", "averaged weights": "tab:blue"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE.parent / "benchmarks" / "results" / "ablation.jsonl")
    runs = read_results(parser.parse_args().results)
    figure = Figure((8, 4), layout="constrained")
    axes = figure.subplots()
    for row, (label, colour) in zip(ROWS[:2], COLOURS.items(), strict=True):
        for number, run in enumerate(run for run in runs if run["row"] == row.name):
            epochs = range(1, len(run["values"]) + 1)
            axes.plot(epochs, run["values"], color=colour, marker=".", label=label if number == 0 else None)
    steps = ROWS[0].changes["budget.steps"]
    axes.set(xlabel=f"epoch: {steps // ROWS[0].changes['budget.epochs']} steps", ylabel="validation mIoU")
    axes.set_title("Mars, width 8: one line a seed")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(HERE / "trainer-average.png", dpi=100)


if __name__ == "__main__":
    main()
