"""The formats that a trained network is exported to: their names, files and packages. Known without Keras."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from trainer.errors import InputError


@dataclass(frozen=True)
class Format:
    """One format of exported networks."""

    keras: str  # its name in `keras.Model.export`
    file: str  # its usual name in a result's folder
    packages: tuple[str, ...] = ()  # that must be importable
    extra: str = ""  # of this package, which installs them
    batch: int | None = None  # images that it takes at a time; any number when missing

    @property
    def suffix(self) -> str:
        """The suffix that its files must have; none for a folder."""
        return Path(self.file).suffix


FORMATS = {
    "onnx": Format("onnx", "model.onnx", ("onnx", "onnxruntime", "tf2onnx"), "onnx"),
    "tflite": Format("litert", "model.tflite", ("ai_edge_litert",), "tflite", batch=1),
    "savedmodel": Format("tf_saved_model", "saved_model"),
}


def check_format(name: str, out: Path) -> None:
    """Raises InputError where a network cannot be exported to `out`: suffix or packages are missing, or it is there.

    A file is replaced; a folder is not, since it may hold more than an earlier export.
    """
    wanted = FORMATS[name]
    if wanted.suffix and out.suffix != wanted.suffix:
        raise InputError(f"a file of --format {name} must end in {wanted.suffix}; got {out}; change the name after -o")
    if out.is_dir() or (not wanted.suffix and out.exists()):
        raise InputError(f"an export must not replace a folder; got {out}, which is there; choose another with -o")
    missing = [package for package in wanted.packages if find_spec(package) is None]
    if missing:
        raise InputError(
            f"--format {name} needs packages that are not installed: {', '.join(missing)}; "
            f"install unet-search[{wanted.extra}]"
        )


def description_path(out: Path) -> Path:
    """The JSON file beside an exported network that tells how it is used."""
    return out.with_name(f"{out.name}.json")
