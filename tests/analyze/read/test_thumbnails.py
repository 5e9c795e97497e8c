"""Thumbnails of whatever stands in a data folder, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tracin.analyze.read.thumbnails import SIDE, image_file, read_thumbnail, thumbnails_by_row


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "I;16", "1"])
def test_every_mode_is_shown_in_colours(tmp_path: Path, mode: str) -> None:
    ending = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, (40, 30)).save(tmp_path / f"a.{ending}")
    pixels = read_thumbnail(tmp_path / f"a.{ending}")
    assert pixels is not None
    assert (pixels.shape, pixels.dtype) == ((SIDE, SIDE, 3), np.dtype(np.uint8))


def test_the_centre_is_shown(tmp_path: Path) -> None:
    picture = Image.new("RGB", (900, 300), "red")
    picture.paste("blue", (300, 0, 600, 300))
    picture.save(tmp_path / "a.png")
    pixels = read_thumbnail(tmp_path / "a.png")
    assert pixels is not None
    assert (pixels[:, 3:-3] == (0, 0, 255)).all()  # the outermost blend with their neighbours


def test_what_is_no_image_gives_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no image")
    whole = tmp_path / "b.jpg"
    Image.effect_noise((64, 64), 50).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:300])
    assert read_thumbnail(tmp_path / "a.jpg") is None
    assert read_thumbnail(tmp_path / "cut.jpg") is None
    assert read_thumbnail(tmp_path / "missing.jpg") is None


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "train/../../secret.txt", "..\\secret.txt", "", "x\0y", "a" * 300, "train"],
)
def test_a_path_that_leaves_the_folder_is_not_found(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "data" / "train").mkdir(parents=True)
    assert image_file(tmp_path / "data", path) is None
    assert image_file(tmp_path / "data", str(tmp_path / "secret.txt")) is None


def test_thumbnails_by_row(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "white").save(tmp_path / "1.png")
    thumbnail = thumbnails_by_row(tmp_path, ["0.png", "1.png"])
    assert thumbnail(0) is None
    first = thumbnail(1)
    assert first is not None
    assert first is thumbnail(1)  # read once
    assert thumbnails_by_row(tmp_path, None)(5) is None
