"""Scores of an untrained network: SynFlow, NASWOT, gradient norm, and what costs nothing.

Every network is built as the proxy builds it, initial weights included, and scored on a batch of
crops from the middle of training images, not augmented, in fp32 on one thread. More is better:
losses count with a minus, everything else as it is.

Shapes: B images of a batch, H x W pixels, U rectified numbers of an image.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection
from time import process_time
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas.config import Config
from nas.parts import build
from proxy_tasks.augment import Augment
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.networks import Segmenter, build_segmenter, channels_last
from proxy_tasks.training import Training
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.errors import UserError
from search_space.seeds import derive_seed

Found = TypeVar("Found")


class Score(NamedTuple):
    """Of one network; ``seconds`` of CPU time."""

    value: float
    seconds: float


class Batch(NamedTuple):
    """Crops to score on: x_BCHW, normalised, and y_BHW int64."""

    x_BCHW: Tensor
    y_BHW: Tensor


class Setting:
    """What the networks of a table are scored on: ``scored``, and for each step of training up to
    the last of ``steps``, after which a loss is a score, the numbers of the images of a batch,
    ``trained``, without those that are scored on.

    Raises:
        UserError: where the data set is not there or has no two batches.
    """

    def __init__(self, config: Config, steps: Collection[int] = ()) -> None:
        self.config, self.steps = config, steps
        self.fidelity = build.fidelity(config.proxy, config.data)
        batch, dataset = config.proxy.recipe.batch_size, build.dataset(config, self.fidelity.size)
        self.images = round(dataset.count("train") * self.fidelity.share)
        if self.images < 2 * batch:
            raise UserError(f"two batches of {batch} are more than the {self.images} images")
        order = np.random.default_rng(derive_seed(config.seed, "zero cost")).permutation(
            self.images
        )
        trained = np.resize(order[batch:], max(steps, default=0) * batch)
        data = open_packed(build.packed(config, config.proxy, Console(stderr=True)))
        self.classes, self.intensities = len(data.classes), data.intensities
        self.train = DeviceSplit(data.train, torch.device("cpu"))
        self.trained = trained.reshape(-1, batch)
        self.scored = self._middles(order[:batch])

    def _middles(self, numbers_B: NDArray[np.int64]) -> Batch:
        plain = Augment(scale=(1, 1), flip=0, colour=0)
        crops = Crops(self.train, self.fidelity.size, plain, self.intensities)
        index_B = torch.from_numpy(numbers_B)
        middle = torch.full_like(plain.draw(len(index_B), torch.Generator()), 0.5)
        return Batch(*crops(index_B, middle))


def synflow(network: Segmenter, size: tuple[int, int]) -> float:
    """Logarithm of Σ |θ ∂R/∂θ| over the weights of convolutions, where R sums the low logits of an
    image of ones under the weights' absolute values (Tanaka et al. 2020, arXiv 2006.05467, eq. 2
    and algorithm 1; as a score of architectures Abdelfattah et al. 2021, arXiv 2101.08134).

    In evaluation mode a batch norm that was never trained is the identity but for its epsilon, so
    batch norms are as good as left out, as in the second paper; normalising by the batch would
    undo the very products that are summed. In float64: they leave fp32's range in deep networks.
    """
    network = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    network.forward_low(torch.ones(1, 3, *size, dtype=torch.float64)).sum().backward()
    return float(torch.stack([(w * g).sum() for w, g in _convolutions(network)]).sum().log())


def naswot(network: Segmenter, x_BCHW: Tensor) -> float:
    """log |det K| with K_ij = U - Hamming distance of the codes of images i and j: which of an
    image's U rectified numbers are positive (Mellor et al. 2021, arXiv 2006.04647, eq. 2).

    Batch norms go by the batch, as there; -inf where two images have one code.
    """
    with _Codes() as codes, torch.no_grad():
        _started(network).forward_low(x_BCHW)
    return float(torch.linalg.slogdet(codes.kernel_BB).logabsdet)


class _Codes(TorchFunctionMode):
    """Adds up the kernel of all rectified maps, whether a module, a function or a method made them.

    Of codes of 0 and 1 with r_i ones, U less their distance is U - r_i - r_j + 2 r_ij, where r_ij
    counts the ones that two have in common.
    """

    RECTIFIERS = (F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)

    def __init__(self) -> None:
        super().__init__()
        self.kernel_BB = torch.zeros((), dtype=torch.float64)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if func in self.RECTIFIERS:
            code_BU = (found > 0).flatten(1).float()
            common_BB = (code_BU @ code_BU.T).double()
            ones_B = common_BB.diagonal()
            same_BB = code_BU.shape[1] - ones_B[:, None] - ones_B + 2 * common_BB
            self.kernel_BB = self.kernel_BB + same_BB
        return found


def gradient_norm(network: Segmenter, batch: Batch) -> tuple[float, float]:
    """Sum over the convolutions of the Euclidean norm of the loss's gradient (Abdelfattah et al.
    2021, arXiv 2101.08134, section 3.2); and the loss."""
    network = _started(network)
    loss = _loss(network, batch)
    loss.backward()
    norms = [gradient.norm() for _, gradient in _convolutions(network)]
    return float(torch.stack(norms).sum()), float(loss.detach())


def losses(network: Segmenter, setting: Setting) -> dict[int, Score]:
    """Loss of the scored batch after the setting's steps of training on the others, one step each:
    the first of the proxy's, under its schedule. The weights are not averaged."""
    began, found, config = process_time(), {}, setting.config
    recipe = config.proxy.recipe
    total = max(config.proxy.epochs * (setting.images // recipe.batch_size), *setting.steps)
    training = Training(
        copy.deepcopy(network),
        setting.train,
        recipe,
        total,
        config.seed,
        setting.fidelity.size,
        images=recipe.batch_size,
        chosen=np.unique(setting.trained).tolist(),
        intensities=setting.intensities,
    )
    for step, numbers_B in enumerate(setting.trained, start=1):
        training.chosen = numbers_B
        training.run_epoch()
        if step in setting.steps:
            with torch.no_grad():
                value = float(_loss(_started(training.network), setting.scored))
            found[step] = Score(value, process_time() - began)
    return found


def _loss(network: Segmenter, batch: Batch) -> Tensor:
    return upsampled_cross_entropy(network.forward_low(batch.x_BCHW), batch.y_BHW)


def _convolutions(network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """(weight, gradient) of each that the loss reached; biases and batch norms are vectors."""
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    return [(weight.detach(), weight.grad) for weight in weights if weight.grad is not None]


def _started(network: Segmenter) -> Segmenter:
    """A copy in training mode, but for dropout, whose noise is no score."""
    network = copy.deepcopy(network).train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return network


def initial_network(config: Config, backbone: Backbone, classes: int) -> Segmenter:
    """As the proxy's TrainingTask starts from."""
    torch.manual_seed(derive_seed(config.seed, "weights", canonical_key(backbone)))
    fidelity = build.fidelity(config.proxy, config.data)
    return channels_last(build_segmenter(backbone, fidelity.scale, classes, fidelity.size))


def scores(setting: Setting, backbone: Backbone) -> dict[str, Score]:
    """All scores of a network, more is better."""
    network = initial_network(setting.config, backbone, setting.classes)
    scored = setting.scored
    flow, flow_seconds = _timed(lambda: synflow(network, setting.fidelity.size))
    codes, codes_seconds = _timed(lambda: naswot(network, scored.x_BCHW))
    (norm, loss), seconds = _timed(lambda: gradient_norm(network, scored))
    found = {
        "SynFlow": Score(flow, flow_seconds),
        "NASWOT": Score(codes, codes_seconds),
        "gradient norm": Score(norm, seconds),
        "-loss at the start": Score(-loss, seconds),
    }
    if setting.steps:
        for step, after in losses(network, setting).items():
            found[f"-loss after step {step}"] = Score(-after.value, after.seconds)
    return found | rivals(setting, backbone)


def _timed(measure: Callable[[], Found]) -> tuple[Found, float]:
    began = process_time()
    return measure(), process_time() - began


def rivals(setting: Setting, backbone: Backbone) -> dict[str, Score]:
    """Logarithms of what is known without a network; of the receptive fields the mean."""
    scale, size = setting.fidelity.scale, setting.fidelity.size
    known, seconds = _timed(lambda: cost(backbone, scale, setting.classes, size))
    fields = known.receptive_fields.values()
    values = {
        "log MACs": math.log(known.macs),
        "log parameters": math.log(known.parameters),
        "log activations": math.log(known.activations),
        "log receptive field": sum(map(math.log, fields)) / len(fields),
    }
    return {name: Score(value, seconds) for name, value in values.items()}
