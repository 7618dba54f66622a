"""Groups of images: from groups.csv, by a regular expression, and the expression that is suggested."""

import os
import re
from pathlib import Path

import pytest

from tests.unit.data.layout.trees import find, make_tree
from trainer.data.layout.suggest import suggest_groups
from trainer.errors import InputError


def make_groups(root: Path, text: str, names: tuple[str, ...] = ("a", "b")) -> Path:
    make_tree(root, [f"{part}/{name}.png" for part in ("images", "masks") for name in names])
    (root / "groups.csv").write_text(text, encoding="utf-8")
    return root


def groups(root: Path, **options: object) -> list[str | None]:
    return [item.group for item in find(root, **options).items]


def refused(root: Path, words: str, **options: object) -> None:
    with pytest.raises(InputError, match=words) as caught:
        find(root, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "name,group\na,1\nb,2\n",
        "name,group\na.png,1\nb.png ,2 \n",
        "\ufeffname,group,note\n a,1,x\nb,2,y\nz,3,\n",
        "group,name\n1,images/a.png\n2,images/b\n",
        "name,group\na,1\na,1\nb,2\n",
    ],
)
def test_names_with_and_without_suffix(tmp_path: Path, text: str) -> None:
    source = find(make_groups(tmp_path, text))
    assert [item.group for item in source.items] == ["1", "2"] and source.unread == ()


def test_blanks_and_accents_make_no_groups(tmp_path: Path) -> None:
    text = "name,group\na,patient\u00e9\nb,patiente\u0301 \n"
    assert groups(make_groups(tmp_path, text)) == ["patient\u00e9"] * 2


def test_names_in_folders(tmp_path: Path) -> None:
    text = "name,group\np/a,1\np/b.png,2\n"
    assert groups(make_groups(tmp_path, text, ("p/a", "p/b"))) == ["1", "2"]


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    for part, group in (("train", "x"), ("val", "y")):
        make_groups(tmp_path / part, f"name,group\na,{group}\n", ("a",))
    assert groups(tmp_path) == ["x", "y"]


def test_a_file_beside_two_folders(tmp_path: Path) -> None:
    make_groups(tmp_path, "name,group\na,1\nb,2\n")
    assert groups(tmp_path, path=None, images=str(tmp_path / "images"), masks=str(tmp_path / "masks")) == ["1", "2"]


def test_test_images_need_no_group(tmp_path: Path) -> None:
    make_groups(tmp_path, "name,group\na,1\nb,2\n")
    make_tree(tmp_path, ["test/c.png"])
    assert groups(tmp_path) == ["1", "2", None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,group\na,1\n", r"every image must have a group; got none for b\.png in \S*groups\.csv; add a line"),
        ("name,group\na,1\nb,\n", "every image must have a group; got none for b.png"),
        ("name,group\na,1\nb,2\na,3\n", "an image must have one group; got 1 and 3 for a in"),
        ("name;group\na;1\n", "must have the columns name and group; got .*groups.csv"),
        ("", "must have the columns name and group"),
        ('name,group\n"a,1\n' + "x" * 200_000, "groups.csv must be readable UTF-8 text; got .*field larger"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, words: str) -> None:
    refused(make_groups(tmp_path, text), words)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    make_groups(tmp_path, "")
    (tmp_path / "groups.csv").write_bytes(b"name,group\n\xff\xfe,1\n")
    refused(tmp_path, "groups.csv must be readable UTF-8 text")


@pytest.mark.parametrize("target", ["/dev/zero", "/nowhere", None])
def test_a_pipe_a_device_or_a_broken_link_is_refused(tmp_path: Path, target: str | None) -> None:
    (make_groups(tmp_path, "") / "groups.csv").unlink()
    os.mkfifo(tmp_path / "groups.csv") if target is None else (tmp_path / "groups.csv").symlink_to(target)
    refused(tmp_path, "groups.csv must be a plain file; got .*groups.csv, which is none; remove it")


@pytest.mark.parametrize(("pattern", "wanted"), [(r"^(p\d)_", ["p1", "p1", "p2"]), (r"p\d", ["p1", "p1", "p2"])])
def test_an_expression_makes_groups(tmp_path: Path, pattern: str, wanted: list[str]) -> None:
    names = ("p1_a", "p1_b", "p2_a")
    make_groups(tmp_path, "name,group\n", names)
    assert groups(tmp_path, groups=pattern) == wanted


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(p", r"data\.groups must be a regular expression; got '\(p': missing \)"),
        (r"^(\d)", "data.groups must match every image's name; got none in a for"),
        ("()", "data.groups must match every image's name; got none in a"),
    ],
)
def test_expressions_that_are_refused(tmp_path: Path, pattern: str, words: str) -> None:
    refused(make_groups(tmp_path, "name,group\na,1\nb,2\n"), words, groups=pattern)


def repeat(pattern: str, groups: int = 3, members: int = 4) -> list[str]:
    return [pattern.format(group, member) for group in range(groups) for member in range(members)]


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (repeat("patient0{}_slice{}"), "patient00"),
        (repeat("case_00{}_000{}"), "case_000"),
        (repeat("site1_Subject-{}-x{}"), "site1_Subject-0"),
        (repeat("a_Subject-{}-x{}"), "Subject-0"),
        (repeat("000{}TP_00{}"), "0000TP"),
        (repeat("seq{}/frame{}"), "seq0"),
        (repeat("20{}/{}"), "200"),
        (repeat("TCGA_CS_494{}_{}"), "TCGA_CS_4940"),
        (repeat("vol{}.t{}"), "vol0"),
        (repeat("B{}_tile_{}"), "B0"),
    ],
)
def test_names_of_several_images_of_each_thing(names: list[str], first: str) -> None:
    pattern = suggest_groups(names)
    assert pattern is not None and "'" not in pattern
    found = [match.group(1) for name in names if (match := re.search(pattern, name))]
    assert len(found) == len(names) and found[0] == first and len(set(found)) == 3


@pytest.mark.parametrize(
    "names",
    [
        [],
        [f"frame{n:06d}" for n in range(20)],
        [f"image_{n}" for n in range(20)],
        [str(n) for n in range(20)],
        [f"case_{n:03d}" for n in range(20)],
        [f"patient1_slice{n}" for n in range(20)],
        repeat("patient{}_{}", groups=10, members=2),
        [*repeat("patient{}_{}"), "other"],
        ["benign/a", "benign/b", "benign/c", "malignant/a", "malignant/b", "malignant/c"],
        [f"{kind}_{n}" for kind in ("cat", "dog") for n in range(9)],
        [f"opposite{n % 3}{n}" for n in range(20)],
    ],
)
def test_names_that_say_nothing(names: list[str]) -> None:
    assert suggest_groups(names) is None
