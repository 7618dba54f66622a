"""Image sizes that suit a network."""

from trainer.config import ModelConfig


def padded_size(config: ModelConfig, height: int, width: int) -> tuple[int, int]:
    """The least height and width, not below the image's, that can be halved as often as the network halves them."""
    multiple = config.stem * 2 ** max(config.depth, coarse_halvings(config))
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def coarse_halvings(config: ModelConfig) -> int:
    """How often the coarse U-Net halves its image, `coarse_scale` included; 0 without a coarse U-Net."""
    return 0 if config.fusion == "none" else config.coarse_depth + config.coarse_scale - 1
