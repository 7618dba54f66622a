"""A network that is trained by images which it augments itself, in the compiled step."""

from typing import Any

import keras
import numpy as np
from typing_extensions import override

from trainer.on_device.augment import DeviceAugment
from trainer.on_device.draws import Tensor


class AugmentedNetwork(keras.Model):  # type: ignore[misc] # Keras has no types
    """Takes batches of images, masks and a seed, as `pack` makes them, and learns by what becomes of images and masks.

    It has the variables of the network within it, in their order, and none of its own.

    Args:
        network: takes images (B, H, W, C), gives logits.
        augment: `augment(images, masks, seed)` gives images and masks of the same shapes and types.
    """

    def __init__(self, network: keras.Model, augment: DeviceAugment) -> None:
        super().__init__(dtype="float32")
        self.network, self._augment = network, augment
        self.built = True

    @staticmethod
    def pack(images: Any, masks: Any, seed: int) -> tuple[Any, Any, Any]:
        """What a step takes as the batch: of the seed 31 bits, as backends have no other whole numbers in common."""
        return images, masks, np.array(seed % 2**31, np.int32)

    @override
    def call(self, batch: tuple[Tensor, Tensor, Tensor], training: bool = False) -> tuple[Tensor, Tensor]:
        images, masks = self._augment(*batch)
        return self.network(images, training=training), masks

    @override
    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        logits, masks = y_pred
        return super().compute_loss(x, masks, logits, sample_weight, training)
