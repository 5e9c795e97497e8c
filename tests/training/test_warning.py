"""Real trainings that learn nothing, or something, say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from tests.real_data import CLASS_NAMES, animals_resnet50
from tests.training.short import config, quiet
from tracin.images import find_images
from tracin.intervals import wilson_interval
from tracin.training import outputs
from tracin.training.images import choose_images
from tracin.training.run import train
from tracin.training.settings import TrainingConfig


def motionless(photos: Path, output: Path) -> TrainingConfig:
    """A training that changes no weight; twenty of fifty images are kept back."""
    flags = ("--head_epochs", "0", "--epochs", "1", "--checkpoints", "1")
    asked = config(photos, output, *flags, "--validation_share", "0.4")
    recipe = replace(asked.recipe, learning_rate=0.0, backbone_learning_rate=0.0)
    return replace(asked, recipe=recipe)


def test_an_untrained_model_warns_with_the_figures_of_its_file(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = motionless(photos, tmp_path)
    with monkeypatch.context() as patch:  # killed after the last epoch's state was written
        patch.setattr(outputs, "finish", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(asked, quiet)
    said: list[str] = []
    text = train(asked, said.append).warning
    assert said == ["Going on after epoch 1 of 1."]
    right, n = _count_by_hand(asked), 20
    low, high = wilson_interval(right, n)
    assert (
        f"It is right on {right} of {n} validation images ({right / n:.1%}; 95% interval {low:.0%} "
        f"to {high:.0%}): not clearly better than always naming butterfly (10.0%)."
    ) in text
    again = train(asked, quiet)
    assert again.reused and again.warning == text


def _killed(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _count_by_hand(asked: TrainingConfig) -> int:
    """How many of the images kept back the last checkpoint names rightly, one after the other."""
    table, _ = find_images(asked.data_dir)
    model = animals_resnet50(10)
    content = torch.load(asked.output_dir / "checkpoint_epoch_01.pth", weights_only=True)
    state = content["model_state_dict"]
    model.load_state_dict({key.removeprefix("model."): state[key] for key in state})
    model.eval()
    transform = transforms.Compose(
        [
            transforms.Resize(36),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    right = 0
    for path in choose_images(table, asked.recipe).validation_paths:
        with Image.open(asked.data_dir / path) as image:
            named = int(model(transform(image)[None]).argmax())
        right += CLASS_NAMES[named] == Path(path).parent.name
    return right


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Blue and red images: the easiest classes there are."""
    random = np.random.default_rng(0)
    for name, colour in (("blue", (30, 60, 220)), ("red", (220, 40, 30))):
        for split, count in (("train", 40), ("test", 1)):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.array(colour) + random.integers(-30, 31, (40, 40, 3))
                picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
                picture.save(tmp_path / split / name / f"{number}.png")
    return tmp_path


def test_a_model_that_learns_gets_no_warning(colours: Path, tmp_path: Path) -> None:
    flags = ("--head_epochs", "0", "--epochs", "3", "--checkpoints", "1")
    models = tmp_path.with_name(f"{tmp_path.name}_models")  # not inside what is read
    result = train(config(colours, models, *flags, "--validation_share", "0"), quiet)
    assert result.warning == ""
    manifest = outputs.read_manifest(models)
    assert manifest is not None and manifest.facts["outcome"]["validation"] is None
