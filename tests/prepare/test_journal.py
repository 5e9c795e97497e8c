"""What an output folder knows of itself: foreign, finished, or to be continued."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.prepare.raw_photos import contents, piece, prepare_quietly
from tracin.errors import TracInError
from tracin.folder_lock import LOCK, locked
from tracin.prepare.run import PrepareConfig, prepare


def test_foreign_folder_is_refused_and_stays_as_it_was(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / "thesis.tex").write_text("work of years", encoding="utf-8")
    with pytest.raises(TracInError, match="is not empty, and was not made by this command"):
        prepare_quietly(raw, output)
    assert contents(output) == {"thesis.tex": b"work of years"}


def test_finished_folder_is_left_alone(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare_quietly(raw, output)
    before = contents(output)
    assert prepare_quietly(raw, output) is None
    with pytest.raises(TracInError, match="english_names True, now False"):
        prepare_quietly(raw, output, english=False)
    piece(0).save(raw / "cane" / "new.png")
    with pytest.raises(TracInError, match="files 100, now 101"):
        prepare_quietly(raw, output)
    assert contents(output) == before


@pytest.mark.parametrize("kill_in", ["convert", "sort", "publish"])
def test_interrupted_and_continued_equals_uninterrupted(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_in: str
) -> None:
    prepare_quietly(raw, tmp_path / "whole")
    with monkeypatch.context() as patch:
        if kill_in == "publish":
            patch.setattr("tracin.prepare.run._publish", _interrupt)
        else:
            counted = _after(60, Path.replace)
            patch.setattr(
                Path, "replace", counted if kill_in == "convert" else _after(150, Path.replace)
            )
        with pytest.raises(KeyboardInterrupt):
            prepare_quietly(raw, tmp_path / "out")
    assert not (tmp_path / "out" / "train").exists()
    said: list[str] = []
    prepare(PrepareConfig(raw, tmp_path / "out", english_names=True, workers=1), said.append)
    assert "already done" in said[0]
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


def test_of_two_at_once_one_fills_the_folder(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with locked(output, ""):
        with pytest.raises(TracInError, match=r"in use by process .*another folder as OUTPUT"):
            prepare_quietly(raw, output)
        assert [path.name for path in output.iterdir()] == [LOCK]
    (output / LOCK).touch()  # as a killed one leaves it
    assert prepare_quietly(raw, output) is not None
    assert not (output / LOCK).exists()


@pytest.fixture
def unfinished(raw: Path, tmp_path: Path) -> Path:
    """An output folder whose run was killed before its end, with its journal."""
    output = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tracin.prepare.run._sort_images", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare_quietly(raw, output)
    return output


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to(path.parents[2] / "mine")])
def test_a_journal_that_is_no_file_of_ours_is_not_written_through(
    put: Callable[[Path], None], raw: Path, unfinished: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine\n")
    journal = unfinished / ".unfinished" / "journal.jsonl"
    journal.unlink()
    put(journal)
    assert prepare_quietly(raw, unfinished) is not None
    assert (tmp_path / "mine").read_text() == "mine\n"


@pytest.mark.parametrize("damage", [(b"a", b"\xff"), (b'"grey_values": "', b'"grey_values": "x')])
def test_a_damaged_line_of_the_journal_is_passed_over(
    damage: tuple[bytes, bytes], raw: Path, unfinished: Path
) -> None:
    journal = unfinished / ".unfinished" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(*damage, 1)
    journal.write_bytes(b"".join(lines))
    result = prepare_quietly(raw, unfinished)
    assert result is not None and result.train_images + result.test_images == len(lines)


def test_a_link_for_a_class_leads_no_image_elsewhere(
    raw: Path, unfinished: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (unfinished / "train").mkdir()
    (unfinished / "train" / "cat").symlink_to(away)
    with pytest.raises(TracInError, match="is a link that leads to"):
        prepare_quietly(raw, unfinished)
    assert not any(away.iterdir())
