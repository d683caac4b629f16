import math

import pytest
import torch

from proxy_tasks.metrics import (
    accuracy,
    confusion,
    frequency_weighted_iou,
    iou,
    mean_iou,
    pixel_accuracy,
)

TARGET = torch.tensor([[0, 0, 1, 255], [1, 2, 2, 255]])
PREDICTION = torch.tensor([[0, 1, 1, 0], [1, 2, 0, 3]])


def test_a_hand_example_counts_targets_in_rows_and_skips_void() -> None:
    found = confusion(PREDICTION, TARGET, 4)
    assert found.dtype == torch.int64
    assert found.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_iou_of_the_hand_example_leaves_the_absent_class_out() -> None:
    matrix = confusion(PREDICTION, TARGET, 4)
    found = iou(matrix).tolist()
    assert found[:3] == pytest.approx([1 / 3, 2 / 3, 1 / 2])
    assert math.isnan(found[3])
    assert mean_iou(matrix) == pytest.approx(0.5)


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    matrix = confusion(torch.tensor([0, 1]), torch.tensor([0, 0]), 3)
    assert iou(matrix)[:2].tolist() == [0.5, 0.0]
    assert mean_iou(matrix) == 0.25


def test_matrices_of_batches_add_up() -> None:
    prediction, target = torch.randint(0, 5, (2, 4, 9, 9))
    halves = [confusion(prediction[i : i + 2], target[i : i + 2], 5) for i in (0, 2)]
    assert torch.equal(halves[0] + halves[1], confusion(prediction, target, 5))


def test_another_void_value_can_be_ignored() -> None:
    matrix = confusion(torch.tensor([0, 1]), torch.tensor([0, 11]), 2, ignore=11)
    assert matrix.tolist() == [[1, 0], [0, 0]]


def test_nothing_but_void_has_no_mean() -> None:
    matrix = confusion(torch.zeros(4, dtype=torch.uint8), torch.full((4,), 255), 3)
    assert int(matrix.sum()) == 0
    assert math.isnan(mean_iou(matrix))


def test_bytes_do_not_overflow() -> None:
    prediction = torch.full((3,), 99, dtype=torch.uint8)
    assert int(confusion(prediction, prediction, 100)[99, 99]) == 3


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        ([0, 0], [0, 3], "target must hold classes from 0 to 2 but got 0 to 3"),
        ([0, 3], [0, 0], "prediction must hold classes from 0 to 2 but got 0 to 3"),
        ([0, 0], [0, -1], "target must hold classes from 0 to 2 but got -1 to 0"),
        ([-1, 0], [0, 0], "prediction must hold classes from 0 to 2 but got -1 to 0"),
        ([0, 0], [0, 10**9], "target must hold classes from 0 to 2 but got 0 to 1000000000"),
        ([0, 0, 0], [0, 0], "shape"),
    ],
)
def test_values_that_are_no_classes_are_refused(
    prediction: list[int], target: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        confusion(torch.tensor(prediction), torch.tensor(target), 3)


def test_accuracies_and_weighted_iou_of_the_hand_example() -> None:
    matrix = confusion(PREDICTION, TARGET, 4)
    assert accuracy(matrix).tolist()[:3] == pytest.approx([1 / 2, 1, 1 / 2])
    assert math.isnan(accuracy(matrix)[3])
    assert pixel_accuracy(matrix) == pytest.approx(4 / 6)
    assert frequency_weighted_iou(matrix) == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)


def test_a_class_that_is_only_predicted_has_no_accuracy_and_no_weight() -> None:
    matrix = confusion(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 0, 0]), 2)
    assert accuracy(matrix)[0] == 0.75
    assert math.isnan(accuracy(matrix)[1])
    assert frequency_weighted_iou(matrix) == 0.75
