"""Table 1 of the paper that this project continues, the report of a course."""

from dataclasses import dataclass

from trainer.config import DataConfig
from trainer.data.course import COURSE_IGNORE, COURSE_NAMES


@dataclass(frozen=True)
class PaperSystem:
    """A system of the paper; `validation` and `test` are Keras `MeanIoU(ignore_class=0)`."""

    name: str
    validation: float
    test: float
    parameters: int  # of the network as published


PAPER_TABLE = (
    PaperSystem("Basic U-Net", 0.4261, 0.4219, 473_669),
    PaperSystem("Dual U-Net aug", 0.4619, 0.4472, 8_331_713),
    PaperSystem("U-Net D-Aug", 0.5045, 0.4943, 7_926_917),
    PaperSystem("Final Model", 0.5105, 0.5028, 7_226_465),
)

PAPER_CAVEAT = (
    "The course report's figures are Keras' MeanIoU(ignore_class=0): compare them with miou_keras, not with mIoU. It "
    "counts the background as a class of IoU 0 as soon as one pixel is taken for it: such a network is scored out of "
    "4/5. They come from that report's own split of the course's images; data or split differ here, so even miou_keras "
    "is not exactly comparable."
)


def is_paper_task(data: DataConfig) -> bool:
    """Whether a study has the paper's classes; with others its figures cannot be compared."""
    return data.names == COURSE_NAMES and data.ignore == COURSE_IGNORE
