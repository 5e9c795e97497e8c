"""Image folders are read as torchvision's ImageFolder reads them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from tracin.image_folder import IMAGE_SUFFIXES, images_in_order


def test_the_suffixes_are_torchvisions() -> None:
    assert IMAGE_SUFFIXES == IMG_EXTENSIONS


def test_the_order_is_torchvisions(tmp_path: Path) -> None:
    names = (
        *("dog/10.png", "dog/9.JPG", "dog/b/DEEP.JPEG", "dog/b.png", "dog/a/z/1.webp"),
        *("Cat/é.bmp", "Cat/e.tiff", "Cat/.hidden.png", "cat/1.ppm", "cat 2/1.png"),
    )
    for name in names:
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    (tmp_path / "train" / "dog" / "notes.txt").write_text("no image", encoding="utf-8")
    (tmp_path / "train" / "beside.png").write_text("in no class", encoding="utf-8")
    expected = [
        Path(path).relative_to(tmp_path).as_posix()
        for path, _ in ImageFolder(tmp_path / "train").samples
    ]
    assert len(expected) == len(names)
    assert list(images_in_order(tmp_path / "train")) == expected


def test_a_linked_class_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "cat").symlink_to(tmp_path / "elsewhere")
    assert list(images_in_order(tmp_path / "train")) == ["train/cat/1.png"]


def test_a_missing_folder_has_no_images(tmp_path: Path) -> None:
    assert list(images_in_order(tmp_path / "train")) == []
