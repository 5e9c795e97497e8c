"""Every kind of image becomes an upright RGB JPEG; what cannot be read is left out."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.prepare.raw_photos import PHOTO, prepare_quietly, table
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
