"""The suspects as other tools import them, so that a team can go on there.

FiftyOne: an image classification data set (``FiftyOneImageClassificationDataset``), images named by
their absolute paths. Label Studio: tasks with the suggested class as a prediction, and the labeling
configuration that goes with them; images are named below the folder that its local file storage
serves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pandas as pd

from tracin.results import schema
from tracin.wording import visible

_FIGURES = ("rank", "suspicion", "wrong_label_probability", "gain")
"""What goes with each image, where the table has it."""


@dataclass(frozen=True)
class ExportedLabel:
    """A training image whose label looks wrong."""

    path: str
    """Relative to the data folder, with forward slashes."""
    given: str
    suggested: str
    figures: Mapping[str, float]


def suspects_of(table: pd.DataFrame) -> tuple[ExportedLabel, ...]:
    """The rows of ``suspects.csv`` in its order."""
    known = [name for name in _FIGURES if name in table]
    return tuple(
        ExportedLabel(
            path=str(row["train_path"]),
            given=str(row["given_class"]),
            suggested=str(row["suggested_class"]),
            figures={name: float(row[name]) for name in known},
        )
        for row in table.sort_values("rank", kind="stable").to_dict("records")
    )


def fiftyone_labels(
    suspects: Sequence[ExportedLabel], data_dir: Path, class_names: Sequence[str]
) -> dict[str, Any]:
    """The content of FiftyOne's ``labels.json``: given labels, and the evidence as attributes."""
    folder = data_dir.resolve()
    return {
        "classes": list(class_names),
        "labels": {
            str(folder / each.path): {
                "label": each.given,
                "attributes": {"suggested_class": each.suggested, **each.figures},
            }
            for each in suspects
        },
    }


def label_studio_tasks(suspects: Sequence[ExportedLabel]) -> list[dict[str, Any]]:
    """Label Studio's tasks: an image each, the suggested class as its prediction."""
    return [
        {
            "data": {
                "image": f"/data/local-files/?d={quote(each.path)}",
                "train_path": each.path,
                "given_class": each.given,
                **each.figures,
            },
            "predictions": [
                {
                    "model_version": "tracin",
                    "score": each.figures.get("wrong_label_probability", 0.0),
                    "result": [
                        {
                            "id": f"suspect{number}",
                            "from_name": "label",
                            "to_name": "image",
                            "type": "choices",
                            "value": {"choices": [visible(each.suggested)]},
                        }
                    ],
                }
            ],
        }
        for number, each in enumerate(suspects, start=1)
    ]


def label_studio_config(class_names: Sequence[str]) -> str:
    """Label Studio's labeling configuration: the picture, what it is labelled, and the classes.

    Names are made visible, here and in the tasks: XML has no place for control characters.
    """
    choices = "\n".join(f"    <Choice value={quoteattr(visible(name))}/>" for name in class_names)
    return (
        "<View>\n"
        '  <Image name="image" value="$image"/>\n'
        '  <Text name="given" value="$given_class"/>\n'
        '  <Choices name="label" toName="image" choice="single" showInline="true">\n'
        f"{choices}\n"
        "  </Choices>\n"
        "</View>\n"
    )


def write_exports(
    folder: Path, table: pd.DataFrame, data_dir: Path, class_names: Sequence[str]
) -> None:
    """Write the files for both tools below ``folder``."""
    suspects = suspects_of(table)
    contents = {
        schema.FIFTYONE_LABELS: _as_json(fiftyone_labels(suspects, data_dir, class_names)),
        schema.LABEL_STUDIO_TASKS: _as_json(label_studio_tasks(suspects)),
        schema.LABEL_STUDIO_CONFIG: label_studio_config(class_names),
    }
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _as_json(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
