"""The configuration of one training as frozen tables: network, loss, augmentation, data, optimizer, schedule, budget.

Axes of a search space, `--set PATH=VALUE` and presets all use the paths of these tables, such as `model.depth`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

VOID = 255  # label in masks of pixels that belong to no class
Probability = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=65_535)]  # pixels


def _parse_none(value: object) -> object:
    return None if value == "none" else value  # TOML has no null


class Table(BaseModel):
    """A frozen table of the configuration; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelConfig(Table):
    """The network. Level i has `width * 2**i` filters, at most `max_width`; the bottleneck is level `depth`."""

    depth: int = Field(3, ge=1, le=5)  # number of times the resolution is halved
    width: int = Field(16, ge=2, le=256)  # filters of the first level
    max_width: int = Field(512, ge=2, le=8192)  # most filters of a level
    standardise: bool = False  # each image to mean 0 and deviation 1 over its pixels, instead of 0..255 to -1..1
    norm: Literal["none", "batch", "layer", "group", "instance"] = "batch"  # layer: over the channels of each pixel
    groups: int = Field(8, ge=1)  # of group normalisation; lowered to a divisor of the channels
    activation: Literal["relu", "leaky_relu"] = "relu"  # leaky: slope 0.01 below 0, as in nnU-Net
    residual: bool = True  # adds a 1x1 projection of a block's input to its output
    se: bool = True  # squeeze-and-excitation at the end of each block
    se_ratio: int = Field(8, ge=1)  # channels over squeezed channels
    bias: bool = False  # also on convolutions before a normalisation, as in many published networks
    attention: bool = False  # attention gates on the skips
    gate: Literal["additive", "concatenated"] = "additive"  # kind of attention gate; see `trainer/model/gates.py`
    bottleneck: Literal["block", "residual", "gated"] = "block"  # see `trainer/model/bottleneck.py`
    dilation: int = Field(1, ge=1, le=8)  # of the bottleneck's 3x3 convolutions
    upsampling: Literal["transpose", "nearest", "bilinear"] = "bilinear"
    transpose_kernel: Literal[2, 3] = 2  # 3: kernels overlap, and ReLU follows
    narrow: bool = True  # a 1x1 convolution before nearest and bilinear upsampling
    dropout: float = Field(0.0, ge=0, lt=1)
    dropout_step: float = Field(0.0, ge=0, lt=1)  # added to the rate at each deeper level
    dropout_at: Literal["levels", "encoder", "decoder"] = "levels"  # levels: encoder and bottleneck; decoder: its start
    dropout_kind: Literal["channels", "values"] = "channels"  # whole channels, or single values
    l1: float = Field(0.0, ge=0)  # factor of the penalty sum |w| on convolution kernels
    l2: float = Field(0.0, ge=0)  # factor of the penalty sum w**2 on convolution kernels
    bottleneck_l1: float | None = Field(None, ge=0)  # penalties of bottleneck and decoder; `l1` and `l2` when missing
    bottleneck_l2: float | None = Field(None, ge=0)
    decoder_l1: float | None = Field(None, ge=0)
    decoder_l2: float | None = Field(None, ge=0)
    stem: Literal[1, 2] = 2  # 2: space-to-depth in, depth-to-space out; works at half the resolution
    full_skip: bool = False  # with stem 2: a block of the image at full resolution, beside what is restored
    deep_supervision: bool = False  # trains class maps of the deeper decoder levels too; not part of the saved model
    fusion: Literal["none", "concatenate", "weighted", "attention"] = "none"  # with a coarse U-Net; see `dual.py`
    coarse_depth: int = Field(2, ge=1, le=5)
    coarse_scale: Literal[1, 2] = 1  # 2: the coarse U-Net works at half the resolution
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"


class LossConfig(Table):
    """The loss. Formulas and sources are in `trainer/training/losses.py`."""

    name: Literal["cross_entropy", "focal", "dice", "lovasz", "dice_ce", "dice_focal", "lovasz_ce", "focal_tversky"] = (
        "cross_entropy"
    )
    mix: Probability = 0.5  # of dice_ce, dice_focal and lovasz_ce: weight of Dice or Lovász; the rest is the other's
    gamma: float = Field(2.0, gt=0, le=10)  # exponent of focal, dice_focal and focal_tversky (published there: 0.75)
    alpha: float = Field(0.5, gt=0, lt=1)  # weight of false positives in focal_tversky; 1 - alpha: of false negatives
    weight_exponent: Probability = 0.5  # a class weighs share**-exponent, by its share of the pixels that are shown
    weight_cap: float = Field(10.0, ge=1)  # largest weight; the mean over all scored pixels is 1
    background: Literal["ignore", "learn"] = "ignore"  # whether pixels with the ignore label are learned
    label_smoothing: float = Field(0.0, ge=0, lt=1)  # of cross-entropy and focal, in sums too


class AugmentConfig(Table):
    """Random augmentation of an image and its mask. `strength` scales ranges, `chance` probabilities.

    `paste` and `cutmix` run first, so that the other transforms apply to what they insert; they run in any mode.
    """

    mode: Literal["none", "static", "dynamic"] = "dynamic"  # static: the same copies every epoch; none: no transforms
    where: Literal["host", "device"] = "host"  # device: the transforms of `dynamic` are part of the compiled step
    copies: int = Field(1, ge=1, le=16)  # views of each image in an epoch; static adds the unchanged image
    strength: float = Field(1.0, ge=0, le=3)  # factor on every range below
    chance: float = Field(1.0, ge=0, le=3)  # factor on `geometric`, `colour`, and `elastic` to `hide`, each up to 1
    flip_horizontal: Probability = 0.5  # independent of the transforms below
    flip_vertical: Probability = 0.0
    quarter_turn: Probability = 0.0  # probability of a rotation by 90 degrees, either way
    geometric: Probability = 0.3  # probability of one of: crop, rotation with shift, a flip
    crop: float = Field(0.3, ge=0)  # relative weights of the geometric transforms
    affine: float = Field(0.3, ge=0)
    one_of_flip_horizontal: float = Field(0.0, ge=0)
    one_of_flip_vertical: float = Field(0.0, ge=0)
    crop_area: float = Field(0.4, gt=0, le=1)  # smallest crop, as a share of the image's area
    rotate_degrees: float = Field(15.0, ge=0, le=180)  # largest angle, either way
    shift: float = Field(0.1, ge=0, le=0.5)  # largest shift, either way, as a share of the image's size
    colour: Probability = 0.3  # probability of one of: brightness and contrast, hue and saturation (RGB only)
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    hue_degrees: float = Field(20.0, ge=0, le=180)
    saturation: float = Field(0.3, ge=0, le=1)
    elastic: Probability = 0.0  # probability of an elastic deformation
    elastic_alpha: float = Field(30.0, ge=0)  # displacement, in pixels before smoothing
    elastic_sigma: float = Field(5.0, ge=1)  # smoothing, in pixels
    zoom_out: Probability = 0.0  # probability that the image is shrunk; mirrored pixels surround it
    zoom_out_scale: float = Field(0.5, gt=0, lt=1)  # smallest scale at strength 1
    gamma: Probability = 0.0  # probability of pixels to a power
    gamma_range: float = Field(0.5, ge=0, le=2)  # largest power - 1; the smallest power is 1 / (1 + gamma_range)
    blur: Probability = 0.0  # probability of a Gaussian blur
    blur_sigma: float = Field(1.0, gt=0, le=20)  # largest, in pixels
    noise: Probability = 0.0  # probability of Gaussian noise
    noise_std: float = Field(0.1, ge=0, le=1)  # largest deviation, as a share of the range of pixels
    low_resolution: Probability = 0.0  # probability that the image, not its mask, is shrunk and enlarged again
    low_resolution_scale: float = Field(0.5, gt=0, lt=1)  # smallest scale at strength 1
    hide: Probability = 0.0  # probability that rectangles of the image, not of its mask, become its mean
    hide_share: float = Field(0.25, ge=0, le=0.9)  # largest share of the area that is hidden
    hide_kind: Literal["grid", "holes"] = "holes"  # GridMask, or coarse dropout
    paste: Probability = 0.0  # probability that a region of the oversampled class is pasted from another image
    paste_margin: int = Field(0, ge=0, le=64)  # pixels around the region that are pasted along, with their labels
    cutmix: Probability = 0.0  # probability of a rectangle of another image, at the same position
    cutmix_sides: tuple[Probability, Probability] = (0.25, 0.5)  # its smallest and largest, as shares of the image's
    cutmix_class: bool = False  # the rectangle is around a pixel of the oversampled class

    @field_validator("cutmix_sides")
    @classmethod
    def _check_sides(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("must be above 0, the smallest first")
        return value


class DataConfig(Table):
    """The data set and its split. What is "auto" or missing is found by looking at the data: `trainer/data/look`."""

    path: str | None = None  # npz or npy file, or folder
    images: str | None = None  # folder of the images where they lie apart from the masks; in place of `path`
    masks: str | None = None  # folder of the masks then
    classes: int | None = Field(None, ge=2, le=256)
    names: tuple[str, ...] = ()  # one a class; their values or colours when empty
    labels: dict[str, int] = Field(default_factory=dict)  # value or "#rrggbb" to class or VOID; empty: as they are
    unlisted: Literal["error", "ignore", "nearest"] = "error"  # what becomes of values that `labels` does not list
    mask_format: Literal["grey", "colour", "palette"] = "grey"  # of the masks on the disk, and of predicted ones
    colours: tuple[str, ...] = ()  # "#rrggbb" of each class in a palette
    # Label that is not scored: a class, or a label that is none, such as VOID.
    ignore: Annotated[int | Literal["auto"] | None, BeforeValidator(_parse_none)] = "auto"
    channels: int | None = Field(None, ge=1, le=16)  # of the images; as found when missing: grey, RGB, or all bands
    # Values that become 0 and 255; none for images of 8 bits, which stay as they are.
    scale: Annotated[tuple[float, float] | Literal["auto"] | None, BeforeValidator(_parse_none)] = "auto"
    validation: Annotated[float, Field(gt=0, lt=1)] | str = 0.15  # share where there is no part of its own, or a path
    # Number of a fold, from 0, and of all folds: that fold validates, in place of a share; no image is in two of them.
    fold: Annotated[tuple[int, int] | None, BeforeValidator(_parse_none)] = None
    groups: str | None = None  # regular expression; what its first group matches in an image's name is never split
    resize: Annotated[tuple[Side, Side] | None, BeforeValidator(_parse_none)] = None  # height, width
    fit: Literal["stretch", "pad"] = "stretch"  # of resize; pad keeps the aspect
    # Height and width of what a network sees at a time; none for whole images.
    patch: Annotated[tuple[int, int] | Literal["auto"] | None, BeforeValidator(_parse_none)] = "auto"
    patch_classes: Probability = 0.5  # share of the patches that are centred on a pixel of each class in turn
    overlap: float = Field(0.5, ge=0, le=0.9)  # of the windows of a prediction, as a share of their sides
    clean: bool = True  # drop corrupt images
    limit: Annotated[int | None, BeforeValidator(_parse_none)] = Field(None, ge=1)  # largest number of training images
    oversample: int = Field(1, ge=1, le=20)  # how often an epoch shows an image of the oversampled class
    oversample_class: int | None = Field(None, ge=0)  # also for paste and cutmix; the rarest class when missing

    @field_validator("ignore")
    @classmethod
    def _check_ignore(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and not 0 <= value <= VOID:
            raise ValueError(f'must be a label from 0 to {VOID}, "none" or "auto"')
        return value

    @field_validator("fold")
    @classmethod
    def _check_fold(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not (0 <= value[0] < value[1] and value[1] > 1):
            raise ValueError("must be the number of a fold, from 0, and of 2 folds or more")
        return value

    @property
    def ignored_label(self) -> int | None:
        """The label that is not scored, once the data were looked at."""
        assert self.ignore != "auto"
        return self.ignore

    @property
    def ignores_a_class(self) -> bool:
        """Whether the label that is not scored is one of the classes, as the background of the course's data."""
        return self.ignored_label is not None and self.ignored_label < self.class_count

    @property
    def class_count(self) -> int:
        """The number of classes, once the data were looked at."""
        assert self.classes is not None
        return self.classes


class OptimizerConfig(Table):
    """The optimizer and its batches."""

    name: Literal["adamw", "adam", "lion"] = "adamw"
    learning_rate: float = Field(4e-3, gt=0, le=1)  # the highest of the schedule
    weight_decay: float = Field(1e-4, ge=0)  # decoupled; adamw and lion only
    # Share of the averaged weights that a step keeps; 0 for none. Averages of a short training span a tenth of it.
    average: float = Field(0.99, ge=0, lt=1)
    clip_norm: float = Field(1.0, ge=0)  # largest global norm of the gradient; 0 for no clipping
    batch_size: int = Field(32, ge=1, le=4096)
    jit_compile: bool = False  # XLA, under TensorFlow; JAX always compiles


class ScheduleConfig(Table):
    """The learning rate over the training; see `trainer/training/optimizer.py`."""

    name: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup: float = Field(1.0, ge=0)  # epochs of linear warm-up, fractions included
    floor: float = Field(0.01, ge=0, le=1)  # lowest learning rate, as a share of the highest
    factor: float = Field(0.5, gt=0, lt=1)  # of the rate at each reduction of plateau
    patience: int = Field(5, ge=1)  # epochs without a better score before plateau reduces the rate


class BudgetConfig(Table):
    """How long a training lasts, and what is kept of it. An epoch ends with a validation."""

    # Batches of the whole training, divided evenly into epochs; none: an epoch shows `images`.
    steps: Annotated[int | None, BeforeValidator(_parse_none)] = Field(3000, ge=1)
    epochs: int = Field(30, ge=1)
    images: int | None = Field(None, ge=1)  # training images in an epoch where `steps` is none; missing: each view once
    # Epochs without a better score before training ends; none: it never ends early.
    patience: Annotated[int | None, BeforeValidator(_parse_none)] = Field(None, ge=1)
    keep: Literal["last", "best"] = "last"  # weights; last: the value is the mean of the last tenth of the epochs


class TrainConfig(Table):
    """Everything that decides the result of a training, except the machine."""

    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    budget: BudgetConfig = BudgetConfig()
    seed: int = Field(0, ge=0, lt=2**31)
    metric: str = "miou"  # what a training is judged by; see `trainer/metric.py`

    @model_validator(mode="after")
    def _device_transforms_dynamically(self) -> "TrainConfig":
        if self.augment.where == "device" and self.augment.mode == "static":
            raise ValueError(
                'augment.where must be "host" with augment.mode "static", whose copies are made once; got "device"; '
                'set augment.mode to "dynamic", or augment.where to "host"'
            )
        return self

    @model_validator(mode="after")
    def _classes_agree(self) -> "TrainConfig":
        data = self.data
        if data.names and data.classes is not None and len(data.names) != data.classes:
            raise ValueError(f"data.names must name all {data.classes} classes; got {len(data.names)} names")
        if data.oversample_class is not None and data.classes is not None and data.oversample_class >= data.classes:
            raise ValueError(f"data.oversample_class must be below {data.classes}; got {data.oversample_class}")
        return self

    @property
    def loss_ignore_label(self) -> int | None:
        """Label of pixels that the loss ignores, or None. A label that is no class cannot be learned."""
        if self.data.ignores_a_class and self.loss.background == "learn":
            return None
        return self.data.ignored_label

    @property
    def masked_class(self) -> int | None:
        """The class that is neither learned nor predicted: the network has no logit for it."""
        label = self.loss_ignore_label
        return label if label is not None and label < self.data.class_count else None
