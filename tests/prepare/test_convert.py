"""Every kind of image becomes an upright RGB JPEG; what cannot be read is left out."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from tests.prepare.raw_photos import PHOTO, piece, prepare_quietly, table
from tracin.prepare.convert import convert
from tracin.prepare.raw_files import RawFile
from tracin.prepare.run import PrepareConfig, prepare


def test_images_become_upright_rgb_jpegs_of_the_asked_size(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    folder.mkdir(parents=True)
    photo = Image.fromarray(PHOTO)
    photo.convert("RGBA").save(folder / "alpha.png")
    photo.convert("P").save(folder / "palette.png")
    photo.convert("L").save(folder / "grey.bmp")
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.resize((150, 100)).save(folder / "small.webp", lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    photo.save(folder / "turned.jpg", exif=exif)
    prepare_quietly(tmp_path / "raw", tmp_path / "out")
    sizes = {}
    for path in (tmp_path / "out").rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            sizes[path.stem] = image.size
    upright, turned = (336, 224), (224, 336)
    expected = dict.fromkeys(("alpha", "palette", "grey", "cmyk"), upright)
    assert sizes == {**expected, "small": (150, 100), "turned": turned}


def test_keep_size_copies_plain_jpegs_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    folder.mkdir(parents=True)
    Image.fromarray(PHOTO).save(folder / "plain.jpg", quality=60)
    Image.fromarray(PHOTO).save(folder / "other.png")
    output = tmp_path / "out"
    prepare(PrepareConfig(tmp_path / "raw", output, size=None, workers=1), say=lambda _text: None)
    (copy,) = output.rglob("plain.jpg")
    assert copy.read_bytes() == (folder / "plain.jpg").read_bytes()
    (other,) = output.rglob("other.jpg")
    with Image.open(other) as image:
        assert image.size == (640, 427)


def test_unreadable_files_are_left_out_with_the_reason(raw: Path, tmp_path: Path) -> None:
    whole = (raw / "cane" / "dog_00000.jpg").read_bytes()
    (raw / "cane" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (raw / "cane" / "empty.png").write_bytes(b"")
    (raw / "cane" / "page.jpeg").write_text("<html>not found</html>", encoding="utf-8")
    (raw / "cane" / "notes.txt").write_text("mine", encoding="utf-8")
    result = prepare_quietly(raw, tmp_path / "out")
    assert result is not None and len(result.left_out) == 4
    rows = table(tmp_path / "out")
    left_out = rows[rows.split == ""]
    assert set(left_out.path) == {""}
    assert "truncated" in left_out.reason["cane/cut.jpg"]
    assert "UnidentifiedImageError" in left_out.reason["cane/empty.png"]
    assert "UnidentifiedImageError" in left_out.reason["cane/page.jpeg"]
    assert left_out.reason["cane/notes.txt"].startswith("not an image")


def converted(folder: Path, name: str, image: Image.Image, **options: Any) -> npt.NDArray[np.int64]:
    """The grey values of what becomes of ``image``, saved under ``name``."""
    image.save(folder / name, **options)
    target = folder / f"{name}.out.jpg"
    entry = convert(folder, RawFile(name, "a", name, 0, 0), target, None)
    assert entry.reason == ""
    with Image.open(target) as written:
        return np.asarray(written.convert("L")).astype(int)


RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


@pytest.mark.parametrize(
    ("name", "white", "dtype"),
    [
        ("full.png", 65535, np.uint16),
        ("camera.png", 4095, np.uint16),
        ("eight.tif", 255, np.uint16),
        ("deep.tif", 2**24 - 1, np.int32),
        ("float.tif", 1, np.float32),
        ("bytes.tif", 255, np.float32),
    ],
)
def test_deep_greys_keep_their_content(
    tmp_path: Path, name: str, white: float, dtype: type[np.number]
) -> None:
    grey = converted(tmp_path, name, Image.fromarray((RAMP * white).astype(dtype)))
    assert np.abs(grey - RAMP * 255).max() <= 4  # what the JPEG costs


def test_one_cameras_pictures_keep_their_brightness(tmp_path: Path) -> None:
    for number, share in enumerate((0.6, 0.9)):
        picture = Image.fromarray((RAMP * share * 4095).astype(np.uint16))
        assert abs(converted(tmp_path, f"{number}.png", picture).max() - share * 255) <= 4


def test_greys_outside_the_usual_range_are_stretched(tmp_path: Path) -> None:
    values = (RAMP * 3000 - 1000).astype(np.float32)  # as a computed tomography
    values[0, 0] = np.nan
    grey = converted(tmp_path, "scan.tif", Image.fromarray(values))
    assert np.abs(grey - RAMP * 255).max() <= 4
    assert converted(tmp_path, "flat.tif", Image.new("F", (8, 8), -3.0)).max() == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    drawing = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    drawing.paste((90, 90, 90, 255), (16, 16, 48, 48))
    if mode in ("RGBA", "LA"):
        grey = converted(tmp_path, "x.png", drawing.convert(mode))
    else:
        black = 0 if mode != "RGB" else (0, 0, 0)
        picture = drawing.convert("RGB").convert("L")
        picture = picture if mode == "L" else picture.convert(mode)
        if mode == "P":
            black = picture.getpixel((0, 0))  # type: ignore[assignment]
        grey = converted(tmp_path, "x.png", picture, transparency=black)
    assert grey[:8].min() > 250 and abs(grey[20:44, 20:44].mean() - 90) < 3


@pytest.mark.filterwarnings("ignore")  # Pillow's, where this test reads the copy
def test_a_damaged_note_costs_no_picture(tmp_path: Path) -> None:
    photo = Image.fromarray(PHOTO)
    notes = (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"MM\0*")
    for number, note in enumerate(notes):
        grey = converted(tmp_path, f"{number}.jpg", photo, exif=note)
        assert grey.shape == (427, 640)


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_turn_of_the_camera_is_undone(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    picture = Image.fromarray(PHOTO[:64, :96])
    grey = converted(tmp_path, "x.png", picture, exif=exif)
    with Image.open(tmp_path / "x.png") as file:
        upright = np.asarray(ImageOps.exif_transpose(file).convert("L")).astype(int)
    assert grey.shape == upright.shape and np.abs(grey - upright).mean() < 3


def test_one_bad_file_stops_no_other(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = raw / "cane"
    Image.new("L", (1, 70_000)).save(folder / "thin.png")  # no JPEG can be so long
    piece(0).save(folder / ("x" * 245 + ".jpg"))
    piece(1).save(folder / ("ä" * 120 + ".png"))
    piece(2).save(folder / "odd:name.png")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "gone.jpg").symlink_to("nowhere")
    piece(3).save(folder / "line\rbreak\n\u2028.png")
    (folder / "dog_00000.jpg").rename(folder / "caf\udce9.jpg")  # Latin-1
    write = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        if "odd:name" in path.name:
            raise OSError(errno.EINVAL, "Invalid argument")  # as FAT has it
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    result = prepare_quietly(raw, tmp_path / "out")
    assert result is not None
    assert {each.path: each.reason.partition(":")[0] for each in result.left_out} == {
        "cane/thin.png": "cannot be read",
        "cane/odd:name.png": "cannot be written under this name",
        "cane/pipe.jpg": "a pipe, no regular file",
        "cane/gone.jpg": "a link to what is not there",
        "cane/caf\\xe9.jpg": "its name is not in UTF-8",
    }
    rows = table(tmp_path / "out")
    assert len(rows) == 107 and (rows.split == "").sum() == 5
    assert rows["class"]["cane/line\rbreak\n\u2028.png"] == "dog"
    assert all((tmp_path / "out" / path).is_file() for path in rows.path if path)
    assert prepare_quietly(raw, tmp_path / "out") is None
