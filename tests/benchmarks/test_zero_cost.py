"""Scores that need no training, held against what is worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import surrogate, training_free, zero_cost
from benchmarks.proxy_scores import ProxyScores, render
from benchmarks.surrogate import feature_groups
from benchmarks.training_free import Setting
from nas.config import Config, parse
from nas.parts import build
from proxy_tasks.augment import normalise
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.networks import DeepLabV3
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import Job, Measurement
from proxy_tasks.training import Training
from results.trial import Trial, TrialState
from search_space.errors import UserError

SIZE = (32, 48)
CONFIG = parse(
    {
        "seed": 3,
        "data": {"name": "scenes", "scenes": [24, 2]},
        "space": {"stages": {3: 2, 4: 1}, "output_levels": [3, 4], "dilations": [1, 2]},
        "proxy": {
            "epochs": 1,
            "size": list(SIZE),
            "scale": {"filters": 0.125, "endpoint_filters": 8, "aspp_filters": 8},
            "recipe": {"batch_size": 8, "jitter": [1, 1], "colour": 0, "flip": 0},
        },
    },
    "test",
)
SPACE = build.space(CONFIG)
RNG = np.random.default_rng(0)
GENOTYPES = tuple(SPACE.sample(RNG) for _ in range(40))
BACKBONE = SPACE.decode(GENOTYPES[0])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    data = CONFIG.data.model_copy(update={"cache": tmp_path_factory.mktemp("cache")})
    return CONFIG.model_copy(update={"data": data})


@pytest.fixture(scope="module")
def setting(config: Config) -> Setting:
    return Setting(config, (1, 2))


@pytest.fixture
def network(setting: Setting) -> DeepLabV3:
    return training_free.initial_network(CONFIG, BACKBONE, setting.classes)


class Linear(nn.Module):
    """Two layers of 1x1 convolutions, 3 colours to 2 channels to 1, with a batch norm between."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 2, 1, bias=False), nn.BatchNorm2d(2, eps=1e-12)
        self.second = nn.Conv2d(2, 1, 1, bias=False)
        self.first.weight.data = scale * torch.tensor([[1.0, -2, 0], [3, 4, -1]])[:, :, None, None]
        self.second.weight.data = scale * torch.tensor([[-1.0, 0.5]])[:, :, None, None]

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        return self.second(self.norm(self.first(x_B3HW)))


def test_synflow_of_two_linear_layers() -> None:
    # Of ones: |first| gives 3 and 8, |second| 3 + 4 = 7; each layer's weights times their
    # gradients give the output again; so 2 x 7 for each of the image's 6 pixels.
    assert training_free.synflow(Linear(), (2, 3)) == pytest.approx(math.log(2 * 7 * 6), abs=1e-9)


def test_synflow_does_not_overflow_where_fp32_would() -> None:
    wanted = math.log(2 * 7) + 2 * math.log(1e30)
    assert training_free.synflow(Linear(1e30), (1, 1)) == pytest.approx(wanted, rel=1e-6)


class Rectified(nn.Module):
    """Rectifies the three colours in one of the ways that networks have."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.module = nn.ReLU(inplace=way == "module in place")
        self.way = way

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        if self.way == "method":
            return x_B3HW.relu()
        if self.way == "method in place":
            return x_B3HW.clone().relu_()
        return self.module(x_B3HW.clone())


def two_pixels() -> Tensor:
    images = torch.tensor([[255, 0, 255], [255, 255, 0]], dtype=torch.uint8)[:, None, None]
    return normalise(images)


@pytest.mark.parametrize("way", ["module", "module in place", "method", "method in place"])
def test_naswot_of_two_pixels(way: str) -> None:
    # Codes 101 and 110: two of three differ, K = [[3, 1], [1, 3]] and its determinant is 8.
    assert training_free.naswot(Rectified(way), two_pixels()) == pytest.approx(
        math.log(8), abs=1e-12
    )


def test_naswot_adds_up_what_all_layers_say() -> None:
    class Twice(Rectified):
        def forward_low(self, x_B3HW: Tensor) -> Tensor:
            return super().forward_low(super().forward_low(x_B3HW) - 0.1)

    # The same codes twice: K = [[6, 2], [2, 6]].
    assert training_free.naswot(Twice("method"), two_pixels()) == pytest.approx(
        math.log(32), abs=1e-12
    )


def test_the_gradient_norm_is_that_of_autograd(setting: Setting, network: DeepLabV3) -> None:
    found, loss_found = training_free.gradient_norm(network, setting.scored)
    network.train()
    network.dropout.eval()
    x_BCHW, y_BHW = setting.scored
    logits = F.interpolate(network.forward_low(x_BCHW), SIZE, mode="bilinear")
    loss = F.cross_entropy(logits, y_BHW, ignore_index=IGNORE)
    kernels = [each.weight for each in network.modules() if isinstance(each, nn.Conv2d)]
    wanted = sum(grad.norm() for grad in torch.autograd.grad(loss, kernels))
    assert loss_found == pytest.approx(loss.item(), rel=1e-5)
    assert found == pytest.approx(wanted.item(), rel=1e-4)


def test_a_network_is_left_as_it_was(setting: Setting, network: DeepLabV3) -> None:
    network.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    training_free.synflow(network, SIZE)
    training_free.naswot(network, setting.scored.x_BCHW)
    training_free.gradient_norm(network, setting.scored)
    training_free.losses(network, setting)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(each.grad is None and each.dtype == torch.float32 for each in network.parameters())
    assert not any(module.training for module in network.modules())


def test_crops_to_score_on_are_the_middles_of_images(setting: Setting) -> None:
    """Here images just cover a crop, so they are whole images, as they are."""
    _, y_BHW = setting.scored
    whole = [setting.train.labels(number).long() for number in range(24)]
    for labels in y_BHW:
        assert any(torch.equal(labels, other) for other in whole)


def test_a_network_starts_as_the_proxy_starts_it(config: Config, setting: Setting) -> None:
    data = build.packed(config, config.proxy, Console(stderr=True))
    recipe = Recipe(**CONFIG.proxy.recipe.model_dump())
    task = TrainingTask(data, recipe, CONFIG.seed, device="cpu")
    *_, wanted = task.score(Job(0, "trial", BACKBONE, setting.fidelity))
    network = training_free.initial_network(CONFIG, BACKBONE, setting.classes)
    training = Training(network, setting.train, recipe, 1, CONFIG.seed, SIZE)
    assert training.run_epoch() == wanted.train_loss


def test_losses_are_those_of_the_first_steps_of_the_proxys_training(
    setting: Setting, network: DeepLabV3
) -> None:
    found = training_free.losses(network, setting)
    # One epoch of 24 images in batches of 8: three steps.
    recipe = Recipe(**CONFIG.proxy.recipe.model_dump())
    training = Training(network, setting.train, recipe, 3, CONFIG.seed, SIZE, images=8)
    for step in (1, 2):
        training.chosen = setting.trained[step - 1]
        training.run_epoch()
        loss = training_free.gradient_norm(training.network, setting.scored)[1]
        assert found[step].value == pytest.approx(loss, rel=1e-6)
    assert found[2].value != found[1].value
    assert found.keys() == {1, 2}


def test_no_image_that_is_scored_is_trained_on(setting: Setting) -> None:
    trained = set(setting.trained.ravel().tolist())
    assert (setting.trained.shape, len(trained)) == ((2, 8), 16)
    for labels in setting.scored.y_BHW:
        for number in trained:
            assert not torch.equal(labels, setting.train.labels(number).long())


def table(scores: dict[str, np.ndarray]) -> ProxyScores:
    return ProxyScores(CONFIG, SPACE, GENOTYPES, pd.DataFrame(scores))


def test_all_targets_rise_with_what_is_good() -> None:
    known = table({"miou": np.array([0.1]), "loss": np.array([2.0]), "train_loss": np.array([3.0])})
    found = {name: values.tolist() for name, values in zero_cost.targets(known).items()}
    assert found == {"mIoU": [0.1], "-loss": [-2.0], "-train loss": [-3.0]}


def test_a_score_that_knows_more_than_the_features_is_a_gain_and_noise_is_none() -> None:
    rng = np.random.default_rng(1)
    features = {"profile": feature_groups(SPACE, GENOTYPES)["profile"]}
    target_N, noise_N = rng.normal(size=(2, len(GENOTYPES)))
    plain = zero_cost.resampled(zero_cost.held_out(features, target_N))
    groups = [{**features, "score": zero_cost.as_group([x])} for x in (np.exp(target_N), noise_N)]
    knows, noise = (
        zero_cost.gain(zero_cost.resampled(zero_cost.held_out(each, target_N)), plain)
        for each in groups
    )
    assert knows.low > 0.2
    assert noise.low < 0 < noise.high
    same = zero_cost.gain(plain, plain)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_agreement_is_of_ranks_with_its_interval() -> None:
    x_N = np.arange(30.0)
    exact = zero_cost.agreement(x_N, np.exp(x_N))
    assert (exact.value, exact.low, exact.high) == pytest.approx((1, 1, 1))
    shaken = zero_cost.agreement(x_N, x_N + np.random.default_rng(0).normal(0, 10, 30))
    assert 0.2 < shaken.low < shaken.value < shaken.high < 0.95


def written(folder: Path, config: Config, count: int) -> Path:
    trials = [
        Trial(
            number=number,
            name=f"trial-{number:04d}",
            kind="candidate",
            backbone=SPACE.decode(genotype),
            key=SPACE.key(genotype),
            genotype=genotype,
            state=TrialState.COMPLETE,
            measurement=Measurement(
                1, 10, 5, 60.5, 0.9 - number / 50, number / 30, 1 / (number + 1), score=0.5
            ),
        )
        for number, genotype in enumerate(GENOTYPES[:count])
    ]
    path = folder / "table.csv"
    path.write_text(render(config, trials), "utf-8")
    return path


def test_the_table_has_a_row_for_each_score(
    tmp_path: Path,
    config: Config,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surrogate, "REPEATS", 1)
    monkeypatch.setattr(surrogate, "FOLDS", 2)
    monkeypatch.setattr(surrogate, "RESAMPLED", 20)
    path = written(tmp_path, config, 12)
    zero_cost.main([str(path), "--count", "10", "--steps", "1"])
    printed = capsys.readouterr().out
    assert printed.startswith("10 networks, 60.5 s of training each")
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
    names = [row[0].strip() for row in rows]
    known = ["SynFlow", "NASWOT", "gradient norm", "-loss at the start", "-loss after step 1"]
    known += ["log MACs", "log parameters", "log activations", "log receptive field"]
    assert names[2:11] == known
    assert names[14:] == [*known[:5], "all of them"]
    assert rows[2 + known.index("log MACs")][-1].strip() == "1.00 (1.00 to 1.00)"


def test_data_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = CONFIG.data.model_copy(update={"name": "camvid"})
    path = written(tmp_path, CONFIG.model_copy(update={"data": data}), 2)
    with pytest.raises(SystemExit):
        zero_cost.main([str(path)])
    assert "the data set 'camvid' needs root" in capsys.readouterr().err.splitlines()[-1]
    with pytest.raises(SystemExit):
        zero_cost.main([str(path), "--data", str(tmp_path / "nowhere")])
    assert "nowhere" in capsys.readouterr().err.splitlines()[-1]


def test_less_than_two_batches_are_refused() -> None:
    data = CONFIG.data.model_copy(update={"scenes": (15, 2)})
    with pytest.raises(UserError, match="two batches of 8 are more than the 15 images"):
        Setting(CONFIG.model_copy(update={"data": data}))
