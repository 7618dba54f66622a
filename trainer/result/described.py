"""What another program must know to use an exported network, as plain values."""

from pathlib import Path
from typing import Any

from trainer.config import DataConfig
from trainer.result.formats import FORMATS
from trainer.result.masks import stored_texts

Shape = tuple[int | None, ...]


def describe(name: str, out: Path, config: DataConfig, output: Shape, taken: Shape) -> dict[str, Any]:
    """The description of an exported network, for JSON.

    Args:
        name: of its format.
        out: its file or folder.
        config: of the data that it was trained on.
        output: the shape of its logits, (None, H, W, classes).
        taken: the shape of its images, (None, H, W, C).
    """
    classes, batch = output[-1] or 0, FORMATS[name].batch
    scale = list(config.scale) if isinstance(config.scale, tuple) else None
    return {
        "file": out.name,
        "format": name,
        "input": {
            "name": "image",
            "shape": [batch, *taken[1:]],
            "dtype": "float32" if scale else "uint8",
            "values": "as in the files of the data" if scale else "0..255",
            "channels": {1: "grey", 3: "RGB"}.get(taken[-1] or 0, "bands in the order of the files"),
        },
        "output": {
            "name": "logits",
            "shape": [batch, *output[1:]],
            "dtype": "float32",
            "meaning": "the class of a pixel is the channel with the largest value; softmax gives probabilities",
        },
        "classes": [
            {"class": label, "name": title, "value": str(value)}
            for label, (title, value) in enumerate(zip(_names(config, classes), stored_texts(config), strict=False))
        ],
        "ignored_label": None if config.ignore == "auto" else config.ignore,
        "scale": scale,
        "resize": None if config.resize is None else list(config.resize),
        "fit": config.fit,
        "mask_format": config.mask_format,
        "colours": list(config.colours),
    }


def _names(config: DataConfig, classes: int) -> tuple[str, ...]:
    return config.names or tuple(str(label) for label in range(classes))
