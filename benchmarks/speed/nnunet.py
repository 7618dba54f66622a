"""nnU-Net's own transforms of 2D images, by batchgeneratorsv2: the ones of its default trainer."""

import math
from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from torch.utils.data import DataLoader, Dataset

from benchmarks.speed.feeds import FED
from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.turns import Job, Turns
from trainer.config import TrainConfig
from trainer.data import dataset as data
from trainer.pipeline.batches import list_views
from trainer.pipeline.patches import draw_patch

LONG = 1.5  # sides' ratio from which images are turned by small angles alone


class Views(Dataset[Any]):  # type: ignore[misc]  # PyTorch is not installed where types are checked
    """Batches of the row's images in random order, each image through nnU-Net's transforms."""

    def __init__(self, config: TrainConfig, dataset: data.Dataset, batches: int) -> None:
        self._config, self._dataset, self._batches = config, dataset, batches
        self._views = list_views(config, dataset)
        self._transforms = transforms(dataset.shape[:2])

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = np.random.default_rng(number)
        pairs = []
        for turn, view in enumerate(generator.integers(len(self._views), size=self._config.optimizer.batch_size)):
            seed, share = (number, turn), self._config.data.patch_classes
            pixels, mask = draw_patch(self._dataset, int(self._views[view, 0]), seed, turn, share)
            image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)) / 127.5 - 1
            changed = self._transforms(image=image, segmentation=torch.from_numpy(mask[None].astype(np.int16)))
            pairs.append((changed["image"], changed["segmentation"]))
        return torch.stack([image for image, _ in pairs]), torch.stack([mask for _, mask in pairs])


def transforms(size: tuple[int, int]) -> ComposeTransforms:
    """The transforms of nnU-Net v2's default trainer for patches (H, W), with its probabilities and ranges."""
    most = math.pi / 12 if max(size) / min(size) > LONG else math.pi
    light = BGContrast((0.75, 1.25))
    by_chance = [
        (0.1, GaussianNoiseTransform((0, 0.1), 1, True)),
        (0.2, GaussianBlurTransform((0.5, 1.0), False, False, 0.5)),
        (0.15, MultiplicativeBrightnessTransform(light, False, 1)),
        (0.15, ContrastTransform(light, True, False, 1)),
        (0.25, SimulateLowResolutionTransform((0.5, 1), False, True, (), None, 0.5)),
        (0.1, GammaTransform(BGContrast((0.7, 1.5)), 1, False, 1, 1)),
        (0.3, GammaTransform(BGContrast((0.7, 1.5)), 0, False, 1, 1)),
    ]
    moved = SpatialTransform(
        size,
        patch_center_dist_from_border=0,
        random_crop=False,
        p_rotation=0.2,
        rotation=(-most, most),
        p_scaling=0.2,
        scaling=(0.7, 1.4),
        p_synchronize_scaling_across_axes=1,
    )
    return ComposeTransforms([moved, *(RandomTransform(change, p) for p, change in by_chance), MirrorTransform((0, 1))])


def nnunet_images(job: Job, turn: Turns) -> None:
    """Its batches through a `DataLoader` with a process for each thread, which nothing consumes."""
    torch.set_num_threads(1)  # as nnU-Net does where it augments in processes
    config, dataset = open_row(find_row(job.row), job.folder, FED, job.rounds + 1)
    views = Views(config, dataset, FED * (job.rounds + 1))
    feed = iter(DataLoader(views, batch_size=None, num_workers=job.threads))
    next(feed)
    turn.ready()
    for _ in range(job.rounds):
        for _ in range(FED):
            next(feed)
        turn.done(FED * config.optimizer.batch_size)
