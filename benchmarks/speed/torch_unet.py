"""The product's U-Net written once more, in PyTorch: as much of it as the rows have, weight by weight.

Tensors are (B, C, H, W). What the layers are for is in `trainer/model/blocks.py` and `branch.py`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config import ModelConfig


def count_values(model: nn.Module) -> int:
    """Weights and running statistics, which Keras counts as parameters."""
    counted = [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.is_floating_point())]
    return sum(values.numel() for values in counted)


class DoubleConv(nn.Module):  # type: ignore[misc]  # PyTorch is not installed where types are checked
    """Twice convolution, batch normalisation and ReLU, with a projection beside it and weights of the channels."""

    def __init__(self, channels: int, filters: int, config: ModelConfig) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_norm(channels, filters, config), *conv_norm(filters, filters, config))
        self.projection = nn.Conv2d(channels, filters, 1) if config.residual else None
        hidden = max(1, filters // config.se_ratio)
        self.weights = (
            nn.Sequential(nn.Linear(filters, hidden), nn.ReLU(), nn.Linear(hidden, filters), nn.Sigmoid())
            if config.se
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.projection is not None:
            y = y + self.projection(x)
        if self.weights is not None:
            y = y * self.weights(y.mean((2, 3)))[:, :, None, None]
        return y


class Up(nn.Module):  # type: ignore[misc]
    """Twice the height and width, narrowed before, and a block on it and the skip."""

    def __init__(self, channels: int, filters: int, config: ModelConfig) -> None:
        super().__init__()
        self.mode = config.upsampling
        self.narrow = nn.Conv2d(channels, filters, 1) if config.narrow else nn.Identity()
        self.block = DoubleConv(filters + (filters if config.narrow else channels), filters, config)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.block(torch.cat([skip, enlarge(self.narrow(x), self.mode)], 1))


class UNet(nn.Module):  # type: ignore[misc]
    """Images (B, C, H, W) of values 0..255 -> logits (B, classes, H, W)."""

    def __init__(self, config: ModelConfig, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = config.stem
        filters = [min(config.width * 2**level, config.max_width) for level in range(config.depth + 1)]
        sides = [channels * config.stem**2, *filters]
        self.down = nn.ModuleList(DoubleConv(a, b, config) for a, b in zip(sides, filters, strict=False))
        steps = list(zip(filters[:0:-1], filters[-2::-1], strict=True))
        self.up = nn.ModuleList(Up(below, level, config) for below, level in steps)
        width = filters[0]
        if config.stem == 2:
            width = max(4, filters[0] // 2)
            self.smooth, self.detail = nn.Conv2d(filters[0], width, 1), nn.Conv2d(filters[0], 4 * width, 1)
            self.restored = nn.Sequential(*conv_norm(width, width, config))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = image.float() / 127.5 - 1
        if self.stem == 2:
            x = functional.pixel_unshuffle(x, 2)
        skips = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = block(x, skip)
        if self.stem == 2:
            x = self.restored(enlarge(self.smooth(x), "bilinear") + functional.pixel_shuffle(self.detail(x), 2))
        return self.head(x)


def conv_norm(channels: int, filters: int, config: ModelConfig) -> list[nn.Module]:
    """A 3x3 convolution, batch normalisation and ReLU."""
    conv = nn.Conv2d(channels, filters, 3, padding=1, bias=config.bias)
    return [conv, nn.BatchNorm2d(filters, eps=1e-3), nn.ReLU()]


def enlarge(x: Tensor, mode: str) -> Tensor:
    """Twice the height and width."""
    return functional.interpolate(x, scale_factor=2, mode=mode)
