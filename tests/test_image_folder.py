"""The images of a folder are found and ordered as torchvision's ImageFolder does, without torch."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from tracin.image_folder import (
    IMAGE_SUFFIXES,
    LeftOut,
    describe_left_out,
    find_split,
    images_in_order,
    read_image_file,
)


def test_suffixes_are_torchvisions() -> None:
    assert set(IMAGE_SUFFIXES) == set(IMG_EXTENSIONS)


def test_order_is_image_folders(tmp_path: Path) -> None:
    names = ["b/10.png", "b/2.JPG", "b/deep/er/1.png", "b/deep/0.png", "B/x.webp", "a-1/x.tiff"]
    names += ["a/x.bmp", "a/notes.txt", "a/.hidden.jpeg", "ä/1.ppm"]
    for name in names:
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).touch()
    (tmp_path / "train/beside.png").touch()  # in no class folder
    reference = [path for path, _ in ImageFolder(str(tmp_path / "train")).samples]
    assert [str(tmp_path / path) for path in images_in_order(tmp_path / "train")] == reference
    assert len(reference) == 9


def test_a_linked_class_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/1.png").touch()
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a").symlink_to(tmp_path / "elsewhere")
    assert list(images_in_order(tmp_path / "train")) == ["train/a/1.png"]


def test_a_folder_that_is_missing_has_no_images(tmp_path: Path) -> None:
    assert list(images_in_order(tmp_path / "train")) == []


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def left_out(data: Path, split: str = "train") -> dict[str, str]:
    return {each.path: each.reason for each in find_split(data, split).left_out}


def test_whatever_is_no_image_is_named_with_the_reason(tmp_path: Path) -> None:
    files(tmp_path / "train", "a/1.jpg", "a/2.jfif", "a/._1.jpg", "a/README", "beside.png")
    files(tmp_path / "train", ".trash/3.jpg", "__MACOSX/a/4.jpg", "b/notes.txt", "c/deep/none.txt")
    train = tmp_path / "train"
    (train / "a/gone.jpg").symlink_to("nowhere.jpg")
    (train / "a/self.jpg").symlink_to("self.jpg")
    os.mkfifo(train / "a/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(train / "a/socket.jpg"))
    os.close(os.open(os.fsencode(train / "a") + b"/caf\xe9.jpg", os.O_CREAT))
    (train / "a/device.jpg").symlink_to("/dev/null")
    assert images_in_order(train) == ("train/a/1.jpg",)
    assert left_out(tmp_path) == {
        "train/a/2.jfif": "not an image: its name ends in .jfif",
        "train/a/._1.jpg": "not an image: what macOS notes about a file",
        "train/a/README": "not an image: its name has no ending",
        "train/beside.png": "in no class folder",
        "train/.trash": "a hidden folder",
        "train/__MACOSX": "a system's folder",
        "train/b/notes.txt": "not an image: its name ends in .txt",
        "train/b": "a class folder without images",
        "train/c/deep/none.txt": "not an image: its name ends in .txt",
        "train/c": "a class folder without images",
        "train/a/gone.jpg": "a link to what is not there",
        "train/a/self.jpg": "cannot be read: a link to itself",
        "train/a/pipe.jpg": "a pipe, no regular file",
        "train/a/socket.jpg": "a socket, no regular file",
        "train/a/caf\\xe9.jpg": "its name is not in UTF-8: rename it",
        "train/a/device.jpg": "a device, no regular file",
    }


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path / "train", "a/1.jpg", "locked/2.jpg")
    real = os.scandir

    def scandir(path: Path):  # type: ignore[no-untyped-def]
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert left_out(tmp_path) == {"train/locked": "a folder that cannot be read: Permission denied"}


def test_links_bring_no_folder_in_twice(tmp_path: Path) -> None:
    files(tmp_path, "train/a/1.jpg", "train/z/2.jpg", "test/a/3.jpg", "elsewhere/deep/4.jpg")
    train = tmp_path / "train"
    for name, target in {
        "a/again": ".",
        "a/all": "../..",
        "a/root": "/",
        "a/other": "../z",
        "a/tests": "../../test/a",
        "b": "../elsewhere",
        "c": "../elsewhere/deep",
    }.items():
        (train / name).symlink_to(target)
    (tmp_path / "elsewhere/back").symlink_to("../train")
    (tmp_path / "elsewhere/one").symlink_to("two")
    (tmp_path / "elsewhere/two").symlink_to("one")
    assert images_in_order(train) == ("train/a/1.jpg", "train/b/deep/4.jpg", "train/z/2.jpg")
    named = left_out(tmp_path)
    assert set(named) == {
        *("train/a/again", "train/a/all", "train/a/root", "train/a/other", "train/a/tests"),
        *("train/b/back", "train/b/one", "train/b/two", "train/c"),
    }
    assert named["train/a/again"] == "a link back to a"
    assert named["train/a/all"] == f"a link back to {tmp_path}, above it"
    assert named["train/a/tests"] == f"a link into {tmp_path / 'test'}"
    shutil.rmtree(tmp_path / "test")
    (tmp_path / "test").symlink_to("train")  # scored on what it learnt from: as asked
    assert len(images_in_order(tmp_path / "test")) == len(images_in_order(train)) == 3


def test_what_is_left_out_is_told_in_one_line() -> None:
    assert describe_left_out([]) == ""
    named = [LeftOut(f"train/a/{row}.gif", "not an image") for row in range(1200)]
    assert describe_left_out(
        [*named, LeftOut("train/b\x1b\n", "a class folder without images")]
    ) == (
        "Not used, 1,201 in all: train/b\\x1b\\n (a class folder without images); "
        "train/a/0.gif and 1,199 more (not an image)."
    )
    whole = LeftOut("train/c", "a folder that cannot be read")
    assert describe_left_out([*named, whole]).startswith("Not used, 1,201 in all: train/c (a fo")
    reasons = [LeftOut("a", str(number)) for number in range(9)]
    assert describe_left_out(reasons).endswith("a (4); 4 more reasons.")


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(OSError, match="no regular file"):
        read_image_file(tmp_path / "x.jpg")
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match=r"1,099,511,627,776 bytes, more than any image"):
        read_image_file(tmp_path / "huge.jpg")
