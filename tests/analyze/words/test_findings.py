"""Sentences follow from the figures."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analyze.figures.test_summarize import summarized
from tests.analyze.world import World, make_world
from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summary import (
    ClassSummary,
    Mistakes,
    OverallSummary,
    RankedImage,
    TestSuspect,
)
from tracin.analyze.pictures.pages import FINDINGS, first_findings
from tracin.analyze.read.same_pictures import SamePicture
from tracin.analyze.words.findings import in_words
from tracin.analyze.words.meaning import BLIND_SPOT
from tracin.analyze.words.phrases import names
from tracin.model_check import ModelCheck, count_answers


def image(index: int, label: str, suggested: str | None = None) -> RankedImage:
    return RankedImage(index, -1.0, f"train/{label}/{index}.jpg", label, suggested)


def cats(**changes: object) -> ClassSummary:
    opponents = tuple(image(i, "dog") for i in range(12)) + tuple(
        image(i, "cow" if i < 18 else "cat") for i in range(12, 20)
    )
    plain = ClassSummary(
        name="cat",
        is_class=True,
        health=Health(4, 5),
        n_train=40,
        n_right=5,
        test_mean=np.array([1.0, 2.0, -1.0, 3.0, 4.0]),
        mean=1.8,
        unit="estimated drop in test loss",
        rank_by="normalized",
        helpful=(image(30, "cat"), image(31, "dog")),
        harmful=opponents[:10],
        strongest=opponents,
        by_label=(("cat", 3.0, 40), ("cow", 0.5, 20), ("dog", -2.0, 30)),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def run_of(*classes: ClassSummary, **changes: object) -> OverallSummary:
    plain = OverallSummary(
        method="TracIn",
        unit="estimated drop in test loss",
        provenance="",
        n_train=90,
        n_test=5,
        n_train_classes=3,
        test_accuracy=1.0,
        n_right=5,
        health=Health(5, 5),
        score_range=(-1.0, 1.0),
        test_max=np.ones(5),
        test_min=-np.ones(5),
        test_mean=np.ones(5),
        groups=tuple(one.name for one in classes),
        group_of=np.zeros(5, np.int64),
        has_classes=True,
        rank_by="normalized",
        helpful=(),
        harmful=(),
        busiest_opponent=None,
        mistakes=None,
        suspects=(),
        classes=classes,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def calm() -> ClassSummary:
    return cats(health=Health(5, 5), strongest=(), harmful=())


def test_labels_that_stand_against_a_class_are_counted_and_named() -> None:
    words = in_words(run_of(cats()))
    sentence = (
        "12 of the 20 strongest opponents of cat are labelled dog: look at train/dog/0.jpg, "
        "train/dog/1.jpg, train/dog/2.jpg and 9 more."
    )
    assert sentence in words.findings
    assert sentence in words.by_class["cat"]
    assert words.recommendations == (
        "Compare dog with cat: clearer or more training images of both could help the model to "
        "separate them.",
        "Compare cow with cat: clearer or more training images of both could help the model to "
        "separate them.",
    )


def test_wrong_labels_among_them_are_to_be_relabelled() -> None:
    strongest = tuple(image(i, "dog", "cat" if i < 2 else None) for i in range(4))
    words = in_words(run_of(cats(strongest=strongest)))
    assert words.findings[3].startswith("All of the 4 strongest opponents of cat are labelled dog")
    assert words.recommendations == (
        "Look at train/dog/0.jpg and train/dog/1.jpg, then relabel them from dog to cat, or delete "
        "them: their labels look wrong.",
    )


def test_one_of_a_kind_is_told_as_one() -> None:
    opponent, suspect = image(0, "cat", "dog"), image(1, "cow", "dog")
    alone = cats(health=Health(1, 5), strongest=(opponent,), helpful=(image(2, "dog"),))
    mistake = Mistakes(1, "test/cat/9.jpg", "cat", "dog", None)
    words = in_words(run_of(alone, mistakes=mistake, suspects=(suspect,), n_right=4))
    assert words.by_class["cat"][0] == (
        f"1 of 5 training labels of cat looks right to the model: health 20.0% (NEEDS ATTENTION). "
        f"{BLIND_SPOT}"
    )
    assert words.by_class["cat"][2:] == (
        "The only opponent of cat is labelled cat all the same: an unusual or mislabelled picture, "
        "train/cat/0.jpg.",
        "The only opponent of cat has a label that looks wrong: train/cat/0.jpg "
        "(labelled cat, looks like dog).",
        "The only helpful training image carries another label: train/dog/2.jpg (dog).",
    )
    assert words.findings[1:3] == (
        "1 of 5 test images is misclassified: test/cat/9.jpg (cat, taken for dog).",
        "1 of 90 training labels looks wrong: that of train/cow/1.jpg, labelled cow, which looks "
        "like dog.",
    )


def test_cut_lists_say_how_many_are_left_out() -> None:
    wrong = tuple(image(k, "dog", "cow") for k in range(5))
    weak = [
        cats(name=name, health=Health(0, 5), strongest=wrong, helpful=wrong) for name in "abcde"
    ]
    words = in_words(run_of(*weak, health=Health(0, 5)))
    assert words.recommendations[-1] == (
        "Open the pages of a, b, c and 2 more: many labels look wrong there."
    )
    assert words.by_class["a"][-2].endswith(
        "train/dog/2.jpg (labelled dog, looks like cow) and 2 more."
    )
    assert words.by_class["a"][-1].endswith("train/dog/2.jpg (dog) and 2 more.")


def test_two_images_are_no_pattern() -> None:
    words = in_words(run_of(cats(strongest=(image(0, "dog"), image(1, "dog")))))
    assert not [sentence for sentence in words.findings if "opponents of cat" in sentence]


def test_a_class_in_words() -> None:
    assert in_words(run_of(cats())).by_class["cat"] == (
        f"4 of 5 training labels of cat look right to the model: health 80.0% (GOOD). {BLIND_SPOT}",
        "Of the training classes, each summed over its images, cat helped most (+3.00) and dog "
        "hurt most (−2.00).",
        "12 of the 20 strongest opponents of cat are labelled dog: look at train/dog/0.jpg, "
        "train/dog/1.jpg, train/dog/2.jpg and 9 more.",
        "2 of the 20 strongest opponents of cat are labelled cat all the same: unusual or "
        "mislabelled pictures, train/cat/18.jpg and train/cat/19.jpg.",
        "1 of the 2 most helpful training images carries another label: train/dog/31.jpg (dog).",
    )


def test_nothing_to_recommend_is_said() -> None:
    words = in_words(run_of(calm()))
    (advice,) = words.recommendations
    assert advice.startswith("Nothing to recommend: no label looks wrong")
    assert "nothing in the training set hurt a test image." in words.findings[-1]
    assert words.by_class["cat"][-1] == ("No training image has a mean influence below zero.")


def test_without_evidence_on_labels_nothing_is_claimed_about_them() -> None:
    (advice,) = in_words(run_of(calm(), suspects=None)).recommendations
    assert advice == "Nothing to recommend: nothing stands out in these scores."


def test_suspects_and_mistakes_come_first() -> None:
    mistake = Mistakes(2, "test/cat/9.jpg", "cat", "dog", image(3, "dog"))
    suspects = (image(7, "cow", "dog"), image(8, "dog", "cat"))
    words = in_words(run_of(calm(), mistakes=mistake, suspects=suspects, n_right=3))
    assert words.findings[1:3] == (
        "2 of 5 test images are misclassified. The largest loss is that of test/cat/9.jpg (cat, "
        "taken for dog); its strongest opponent is train/dog/3.jpg (labelled dog).",
        "2 of 90 training labels look wrong. The most suspicious is that of train/cow/7.jpg, "
        "labelled cow, which looks like dog.",
    )
    assert words.recommendations == (
        "Check the labels in suspects.csv, beginning with train/cow/7.jpg and train/dog/8.jpg.",
        "Look at test/cat/9.jpg: the model is most wrong about it.",
    )


def test_the_weakest_class_and_the_busiest_opponent() -> None:
    dog = replace(calm(), name="dog", n_right=3, health=Health(3, 10))
    few = replace(calm(), name="owl", n_right=0, test_mean=np.ones(4), health=Health(1, 4))
    words = in_words(
        run_of(calm(), dog, few, busiest_opponent=(image(5, "cow"), 4), health=Health(6, 9))
    )
    assert words.findings[1:] == (
        "The weakest class is dog: 3 of its 5 test images right (60.0%; 95% interval 23% to 88%).",
        "No test image is misclassified.",
        "The strongest opponent of 4 of 5 test images is train/cow/5.jpg (labelled cow).",
    )
    assert words.recommendations[-1] == "Open the page of dog: many labels look wrong there."


def test_nothing_is_cut_off_and_the_dashboard_says_how_much_more_there_is() -> None:
    leak = SamePicture("train/cat/1.jpg", "cat", "test/cat/1.jpg", "cat", leak=True)
    conflict = SamePicture("train/cat/1.jpg", "cat", "train/dog/1.jpg", "dog", leak=False)
    dog = replace(calm(), name="dog", n_right=3)
    words = in_words(
        run_of(
            *(cats(), dog),
            same_pictures=(leak, conflict),
            health=Health(85, 90),
            suspects=(image(1, "cat", "dog"),),
            test_suspects=(TestSuspect("test/a.jpg", "cat", "dog"),),
            mistakes=Mistakes(2, "test/cat/9.jpg", "cat", "dog", None),
            busiest_opponent=(image(5, "cow"), 40),
        )
    )
    assert any(sentence.startswith("The weakest class is dog") for sentence in words.findings)
    assert len(words.findings) > FINDINGS
    shown = first_findings(words.findings)
    assert shown[:FINDINGS] == list(words.findings[:FINDINGS])
    more = len(words.findings) - FINDINGS
    assert shown[FINDINGS:] == [f"{more} more findings in report.html."]
    assert first_findings(words.findings[:FINDINGS]) == words.findings[:FINDINGS]


def test_every_score_zero() -> None:
    words = in_words(run_of(calm(), score_range=(0.0, 0.0)))
    assert words.findings[0].startswith("Every score is zero")
    assert "learning rate is above zero" in words.recommendations[0]
    assert words.by_class["cat"][0].startswith("Every score is zero")
    for sentences in (words.findings, words.by_class["cat"]):
        assert any(sentence.endswith(BLIND_SPOT) for sentence in sentences)


@pytest.mark.parametrize("n_test", [1, 12, 40])
@pytest.mark.parametrize("zero", [False, True])
def test_sentences_of_any_run(tmp_path: Path, n_test: int, zero: bool) -> None:
    folder = make_world(tmp_path, n_train=60, n_test=n_test, zero=zero, images=False).results_dir
    words = in_words(summarized(folder))
    said = [*words.findings, *words.recommendations]
    said += [sentence for page in words.by_class.values() for sentence in page]
    assert words.findings
    assert words.recommendations
    for sentence in said:
        assert sentence.endswith((".", "?"))
        assert "caus" not in sentence
        assert "  " not in sentence
        assert "nan" not in sentence.split()


def test_named_images_are_those_of_the_ranking(world: World) -> None:
    overall = summarized(world.results_dir)
    one = max(overall.classes, key=lambda one: len(one.strongest))
    label, times = one.opponent_labels[0]
    labels = [image.label for image in one.strongest]
    assert labels.count(label) == times == max(labels.count(each) for each in labels)


def test_phrases() -> None:
    assert names([image(k, "cat") for k in range(5)]).endswith("train/cat/2.jpg and 2 more")
    assert RankedImage(7, 1.0, None, None).name == "training image 7"
    assert dataclasses.is_dataclass(RankedImage)


def test_a_pair_of_classes_is_compared_once_and_two_alone_never() -> None:
    """The opponents of a class of two are of the other; of more, each may be the other's."""

    def opposed(name: str, other: str) -> ClassSummary:
        images = tuple(image(i, other) for i in range(20))
        return replace(cats(), name=name, strongest=images)

    three = [opposed("cat", "dog"), opposed("dog", "cat"), opposed("cow", "dog")]
    said = " ".join(in_words(run_of(*three)).recommendations)
    assert ("Compare dog with cat" in said) + ("Compare cat with dog" in said) == 1
    assert "Compare dog with cow" in said
    two = run_of(*three[:2], n_train_classes=2)
    assert "Compare" not in " ".join(in_words(two).recommendations)


def test_of_a_model_that_knows_few_of_its_images_the_model_comes_first() -> None:
    """Better than chance, right on a third: no advice rests on the classes that it confuses."""
    given = np.arange(300) % 10
    named = np.where(np.arange(300) % 3 == 0, given, (given + np.arange(300) // 10) % 10)
    answers = count_answers(given, named, [f"class {k}" for k in range(10)])
    check = ModelCheck(answers, answers)
    assert check.can_judge
    words = in_words(run_of(cats(), check=check))
    assert words.findings[0] == check.weakness
    assert words.recommendations[0].startswith("Begin with the model: it does not know most of")
    assert words.recommendations[1].startswith("Check that the checkpoint, the data folder")
    assert not any("Compare" in sentence for sentence in words.recommendations)
    assert any("Compare" in sentence for sentence in in_words(run_of(cats())).recommendations)


def test_of_a_model_that_learnt_its_images_by_heart_earlier_checkpoints_are_advised() -> None:
    """Right on all training images and on 70 of 100 others."""
    given, names = np.arange(100) % 10, [f"class {k}" for k in range(10)]
    every = count_answers(given, given, names)
    some = count_answers(given, np.where(np.arange(100) < 70, given, (given + 1) % 10), names)
    check = ModelCheck(every, some)
    assert check.can_judge and check.by_heart
    words = in_words(run_of(cats(), check=check))
    assert words.findings[0] == (
        "The model, right on 100.0% of its training and 70.0% of the test images, may know wrong "
        "labels by heart: few suspects prove nothing."
    )
    assert words.recommendations[0].startswith("Score several checkpoints from before the model")
    assert not ModelCheck(some, some).by_heart
    assert not ModelCheck(every, every).by_heart


def test_of_a_model_that_cannot_judge_that_is_said_and_nothing_else() -> None:
    given = np.arange(100) % 10
    answers = count_answers(given, np.zeros(100, np.int64), [f"class {k}" for k in range(10)])
    check = ModelCheck(answers, answers, ("The classes seem to stand in another order.",))
    mistake = Mistakes(2, "test/cat/9.jpg", "cat", "dog", None)
    words = in_words(run_of(cats(), check=check, health=None, mistakes=mistake, suspects=None))
    assert words.findings[0] == check.headline
    assert any(
        "It names a single class, class 0, for all of 100" in sentence
        for sentence in words.findings
    )
    assert words.recommendations[:-1] == check.causes
    assert words.recommendations[-1].startswith("Check that the checkpoint, the data folder")
    said = " ".join((*words.findings, *words.recommendations, *words.by_class["cat"]))
    for word in ("Compare", "elabel", "health", "weakest", "looks wrong", "GOOD"):
        assert word not in said


def same(label: str, other: str, number: int, *, leak: bool) -> SamePicture:
    split = "test" if leak else "train"
    return SamePicture(
        f"train/{label}/{number}.jpg", label, f"{split}/{other}/{number}.jpg", other, leak
    )


@pytest.mark.parametrize("judges", [True, False])
def test_what_is_certain_comes_first_whatever_the_model(judges: bool) -> None:
    pairs = (
        same("cat", "dog", 1, leak=False),
        same("cat", "cat", 2, leak=True),
        same("dog", "cow", 3, leak=True),
        same("dog", "dog", 3, leak=True),
    )
    given = np.arange(100) % 2
    named = given if judges else np.zeros(100, np.int64)
    answers = count_answers(given, named, ("cat", "dog"))
    check = ModelCheck(answers, answers)
    words = in_words(run_of(calm(), same_pictures=pairs, check=check))
    first = words.findings if judges else words.findings[1 + len(check.problems) :]
    assert first[:2] == (
        "Certain, whatever the model: 2 pictures stand under more than one label, such as "
        "train/cat/1.jpg (cat) and train/dog/1.jpg (dog).",
        "Certain, whatever the model: 3 of 5 test images are training images too, and the accuracy "
        "counts them: test/cat/2.jpg, test/cow/3.jpg and test/dog/3.jpg.",
    )
    assert words.recommendations[:2] == (
        "Correct one label of train/cat/1.jpg (cat) and train/dog/1.jpg (dog), then the other "
        "pair: one of the two is wrong, unless the picture shows both.",
        "Take test/cat/2.jpg, test/cow/3.jpg and test/dog/3.jpg out of the test or of the training "
        "folder: a model that has seen them cannot be tested on them.",
    )
    every = in_words(run_of(calm(), same_pictures=pairs, n_test=3))
    assert every.recommendations[1].startswith("Test on other images: every test image is a")
    alone = in_words(run_of(calm(), same_pictures=pairs[:1]))
    assert alone.findings[0] == (
        "Certain, whatever the model: train/cat/1.jpg (cat) and train/dog/1.jpg (dog) are the same "
        "picture under two labels."
    )


def test_test_labels_are_asked_about_where_there_is_evidence_and_nowhere_else() -> None:
    found = (
        TestSuspect("test/cat/1.jpg", "cat", "dog"),
        TestSuspect("test/cat/2.jpg", "cat", "cow"),
    )
    words = in_words(run_of(calm(), test_suspects=found))
    assert (
        "2 of 5 test labels look wrong. The most suspicious is that of test/cat/1.jpg, labelled "
        "cat, which looks like dog."
    ) in words.findings
    assert (
        "Check the test labels in test_suspects.csv, beginning with test/cat/1.jpg and "
        "test/cat/2.jpg."
    ) in words.recommendations
    quiet = in_words(run_of(calm()))
    assert not any("test label" in said for said in (*quiet.findings, *quiet.recommendations))


def test_more_labels_look_wrong_than_are_listed() -> None:
    suspects = (image(7, "cow", "dog"), image(8, "dog", "cat"))
    words = in_words(run_of(calm(), suspects=suspects, health=Health(60, 90)))
    assert any(
        said.startswith("30 of 90 training labels look wrong.")
        and said.endswith("The first 2 are listed.")
        for said in words.findings
    )


def test_no_advice_about_a_class_with_few_test_images() -> None:
    few = cats(test_mean=np.array([1.0, -1.0]), n_right=1)
    words = in_words(run_of(few))
    assert not any("cat" in advice for advice in words.recommendations)
