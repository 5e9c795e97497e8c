"""Nothing is written into what is read, whatever the folders are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.prepare.raw_photos import piece
from tracin.errors import TracInError
from tracin.places import check_regular, file_below, refuse_inside
from tracin.prepare.run import PrepareConfig, prepare


@pytest.mark.parametrize(
    "output",
    ["data/train", "data/train/cat", "data/train/new/deep", "link/train/x", "pool/new"],
)
def test_output_inside_input_is_refused(
    tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/train/cat").mkdir(parents=True)
    (tmp_path / "pool").mkdir()
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "data/train/dog").symlink_to(tmp_path / "pool")
    monkeypatch.chdir(tmp_path)
    for where in (Path(output), tmp_path / output):
        with pytest.raises(TracInError, match=r"is inside .* elsewhere with --output_dir"):
            refuse_inside(where, Path("data"), "with --output_dir", ("train",))
    refuse_inside(Path("data2"), Path("data"), "with --output_dir", ("train",))
    for where in (Path(), Path("data"), Path("data/results")):
        refuse_inside(where, Path("data"), "with --output_dir", ("train",))
        if where != Path():
            with pytest.raises(TracInError, match="is inside"):
                refuse_inside(where, Path("data"), "with --output_dir", ("",))


def test_a_name_means_a_regular_file_below_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    for path in (folder / "sub/file", tmp_path / "outside"):
        path.write_text("x")
    (folder / "out").symlink_to(tmp_path)
    (folder / "link").symlink_to(folder / "sub/file")
    os.mkfifo(folder / "pipe")
    (tmp_path / "alias").symlink_to(folder)
    for root in (folder, tmp_path / "alias"):
        assert file_below(root, "sub/file") == root / "sub/file"
        for name in (
            *("", ".", "sub", "pipe", "gone", "link", "out/outside", "../outside", "a\0b"),
            *("sub/../../outside", str(folder / "sub/file"), "x" * 300, "C:/x", "\ud800"),
        ):
            assert file_below(root, name) is None, name
        assert file_below(root, "link", links=True) == root / "link"


@pytest.mark.parametrize("names", [("raw", "raw/out"), ("raw", "raw/cat/out"), ("out/raw", "out")])
def test_prepare_keeps_raw_and_output_apart(tmp_path: Path, names: tuple[str, str]) -> None:
    raw, output = (tmp_path / name for name in names)
    (raw / "cat").mkdir(parents=True)
    piece(0).save(raw / "cat/1.png")
    with pytest.raises(TracInError, match="is inside"):
        prepare(PrepareConfig(raw, output, workers=1), lambda _: None)


def test_prepare_goes_on_where_it_was_killed_before_its_stamp(tmp_path: Path) -> None:
    raw, output = tmp_path / "raw", tmp_path / "out"
    for name in ("cat", "dog"):
        (raw / name).mkdir(parents=True)
        for number in range(4):
            piece(number).save(raw / name / f"{number}.png")
    output.mkdir()
    (output / ".prepared.json.999999.part").touch()
    config = PrepareConfig(raw, output, workers=1)
    assert prepare(config, lambda _: None)
    (output / ".unfinished").mkdir()
    (output / ".unfinished/journal.jsonl").touch()
    assert prepare(config, lambda _: None) is None
    assert not list(output.glob(".*"))


def test_only_a_regular_file_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    check_regular(tmp_path / "file")
    check_regular(tmp_path / "link")
    for name in ("device", "pipe"):
        with pytest.raises(OSError, match="no regular file"):
            check_regular(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        check_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "gone")
