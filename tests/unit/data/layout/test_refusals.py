"""Folders that cannot be read as a data set: one line that names the file and says what to do."""

import os
from pathlib import Path

import pytest

from tests.unit.data.layout.trees import find, make_tree
from trainer.errors import InputError


def refused(root: Path, words: str, **options: object) -> None:
    """Asserts that the folder is refused, in one line with these words."""
    with pytest.raises(InputError, match=words) as caught:
        find(root, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["images/{}.png", "masks/0.png", "masks/1.png"], r"got none for \S*images/2\.png; add masks/2\.png"),
        (
            ["images/{}_image.png", "masks/0_mask.png", "masks/1_mask.png"],
            r"got none for \S*images/2_image\.png; add masks/2_mask\.png",
        ),
        (["images/a{}.png", "masks/1{}.png"], r"none for \S*a0.png among 3 masks such as 10.png; add masks/a0.png"),
        (["images/im_000.png", "masks/im_001.png"], "every image must have a mask; got none for .*im_000.png"),
        (["images/train/{}.png", "masks/val/{}.png"], "every image must have a mask; got none for .*train/0.png"),
        (["a{}.png", "a0_mask.png", "a1_mask.png"], r"got none for \S*a2\.png; add .*/a2_mask\.png"),
        (
            ["images/a{}.png", "masks/a{}_1.png", "masks/a{}_2.png"],
            "every image must have one mask; got .*a0_1.png and",
        ),
        (["images/a{}.png", "masks/a{}.png", "masks/a1_2.png"], r"one mask; got \S*a1.png and a1_2.png for \S*a1.png"),
        (["b/a{}.png", "b/a{}_mask.png", "b/a1_mask_1.png"], "one mask; got .*a1_mask.png and a1_mask_1.png for .*a1"),
        (["images/a{}.png", "masks/a{}.png", "masks/a2.tif"], r"one mask; got \S*a2\.(png|tif) and a2\.(png|tif) for"),
        (["images/a{}.png", "masks/a{}_seg_x.png", "masks/a{}_seg_y.png"], "every image must have one mask"),
        (["s/c{}/images/i.png", "s/c{}/masks/f1.png", "s/c{}/masks/g2.png"], "one mask; got .*f1.png and g2.png for"),
        (["images/a.png", "images/a.jpg", "masks/a.png"], r"share a name; got \S*a\.jpg and a\.png; rename one"),
        (
            ["imagesTr/a{}_0000.png", "imagesTr/a{}_0001.png", "labelsTr/a{}.png"],
            "one file with all its channels; got .*_0000.png and a0_0001.png",
        ),
        (["images/{}.png"], "must have images/ and masks/, .*; got 3 pictures in images/ in .*; give --images DIR and"),
        (["scans/{}.dcm", "scans/{}.xml", "a/x.png"], "got 1 pictures in a/, 3 .dcm files, 3 .xml files in "),
        ([], "got no files in .*; give --images DIR and --masks DIR"),
        (["a.npz", "b.npz"], "got 2 .npz files in"),
        (["test/images/{}.png", "test/masks/{}.png"], "training images with masks; got 3 of test in .*name the folder"),
        (["test/{}.png"], "training images with masks; got images without masks, 3 of test"),
        (["val/a{}.png", "val/a{}_mask.png"], "training images with masks; got 3 of validation"),
        (
            ["train/{}.png", "val/{}.png", "masks/{}.png"],
            r"a mask must belong to one image; got \S*masks/0.png for \S*train/0.png and \S*val/0.png",
        ),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, files: list[str], words: str) -> None:
    refused(make_tree(tmp_path, files), words)


@pytest.mark.parametrize("path", ["missing", "x" * 5000, "a\0b", "~nobody-of-this-name/a"])
def test_a_path_to_nothing(tmp_path: Path, path: str) -> None:
    refused(tmp_path / path if path[0] != "~" else Path(path), "data must be an npz file or a folder; got .*neither")


@pytest.mark.parametrize("place", ["images", "masks", "test"])
def test_a_picture_in_a_pipe(tmp_path: Path, place: str) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png", "test/{}.png"])
    os.mkfifo(tmp_path / place / "9.png")
    refused(tmp_path, "an image must be a plain file; got .*9.png, a pipe, device or broken link; remove it")


@pytest.mark.parametrize("target", ["/nowhere", "9.png", "/dev/null"])
def test_a_picture_that_is_a_link_to_none(tmp_path: Path, target: str) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    (tmp_path / "images" / "9.png").symlink_to(target)
    refused(tmp_path, "an image must be a plain file; got .*9.png")


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who reads all: the system's answer is given in its place."""
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "masks":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refused(tmp_path, r"a data set's folder must be readable; got \S*masks: Permission denied")


def test_names_are_shown_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/a\n\x1b[2J.png", "masks/b.png"])
    refused(tmp_path, r"got none for \S*a\\n\\x1b\[2J.png among")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "a data set must be named; got no data.path"),
        ({"images": "images"}, "must be given together, without data.path; got images; give"),
        ({"masks": "masks"}, "must be given together, without data.path; got masks; give"),
        ({"images": "images", "masks": "masks", "path": "images"}, "got path and images and masks"),
        ({"images": "images", "masks": "none"}, "data must be an npz file or a folder; got none"),
        ({"images": "images/0.png", "masks": "masks"}, "data.images must be a folder; got images/0.png"),
        ({"images": "images", "masks": "empty"}, "data.masks must hold pictures; got none in empty"),
        ({"images": "images", "masks": "images"}, "got 3 pictures in it in images"),
        ({"images": "images", "masks": "others"}, "every image must have a mask; got none for images/0.png"),
    ],
)
def test_folders_of_images_and_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], words: str
) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png", "empty/readme.txt", "others/x4{}.png"])
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, words, **{"path": None, **options})
