"""Equal images stay together, and images that look alike are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.prepare.raw_photos import piece, prepare_quietly, table
from tracin import image_folder
from tracin.prepare import duplicates
from tracin.prepare.duplicates import ALIKE, MAX_PAIRS, alike_pairs, group_equal


def test_equal_images_stand_on_one_side(raw: Path, tmp_path: Path) -> None:
    for number in range(10):
        piece(number).save(raw / "cane" / f"original_{number}.png")
        piece(number).save(raw / "cane" / f"copy_{number}.bmp")  # other bytes, equal pixels
    piece(3).save(raw / "gatto" / "also_a_cat.png")
    result = prepare_quietly(raw, tmp_path / "out")
    assert result is not None
    assert result.equal_images == 11 and result.equal_across_classes == 1
    rows = table(tmp_path / "out")
    for number in range(10):
        pair = rows.loc[[f"cane/original_{number}.png", f"cane/copy_{number}.bmp"]]
        assert pair.split.nunique() == 1
        assert list(pair.duplicate_of) == [f"cane/copy_{number}.bmp", ""]
    assert rows.split["gatto/also_a_cat.png"] == rows.split["cane/copy_3.bmp"]
    pixels = {
        split: {Image.open(path).tobytes() for path in (tmp_path / "out" / split).rglob("*.jpg")}
        for split in ("train", "test")
    }
    assert not pixels["train"] & pixels["test"]


def test_compressed_and_resized_copies_are_reported_as_alike(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    folder.mkdir(parents=True)
    for number in range(6):
        piece(number).save(folder / f"{number}.png")
    piece(2).resize((170, 170)).save(folder / "smaller.jpg", quality=70)
    result = prepare_quietly(tmp_path / "raw", tmp_path / "out")
    assert result is not None and result.equal_images == 0
    pairs = pd.read_csv(tmp_path / "out" / image_folder.NEAR_TABLE)
    assert list(zip(pairs.source, pairs.other_source, strict=True)) == [
        ("cat/2.png", "cat/smaller.jpg")
    ]
    assert ALIKE <= pairs.likeness[0] <= 1


@pytest.mark.parametrize("block", [7, 1024])
def test_alike_pairs_are_those_of_a_plain_double_loop(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", block)
    monkeypatch.setattr(duplicates, "_COLUMNS", 2 * block)
    random = np.random.default_rng(0)
    base = random.integers(20, 230, (30, 256), dtype=np.uint8)
    close = base + random.integers(0, 20, base.shape, dtype=np.uint8)
    flat = np.full((2, 256), 7, dtype=np.uint8)
    images = [*base, *close, *flat, base[0]]
    grey_values = [image.tobytes().hex() for image in images]
    groups = group_equal([*grey_values[:60], "one", "two", grey_values[0]])
    assert [0, 62] in groups
    found = {(pair.first, pair.second): pair.likeness for pair in alike_pairs(grey_values, groups)}
    expected = {
        (first, second): np.corrcoef(images[first], images[second])[0, 1]
        for first in range(60)
        for second in range(first + 1, 60)
    }
    expected = {pair: value for pair, value in expected.items() if value >= ALIKE}
    assert found == pytest.approx(expected, abs=1e-5) and len(found) == 30


def test_a_folder_of_look_alikes_is_reported_in_bounded_length() -> None:
    random = np.random.default_rng(0)
    base = random.integers(0, 250, 256, dtype=np.uint8)
    grey_values = [(base + np.uint8(number % 5)).tobytes().hex() for number in range(300)]
    assert len(alike_pairs(grey_values, [[number] for number in range(300)])) == MAX_PAIRS
