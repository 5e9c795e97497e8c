"""Lists of images: what is read, what is refused in sentences, and what is left out by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.image_lists import lists, rows_of, write_list
from tracin.errors import TracInError
from tracin.image_folder import LeftOut
from tracin.image_list import in_class_order, read_list
from tracin.images import find_images, find_training_images
from tracin.layout import ImageList

SPLITS = ("train", "test")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in ("a/1.jpg", "a/2.PNG", "b/3.jpg", "b/4.jpg", "b/notes.txt", "5.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_the_lists_of_a_tree_are_the_tree(image_tree: Path, tmp_path: Path) -> None:
    layout = lists(
        *(write_list(tmp_path / f"{split}.csv", rows_of(image_tree, split)) for split in SPLITS)
    )
    for listed, found in zip(find_images(image_tree, layout), find_images(image_tree), strict=True):
        assert (listed.paths, listed.class_names) == (found.paths, found.class_names)
        assert np.array_equal(listed.labels, found.labels)
        assert (listed.split, listed.left_out) == (found.split, ())
    assert find_training_images(image_tree, layout).paths == find_images(image_tree)[0].paths


def test_rows_keep_their_order_and_classes_are_sorted(data: Path, tmp_path: Path) -> None:
    train = write_list(tmp_path / "l.csv", [("b/4.jpg", "dog"), ("a/1.jpg", "cat"), ("5.jpg", "é")])
    test = write_list(tmp_path / "t.csv", [("b/3.jpg", "é")])  # composed otherwise
    table, other = find_images(data, lists(train, test))
    assert table.paths == ("b/4.jpg", "a/1.jpg", "5.jpg")
    assert table.class_names == other.class_names == ("cat", "dog", "é")
    assert (table.labels.tolist(), other.labels.tolist()) == ([1, 0, 2], [2])


def test_numbers_are_the_outputs_of_the_model() -> None:
    assert in_class_order(["10", "9", "0", "9"]) == ("0", "9", "10")
    assert in_class_order(["10", "9", "x"]) == ("10", "9", "x")


@pytest.mark.parametrize("name", ["./a//1.jpg", "a\\1.jpg", "b/../a/1.jpg"])
def test_a_path_is_one_name(data: Path, tmp_path: Path, name: str) -> None:
    path = write_list(tmp_path / "l.csv", [("a/1.jpg", "x"), (name, "x"), ("a/2.PNG", "y")])
    if ".." in name:
        with pytest.raises(TracInError, match=r"line 3: b/\.\./a/1\.jpg holds \.\.: begin all"):
            find_training_images(data, lists(path))
    else:
        table = find_training_images(data, lists(path))
        assert table.paths == ("a/1.jpg", "a/2.PNG")
        assert table.left_out == (LeftOut("a/1.jpg", "listed more than once"),)


def test_excel_and_hugging_face_are_read_and_other_columns_kept(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b'\xef\xbb\xbffile_name,text,label\r\n"1, a.jpg",a b,cat \r\n,,\r\n2.jpg,,dog')
    table = read_list(ImageList(str(path), "train"))
    assert [(each.path, each.label) for each in table.images] == [
        ("train/1, a.jpg", "cat"),
        ("train/2.jpg", "dog"),
    ]
    assert table.other_columns == ("text",)
    assert [each.cells["text"] for each in table.images] == ["a b", ""]


def test_what_cannot_be_used_is_named(data: Path, tmp_path: Path) -> None:
    (data / "out.jpg").symlink_to("nowhere.jpg")
    (data / "device.jpg").symlink_to("/dev/null")
    rows = [("a/1.jpg", "x"), ("a/9.jpg", "x"), ("a", "x"), ("b/notes.txt", "x"), (".", "x")]
    rows += [("out.jpg", "x"), ("device.jpg", "x"), ("x" * 300 + ".jpg", "x")]
    table = find_training_images(data, lists(write_list(tmp_path / "l.csv", rows)))
    assert table.paths == ("a/1.jpg",)
    assert {each.path[:9]: each.reason for each in table.left_out} == {
        "a/9.jpg": "not there",
        "a": "a folder, no image",
        ".": "a folder, no image",
        "b/notes.t": "not an image: its name ends in .txt",
        "out.jpg": "not there",
        "device.jp": "no regular file",
        "xxxxxxxxx": "not there",
    }


def test_all_wrong_rows_are_named_at_once(data: Path, tmp_path: Path) -> None:
    rows = [("", "x"), ("a/1.jpg", " "), ("a/1.jpg", "NaN"), ("/etc/a.jpg", "x"), ("C:a.jpg", "x")]
    rows += [("../a.jpg", "x"), ("a/1.jpg", "x"), ("a/1.jpg", "y"), ("a/2.PNG", "z" * 256)]
    path = write_list(tmp_path / "l.csv", [*rows, ("b/3.jpg", "x", "y")])
    with pytest.raises(TracInError) as raised:
        find_training_images(data, lists(path))
    assert str(raised.value).splitlines() == [
        f"{path}: 9 rows are wrong, so nothing was done. Please correct:",
        "  line 2: its path is empty",
        "  line 3: its label is empty",
        "  line 4: its label is NaN, which is how programs write one that is missing",
        "  line 5: /etc/a.jpg is an absolute path: write it from --data_dir on",
        "  line 6: C:a.jpg is an absolute path: write it from --data_dir on",
        "  line 7: ../a.jpg holds ..: begin all paths in one folder, named with --data_dir",
        "  line 9: a/1.jpg is labelled y, and x on line 8",
        f"  line 10: its label has more than 255 bytes: {'z' * 40}…{'z' * 40}",
        "  line 11: it has more cells than the first line",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,class\na/1.jpg,x\n", "no columns path and label. A list of images needs"),
        (b"path;label\na/1.jpg;x\n", "no columns path and label"),
        (b"path,label,path\n", "has path as the name of more than one column"),
        (b"path\n", "no column label"),
        (b"", "no columns path and label"),
        (b'path,label\n"a/1.jpg', "not a readable CSV file in UTF-8"),
        (b"path,label\n\xff,x\n", "not a readable CSV file in UTF-8"),
        (b"path,label\n", "names no image that can be used"),
        (b"path,label\nz.jpg,x\n", r"begin in .*data: name .* 1 in all: z.jpg \(not there\)"),
    ],
)
def test_a_list_that_cannot_be_used(
    data: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(TracInError, match=message):
        find_training_images(data, lists(tmp_path / "l.csv"))


def test_what_is_not_there_is_named(data: Path, tmp_path: Path) -> None:
    path = write_list(tmp_path / "l.csv", [("a/1.jpg", "x")])
    with pytest.raises(TracInError, match=r"There is no folder .*gone, below which the images of"):
        find_training_images(data / "gone", lists(path))
    with pytest.raises(TracInError, match=r"The list .*none\.csv is not there"):
        find_training_images(data, lists(tmp_path / "none.csv"))
    with pytest.raises(TracInError, match=r"data is a folder, where a file belongs\."):
        find_training_images(data, lists(data))
    with pytest.raises(TracInError, match=r"null is no regular file\."):
        find_training_images(data, lists(Path("/dev/null")))
    with pytest.raises(TracInError, match=r"is too long a name for this disk\.") as raised:
        find_training_images(data, lists(tmp_path / ("x" * 5000)))
    assert len(str(raised.value)) < 200


def test_an_image_in_both_lists_is_refused(data: Path, tmp_path: Path) -> None:
    train = write_list(tmp_path / "a.csv", [("a/1.jpg", "x"), ("b/3.jpg", "y"), ("5.jpg", "y")])
    test = write_list(tmp_path / "b.csv", [("./b/3.jpg", "x"), ("a/1.jpg", "x"), ("b/4.jpg", "y")])
    with pytest.raises(TracInError, match=r"2 images in common: b/3\.jpg and a/1\.jpg\."):
        find_images(data, lists(train, test))


def test_a_test_class_must_be_a_training_class(data: Path, tmp_path: Path) -> None:
    train = write_list(tmp_path / "a.csv", [("a/1.jpg", "x"), ("b/3.jpg", "y")])
    test = write_list(tmp_path / "b.csv", [("b/4.jpg", "z")])
    with pytest.raises(TracInError, match=r"b\.csv has the class z, and .*a\.csv does not"):
        find_images(data, lists(train, test))
