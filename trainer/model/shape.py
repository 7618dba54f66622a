"""Which image sizes suit a network."""

from trainer.config import ModelConfig
from trainer.errors import InputError


def check_shape(config: ModelConfig, height: int, width: int) -> None:
    """Refuses sizes that do not halve as often as the network does."""
    multiple = config.stem * 2 ** max(config.depth, coarse_halvings(config))
    if height % multiple or width % multiple:
        raise InputError(
            f"height and width must be multiples of {multiple} with {_reasons(config)}; got {height}x{width}; lower "
            "model.depth or set data.resize"
        )


def coarse_halvings(config: ModelConfig) -> int:
    """How often the coarse U-Net of a dual one halves its image, the coarser input included; 0 without one."""
    return 0 if config.fusion == "none" else config.coarse_depth + config.coarse_scale - 1


def _reasons(config: ModelConfig) -> str:
    reasons = f"model.depth {config.depth} and model.stem {config.stem}"
    if config.fusion == "none":
        return reasons
    return f"{reasons}, model.coarse_depth {config.coarse_depth} and model.coarse_scale {config.coarse_scale}"
