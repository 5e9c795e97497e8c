"""What FiftyOne and Label Studio import, against their documented formats.

The files of this world were read once with the tools' own readers: ``LabelInterface`` of
label-studio-sdk 2.1.2 and ``FiftyOneImageClassificationDatasetImporter`` of fiftyone 1.22.1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pandas as pd
import pytest

import analyze_results
from tests.analyze.report.review_world import ReviewWorld, make_review_world
from tracin.analyze.exports import label_studio_config, label_studio_tasks, suspects_of
from tracin.results import schema


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """Classes and files whose names try to break out of JSON, XML and addresses."""
    review = make_review_world(tmp_path_factory.mktemp("exports"))
    flags = ["--results_dir", str(review.world.results_dir), "--export"]
    assert analyze_results.main(flags) == 0
    return review


def content(review: ReviewWorld, name: str) -> Any:
    return json.loads((review.world.results_dir / name).read_bytes())


def listed(review: ReviewWorld) -> pd.DataFrame:
    return schema.read_table(review.world.results_dir, schema.SUSPECTS).sort_values("rank")


def test_fiftyone_names_files_that_are_there(exported: ReviewWorld) -> None:
    labels = content(exported, schema.FIFTYONE_LABELS)
    table = listed(exported)
    assert labels["classes"] == list(exported.world.names)
    assert [Path(path).is_absolute() for path in labels["labels"]] == [True] * len(table)
    for row, (path, entry) in zip(table.to_dict("records"), labels["labels"].items(), strict=True):
        assert Path(path) == exported.world.data_dir.resolve() / row["train_path"]
        assert entry["label"] == row["given_class"]
        assert entry["attributes"]["suggested_class"] == row["suggested_class"]
        assert entry["attributes"]["suspicion"] == pytest.approx(row["suspicion"])


def test_label_studio_finds_image_and_choice(exported: ReviewWorld) -> None:
    tasks = content(exported, schema.LABEL_STUDIO_TASKS)
    config = ElementTree.parse(exported.world.results_dir / schema.LABEL_STUDIO_CONFIG).getroot()
    control = config.find("Choices")
    picture = config.find("Image")
    assert control is not None and picture is not None
    choices = {choice.get("value") for choice in control.iter("Choice")}
    assert choices == set(exported.world.names)
    for row, task in zip(listed(exported).to_dict("records"), tasks, strict=True):
        address = urlsplit(task["data"][str(picture.get("value")).removeprefix("$")])
        assert (address.path, address.fragment) == ("/data/local-files/", "")
        assert parse_qs(address.query) == {"d": [row["train_path"]]}
        (prediction,) = task["predictions"]
        (result,) = prediction["result"]
        assert result["from_name"] == control.get("name")
        assert result["to_name"] == control.get("toName") == picture.get("name")
        assert result["type"] == "choices"
        assert result["value"]["choices"] == [row["suggested_class"]]
        assert set(result["value"]["choices"]) <= choices
        assert 0 <= prediction["score"] <= 1


def test_names_with_control_characters_are_xml() -> None:
    names = ["ok\x01bad", "a\x1b[31m", 'plain <&> "name"', "שחור"]
    tree = ElementTree.fromstring(label_studio_config(names))
    values = [choice.attrib["value"] for choice in tree.iter("Choice")]
    assert values == ["ok\\x01bad", "a\\x1b[31m", 'plain <&> "name"', "שחור"]
    suspect = pd.DataFrame(
        {
            "rank": [1],
            "train_path": ["train/x/1.jpg"],
            "given_class": ["x"],
            "suggested_class": [names[0]],
        }
    )
    task = label_studio_tasks(suspects_of(suspect))[0]
    assert task["predictions"][0]["result"][0]["value"]["choices"] == [values[0]]


def test_another_analysis_takes_the_exports_away(
    exported: ReviewWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported.world.results_dir
    assert (folder / "exports").is_dir()
    assert analyze_results.main(["--results_dir", str(folder)]) == 0
    assert not (folder / "exports").exists()


def test_without_suspects_nothing_is_exported_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / schema.INFLUENCE_SCORES).write_text("0,1\n0.5,-1\n0.25,0.5\n-3,0\n")
    assert analyze_results.main(["--results_dir", str(tmp_path), "--export"]) == 0
    assert "Exports: there is no list of suspects" in capsys.readouterr().out
    assert not (tmp_path / "exports").exists()
