"""Flags → the data folder and its layout."""

from __future__ import annotations

from pathlib import Path

import pytest

import TracIn_Resnet50
from tracin.data_flags import data_and_layout, flags_of_training
from tracin.layout import TREE, ImageList, Layout
from tracin.training.__main__ import build_parser


def asked(*words: object, training: bool = False) -> tuple[Path, Layout]:
    parser = build_parser() if training else TracIn_Resnet50.build_parser()
    return data_and_layout(parser, parser.parse_args([str(word) for word in words]))


def test_without_lists_the_folders_say_everything() -> None:
    assert asked() == asked(training=True) == (Path("data/processed"), TREE)
    assert asked("--data_dir", "x") == (Path("x"), TREE)
    share = Layout(test_share=0.2, seed=3)
    assert asked("--test_share", "0.2", "--seed", "3") == (Path("data/processed"), share)


@pytest.mark.parametrize(
    ("train", "test", "folder", "below"),
    [
        ("a.csv", "b.csv", ".", ("", "")),
        ("m/train.csv", "m/test.csv", "m", ("", "")),
        ("m/train/metadata.csv", "m/test/metadata.csv", "m", ("train", "test")),
        ("m/train.csv", "m/held/out/test.csv", "m", ("", "held/out")),
        ("m/../n/a.csv", "n/b.csv", "n", ("", "")),
    ],
)
def test_paths_begin_at_each_list(
    train: str,
    test: str,
    folder: str,
    below: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    data_dir, layout = asked("--train_list", train, "--test_list", test)
    assert data_dir == tmp_path / folder
    named = [each for each in (layout.train_list, layout.test_list) if each]
    assert tuple(each.below for each in named) == below
    assert [Path(each.file) for each in named] == [
        (tmp_path / each).parent.resolve() / Path(each).name for each in (train, test)
    ]


@pytest.mark.parametrize("folder", ["elsewhere", "data/processed"])
def test_with_data_dir_they_begin_there(folder: str) -> None:
    words = ("--train_list", "m/train/x.csv", "--test_list", "m/test/x.csv", "--data_dir", folder)
    data_dir, layout = asked(*words)
    assert data_dir == Path(folder)
    assert layout.train_list == ImageList(str(Path.cwd() / "m/train/x.csv"))
    assert layout.test_list == ImageList(str(Path.cwd() / "m/test/x.csv"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test_list", "b.csv"], "--test_list goes with --train_list"),
        (["--train_list", "a.csv"], "--train_list goes with --test_list, or with --test_share"),
        (["--train_list", "a", "--test_list", "b", "--test_share", "0.2"], "give one"),
        (["--train_list", "/x/a.csv", "--test_list", "/y/b.csv"], "have no folder in common"),
        (["--test_share", "0"], "0 is not above 0"),
        (["--test_share", "1"], "1 is not between 0 and 1"),
        (["--test_share", "nan"], "nan is not between 0 and 1"),
        (["--demo", "--test_share", "0.2"], "--demo brings its own"),
    ],
)
def test_flags_that_do_not_go_together(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        TracIn_Resnet50.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_training_names_the_flags_for_scoring() -> None:
    def told(*words: str) -> str:
        return " ".join(flags_of_training(*asked(*words, training=True)))

    here = Path.cwd()
    assert told("--data_dir", "my data") == "--data_dir 'my data'"
    assert told("--train_list", "a.csv") == f"--train_list {here}/a.csv --test_list TEST.csv"
    assert told("--train_list", "a.csv", "--data_dir", "x", "--test_share", "0.25") == (
        f"--data_dir x --train_list {here}/a.csv --test_share 0.25 --seed 0"
    )
