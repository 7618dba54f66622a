"""What a network costs whoever uses it: its size, which the graph tells, and its speed, which is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The same on every machine."""

    parameters: int  # all of them, trainable or not
    memory_mib: float  # for one image: the parameters, and the most that is alive of what layers give each other


@dataclass(frozen=True)
class Speed:
    """Milliseconds an image, pixels in and classes out, on the device where it was measured."""

    ms_per_image: float  # one image at a time
    ms_per_image_batched: float  # as many at a time as a prediction takes, at most 32
