"""Which image sizes suit a network."""

from trainer.config import ModelConfig
from trainer.errors import InputError


def check_shape(config: ModelConfig, height: int, width: int) -> None:
    """Refuses sizes that do not halve `depth` times (once more with a stem of stride 2)."""
    multiple = config.stem * 2**config.depth
    if height % multiple or width % multiple:
        raise InputError(
            f"height and width must be multiples of {multiple} with model.depth {config.depth} and model.stem "
            f"{config.stem}; got {height}x{width}; lower model.depth or set data.resize"
        )
