"""The best ensemble of trained networks: chosen on the validation side, and written as one network in a folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer.certainty import interval, resample
from trainer.config import TrainConfig
from trainer.configfile import write_config
from trainer.data.dataset import Dataset
from trainer.metric import dice_of, metric_value
from trainer.model.together import combine
from trainer.result.save import load_result, save_model
from trainer.training.backend import backend_name
from trainer.training.metrics import Matrix, score
from trainer.training.validation import make_validate


@dataclass(frozen=True)
class Ensemble:
    """Networks together, and how they do on the validation side."""

    members: tuple[int, ...]  # places in the list of networks, in the order in which they were chosen
    value: float  # of the metric; 0 where nothing validates
    confusions: Matrix  # (B, C, C), as of `Fitted`


def write_ensemble(folders: Sequence[Path], config: TrainConfig, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Writes the best ensemble of results as a result of its own; returns what `metrics.json` says of it.

    The members are chosen on the validation side, and without one all are taken.

    Args:
        folders: the members' results, of networks that take the same images.
        config: of any of them.
        dataset: their data.
        folder: gets `model.keras`, `config.toml`, `metrics.json` and `confusions.npy`.

    Raises:
        InputError: a folder is no result.
        OSError: the folder cannot be written.
    """
    networks = [load_result(member)[0] for member in folders]

    def judge(members: tuple[int, ...]) -> Ensemble:
        chosen = [networks[member] for member in members]
        network = combine(chosen) if len(chosen) > 1 else chosen[0]
        confusions = make_validate(network, dataset, config.data.overlap)(lambda: None)
        iou = score(confusions.sum(axis=0), dataset.ignore).iou
        return Ensemble(members, metric_value(config.metric, iou, dataset.names), confusions)

    everything = tuple(range(len(networks)))
    singles = [judge((member,)) for member in everything] if len(dataset.validation) else []
    best = choose(singles, judge) if singles else Ensemble(everything, 0.0, np.zeros((0, 0, 0), np.int64))
    folder.mkdir(parents=True, exist_ok=True)
    network = combine([networks[member] for member in best.members])
    save_model(network, folder / "model.keras")
    write_config(config, folder / "config.toml")
    if singles:
        np.save(folder / "confusions.npy", best.confusions, allow_pickle=False)
    metrics = _summarise(best, singles, [member.name for member in folders], config, dataset, network)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    return metrics


def choose(singles: Sequence[Ensemble], judge: Callable[[tuple[int, ...]], Ensemble]) -> Ensemble:
    """The best single network, to which the others are added one by one while that makes it better.

    Forward selection (Caruana et al. 2004), each network at most once; of equal ones the first.
    """
    best = max(singles, key=lambda single: single.value)
    while others := [single.members[0] for single in singles if single.members[0] not in best.members]:
        found = max((judge((*best.members, other)) for other in others), key=lambda ensemble: ensemble.value)
        if found.value <= best.value:
            break
        best = found
    return best


def _summarise(
    best: Ensemble,
    singles: Sequence[Ensemble],
    names: Sequence[str],
    config: TrainConfig,
    dataset: Dataset,
    network: keras.Model,
) -> dict[str, Any]:
    """Scores as `save.summarise` has them, an interval of the value, and those of each member alone."""
    found = score(best.confusions.sum(axis=0), dataset.ignore) if singles else None
    iou = list(found.iou) if found else [None] * dataset.classes
    values = resample(best.confusions, best.value, config.metric, dataset.names, dataset.ignore) if singles else None
    return {
        "metric": config.metric,
        "value": best.value if singles else None,
        "interval": None if values is None else interval(values),
        "miou": found.miou if found else None,
        "miou_keras": found.miou_keras if found and config.data.ignores_a_class else None,
        "iou": iou,
        "dice": [None if value is None else dice_of(value) for value in iou],
        "names": list(dataset.names),
        "members": [names[member] for member in best.members],
        "singles": {name: single.value for name, single in zip(names, singles, strict=False)},
        "parameters": int(network.count_params()),
        "fingerprint": dataset.fingerprint,
        "engine": f"keras {keras.__version__} on {backend_name()}",
    }
