"""What the report that this project goes on from reached: its Table 1, as data."""

from dataclasses import dataclass

from trainer.config import DataConfig


@dataclass(frozen=True)
class System:
    """A system of the report; `validation` and `test` are Keras `MeanIoU(ignore_class=0)`."""

    name: str
    preset: str  # its configuration here
    validation: float
    test: float
    parameters: int  # of the network as published


TABLE_1 = (
    System("Basic U-Net", "basic_unet", 0.4261, 0.4219, 473_669),
    System("Dual U-Net aug", "dual_unet_aug", 0.4619, 0.4472, 8_331_713),
    System("U-Net D-Aug", "unet_d_aug", 0.5045, 0.4943, 7_926_917),
    System("Final Model", "final_model", 0.5105, 0.5028, 7_226_465),
)

CAVEAT = (
    "The report's figures are Keras' MeanIoU(ignore_class=0): compare them with miou_keras, not with mIoU. It counts "
    "the background as a class of IoU 0 as soon as one pixel is taken for it: such a network is scored out of 4/5. "
    "They come from the report's own split of the course's images; data or split differ here, so even miou_keras is "
    "not exactly comparable."
)


def is_comparable(data: DataConfig) -> bool:
    """Whether a study has the report's classes; beside another task its figures say nothing."""
    return data.classes == 5 and data.ignore == 0 and not data.names
