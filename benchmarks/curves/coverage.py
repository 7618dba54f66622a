"""Whether an interval is honest: how often that of one split holds the mean value of the others.

    unet-search confirm --top 1 --seeds 1 --folds 10 --dir DIR
    python -m benchmarks.curves.coverage --dir DIR

The folds are parts of the data that have no image in common; each has a training of its own, with a seed of its own.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from search.confirm.repeats import Repeat, read_repeats
from search.confirm.sibling import open_sibling
from search.study.scoring import scoring_of
from search.study.study import open_study
from search.study.ties import format_interval
from storage.artifacts.store import open_artifacts
from storage.database.connection import open_database
from storage.settings import Settings
from trainer.certainty import interval, resample
from trainer.data.dataset import class_names


def main() -> None:
    """Prints each split's value and interval, and how many hold the mean of the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="The run's folder.")
    parser.add_argument("--study", help="The searched study.  [default: the only one]")
    options = parser.parse_args()
    settings = Settings(dir=options.dir)
    with open_database(settings) as db:
        opened = open_study(db, options.study)
        repeats = read_repeats(open_sibling(db, opened), open_artifacts(settings))
        base = opened.plan.base
        metric, ignore, names = base.metric, scoring_of(base).ignore, class_names(base.data)
    groups: dict[tuple[int, int], list[Repeat]] = defaultdict(list)
    for repeat in repeats:
        if repeat.fold is not None and repeat.confusions is not None:
            groups[repeat.candidate, repeat.repeat].append(repeat)
    held, count = 0, 0
    print("| trial | fold | value | 95 % interval | mean of the others | held |\n|---|---|---|---|---|---|")
    for splits in groups.values():
        for one in splits:
            others = [other.value for other in splits if other is not one]
            assert one.confusions is not None and one.fold is not None
            values = resample(one.confusions, one.value, metric, names, ignore)
            if values is None or not others:
                continue
            low, high = interval(values)
            mean = sum(others) / len(others)
            held, count = held + (low <= mean <= high), count + 1
            row = (one.candidate, one.fold[0] + 1, f"{one.value:.3f}", format_interval((low, high)), f"{mean:.3f}")
            print("|", " | ".join(map(str, row)), "|", "yes" if low <= mean <= high else "no", "|")
    print(f"\n{held} of {count} intervals hold the mean of the other splits")


if __name__ == "__main__":
    main()
