"""Pictures, image folders and findings from the influence scores of TracIn_Resnet50.py.

In: the results folder, and the images where they are at hand. Out: a dashboard, a page for each
class, a review page, and folders with the images that helped and hurt most, in the results folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tracin.flags import RankBy, natural_int, new_parser, positive_int, run_command, show

NAME = "analyze_results.py"

EXAMPLES = """\
examples:
  python analyze_results.py
  python analyze_results.py --results_dir results/mine --data_dir data/mine
  python analyze_results.py --top_k 25 --rank_by raw
  python analyze_results.py --classes dog cat
  python analyze_results.py --explain test/cat/1.jpg
  python analyze_results.py --what_if 20
  python analyze_results.py --apply actions.csv --cleaned_dir data/cleaned

Turns the scores of TracIn_Resnet50.py into pictures, a page for reviewing labels, and findings.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of this script's flags."""
    parser = new_parser(EXAMPLES)
    inputs = parser.add_argument_group("what to look at")
    inputs.add_argument(
        "--results_dir",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="what TracIn_Resnet50.py wrote; pictures are written there too (default: %(default)s)",
    )
    inputs.add_argument(
        "--data_dir",
        type=Path,
        metavar="FOLDER",
        help="where the images are (default: what run.json says, else data/processed)",
    )
    ranking = parser.add_argument_group("how images are ranked")
    ranking.add_argument(
        "--top_k",
        type=positive_int,
        default=10,
        metavar="K",
        help="images in each list and folder; a page shows ten of them (default: %(default)s)",
    )
    ranking.add_argument(
        "--rank_by",
        choices=get_args(RankBy),
        default="normalized",
        help="helpful images by their mean score over the root of their influence on themselves, "
        "or by their plain mean score, where large gradients and wrong labels come first "
        "(default: %(default)s; Gauss-Newton scores always go by the plain mean)",
    )
    ranking.add_argument(
        "--classes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="classes of test images that get a page and folders of images (default: all or, of "
        "more than a hundred, the fifty that are right least often)",
    )
    beside = parser.add_argument_group("on top")
    beside.add_argument(
        "--compare",
        type=Path,
        metavar="FOLDER",
        help="results of an earlier run: accuracy and health side by side, mistakes mended and new",
    )
    beside.add_argument(
        "--export",
        action="store_true",
        help="write the suspects for FiftyOne and Label Studio, too, into exports/",
    )
    _add_bar(parser)
    _add_other_runs(parser)
    return parser


def _add_bar(parser: argparse.ArgumentParser) -> None:
    bar = parser.add_argument_group("exit with status 3 unless the data are good enough")
    bar.add_argument(
        "--fail_under",
        type=_percent,
        metavar="PERCENT",
        help="least health score",
    )
    bar.add_argument(
        "--max_leaks",
        type=natural_int,
        metavar="N",
        help="most test images that may be training images too, pixel by pixel",
    )


def _add_other_runs(parser: argparse.ArgumentParser) -> None:
    explain = parser.add_argument_group("instead: ask about single images")
    explain.add_argument(
        "--explain",
        nargs="+",
        metavar="IMAGE",
        help="test images of the run, by path or file name: prints the training images that "
        "helped and hurt each, and draws them",
    )
    change = parser.add_argument_group("instead: change the data")
    change.add_argument(
        "--apply",
        type=Path,
        metavar="CSV",
        help="actions.csv, from report.html or an editor: writes a cleaned data folder",
    )
    change.add_argument(
        "--cleaned_dir",
        type=Path,
        metavar="FOLDER",
        help="where the cleaned data go; the original is never touched",
    )
    change.add_argument(
        "--dry_run", action="store_true", help="with --apply: only say what would happen"
    )
    trial = parser.add_argument_group("instead: try a change of the data")
    trial.add_argument(
        "--what_if",
        type=_number_or_path,
        metavar="K|CSV",
        help="retrains the head on the kept features without the K most suspicious images, or with "
        "the actions of a CSV, ten times, against as many random removals; needs torch",
    )


def _number_or_path(text: str) -> int | Path:
    return positive_int(text) if text.lstrip("-").isdigit() else Path(text)


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100")
    if 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than one percent: give {100 * value:g}?")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0; 1 after an error that the user can put right; 3 where the data are not as
    good as was asked; 130 after Ctrl-C.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    _check_flags(parser, arguments)
    return run_command(
        NAME,
        lambda: _run(arguments),
        interrupted="Interrupted: some files may be missing. Run it again.",
    )


def _check_flags(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    asked = [arguments.explain, arguments.apply, arguments.what_if]
    if sum(flag is not None for flag in asked) > 1:
        parser.error("--explain, --apply and --what_if are runs of their own: give one of them")
    if (arguments.apply is None) != (arguments.cleaned_dir is None):
        parser.error("--apply and --cleaned_dir go together")
    if arguments.dry_run and arguments.apply is None:
        parser.error("--dry_run goes with --apply")
    of_analysis = [arguments.compare, arguments.fail_under, arguments.max_leaks]
    if any(flag is not None for flag in asked) and (
        arguments.classes or arguments.export or any(flag is not None for flag in of_analysis)
    ):
        parser.error(
            "--classes, --compare, --export, --fail_under and --max_leaks go with the "
            "analysis alone"
        )


def _run(arguments: argparse.Namespace) -> None:
    """Do what the flags ask for, and print what the user reads of it."""
    if arguments.apply is not None:
        show(_apply(arguments))
        return
    from tracin.results.one_run import one_run

    with one_run(arguments.results_dir):
        if arguments.explain is not None:
            show(_explain(arguments))
        elif arguments.what_if is not None:
            show(_what_if(arguments))
        else:
            _analyze(arguments)


def _analyze(arguments: argparse.Namespace) -> None:
    from tracin.analyze.console import closing_summary
    from tracin.analyze.gate import Requirements, check_requirements
    from tracin.analyze.run import AnalyzeConfig, run

    config = AnalyzeConfig(
        results_dir=arguments.results_dir,
        data_dir=arguments.data_dir,
        top_k=arguments.top_k,
        rank_by=arguments.rank_by,
        compare_with=arguments.compare,
        classes=tuple(arguments.classes),
        export=arguments.export,
    )
    outcome = run(config)
    if outcome.overall.warning:
        show(f"Warning: {outcome.overall.warning}", error=True)
    show(closing_summary(outcome, arguments.results_dir))
    check_requirements(outcome.overall, Requirements(arguments.fail_under, arguments.max_leaks))


def _explain(arguments: argparse.Namespace) -> str:
    from tracin.analyze.explain import ExplainConfig, explain

    config = ExplainConfig(arguments.explain, arguments.results_dir, arguments.data_dir)
    return explain(config)


def _what_if(arguments: argparse.Namespace) -> str:
    from tracin.what_if.run import WhatIfConfig, what_if

    config = WhatIfConfig(arguments.what_if, arguments.results_dir, arguments.data_dir)
    return what_if(config, say=show)


def _apply(arguments: argparse.Namespace) -> str:
    from tracin.clean.run import CleanConfig, apply_actions

    config = CleanConfig(
        actions=arguments.apply,
        cleaned_dir=arguments.cleaned_dir,
        results_dir=arguments.results_dir,
        data_dir=arguments.data_dir,
        dry_run=arguments.dry_run,
    )
    return apply_actions(config)


if __name__ == "__main__":
    sys.exit(main())
