"""Which folder --apply may fill: a new one, or one that it made from the same images before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tracin.errors import TracInError
from tracin.folder_lock import LOCK
from tracin.image_folder import SPLITS
from tracin.json_file import read_as
from tracin.layout import TREE, Layout
from tracin.places import file_below, refuse_inside
from tracin.temporary import meant_for, replacing
from tracin.wording import quotable

STAMP = "cleaned_from.json"
"""What tells a folder of ours from a foreign one, and which images it was made from."""

OTHERWISE = "name another folder with --cleaned_dir"


def check_target(data_dir: Path, cleaned_dir: Path, layout: Layout = TREE) -> None:
    """Refuse ``cleaned_dir`` unless it is new, empty, or was made from the same images before.

    Args:
        data_dir: the folder of the images.
        cleaned_dir: the folder to be written to.
        layout: how they are told apart.

    Raises:
        TracInError: it holds something else, or would be read as part of the original.
    """
    original, target = data_dir.resolve(), cleaned_dir.resolve()
    within = target.is_relative_to(original) or original.is_relative_to(target)
    if within and not layout.has_lists:  # of lists nothing is read but what they name
        raise TracInError(
            f"{cleaned_dir} and the data folder {data_dir} overlap. Name a folder elsewhere with "
            "--cleaned_dir: the original is never touched."
        )
    whole = () if layout.has_lists else ("",)
    refuse_inside(cleaned_dir, data_dir, "with --cleaned_dir", (*whole, *SPLITS))
    if not cleaned_dir.exists():
        return
    if not cleaned_dir.is_dir():
        raise TracInError(f"{cleaned_dir} is a file. Name a folder with --cleaned_dir.")
    if not any(
        path.name != LOCK and meant_for(path.name) != STAMP for path in cleaned_dir.iterdir()
    ):
        return  # at most what a run left that was killed before its stamp got its name
    try:
        made_from = read_stamp(cleaned_dir)
        of_folder = Path(made_from["data_dir"])
    except (TracInError, KeyError):
        raise TracInError(
            f"{cleaned_dir} holds files that --apply did not put there. Name a new or empty folder "
            "with --cleaned_dir."
        ) from None
    told = _told_by(layout)
    if of_folder != original or {key: made_from.get(key, "") for key in told} != told:
        before = made_from.get("train_list") or made_from["data_dir"]
        now = told["train_list"] or str(data_dir)
        other = "other images of " if before == now else ""
        raise TracInError(
            f"{cleaned_dir} was made from {other}{quotable(before)}, not from "
            f"{'these' if other else now}. Name another folder with --cleaned_dir."
        )


def _told_by(layout: Layout) -> dict[str, str]:
    """The layout as a stamp holds it; "" for what there is not."""
    drawn = layout.test_share is not None
    return {
        "train_list": layout.train_list.file if layout.train_list else "",
        "test_list": layout.test_list.file if layout.test_list else "",
        "test_share": f"{layout.test_share} of seed {layout.seed}" if drawn else "",
    }


def read_stamp(cleaned_dir: Path) -> dict[str, str]:
    """What the stamp of a cleaned folder says.

    Raises:
        TracInError: it has none, or a damaged one.
    """
    stamp = file_below(cleaned_dir, STAMP) or cleaned_dir  # a folder cannot be read: refused
    content: dict[str, str] = read_as(dict[str, str], stamp, "")
    return content


def write_stamp(
    data_dir: Path, cleaned_dir: Path, layout: Layout = TREE, more: Mapping[str, str] | None = None
) -> None:
    """Write what ``check_target`` asks for, and whatever ``more`` is to be known of the folder."""
    told = {key: value for key, value in _told_by(layout).items() if value}
    content = {"data_dir": str(data_dir.resolve()), **told, **(more or {})}
    with replacing(cleaned_dir / STAMP) as temporary:
        text = json.dumps(content, ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
