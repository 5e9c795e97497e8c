"""``tracin.compute`` and ``tracin.analyze``: what the two scripts do, as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracin.flags import ClassWeights, Device, Method, Precision, RankBy, show

if TYPE_CHECKING:
    from torch import nn

    from tracin.analyze.run import Outcome
    from tracin.results.run_info import RunInfo

AnyPath = str | Path


def compute(  # noqa: PLR0913 -- the script's flags as keywords
    model: nn.Module,
    train: Any,
    test: Any,
    results: AnyPath = "results",
    *,
    layer: str = "",
    checkpoints: AnyPath | Sequence[AnyPath] = (),
    class_names: Sequence[str] = (),
    learning_rate: float | Sequence[float] = (),
    label_smoothing: float | None = None,
    class_weights: ClassWeights | None = None,
    resize_size: int | None = None,
    crop_size: int | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    train_subset: int | None = None,
    test_subset: int | None = None,
    seed: int = 0,
    method: Method = "tracin",
    damping: float = 0.1,
    top_k: int = 10,
    max_suspects: int = 500,
    matrix: bool = True,
    skip_unreadable: bool = False,
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: int = 32,
    num_workers: int | None = None,
    say: Callable[[str], None] = show,
) -> RunInfo:
    """Score how much each image of ``train`` helped or hurt ``model`` on each of ``test``.

    Writes the files that ``TracIn_Resnet50.py`` writes, by the same code, and returns what stands
    in ``run.json``.

    Args:
        model: images (n, c, h, w) → logits (n, C); it ends with a Linear, and stays as it is.
        train: a map-style data set of (image, label). An image is a tensor, which goes into the
            model as it is, or a picture (of Pillow, or uint8), which becomes RGB and is resized,
            cut out and normalised as the arguments say. Without random augmentation: each image is
            asked for more than once.
        test: another one, of images that the model was not trained on.
        results: the folder for the results; images without files get pictures there.
        layer: the name of the last Linear, such as ``"fc"``; "" takes the model's last one.
        checkpoints: files of the model's weights at several moments of its training, in that
            order; influence is summed over them. None: the model as it is.
        class_names: in the order of the model's outputs; () takes those of the data set.
        learning_rate: at each checkpoint, or one for all; () takes what each file stores, else
            1e-4.
        label_smoothing: of the training loss, 0 to 1; None, here and below: what is stored, else
            none, and ImageNet's sizes and colours.
        class_weights: of the training loss, "balanced" or "none".
        resize_size: the shorter side of a picture is resized to this.
        crop_size: then the centre of this size is cut out.
        mean: is taken off a picture's pixels, 0 to 1.
        std: divides them.
        train_subset: so many training images, spread over the classes; None: all.
        test_subset: so many test images; None: all.
        seed: of the subsets.
        method: "tracin" or "gauss_newton".
        damping: of the latter, in mean eigenvalues of its matrix.
        top_k: proponents and opponents listed for each test image.
        max_suspects: images listed at most whose labels look wrong, of each side.
        matrix: write influence_scores.csv.
        skip_unreadable: leave images out that cannot be read.
        precision: of the network up to its last Linear, "float32" or "bfloat16".
        device: "auto", "cpu", "cuda" or "mps".
        batch_size: images in one forward pass.
        num_workers: processes that read images; None: as many as serve.
        say: takes what there is to say on the way.

    Raises:
        TracInError: a fact about the model, the data or the machine that you can change. Where its
            sentence names a flag, as ``--top_k``, the argument is ``top_k``.
    """
    from tracin.compute.config import RunConfig
    from tracin.in_python.run import Given, compute_given

    if isinstance(learning_rate, str):
        learning_rate = float(learning_rate)
    try:
        rates = tuple(float(each) for each in learning_rate)  # type: ignore[union-attr]
    except TypeError:  # a single number, of whatever library
        rates = (float(learning_rate),)  # type: ignore[arg-type]
    files = [checkpoints] if isinstance(checkpoints, str | Path) else checkpoints
    names = (class_names,) if isinstance(class_names, str) else tuple(class_names)
    config = RunConfig(
        model_paths=(),
        data_dir=Path(),
        output_dir=Path(results),
        train_subset=train_subset,
        test_subset=test_subset,
        batch_size=batch_size,
        learning_rates=rates,
        label_smoothing=label_smoothing,
        class_weights=class_weights,
        method=method,
        damping=damping,
        top_k=top_k,
        max_suspects=max_suspects,
        device=str(device).partition(":")[0],  # type: ignore[arg-type]  # checked below
        num_workers=num_workers,
        precision=precision,
        seed=seed,
        resize_size=resize_size,
        crop_size=crop_size,
        mean=mean,
        std=std,
        skip_unreadable=skip_unreadable,
        matrix=matrix,
        command=("tracin.compute",),
    )
    paths = tuple(Path(file).absolute() for file in files)
    given = Given(model, (train, test), layer, paths, names)
    return compute_given(config, given, say)


def analyze(
    results: AnyPath = "results",
    *,
    top_k: int = 10,
    rank_by: RankBy = "normalized",
    compare: AnyPath | None = None,
    export: bool = False,
    say: Callable[[str], None] = show,
) -> Outcome:
    """Draw pictures and the review page of a results folder, as ``analyze_results.py`` does.

    Returns what was found and written; a notebook shows it as the dashboard.

    Args:
        results: the folder that ``compute`` or the script wrote.
        top_k: images in each list and folder.
        rank_by: "normalized" or "raw", as the flag of the script.
        compare: the results of an earlier run.
        export: write the suspects for FiftyOne and Label Studio, too.
        say: takes the closing summary.

    Raises:
        TracInError: the folder lacks the scores, is damaged, or cannot be written to.
    """
    from tracin.analyze.console import closing_summary
    from tracin.analyze.run import AnalyzeConfig, run
    from tracin.results.one_run import one_run

    folder = Path(results)
    config = AnalyzeConfig(
        results_dir=folder,
        top_k=top_k,
        rank_by=rank_by,
        compare_with=None if compare is None else Path(compare),
        export=export,
    )
    with one_run(folder):
        outcome = run(config)
    if outcome.overall.warning:
        say(f"Warning: {outcome.overall.warning}")
    say(closing_summary(outcome, folder))
    return outcome
