"""The run of ``--apply``: actions.csv → a cleaned data folder, and what was done in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.clean.actions import DELETE, KEEP, RELABEL, read_actions
from tracin.clean.folder import LOG, FileCounts, carry_out
from tracin.clean.list_files import write_lists
from tracin.clean.lists import TEST_LIST, TRAIN_LIST, ListPlan, labels_by_path, plan_lists
from tracin.clean.plan import CARRIED_OVER, CleaningPlan, images_to_clean, plan_cleaning
from tracin.clean.target import check_target
from tracin.data_folder import find_data
from tracin.errors import TracInError
from tracin.folder_lock import owner_of
from tracin.image_folder import LeftOut, describe_left_out
from tracin.layout import TREE, Layout
from tracin.results.one_run import unchanged_run
from tracin.results.run_info import data_folder, read_run_info
from tracin.results.schema import RUN_INFO
from tracin.wording import count, for_the_shell


@dataclass(frozen=True)
class CleanConfig:
    """What the user asked for: the flags that go with --apply."""

    actions: Path
    cleaned_dir: Path
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says, else data/processed."""
    dry_run: bool = False
    """Check everything and say what would happen; write nothing."""


def apply_actions(config: CleanConfig) -> str:
    """Make the cleaned folder, unless it is a dry run; return what was done or would be, in words.

    Raises:
        TracInError: a row of the actions is wrong, or the cleaned folder cannot be used.
    """
    data_dir, layout = _images_of(config)
    if not layout.is_tree:
        return "\n".join(_correct_lists(config, data_dir, layout))
    images = images_to_clean(data_dir)
    actions = read_actions(config.actions, images.label_of, images.class_names)
    plan = plan_cleaning(data_dir, images, actions)
    check_target(data_dir, config.cleaned_dir)
    if config.dry_run:
        return "\n".join(_dry_run_lines(plan, config))
    files = carry_out(plan, config.cleaned_dir)
    return "\n".join(_report_lines(plan, files, config))


def _correct_lists(config: CleanConfig, data_dir: Path, layout: Layout) -> Iterator[str]:
    data = find_data(data_dir, layout)
    of = "the lists" if layout.has_lists else "the data folder"
    actions = read_actions(config.actions, labels_by_path(data), data.class_names, of)
    plan = plan_lists(data_dir, layout, data, actions)
    check_target(data_dir, config.cleaned_dir, layout)
    if config.dry_run:
        yield f"Dry run: nothing is written. {config.cleaned_dir} would hold two corrected lists:"
        yield from _list_lines(plan)
        for step in (*plan.train, *plan.test):
            if step.new_label != step.label:
                to = f": {step.label} -> {step.new_label}" if step.new_label else ""
                yield f"  {step.action:8} {step.path}{to}"
        return
    write_lists(plan, config.cleaned_dir)
    lists = [config.cleaned_dir / name for name in (TRAIN_LIST, TEST_LIST)]
    yield f"Wrote the corrected lists {lists[0]} and {lists[1]}."
    yield f"  Their images stay in {data_dir}; the original is unchanged."
    yield from _list_lines(plan)
    yield f"  What happened to each image: {config.cleaned_dir / LOG}"
    yield ""
    words = (f"--train_list {for_the_shell(lists[0])}", f"--test_list {for_the_shell(lists[1])}")
    yield f"Next: score again with {' '.join(words)} --data_dir {for_the_shell(data_dir)}"


def _list_lines(plan: ListPlan) -> Iterator[str]:
    train, test = plan.counts(training=True), plan.counts(training=False)
    sides = ((train, "training image"), (test, "test image"))
    told = (f"{_parts(side, side[KEEP], kind)}, {side[KEEP]:,} kept" for side, kind in sides)
    yield f"  {'; '.join(told)}"
    yield from _left_out_lines(plan.left_out)


def _images_of(config: CleanConfig) -> tuple[Path, Layout]:
    """(the folder of the images, how they are told apart); read from ``run.json`` only while nobody
    replaces that.
    """
    with unchanged_run(config.results_dir):
        data_dir = data_folder(config.results_dir, config.data_dir)
        there = (config.results_dir / RUN_INFO).exists()
        layout = read_run_info(config.results_dir).layout if there else TREE
        # Asked afterwards: a writer that came meanwhile may have taken the file away already.
        if config.data_dir is None and (writer := owner_of(config.results_dir)):
            raise TracInError(
                f"{config.results_dir} is in use by {writer}, and its {RUN_INFO} may change. Wait "
                "until that has ended, or name the folder of the images with --data_dir."
            )
    return data_dir, layout


def _totals(plan: CleaningPlan) -> str:
    train, test = plan.counts(training=True), plan.counts(training=False)
    as_they_are = test[KEEP] + test[CARRIED_OVER]
    told = f"{_parts(train, train[KEEP], 'training image')}, {train[KEEP]:,} kept; "
    if not (test[RELABEL] or test[DELETE]):
        return f"{told}{count(as_they_are, 'test file')} carried over"
    return f"{told}{_parts(test, as_they_are, 'test file')}, {as_they_are:,} carried over"


def _parts(counts: Counter[str], unchanged: int, kind: str) -> str:
    """``12 test files: 1 relabelled, 2 left out``."""
    relabelled, deleted = counts[RELABEL], counts[DELETE]
    files = count(relabelled + deleted + unchanged, kind)
    return f"{files}: {relabelled:,} relabelled, {deleted:,} left out"


def _change_lines(plan: CleaningPlan) -> Iterator[str]:
    for step in plan.steps:
        if step.changes:
            note = f" ({step.note})" if step.note else ""
            yield f"  {step.action:8} {step.path}" + (
                f" -> {step.new_path}{note}" if step.new_path else ""
            )


def _left_out_lines(left_out: Sequence[LeftOut]) -> Iterator[str]:
    if left_out:
        yield f"  {describe_left_out(left_out)}"


def _dry_run_lines(plan: CleaningPlan, config: CleanConfig) -> Iterator[str]:
    yield f"Dry run: nothing is written. From {plan.data_dir}, {config.cleaned_dir} would hold:"
    yield f"  {_totals(plan)}"
    yield from _left_out_lines(plan.left_out)
    yield from _change_lines(plan)


def _report_lines(plan: CleaningPlan, files: FileCounts, config: CleanConfig) -> Iterator[str]:
    yield f"Wrote the cleaned data to {config.cleaned_dir}; {plan.data_dir} is unchanged."
    yield f"  {_totals(plan)}"
    if files.linked or files.copied or files.removed:
        yield (
            f"  {count(files.linked, 'hard link')}, {files.copied:,} copied, "
            f"{files.unchanged:,} already there, {files.removed:,} of an earlier run removed"
        )
    else:
        yield "  Nothing to do: everything was already there."
    yield from _left_out_lines(plan.left_out)
    if files.stayed:
        more = f" and {len(files.stayed) - 1:,} more" if len(files.stayed) > 1 else ""
        yield (
            f"  Changed since an earlier run, so left there: {files.stayed[0]}{more}. Delete what "
            "is not to be trained on."
        )
    renamed = [step for step in plan.steps if step.note.startswith("renamed")]
    if renamed:
        yield f"  {count(len(renamed), 'image')} renamed, beginning with {renamed[0].new_path}"
    yield f"  What happened to each image: {config.cleaned_dir / LOG}"
    yield ""
    yield f"Next: train on it and score again with --data_dir {for_the_shell(config.cleaned_dir)}"
