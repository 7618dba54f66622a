"""Where predicted masks may be written."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import InputError
from trainer.result.output import (
    MANIFEST,
    Outputs,
    check_folder,
    check_inputs,
    check_table,
    name_outputs,
    table_suffix,
    write_manifest,
)

A = [name_outputs("a")]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "deep" / "a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"image")
    return path


def test_names_keep_their_dots_and_folders() -> None:
    expected = Outputs("s/site_A.v01.png", "overlay/s/site_A.v01.png", "probabilities/s/site_A.v01.npy")
    assert name_outputs("s/site_A.v01", overlay=True, probabilities=True) == expected
    assert name_outputs("a").files() == ["a.png"]


@pytest.mark.parametrize(("name", "suffix"), [("m.npz", ".npz"), ("m.CSV", ".csv"), ("m", "")])
def test_a_suffix_is_a_format(tmp_path: Path, name: str, suffix: str) -> None:
    assert table_suffix(tmp_path / name) == suffix


def test_another_suffix_is_refused_unless_it_is_a_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.npz, \.csv or a folder; got \.png"):
        table_suffix(tmp_path / "m.png")
    (tmp_path / "m.v2").mkdir()
    assert table_suffix(tmp_path / "m.v2") == ""


@pytest.mark.parametrize("out", ["in/deep", "in", ".", "in/deep/a.png"])
def test_no_mask_is_written_over_its_image(tmp_path: Path, image: Path, out: str) -> None:
    with pytest.raises(InputError, match="must not be written over"):
        check_inputs(tmp_path / out, [image])


@pytest.mark.parametrize("out", ["out", "in/deep/masks", "in/other", "in/deep/b.npz"])
def test_other_places_are_free(tmp_path: Path, image: Path, out: str) -> None:
    check_inputs(tmp_path / out, [image])


def test_links_to_the_image_and_its_folder_are_followed(tmp_path: Path, image: Path) -> None:
    (tmp_path / "there").symlink_to(image.parent)
    with pytest.raises(InputError, match="must not be written over"):
        check_inputs(tmp_path / "there", [image])
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "b.png").symlink_to(image)
    for out in ("linked", "in"):
        with pytest.raises(InputError, match="must not be written over"):
            check_inputs(tmp_path / out, [tmp_path / "linked" / "b.png"])


def test_a_new_and_an_empty_folder(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "new", A, []) == ["a.png"]
    assert not (tmp_path / "new").exists()
    assert check_folder(tmp_path, A, []) == ["a.png"]


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(
        InputError, match=r"must be new, empty, or one that predict wrote; got \S* with notes\.txt in it"
    ):
        check_folder(tmp_path, A, [])


def test_what_was_predicted_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    write_manifest(tmp_path, check_folder(tmp_path, A, []))
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    assert check_folder(tmp_path, [*A, name_outputs("c")], []) == ["a.png", "c.png"]
    with pytest.raises(InputError, match=r"got \S*/b\.png, which predict did not write"):
        check_folder(tmp_path, [name_outputs("b")], [])


def test_what_an_earlier_prediction_wrote_stays_listed(tmp_path: Path) -> None:
    write_manifest(tmp_path, check_folder(tmp_path, A, []))
    write_manifest(tmp_path, check_folder(tmp_path, [name_outputs("b")], []))
    assert json.loads((tmp_path / MANIFEST).read_text())["predicted"] == ["a.png", "b.png"]


@pytest.mark.parametrize("text", ["", "[]", '{"predicted": 3}', "[" * 100_000])
def test_a_list_that_predict_did_not_write_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"must list the files that predict wrote"):
        check_folder(tmp_path, A, [])


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, image: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_manifest(out, ["a.png", "s/a.png"])
    (out / "s").symlink_to(image.parent)
    with pytest.raises(InputError, match="must lie in their folder"):
        check_folder(out, [name_outputs("s/a")], [])
    (out / "a.png").symlink_to(image)
    with pytest.raises(InputError, match="must lie in their folder"):
        check_folder(out, A, [])


@pytest.mark.parametrize("names", [("a", "a"), ("a", "overlay/a")])
def test_two_images_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"a name of its own; got two for \S*/a\.png"):
        check_folder(tmp_path, [name_outputs(name, overlay=True) for name in names], [])


@pytest.mark.parametrize("name", ["../a", "/a", "s/../../a"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="must lead into the folder"):
        check_folder(tmp_path, [name_outputs(name)], [])


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="written into a folder; got"):
        check_folder(tmp_path / "out", A, [])


def test_only_a_table_of_masks_is_replaced(tmp_path: Path) -> None:
    check_table(tmp_path / "new.npz")
    np.savez(tmp_path / "data.npz", images=np.zeros(3), masks=np.zeros(3))
    (tmp_path / "junk.npz").write_bytes(b"junk")
    (tmp_path / "rows.csv").write_text("name,group\na,b\n")
    (tmp_path / "folder.csv").mkdir()
    for name in ("data.npz", "junk.npz", "rows.csv", "folder.csv"):
        with pytest.raises(InputError, match=rf"got \S*/{name}, which predict did not write"):
            check_table(tmp_path / name)
