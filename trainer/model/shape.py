"""Image sizes that suit a network."""

from trainer.config import ModelConfig
from trainer.errors import InputError


def check_shape(config: ModelConfig, height: int, width: int) -> None:
    """Raises InputError unless both sizes can be halved as often as the network halves them."""
    multiple = config.stem * 2 ** max(config.depth, coarse_halvings(config))
    if height % multiple or width % multiple:
        raise InputError(
            f"height and width must be multiples of {multiple} with {_reasons(config)}; got {height}x{width}; lower "
            "model.depth or set data.resize"
        )


def coarse_halvings(config: ModelConfig) -> int:
    """How often the coarse U-Net halves its image, `coarse_scale` included; 0 without a coarse U-Net."""
    return 0 if config.fusion == "none" else config.coarse_depth + config.coarse_scale - 1


def _reasons(config: ModelConfig) -> str:
    reasons = f"model.depth {config.depth} and model.stem {config.stem}"
    if config.fusion == "none":
        return reasons
    return f"{reasons}, model.coarse_depth {config.coarse_depth} and model.coarse_scale {config.coarse_scale}"
