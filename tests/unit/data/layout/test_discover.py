"""What is found beside pairs: names, order, files that are not read, links, lists, and validation of its own."""

import time
from pathlib import Path

import numpy as np
import pytest

from tests.unit.data.layout.trees import find, make_tree, pairs
from trainer.config import DataConfig
from trainer.data.item import Row
from trainer.data.layout.discover import find_labelled, find_source
from trainer.errors import InputError


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["images/{}.png", "masks/{}.png"], "images/ with masks/, pairs by name"),
        (["images/{}_image.png", "gt/{}_anno.png"], "*_image in images/ with *_anno in gt/"),
        (["images/img_{}.png", "gt/gt_{}.png"], "img_* in images/ with gt_* in gt/"),
        (["a/{}.png", "a/{}_mask.png"], "* with *_mask in a/"),
        (["images/{}.png", "masks/{}.png", "test/{}.png"], "images/ with masks/, pairs by name; test/ without masks"),
        (["c{}/images/a.png", "c{}/masks/a.png"], "images/ in 3 folders with masks/ in 3 folders, pairs by name"),
        (
            ["images/{}.png", "masks/{}.png", "val/9.png"],
            "images/ with masks/, pairs by name; val/ has no masks and is not read",
        ),
    ],
)  # fmt: skip
def test_the_rule_is_said(tmp_path: Path, files: list[str], layout: str) -> None:
    assert find(make_tree(tmp_path, files)).layout == layout


def test_names_are_paths_below_the_images_folder_without_suffix(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/b/{}.png", "masks/b/{}.png", "images/a.b.png", "masks/a.b.png"])
    assert [item.name for item in find(tmp_path).items] == ["a.b", "b/0", "b/1", "b/2"]


def test_names_that_are_not_unique_have_all_folders(tmp_path: Path) -> None:
    make_tree(tmp_path, ["n/images/0.png", "n/masks/0.png", "s/images/0.png", "s/masks/0.png"])
    assert [item.name for item in find(tmp_path).items] == ["n/images/0", "s/images/0"]


def test_names_are_composed(tmp_path: Path) -> None:
    """An accent may be a letter of its own in one file's name, and part of a letter in another's."""
    make_tree(tmp_path, ["images/e\u0301.png", "masks/\u00e9.png"])
    assert [item.name for item in find(tmp_path).items] == ["\u00e9"]


def test_items_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    make_tree(tmp_path, [f"{part}/{name}.png" for part in ("images", "masks") for name in ("10", "2", "B", "a", "1")])
    assert [item.name for item in find(tmp_path).items] == ["1", "10", "2", "B", "a"]


def test_training_comes_before_validation_and_test(tmp_path: Path) -> None:
    parts = ("val", "train", "test")
    make_tree(tmp_path, [f"{part}/{role}/{{}}.png" for part in parts for role in ("images", "masks")])
    assert [item.side for item in find(tmp_path).items] == ["train"] * 3 + ["validation"] * 3 + ["test"] * 3


def test_files_that_are_not_read_are_named_but_for_hidden_ones(tmp_path: Path) -> None:
    unread = ["README.md", "images/a.dcm", "masks/extra.png", "preview.png", "notes/plot.png"]
    hidden = [".DS_Store", "images/._0.png", "Thumbs.db", "__MACOSX/images/0.png", "images/.ipynb_checkpoints/0.png"]
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png", *unread, *hidden])
    source = find(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in source.unread] == sorted(unread)
    assert len(source.items) == 3


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    make_tree(tmp_path, ["elsewhere/pictures/{}.png", "elsewhere/labelled/{}.png", "data/readme.txt"])
    data = tmp_path / "data"
    (data / "images").symlink_to(tmp_path / "elsewhere" / "pictures")
    (data / "masks").symlink_to(tmp_path / "elsewhere" / "labelled")
    (data / "again").symlink_to(data)
    (tmp_path / "elsewhere" / "labelled" / "up").symlink_to(tmp_path / "elsewhere")
    (data / "self").symlink_to("self")
    assert pairs(data, find(data).items) == {f"images/{n}.png": f"masks/{n}.png" for n in range(3)}


def test_linked_pictures_are_read(tmp_path: Path) -> None:
    make_tree(tmp_path, ["all/{}.png", "data/masks/{}.png", "data/images/0.png"])
    (tmp_path / "data" / "images" / "1.png").symlink_to(tmp_path / "all" / "1.png")
    (tmp_path / "data" / "images" / "2.png").symlink_to(tmp_path / "all" / "2.png")
    assert len(find(tmp_path / "data").items) == 3


def test_many_images_are_found_in_seconds(tmp_path: Path) -> None:
    """Every image compared with every mask would take minutes."""
    for part, suffix in (("images", "_image.png"), ("masks", "_mask.png")):
        (tmp_path / part).mkdir()
        for number in range(5000):
            (tmp_path / part / f"scene_{number:05d}{suffix}").touch()
    start = time.process_time()
    assert len(find(tmp_path).items) == 5000
    assert time.process_time() - start < 10


VOC = ["JPEGImages/{}.jpg", "JPEGImages/plain.jpg", "SegmentationClass/{}.png"]


def test_lists_divide_images_and_name_those_that_are_read(tmp_path: Path) -> None:
    make_tree(tmp_path, VOC)
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("0\n1\n")
    (lists / "val.txt").write_text("2\n\n")
    (lists / "trainval.txt").write_text("0\n1\n2\n")
    source = find(tmp_path)
    assert [(item.name, item.side) for item in source.items] == [("0", "train"), ("1", "train"), ("2", "validation")]
    assert [path.name for path in source.unread] == ["plain.jpg"]


def test_a_list_with_an_image_that_is_not_there_is_refused(tmp_path: Path) -> None:
    make_tree(tmp_path, VOC)
    (tmp_path / "train.txt").write_text("images/0.jpg masks/0.png\n7\n")
    with pytest.raises(InputError, match=r"a list must name images that are there; got 7 in \S*train\.txt"):
        find(tmp_path)


def test_text_that_is_no_list_is_not_read(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe epochs 3\n")
    (tmp_path / "val.txt").write_text("loss 0.1\n")
    assert len(find(tmp_path).side("train")) == 3


def test_folders_of_images_and_masks_may_have_any_names(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/foo/{}.png", "b/bar/{}_x.png", "b/more/{}.txt"])
    source = find(tmp_path, path=None, images=str(tmp_path / "a"), masks=str(tmp_path / "b"))
    assert pairs(tmp_path, source.items) == {f"a/foo/{n}.png": f"b/bar/{n}_x.png" for n in range(3)}
    assert source.path == tmp_path / "a" and len(source.unread) == 3


def test_folders_of_images_and_masks_may_be_one(tmp_path: Path) -> None:
    make_tree(tmp_path, ["{}.png", "{}_label.png"])
    source = find(tmp_path, path=None, images=str(tmp_path), masks=str(tmp_path))
    assert pairs(tmp_path, source.items) == {f"{n}.png": f"{n}_label.png" for n in range(3)}


def test_masks_may_lie_in_the_images_folder(tmp_path: Path) -> None:
    make_tree(tmp_path, ["i/{}.png", "i/m/{}.png"])
    source = find(tmp_path, path=None, images=str(tmp_path / "i"), masks=str(tmp_path / "i" / "m"))
    assert pairs(tmp_path, source.items) == {f"i/{n}.png": f"i/m/{n}.png" for n in range(3)}


def test_images_may_lie_in_the_masks_folder(tmp_path: Path) -> None:
    make_tree(tmp_path, ["m/{}.png", "m/i/{}.png"])
    source = find(tmp_path, path=None, images=str(tmp_path / "m" / "i"), masks=str(tmp_path / "m"))
    assert pairs(tmp_path, source.items) == {f"m/i/{n}.png": f"m/{n}.png" for n in range(3)}


def test_validation_of_another_folder(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/images/{}.png", "a/masks/{}.png", "a/val/images/9.png", "a/val/masks/9.png"])
    make_tree(tmp_path, ["b/train/image/v{}.png", "b/train/label/v{}.png", "b/test/image/t.png", "b/test/label/t.png"])
    source = find(tmp_path / "a", validation=str(tmp_path / "b"))
    assert [item.name for item in source.side("train")] == ["0", "1", "2"]
    assert [item.name for item in source.side("validation")] == ["v0", "v1", "v2"]
    assert {path.name for path in source.unread} == {"9.png", "t.png"}
    assert "pairs by name; validation: train/image/ with train/label/, pairs by name" in source.layout


def test_validation_that_is_a_part_of_the_data_is_not_trained_on(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/images/{}.png", "a/masks/{}.png", "b/images/v{}.png", "b/masks/v{}.png"])
    source = find(tmp_path, validation=str(tmp_path / "b"))
    assert [item.name for item in source.items] == ["0", "1", "2", "v0", "v1", "v2"]
    assert [item.side for item in source.items] == ["train"] * 3 + ["validation"] * 3
    assert source.unread == ()


def test_validation_that_is_the_test_part_is_read_once(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png", "test/images/{}.png", "test/masks/{}.png"])
    source = find(tmp_path, validation=str(tmp_path / "test"))
    assert [item.side for item in source.items] == ["train"] * 3 + ["validation"] * 3 and source.unread == ()


def test_validation_that_is_all_of_the_data_is_refused(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    with pytest.raises(InputError, match=r"must lie apart from those of data\.validation; got the same"):
        find(tmp_path, validation=str(tmp_path))


def test_validation_without_masks_is_refused(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a/images/{}.png", "a/masks/{}.png", "b/test/{}.png"])
    with pytest.raises(InputError, match=r"must have masks; got images without masks, 3 of test in .*/b"):
        find(tmp_path / "a", validation=str(tmp_path / "b"))


def save_arrays(path: Path, **arrays: object) -> Path:
    images, masks = np.zeros((4, 8, 8), np.uint8), np.ones((4, 8, 8), np.uint8)
    np.savez(path, images=images, masks=masks, **arrays)  # type: ignore[arg-type]
    return path


def test_rows_of_an_array_file(tmp_path: Path) -> None:
    groups, tests = np.array(["a", "a ", "b", "b"]), np.zeros((2, 8, 8), np.uint8)
    source = find(save_arrays(tmp_path / "a.npz", groups=groups, test_images=tests))
    assert [(item.name, item.side, item.group) for item in source.items] == [
        ("0", "train", "a"), ("1", "train", "a"), ("2", "train", "b"), ("3", "train", "b"),
        ("0", "test", None), ("1", "test", None),
    ]  # fmt: skip
    image, mask = source.items[3].image, source.items[3].mask
    assert isinstance(image, Row) and isinstance(mask, Row) and (image.index, mask.index) == (3, 3)
    assert image.array.shape[:3] == (4, 8, 8) and (mask.array[3] == 1).all()
    assert source.items[-1].mask is None and not source.is_course


def test_the_course_file_is_known(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", training_set=np.zeros((4, 2, 8, 8), np.uint8), test_set=np.zeros((1, 8, 8), np.uint8))
    assert find(tmp_path / "a.npz").is_course


def test_a_folder_with_one_array_file_stands_for_it(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.npz")
    make_tree(tmp_path, ["README.md"])
    source = find(tmp_path)
    assert len(source.items) == 4 and [path.name for path in source.unread] == ["README.md"]


def test_validation_of_an_array_file(tmp_path: Path) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    source = find(tmp_path, validation=str(save_arrays(tmp_path / "v.npz")))
    assert len(source.side("train")) == 3 and [item.name for item in source.side("validation")] == ["0", "1", "2", "3"]


def test_labelled_images_of_all_sides(tmp_path: Path) -> None:
    make_tree(tmp_path, ["train/images/{}.png", "train/masks/{}.png", "test/images/{}.png", "test/masks/0.png"])
    source = find_labelled(tmp_path)
    names = [f"{part}/images/{n}" for part, n in (("train", 0), ("train", 1), ("train", 2), ("test", 0))]
    assert [item.name for item in source.items] == names
    assert {path.name for path in source.unread} == {"1.png", "2.png"}


def test_labelled_images_of_a_part_or_of_two_folders(tmp_path: Path) -> None:
    make_tree(tmp_path, ["test/images/0_test.png", "test/1st_manual/0_manual1.gif", "groups.csv"])
    assert [item.name for item in find_labelled(tmp_path / "test").items] == ["0_test"]
    apart = DataConfig(images=str(tmp_path / "test" / "images"), masks=str(tmp_path / "test" / "1st_manual"))
    assert [item.name for item in find_labelled(apart).items] == ["0_test"]


def test_images_without_masks_are_not_labelled(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images to evaluate on must have masks; got images without masks, 3 of test"):
        find_labelled(make_tree(tmp_path, ["test/{}.png"]))


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path, ["images/{}.png", "masks/{}.png"])
    monkeypatch.chdir(tmp_path)
    assert [str(item.image) for item in find_source(DataConfig(path=".")).items] == [
        f"images/{n}.png" for n in range(3)
    ]
