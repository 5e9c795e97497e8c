"""The images of a folder are found and ordered as torchvision's ImageFolder does, without torch."""

from __future__ import annotations

from pathlib import Path

from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from tracin.image_folder import IMAGE_SUFFIXES, images_in_order


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
