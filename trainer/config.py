"""One training run as frozen data: what is built, on what, and how it is trained.

Axes of a search space, `--set PATH=VALUE` and presets all use the paths of these tables, such as `model.depth`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]


def _none(value: object) -> object:
    return None if value == "none" else value  # TOML has no null


class Table(BaseModel):
    """A frozen table of the configuration; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelConfig(Table):
    """The network. Level i of the encoder has `width * 2**i` filters; the bottleneck is level `depth`."""

    depth: int = Field(3, ge=1, le=5)  # number of times the resolution is halved
    width: int = Field(16, ge=2, le=256)  # filters of the first level
    norm: Literal["none", "batch", "layer", "group"] = "batch"  # layer: over the channels of each pixel
    groups: int = Field(8, ge=1)  # of group normalisation; lowered to a divisor of the channels
    residual: bool = True  # adds a 1x1 projection of a block's input to its output
    se: bool = True  # squeeze-and-excitation at the end of each block
    se_ratio: int = Field(8, ge=1)  # channels over squeezed channels
    bias: bool = False  # also on convolutions whose normalisation takes it away again, as many published networks do
    attention: bool = False  # attention gates on the skips
    gate: Literal["additive", "concatenated"] = "additive"  # their kind; see `trainer/model/gates.py`
    bottleneck: Literal["block", "residual", "gated"] = "block"  # see `trainer/model/bottleneck.py`
    dilation: int = Field(1, ge=1, le=8)  # of the bottleneck's 3x3 convolutions
    upsampling: Literal["transpose", "nearest", "bilinear"] = "bilinear"
    transpose_kernel: Literal[2, 3] = 2  # 3: overlapping, and followed by ReLU
    narrow: bool = True  # a 1x1 convolution before nearest and bilinear upsampling
    dropout: float = Field(0.1, ge=0, lt=1)
    dropout_step: float = Field(0.0, ge=0, lt=1)  # more of it at each deeper level
    dropout_at: Literal["levels", "encoder", "decoder"] = "levels"  # levels: encoder and bottleneck; decoder: its start
    dropout_kind: Literal["channels", "values"] = "channels"  # what is dropped: whole channels, or single values
    l1: float = Field(0.0, ge=0)  # penalty on the convolutions' kernels
    l2: float = Field(0.0, ge=0)
    bottleneck_l1: float | None = Field(None, ge=0)  # the same by place; as everywhere when missing
    bottleneck_l2: float | None = Field(None, ge=0)
    decoder_l1: float | None = Field(None, ge=0)
    decoder_l2: float | None = Field(None, ge=0)
    stem: Literal[1, 2] = 2  # 2: space-to-depth in, depth-to-space out; works at half the resolution
    fusion: Literal["none", "concatenate", "weighted", "attention"] = "none"  # with a second, coarse U-Net: `dual.py`
    coarse_depth: int = Field(2, ge=1, le=5)
    coarse_scale: Literal[1, 2] = 1  # 2: the coarse one sees half the resolution
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"


class LossConfig(Table):
    """What is minimised. Formulas and sources are in `trainer/training/losses.py`."""

    name: Literal["cross_entropy", "focal", "dice", "dice_focal", "focal_tversky"] = "cross_entropy"
    gamma: float = Field(2.0, ge=1, le=10)  # exponent of focal and focal_tversky
    alpha: float = Field(0.5, gt=0, le=1)  # weight of false positives in focal_tversky
    beta: float = Field(0.5, gt=0, le=1)  # weight of false negatives in focal_tversky
    class_weights: Literal["none", "inverse", "sqrt"] = "sqrt"  # of a class's share of training pixels
    weight_cap: float = Field(10.0, ge=1)  # largest weight over the smallest
    background: Literal["ignore", "learn"] = "ignore"  # what becomes of pixels with the ignored label
    label_smoothing: float = Field(0.0, ge=0, lt=1)  # of cross_entropy and focal


class AugmentConfig(Table):
    """Random changes of an image and its mask. `strength` scales ranges, never probabilities.

    `paste` and `cutmix` come first: what they bring in is then changed with the rest.
    """

    mode: Literal["none", "static", "dynamic"] = "dynamic"  # static: the same copies every epoch
    copies: int = Field(1, ge=1, le=16)  # views of each image an epoch; static adds the untouched image
    strength: float = Field(1.0, ge=0, le=3)  # factor on every range below
    flip_horizontal: Probability = 0.5  # drawn on its own, before the rest
    flip_vertical: Probability = 0.0
    quarter_turn: Probability = 0.0  # chance of a rotation by 90 degrees, either way
    geometric: Probability = 0.3  # chance of one of: crop, rotate and shift, either flip
    crop: float = Field(0.3, ge=0)  # weights among the geometric ones
    affine: float = Field(0.3, ge=0)
    one_of_flip_horizontal: float = Field(0.0, ge=0)
    one_of_flip_vertical: float = Field(0.0, ge=0)
    crop_area: float = Field(0.4, gt=0, le=1)  # smallest share of the image that a crop keeps
    rotate_degrees: float = Field(15.0, ge=0, le=180)  # either way
    shift: float = Field(0.1, ge=0, le=0.5)  # of the image's size, either way
    colour: Probability = 0.3  # chance of one of: brightness and contrast, hue and saturation (RGB only)
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    hue_degrees: float = Field(20.0, ge=0, le=180)
    saturation: float = Field(0.3, ge=0, le=1)
    elastic: Probability = 0.0  # chance of an elastic deformation
    elastic_alpha: float = Field(30.0, ge=0)  # displacement, in pixels before smoothing
    elastic_sigma: float = Field(5.0, gt=0)  # smoothing, in pixels
    paste: Probability = 0.0  # chance of a region of the oversampled class, cut out of another image
    cutmix: Probability = 0.0  # chance of a rectangle of another image around a pixel of that class


class DataConfig(Table):
    """The data set. The defaults are the course's: five classes, background ignored."""

    path: str | None = None  # npz file or folder; the generated sample when missing
    classes: int = Field(5, ge=2, le=256)
    names: tuple[str, ...] = ()  # one a class; the course's or numbers when empty
    ignore: Annotated[int | None, BeforeValidator(_none)] = Field(0, ge=0, le=255)  # "none" in TOML
    validation: Annotated[float, Field(gt=0, lt=1)] | str = 0.15  # a share, or a file of its own
    resize: Annotated[tuple[int, int] | None, BeforeValidator(_none)] = None  # height, width
    clean: bool = True  # drop corrupt images
    limit: int | None = Field(None, ge=1)  # use this many training images, for a quick look
    oversample: int = Field(1, ge=1, le=20)  # how often an image of the oversampled class is seen
    oversample_class: int | None = Field(None, ge=0)  # also of paste and cutmix; the rarest class when missing


class OptimizerConfig(Table):
    name: Literal["adamw", "adam", "lion"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0, le=1)  # the highest one
    weight_decay: float = Field(1e-4, ge=0)  # decoupled; of adamw and lion
    clip_norm: float = Field(1.0, ge=0)  # of the whole gradient; 0 for none
    batch_size: int = Field(32, ge=1, le=4096)
    jit_compile: bool = False  # XLA, under TensorFlow; JAX always compiles


class ScheduleConfig(Table):
    name: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup: float = Field(1.0, ge=0)  # epochs of linear warm-up
    floor: float = Field(0.01, ge=0, le=1)  # lowest learning rate, as a share of the highest
    factor: float = Field(0.5, gt=0, lt=1)  # of plateau
    patience: int = Field(5, ge=1)  # epochs without a better score before plateau lowers the rate


class BudgetConfig(Table):
    epochs: int = Field(30, ge=1)
    patience: int = Field(20, ge=1)  # epochs without a better score before training ends
    images: int | None = Field(None, ge=1)  # training images an epoch; every view once when missing


class TrainConfig(Table):
    """Everything that decides a training run, but the machine."""

    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    budget: BudgetConfig = BudgetConfig()
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _classes_agree(self) -> "TrainConfig":
        data = self.data
        if data.names and len(data.names) != data.classes:
            raise ValueError(f"data.names must name all {data.classes} classes; got {len(data.names)} names")
        if data.oversample_class is not None and data.oversample_class >= data.classes:
            raise ValueError(f"data.oversample_class must be below {data.classes}; got {data.oversample_class}")
        return self
