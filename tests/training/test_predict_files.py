"""Images as they lie on the disk, masks as files: real networks, whose answer is known.

Each class has a brightness, and the network finds the nearest one: so the mask of any image is known to the pixel.
"""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from search.commands.predict import predict
from trainer.config import TrainConfig
from trainer.configfile import override, write_config
from trainer.data.pixels import Pixels
from trainer.errors import InputError
from trainer.result.save import save_model

LEVELS = np.array([60, 135, 210], np.uint8)  # brightness of the classes
SIDE = 16  # of the networks' images


def write_model(
    folder: Path,
    channels: int = 1,
    dtype: str = "uint8",
    side: int = SIDE,
    levels: Any = LEVELS,
    certainty: float = 100,
    **data: Any,
) -> Path:
    """A result's folder: a network for images of side x side, and the configuration with these fields of `data`."""
    inputs = keras.Input((side, side, channels), dtype=dtype)
    pixels = keras.layers.Rescaling(1 / 255)(inputs)
    classifier = keras.layers.Conv2D(len(levels), 1)
    model = keras.Model(inputs, classifier(pixels))
    levels = levels / 255  # the largest logit has the level that is nearest to the pixel
    weights = np.tile(2 * certainty * levels / channels, (1, 1, channels, 1))
    classifier.set_weights([weights, -certainty * levels**2])
    folder.mkdir(parents=True)
    save_model(model, folder / "model.keras")
    settings = {"classes": len(levels), "ignore": None, "scale": None, "patch": None} | data
    write_config(
        override(TrainConfig(), {f"data.{key}": value for key, value in settings.items()}), folder / "config.toml"
    )
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("plain") / "model")


def run_predict(*arguments: object) -> str:
    """What the command prints; its errors are raised."""
    done = CliRunner().invoke(predict, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def make_mask(seed: int, height: int = SIDE, width: int = SIDE) -> Pixels:
    """Blocks of random classes, (H, W)."""
    blocks = np.random.default_rng(seed).integers(0, 3, (-(-height // 4), -(-width // 4)), np.uint8)
    return blocks.repeat(4, 0).repeat(4, 1)[:height, :width]


def write_images(folder: Path, masks: dict[str, Pixels]) -> Path:
    """Grey PNGs by name, of the brightness of these masks."""
    for name, mask in masks.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(LEVELS[mask]).save(path)
    return folder


def read_mask(path: Path) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_names_keep_dots_and_folders(tmp_path: Path, model: Path) -> None:
    names = [f"site_A.v{number:02d}" for number in range(12)] + ["deep/site_A.v00"]
    masks = {name: make_mask(seed) for seed, name in enumerate(names)}
    data = write_images(tmp_path / "in", masks) / "**" / "*.png"
    run_predict(model, "--data", data, "-o", tmp_path / "out")
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / f"{name}.png"), mask)
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(names)


def test_rows_are_in_the_order_of_the_numbers_under_their_names(tmp_path: Path, model: Path) -> None:
    masks = {str(number): make_mask(number) for number in range(12)}
    run_predict(model, "--data", write_images(tmp_path / "in", masks), "-o", tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["name", "0"]
    assert [row[0] for row in rows] == list(masks)
    for row in rows:
        assert [int(label) for label in row[1:]] == masks[row[0]].ravel().tolist()


SIZES = {"a": (60, 75), "b": (64, 64), "c": (16, 16), "d": (5, 9), "e": (97, 20)}


def test_every_mask_has_its_images_size(tmp_path: Path, model: Path) -> None:
    masks = {name: make_mask(seed, *size) for seed, (name, size) in enumerate(SIZES.items())}
    run_predict(model, "--data", write_images(tmp_path / "in", masks), "-o", tmp_path / "out")
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / f"{name}.png"), mask)


def test_sizes_that_differ_do_not_fit_into_one_file(tmp_path: Path, model: Path) -> None:
    data = write_images(tmp_path / "in", {name: make_mask(0, *SIZES[name]) for name in "ab"})
    for name in ("m.npz", "m.csv"):
        with pytest.raises(InputError, match=r"a\.png 60x75 and \S*b\.png 64x64"):
            run_predict(model, "--data", data, "-o", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_images_that_are_resized_get_masks_of_their_own_size(tmp_path: Path, fit: str) -> None:
    model = write_model(tmp_path / "model", resize=(SIDE, SIDE), fit=fit)
    mask = make_mask(0).repeat(2, 0).repeat(2, 1)
    data = write_images(tmp_path / "in", {"a": mask, "b": mask[:, :16]})
    run_predict(model, "--data", data, "-o", tmp_path / "out", "--probabilities")
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.png"), mask)
    assert (read_mask(tmp_path / "out" / "b.png") == mask[:, :16]).mean() > 0.9
    assert np.load(tmp_path / "out" / "probabilities" / "b.npy").shape == (32, 16, 3)


@pytest.mark.parametrize("options", [(), ("--flips", "both"), ("--probabilities",)])
def test_a_mask_of_another_size_is_that_of_the_enlarged_probabilities(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A border between two blocks of the small image is a straight line in the large one, whatever is asked for."""
    model = write_model(tmp_path / "model", resize=(SIDE, SIDE), certainty=10)
    place = np.arange(160)
    mask = (place[:, None] * 2 > place + 40).astype(np.uint8)
    run_predict(model, "--data", write_images(tmp_path / "in", {"a": mask}), "-o", tmp_path / "out", *options)
    found = read_mask(tmp_path / "out" / "a.png")
    assert set(np.unique(found)) == {0, 1} and (found != mask).mean() < 0.005


def test_a_rotated_photograph_gets_an_upright_mask(tmp_path: Path, model: Path) -> None:
    upright = np.zeros((24, 40), np.uint8)
    upright[:8] = 2
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    turned = Image.fromarray(LEVELS[upright]).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "in" / "a.jpg", exif=exif, quality=100)
    run_predict(model, "--data", tmp_path / "in", "-o", tmp_path / "out")
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.png"), upright)


@pytest.mark.parametrize("out", ["in", ".", "there", "in/a.png"])
def test_images_are_never_written_over(tmp_path: Path, model: Path, out: str) -> None:
    data = write_images(tmp_path / "in", {"a": make_mask(0)})
    (tmp_path / "there").symlink_to(data)
    before = (data / "a.png").read_bytes()
    with pytest.raises(InputError):
        run_predict(model, "--data", data, "-o", tmp_path / out)
    assert (data / "a.png").read_bytes() == before
    assert [path.name for path in data.iterdir()] == ["a.png"]


def test_a_prediction_replaces_an_earlier_one_alone(tmp_path: Path, model: Path) -> None:
    data, out = write_images(tmp_path / "in", {"a": make_mask(0)}), tmp_path / "out"
    run_predict(model, "--data", data, "-o", out)
    write_images(data, {"a": make_mask(1)})
    run_predict(model, "--data", data, "-o", out)
    np.testing.assert_array_equal(read_mask(out / "a.png"), make_mask(1))
    write_images(data, {"b": make_mask(2)})
    (out / "b.png").write_text("mine")
    with pytest.raises(InputError, match=r"b\.png, which predict did not write"):
        run_predict(model, "--data", data, "-o", out)
    assert (out / "b.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("fields", "mode", "values"),
    [
        ({"labels": {"0": 0, "128": 1, "255": 2}}, "L", [0, 128, 255]),
        ({"labels": {"0": 0, "300": 1, "4": 2}}, "I;16", [0, 300, 4]),
        (
            {"labels": {"#000000": 0, "#d22828": 1, "#2846d2": 2}, "mask_format": "colour"},
            "RGB",
            [[0, 0, 0], [0xD2, 0x28, 0x28], [0x28, 0x46, 0xD2]],
        ),
        ({"mask_format": "palette", "colours": ("#000000", "#d22828", "#2846d2")}, "P", [0, 1, 2]),
    ],
)
def test_masks_come_back_as_they_were_learned(tmp_path: Path, fields: dict[str, Any], mode: str, values: Any) -> None:
    model, mask = write_model(tmp_path / "model", **fields), make_mask(0)
    run_predict(model, "--data", write_images(tmp_path / "in", {"a": mask}), "-o", tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert picture.mode == mode
        np.testing.assert_array_equal(np.asarray(picture), np.array(values)[mask])


def test_the_courses_test_images(tmp_path: Path, model: Path) -> None:
    masks = np.stack([make_mask(seed) for seed in range(11)])
    pairs = np.stack([LEVELS[masks], masks], axis=1)
    np.savez(tmp_path / "course.npz", training_set=pairs[:3], test_set=LEVELS[masks])
    for name in ("m.npz", "m.csv"):
        run_predict(model, "--data", tmp_path / "course.npz", "-o", tmp_path / name)
    with np.load(tmp_path / "m.npz") as file:
        assert file["masks"].dtype == np.uint8
        np.testing.assert_array_equal(file["masks"], masks)
        assert file["names"].tolist() == [str(index) for index in range(11)]
    with (tmp_path / "m.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", *map(str, range(SIDE * SIDE))]
    assert [row[0] for row in rows] == [str(index) for index in range(11)]
    assert [int(label) for label in rows[10][1:]] == masks[10].ravel().tolist()


def test_several_places_and_patterns(tmp_path: Path, model: Path) -> None:
    first = write_images(tmp_path / "in", {"a1": make_mask(1), "a2": make_mask(2), "b": make_mask(3)})
    second = write_images(tmp_path / "more", {"c": make_mask(4)})
    run_predict(model, "--data", first / "a*.png", "--data", second / "c.png", "-o", tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        assert file["names"].tolist() == ["a1", "a2", "c"]
        np.testing.assert_array_equal(file["masks"][2], make_mask(4))


def test_sixteen_bits_are_scaled_as_in_training(tmp_path: Path) -> None:
    model, mask = write_model(tmp_path / "model", dtype="float32", scale=(0.0, 4080.0)), make_mask(0, 20, 40)
    (tmp_path / "in").mkdir()
    Image.fromarray(LEVELS[mask].astype(np.uint16) * 16).save(tmp_path / "in" / "a.png")
    run_predict(model, "--data", tmp_path / "in", "-o", tmp_path / "out", "--overlay")
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.png"), mask)
    assert read_mask(tmp_path / "out" / "overlay" / "a.png").shape == (20, 40, 3)


def test_probabilities_are_those_of_the_mask(tmp_path: Path, model: Path) -> None:
    mask = make_mask(0, 90, 40)
    data = write_images(tmp_path / "in", {"a.v1": mask})
    run_predict(model, "--data", data, "-o", tmp_path / "out", "--probabilities")
    found = np.load(tmp_path / "out" / "probabilities" / "a.v1.npy")
    assert (found.dtype, found.shape) == (np.float16, (90, 40, 3))
    np.testing.assert_array_equal(found.argmax(-1), mask)
    np.testing.assert_allclose(found.astype(np.float32).sum(-1), 1, atol=2e-3)
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.v1.png"), mask)


def test_probabilities_of_many_images(tmp_path: Path, model: Path) -> None:
    masks = {str(number): make_mask(number, 5 + number % 20, 16) for number in range(70)}
    run_predict(model, "--data", write_images(tmp_path / "in", masks), "-o", tmp_path / "out", "--probabilities")
    for name, mask in masks.items():
        found = np.load(tmp_path / "out" / "probabilities" / f"{name}.npy")
        np.testing.assert_array_equal(found.argmax(-1), mask)


def test_an_overlay_shows_the_image_and_the_classes(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", ignore=0)
    mask = make_mask(0, 32, 32)
    data = write_images(tmp_path / "in", {"a": mask, "deep/a": mask})
    run_predict(model, "--data", data / "**" / "*.png", "-o", tmp_path / "out", "--overlay")
    drawn = read_mask(tmp_path / "out" / "overlay" / "deep" / "a.png")
    grey = np.repeat(LEVELS[mask][..., None], 3, 2)
    np.testing.assert_array_equal(drawn[mask == 0], grey[mask == 0])
    assert (drawn[mask != 0] != grey[mask != 0]).any(-1).all()


def test_pictures_beside_a_table_are_refused(tmp_path: Path, model: Path) -> None:
    data = write_images(tmp_path / "in", {"a": make_mask(0)})
    with pytest.raises(InputError, match="need a folder after -o"):
        run_predict(model, "--data", data, "-o", tmp_path / "m.npz", "--overlay")


def test_grey_images_for_a_network_of_colours(tmp_path: Path) -> None:
    model, mask = write_model(tmp_path / "model", channels=3), make_mask(0)
    run_predict(model, "--data", write_images(tmp_path / "in", {"a": mask}), "-o", tmp_path / "out")
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.png"), mask)


def test_images_of_other_channels_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", channels=2)
    data = write_images(tmp_path / "in", {"a": make_mask(0)})
    with pytest.raises(InputError, match=r"must have 2 channels as in training; got 1 in \S*a\.png"):
        run_predict(model, "--data", data, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_result_of_an_earlier_version(tmp_path: Path) -> None:
    """Its configuration has neither labels nor a scale."""
    model, mask = write_model(tmp_path / "model"), make_mask(0, 20, 20)
    (model / "config.toml").write_text("[data]\nclasses = 3\nignore = 0\nclean = true\nresize = 'none'\n")
    run_predict(model, "--data", write_images(tmp_path / "in", {"a": mask}), "-o", tmp_path / "out", "--overlay")
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a.png"), mask)
