"""Images to predict: of files, folders, patterns and data sets, in the order of their numbers."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.data.layout.trees import make_tree, pairs
from trainer.data.item import Row
from trainer.data.layout.discover import find_images
from trainer.errors import InputError


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["{}.png", "10.png", "notes.txt"], ["0.png", "1.png", "2.png", "10.png"]),
        (["test/{}.png", "images/{}.png", "masks/{}.png"], ["test/0.png", "test/1.png", "test/2.png"]),
        (["images/{}.png", "masks/{}.png"], ["images/0.png", "images/1.png", "images/2.png"]),
        (["images/{}.png", "masks/0.png"], ["images/0.png", "images/1.png", "images/2.png"]),
        (["images/{}.png"], ["images/0.png", "images/1.png", "images/2.png"]),
        (["images/b/{}.png"], ["images/b/0.png", "images/b/1.png", "images/b/2.png"]),
        (["{}.png", "deep/er/{}.png"], ["0.png", "1.png", "2.png"]),
        (["{}.png", "{}_mask.png"], ["0.png", "1.png", "2.png"]),
        (["{}.png", "0_pred.png"], ["0.png", "1.png", "2.png"]),
        (["{}.jpg", "{}.png"], ["0.jpg", "1.jpg", "2.jpg"]),
        (["a.png", "a_b.png"], ["a.png", "a_b.png"]),
        (["t/images/{}.png", "t/masks/{}.png", "t/test/images/{}.png", "t/test/masks/0.png"],
         ["t/test/images/0.png", "t/test/images/1.png", "t/test/images/2.png"]),
        (["images/train/a.png", "masks/train/a.png", "images/test/{}.png"],
         ["images/test/0.png", "images/test/1.png", "images/test/2.png"]),
        (["imagesTr/a{}_0000.png", "labelsTr/a{}.png", "imagesTs/b_0000.png"], ["imagesTs/b_0000.png"]),
        (["site_A.v{}.png"], ["site_A.v0.png", "site_A.v1.png", "site_A.v2.png"]),
    ],
)  # fmt: skip
def test_folders(tmp_path: Path, files: list[str], wanted: list[str]) -> None:
    items = find_images(make_tree(tmp_path, files))
    assert list(pairs(tmp_path, items)) == wanted
    assert {(item.mask, item.side) for item in items} == {(None, "test")}


def test_names(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/{}.v1.png", "b/9.png"])
    assert [item.name for item in find_images(tmp_path / "a")] == ["0.v1", "1.v1", "2.v1"]
    assert [item.name for item in find_images(tmp_path / "b" / "9.png")] == ["9"]
    assert [item.name for item in find_images([tmp_path / "b", tmp_path / "a"])] == ["0.v1", "1.v1", "2.v1", "9"]


def test_names_of_several_folders_are_told_apart(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/{}.png", "b/1.png"])
    items = find_images([tmp_path / "b", tmp_path / "a", tmp_path / "a" / "2.png"])
    assert [item.name for item in items] == ["a/0", "a/1", "a/2", "b/1"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [("*.png", ["a0", "a1", "a2"]), ("a[01]*", ["a0", "a1"]), ("**/*.tif", ["x/b", "y/b"]), ("*/", None)],
)
def test_patterns(tmp_path: Path, pattern: str, wanted: list[str] | None) -> None:
    make_tree(tmp_path, ["a{}.png", "a0.txt", "x/b.tif", "y/b.tif"])
    if wanted is None:
        with pytest.raises(InputError, match=r"a pattern must match pictures; got none for \S*\*"):
            find_images(f"{tmp_path}/{pattern}")
    else:
        assert [item.name for item in find_images(f"{tmp_path}/{pattern}")] == wanted


def test_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a [1].png", "b[2]/c.png"])
    assert [item.name for item in find_images(tmp_path / "a [1].png")] == ["a [1]"]
    assert [item.name for item in find_images(tmp_path / "b[2]")] == ["c"]


def test_arrays(tmp_path: Path) -> None:
    images, masks = np.zeros((11, 8, 8), np.uint8), np.ones((11, 8, 8), np.uint8)
    np.savez(tmp_path / "tests.npz", images=images, masks=masks, test_images=images[:2])
    np.savez(tmp_path / "images.npz", images=images)
    np.savez(tmp_path / "labelled.npz", images=images, masks=masks)
    assert [item.name for item in find_images(tmp_path / "tests.npz")] == ["0", "1"]
    found = find_images(tmp_path / "images.npz")
    assert [item.name for item in found] == [str(n) for n in range(11)]
    assert [item.image.index for item in found if isinstance(item.image, Row)] == list(range(11))
    both = find_images([tmp_path / "tests.npz", tmp_path / "images.npz"])
    assert len(both) == 13 and len({item.name for item in both}) == 13
    with pytest.raises(InputError, match=r"under the key test_set or test_images; got none in \S*labelled\.npz"):
        find_images(tmp_path / "labelled.npz")


@pytest.mark.parametrize(
    ("files", "path", "words"),
    [
        (["readme.txt"], "", r"a folder of images must hold \.png or \.jpg or .*files; got none in"),
        (["masks/{}.png"], "", r"a folder of images must hold \.png or"),
        ([], "none", "data must be an npz file or a folder; got .*none, which is neither"),
        (["a.png", "a.jpg", "b.png"], "", r"two images must not share a name; got \S*a\.jpg and a\.png; rename one"),
        (["a.png"], "*.tif", r"a pattern must match pictures; got none for \S*\*\.tif; name a folder"),
    ],
)
def test_refusals(tmp_path: Path, files: list[str], path: str, words: str) -> None:
    make_tree(tmp_path, files)
    with pytest.raises(InputError, match=words) as caught:
        find_images(tmp_path / path)
    assert "\n" not in str(caught.value)


def test_no_path_is_refused() -> None:
    with pytest.raises(InputError, match="images to predict must be named; got no path"):
        find_images([])
