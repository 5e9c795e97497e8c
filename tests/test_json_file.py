"""JSON of any other shape than ours is told with its file and field."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.run_info import example_run_info
from tracin.clean.target import STAMP, check_target
from tracin.compute.model.stored import json_beside
from tracin.errors import TracInError
from tracin.json_file import fitted, parse_json, read_json
from tracin.prepare.journal import Workplace
from tracin.results.run_info import read_run_info
from tracin.results.schema import ANALYSIS_FILES, RUN_INFO
from tracin.results.staging import recorded_files
from tracin.training.outputs import MANIFEST, read_manifest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "nested deeper than 50 levels"),
        ("[" * 60 + "]" * 60, "nested deeper than 50 levels"),
        (r'["a\u0000b"]', "a character that no name can have"),
        (r'{"\ud800": 1}', "a character that no name can have"),
        ("9" * 5000, "4300 digits"),
    ],
)
def test_text_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in (b"\xff\xfe", b"{", b""):
        path.write_bytes(content)
        with pytest.raises(TracInError, match=r"x\.json is damaged or no JSON .*Do this\."):
            read_json(path, "Do this.")
    with pytest.raises(TracInError, match="Is a directory"):
        read_json(tmp_path, "")


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, True, "it is true, not a whole number"),
        (int, 1.0, "it is 1.0, not a whole number"),
        (float, "1", 'it is "1", not a number'),
        (float, float("nan"), "it is NaN, not a number"),
        (float, 10**400, "not a number"),
        (str, None, "it is null, not text"),
        (dict[str, tuple[int, ...]], {"a": [1, "b"]}, r'a\[1\] is "b", not a whole number'),
        (tuple[float, float], [1.0], "it has 1 entries, not 2"),
    ],
)
def test_values_of_another_type_are_refused(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(kind, value)


def test_what_fits_is_kept() -> None:
    value = {"a": [1, 2], "b": []}
    assert fitted(dict[str, tuple[float, ...]], value) == {"a": (1.0, 2.0), "b": ()}


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a class of another type": (
        lambda j: {**j, "class_names": ["cat", {}]},
        r"class_names\[1\] is \{\}, not text",
    ),
    "no classes": (lambda j: {**j, "class_names": None}, "class_names is null, not a list"),
    "empty classes": (lambda j: {**j, "class_names": []}, "class_names must hold"),
    "a class twice": (lambda j: {**j, "class_names": ["a", "a"]}, "class_names must hold"),
    "a rate that is a list": (
        lambda j: {**j, "checkpoints": [{**j["checkpoints"][0], "learning_rate": []}]},
        r"checkpoints\[0\]\.learning_rate is \[\], not a number",
    ),
    "no checkpoints": (lambda j: {**j, "checkpoints": []}, "checkpoints is empty"),
    "a folder that is a number": (lambda j: {**j, "data_dir": 5}, "data_dir is 5, not text"),
    "another method": (lambda j: {**j, "method": "x"}, "method is .*one of tracin, gauss_newton"),
    "a share above one": (lambda j: {**j, "test_accuracy": 2}, "test_accuracy is 2.*from 0 to 1"),
    "a negative count": (lambda j: {**j, "train_images": -1}, "train_images is -1.*at least 1"),
    "a field too many": (lambda j: {**j, "x": 1}, "x is not known"),
    "a field too few": (lambda j: {k: v for k, v in j.items() if k != "seed"}, "seed is missing"),
    "infinite": (lambda j: {**j, "score_max": float("inf")}, "score_max is Infinity, not a number"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_run_json_of_another_shape_names_the_field(change: str, tmp_path: Path) -> None:
    edit, message = CHANGES[change]
    content = edit(json.loads(json.dumps(dataclasses.asdict(example_run_info()))))
    (tmp_path / RUN_INFO).write_text(json.dumps(content))
    with pytest.raises(TracInError, match=rf"run\.json is damaged: .*{message}.*remove the file"):
        read_run_info(tmp_path)


@pytest.mark.parametrize("text", ["5", "[]", "null", '"a"', "{}", "[" * 100_000, r'["\ud800"]'])
def test_every_reader_has_a_sentence_for_any_json(text: str, tmp_path: Path) -> None:
    """All but an empty list of files and what other programs keep beside a checkpoint."""
    for name in (RUN_INFO, STAMP, MANIFEST, ANALYSIS_FILES, "prepared.json", "w.json"):
        (tmp_path / name).write_text(text)
    readers: dict[str, Callable[[], object]] = {
        RUN_INFO: lambda: read_run_info(tmp_path),
        STAMP: lambda: check_target(tmp_path.parent / "data", tmp_path),
        MANIFEST: lambda: read_manifest(tmp_path),
        ANALYSIS_FILES: lambda: recorded_files(tmp_path, ANALYSIS_FILES),
        "prepared.json": lambda: Workplace(tmp_path).read_stamp(),
        "w.json": lambda: json_beside(tmp_path / "w.pth"),
    }
    for name, reader in readers.items():
        empty = (name, text) in ((ANALYSIS_FILES, "[]"), ("prepared.json", "{}"))
        if empty or (name == "w.json" and len(text) < 5):
            assert not reader()
        else:
            with pytest.raises(TracInError):
                reader()
