"""What a resize makes impossible: the best score of each class at the images' own size."""

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.labels import decode_mask
from trainer.data.look.scan import Scan

MIN_IOU = 0.9  # that a perfect network should be able to reach


def warn_of_resize(scan: Scan, config: DataConfig) -> list[str]:
    """A line for each class that masks of the size `data.resize` cannot hold: thin or small things vanish."""
    if config.resize is None:
        return []
    height, width = config.resize
    return [
        f"class {label} ({config.names[label]}) is thin or small: at {height}x{width} no network can reach an IoU "
        f"above {iou:.2f} at the images' own size; make data.resize larger, or set data.patch instead"
        for label, iou in enumerate(reachable_iou(scan, config))
        if iou < MIN_IOU
    ]


def reachable_iou(scan: Scan, config: DataConfig) -> NDArray[np.float64]:
    """The IoU of each class between masks and themselves made small and large again: (classes,), 1 if it is absent."""
    confusion = np.zeros((256, 256), np.int64)
    for pairs in scan.shrunk:
        before, after = (decode_mask(raw, config, "masks")[0] for raw in (pairs.before, pairs.after))
        np.add.at(confusion, (before, after), pairs.pixels)
    ignore = config.ignored_label
    if ignore is not None:
        confusion[ignore] = 0
    common = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - common
    iou = np.where(union > 0, common / np.maximum(union, 1), 1.0)
    if ignore is not None:
        iou[ignore] = 1
    return np.asarray(iou[: config.class_count], np.float64)
