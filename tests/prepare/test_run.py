"""tracin.prepare: where images go, which are left out, and how it goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from tests.real_data import write_image_tree
from tracin.errors import TracInError
from tracin.prepare import journal
from tracin.prepare.__main__ import main
from tracin.prepare.convert import Settings
from tracin.prepare.duplicates import ALIKE, MAX_PAIRS, alike_pairs, group_equal
from tracin.prepare.run import PrepareConfig, PrepareResult, prepare
from tracin.prepare.sources import ENGLISH, find_sources
from tracin.prepare.split import draw_test

REPOSITORY = Path(__file__).parents[2]
PHOTO = load_sample_images().images[0]  # (427, 640, 3)


def quiet(_text: str) -> None:
    pass


def piece(number: int, size: int = 200) -> Image.Image:
    """A piece of a photo, another one for each number."""
    top, left = (number * 37) % (427 - size), (number * 101) % (640 - size)
    return Image.fromarray(PHOTO[top : top + size, left : left + size])


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A tree in the layout of the Animals-10 download: Italian names, JPEGs of many sizes."""
    write_image_tree(tmp_path / "tree", train_per_class=10, test_per_class=0, size=48)
    folder = tmp_path / "raw-img"
    for italian, english in ENGLISH.items():
        shutil.move(tmp_path / "tree" / "train" / english, folder / italian)
    return folder


def run(raw: Path, output: Path, *, english: bool = True) -> PrepareResult | None:
    return prepare(PrepareConfig(raw, output, english_names=english, workers=1), quiet)


def table(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / journal.SPLIT_TABLE, keep_default_na=False).set_index("source")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---- split and names ----


def test_splits_each_class_and_names_it_in_english(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "processed"
    result = run(raw, output)
    assert result is not None
    assert (result.train_images, result.test_images) == (80, 20)
    assert result.class_names == tuple(sorted(ENGLISH.values()))
    for name in result.class_names:
        assert len(list((output / "train" / name).iterdir())) == 8
        assert len(list((output / "test" / name).iterdir())) == 2
    rows = table(output)
    assert len(rows) == 100
    assert all((output / path).is_file() for path in rows.path)
    assert rows["class"]["cane/dog_00000.jpg"] == "dog"
    assert sorted(path.name for path in output.iterdir()) == [
        "near_duplicates.csv",
        "prepared.json",
        "split.csv",
        "test",
        "train",
    ]


def test_keeps_the_folders_names_unless_asked(raw: Path, tmp_path: Path) -> None:
    result = run(raw, tmp_path / "processed", english=False)
    assert result is not None and result.class_names == tuple(sorted(ENGLISH))


def test_split_is_seeded_and_each_class_is_on_both_sides() -> None:
    classes = ["a"] * 50 + ["b"] * 2 + ["c"]
    groups = [[at] for at in range(53)]
    in_test = draw_test(classes, groups, 0.2, seed=1)
    assert [int(in_test[part].sum()) for part in (slice(50), slice(50, 52), slice(52, 53))] == [
        10,
        1,
        0,
    ]
    assert np.array_equal(in_test, draw_test(classes, groups, 0.2, seed=1))
    assert not np.array_equal(in_test, draw_test(classes, groups, 0.2, seed=2))


def test_two_groups_larger_than_the_share_are_still_parted() -> None:
    in_test = draw_test(["a"] * 5, [[0, 1, 2], [3, 4]], 0.2, seed=0)
    assert in_test.tolist() == [False, False, False, True, True]


# ---- pixels ----


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
    run(tmp_path / "raw", tmp_path / "out")
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
    prepare(PrepareConfig(tmp_path / "raw", output, settings=Settings(None), workers=1), quiet)
    (copy,) = output.rglob("plain.jpg")
    assert copy.read_bytes() == (folder / "plain.jpg").read_bytes()
    (other,) = output.rglob("other.jpg")
    with Image.open(other) as image:
        assert image.size == (640, 427)


# ---- duplicates ----


def test_equal_images_stand_on_one_side(raw: Path, tmp_path: Path) -> None:
    for number in range(10):
        piece(number).save(raw / "cane" / f"original_{number}.png")
        piece(number).save(raw / "cane" / f"copy_{number}.bmp")  # other bytes, equal pixels
    piece(3).save(raw / "gatto" / "also_a_cat.png")
    result = run(raw, tmp_path / "out")
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
    result = run(tmp_path / "raw", tmp_path / "out")
    assert result is not None and result.equal_images == 0
    pairs = pd.read_csv(tmp_path / "out" / journal.NEAR_TABLE)
    assert list(zip(pairs.source, pairs.other_source, strict=True)) == [
        ("cat/2.png", "cat/smaller.jpg")
    ]
    assert ALIKE <= pairs.likeness[0] <= 1


def test_alike_pairs_are_those_of_a_plain_double_loop() -> None:
    random = np.random.default_rng(0)
    base = random.integers(20, 230, (30, 256), dtype=np.uint8)
    close = base + random.integers(0, 20, base.shape, dtype=np.uint8)
    flat = np.full((2, 256), 7, dtype=np.uint8)
    images = [*base, *close, *flat, base[0]]
    looks = [image.tobytes().hex() for image in images]
    groups = group_equal([*looks[:60], "one", "two", looks[0]])
    assert [0, 62] in groups
    found = {(pair.first, pair.second): pair.likeness for pair in alike_pairs(looks, groups)}
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
    looks = [(base + np.uint8(number % 5)).tobytes().hex() for number in range(300)]
    assert len(alike_pairs(looks, [[number] for number in range(300)])) == MAX_PAIRS


# ---- what is left out, what is refused ----


def test_unreadable_files_are_left_out_with_the_reason(raw: Path, tmp_path: Path) -> None:
    whole = (raw / "cane" / "dog_00000.jpg").read_bytes()
    (raw / "cane" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (raw / "cane" / "empty.png").write_bytes(b"")
    (raw / "cane" / "page.jpeg").write_text("<html>not found</html>", encoding="utf-8")
    (raw / "cane" / "notes.txt").write_text("mine", encoding="utf-8")
    result = run(raw, tmp_path / "out")
    assert result is not None and len(result.left_out) == 4
    rows = table(tmp_path / "out")
    left_out = rows[rows.split == ""]
    assert set(left_out.path) == {""}
    assert "truncated" in left_out.reason["cane/cut.jpg"]
    assert "UnidentifiedImageError" in left_out.reason["cane/empty.png"]
    assert "UnidentifiedImageError" in left_out.reason["cane/page.jpeg"]
    assert left_out.reason["cane/notes.txt"].startswith("no image")


def test_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("1.jpg", "1.png", "more/1.jpg", "1.JPEG")):
        piece(number).save(folder / name)
    run(tmp_path / "raw", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.jpg"))
    assert names == ["1.jpg", "1_2.jpg", "1_3.jpg", "more_1.jpg"]


def test_foreign_folder_is_refused_and_stays_as_it_was(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / "thesis.tex").write_text("work of years", encoding="utf-8")
    with pytest.raises(TracInError, match="is not empty, and was not made by this command"):
        run(raw, output)
    assert contents(output) == {"thesis.tex": b"work of years"}


def test_finished_folder_is_left_alone(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(raw, output)
    before = contents(output)
    assert run(raw, output) is None
    with pytest.raises(TracInError, match="english_names True, now False"):
        run(raw, output, english=False)
    piece(0).save(raw / "cane" / "new.png")
    with pytest.raises(TracInError, match="files 100, now 101"):
        run(raw, output)
    assert contents(output) == before


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], "has no class folders"),
        (["raw-img/cane", "raw-img/gatto"], "Give .*raw-img"),
        (["cane", "dog"], "two folders for the class dog"),
        (["cane", "gatto"], "holds no images"),
    ],
)
def test_unexpected_raw_folders_are_refused(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for folder in folders:
        (raw / folder).mkdir(parents=True)
    with pytest.raises(TracInError, match=message):
        find_sources(raw, english_names=True)


# ---- going on ----


@pytest.mark.parametrize("kill_in", ["convert", "sort", "publish"])
def test_interrupted_and_continued_equals_uninterrupted(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_in: str
) -> None:
    run(raw, tmp_path / "whole")
    with monkeypatch.context() as patch:
        if kill_in == "publish":
            patch.setattr("tracin.prepare.run._publish", _interrupt)
        else:
            counted = _after(60, Path.replace)
            patch.setattr(
                Path, "replace", counted if kill_in == "convert" else _after(150, Path.replace)
            )
        with pytest.raises(KeyboardInterrupt):
            run(raw, tmp_path / "out")
    assert not (tmp_path / "out" / "train").exists()
    said: list[str] = []
    prepare(PrepareConfig(raw, tmp_path / "out", english_names=True, workers=1), said.append)
    assert "files are done" in said[0]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _after(calls: int, function):  # type: ignore[no-untyped-def]
    """``function`` for so many calls, then an interrupt."""
    count = iter(range(calls))

    def counted(*arguments):  # type: ignore[no-untyped-def]
        if next(count, None) is None:
            raise KeyboardInterrupt
        return function(*arguments)

    return counted


def test_ctrl_c_ends_all_processes_with_one_line(raw: Path, tmp_path: Path) -> None:
    for number in range(400):
        piece(number).save(raw / "cane" / f"more_{number}.bmp")
    output = tmp_path / "out"
    command = [sys.executable, "-m", "tracin.prepare", str(raw), str(output), "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(output.glob(".unfinished/images/*/*.jpg")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.strip() == "Interrupted: the same command goes on where it stopped."
    assert main([str(raw), str(output), "--workers", "2"]) == 0
    assert len(table(output)) == 500
