"""Reinforcement learning, as was used to find SpineNet: a recurrent policy trained by PPO.

The policy writes a genotype gene by gene (Zoph and Le 2017, arXiv 1611.01578, section 3.1) and is
updated by proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347).
Shapes: B trials, G genes, R the largest radix, C choices of all genes, P = G R, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from nas.controllers.base import finite_score, propose_new, stream
from results.trial import Trial
from search_space.genes import Gene, Genotype, SearchSpace
from search_space.seeds import derive_seed

LARGEST_STEP = 10.0
"""Of a log-probability in an update: a ratio of e^10 is clipped in any case, and finite."""
WISHES = 8
"""Genotypes that the policy draws for a proposal, at about the price of one."""


class Policy(nn.Module):
    """An LSTM that reads the last choice and gives the logits of the next gene's choices.

    Its tables are packed: they have a row for each choice of each gene, gene after gene.
    """

    def __init__(self, genes: Sequence[Gene], hidden: int) -> None:
        super().__init__()
        self.radices = [gene.radix for gene in genes]
        self.firsts = [0, *accumulate(self.radices)][:-1]  # the row of each gene's choice 0
        choices, largest = sum(self.radices), max(self.radices)
        self.embed = nn.Embedding(choices + 1, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.head_CH = nn.Parameter(torch.zeros(choices, hidden))
        self.bias_C = nn.Parameter(torch.zeros(choices))
        legal_GR = torch.arange(largest) < torch.tensor(self.radices)[:, None]
        place_C = legal_GR.flatten().nonzero()[:, 0]
        self.register_buffer("place_C", place_C)
        self.register_buffer("gene_C", place_C // largest)
        self.register_buffer("first_G", torch.tensor(self.firsts))
        self.place_C: Tensor  # where the row is in a table padded to (G, R), laid flat
        self.gene_C: Tensor  # whose choice the row is
        self.first_G: Tensor

    def log_probabilities(self, genotypes_BG: Tensor) -> tuple[Tensor, Tensor]:
        """log pi of each choice_BG given those before it, and the mean entropy_B per gene."""
        rows_BG = self.first_G + genotypes_BG
        hidden_BGH, _ = self.lstm(self.embed(F.pad(1 + rows_BG[:, :-1], (1, 0))))
        hidden_BCH = hidden_BGH.index_select(1, self.gene_C)
        log_BC = self._normalised((hidden_BCH * self.head_CH).sum(2) + self.bias_C)
        surprise_BC = log_BC.exp() * log_BC
        return log_BC.gather(1, rows_BG), -surprise_BC.sum(1) / len(self.radices)

    def _normalised(self, logits_BC: Tensor) -> Tensor:
        """The log-softmax over the choices of each gene."""
        genes, largest = len(self.radices), max(self.radices)
        illegal_BP = logits_BC.new_full((len(logits_BC), genes * largest), float("-inf"))
        padded_BP = illegal_BP.index_copy(1, self.place_C, logits_BC)
        log_BGR = padded_BP.view(-1, genes, largest).log_softmax(2)
        return log_BGR.flatten(1).index_select(1, self.place_C)

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """``count`` genotypes_BG, by the Gumbel-max trick. In NumPy: one small step after the
        other, torch would spend its time on calls."""
        embed, head_CH, bias_C = map(_array, (self.embed.weight, self.head_CH, self.bias_C))
        read, recur, bias_read, bias_recur = map(_array, self.lstm.parameters())
        bias, width = bias_read + bias_recur, embed.shape[1]
        noise_BC = rng.gumbel(size=(count, len(bias_C)))
        noise_BC += bias_C
        hidden_BH = cell_BH = np.zeros((count, width), np.float32)
        token_B, drawn = np.zeros(count, np.int64), []
        for first, radix in zip(self.firsts, self.radices, strict=True):
            gates = embed[token_B] @ read.T + hidden_BH @ recur.T + bias
            enter_BH, keep_BH, _, show_BH = _quarters(expit(gates), width)
            cell_BH = keep_BH * cell_BH + enter_BH * np.tanh(_quarters(gates, width)[2])
            hidden_BH = show_BH * np.tanh(cell_BH)
            own = slice(first, first + radix)
            drawn.append((hidden_BH @ head_CH[own].T + noise_BC[:, own]).argmax(1))
            token_B = 1 + first + drawn[-1]
        return np.stack(drawn, axis=1)


def _quarters(gates: NDArray[np.float32], width: int) -> list[NDArray[np.float32]]:
    return [gates[:, start : start + width] for start in range(0, 4 * width, width)]


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach())


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a network is slower on several threads, many times so where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class PPO:
    """An update after every ``batch`` ended trials, in the order in which they ended.

    The reward is the score; a trial that is infeasible or was stopped early gets the lowest so
    far. The old policy of the clipped objective is the one before the update, so that trials may
    come back late and in any order. The advantage is the reward less a moving average of rewards,
    over the root mean square of that in the batch. Where the policy draws nothing but known
    networks, mutants of what it draws are proposed, and fresh samples where they are known too.

    Args:
        batch: ended trials an update.
        learning_rate, epochs, clip, entropy: of PPO; ``clip`` is the epsilon of eq. 7 and
            ``entropy`` the coefficient c2 of eq. 9.
        decay: of the reward baseline, an update.
        hidden: width of the LSTM.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        batch: int,
        learning_rate: float,
        epochs: int,
        clip: float,
        entropy: float,
        decay: float,
        hidden: int,
    ) -> None:
        self._space, self._seed = space, seed
        self._batch, self._epochs = batch, epochs
        self._clip, self._entropy, self._decay = clip, entropy, decay
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "policy"))
            self._policy = Policy(space.genes, hidden)
        self._optimizer = torch.optim.Adam(self._policy.parameters(), learning_rate, fused=True)
        self._baseline: float | None = None
        self._lowest: float | None = None
        self._waiting: list[Trial] = []

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)
        policy_rng = np.random.default_rng(derive_seed(self._seed, "policy", number))
        wishes = [tuple(row) for row in self._policy.draw(WISHES, policy_rng).tolist()]

        def mutant() -> Genotype:
            return self._space.mutate(wishes[0], rng)

        def newcomer() -> Genotype:
            return self._space.sample(rng)

        return propose_new([mutant, newcomer], self._space, history, first=wishes)

    def tell(self, trial: Trial) -> None:
        if (score := finite_score(trial)) is not None:
            self._lowest = score if self._lowest is None else min(score, self._lowest)
        self._waiting.append(trial)
        if len(self._waiting) == self._batch:
            self._update()
            self._waiting.clear()

    def _update(self) -> None:
        genotypes_BG = torch.tensor([trial.genotype for trial in self._waiting])
        lowest = 0.0 if self._lowest is None else self._lowest
        scores = [lowest if t.score is None else t.score for t in self._waiting]
        rewards_B = torch.tensor(scores)
        mean = float(rewards_B.mean())
        before = mean if self._baseline is None else self._baseline
        self._baseline = self._decay * before + (1 - self._decay) * mean
        better_B = rewards_B - before
        with _one_thread():
            self._climb(genotypes_BG, better_B / (better_B.square().mean().sqrt() + 1e-8))

    def _climb(self, genotypes_BG: Tensor, advantages_B: Tensor) -> None:
        """Gradient steps on the clipped objective, whose mean is over trials and genes."""
        old_BG: Tensor | None = None
        gained_B1 = advantages_B[:, None]
        for _ in range(self._epochs):
            new_BG, entropy_B = self._policy.log_probabilities(genotypes_BG)
            old_BG = new_BG.detach() if old_BG is None else old_BG  # nothing has moved yet
            ratio_BG = (new_BG - old_BG).clamp(max=LARGEST_STEP).exp()
            clipped_BG = ratio_BG.clamp(1 - self._clip, 1 + self._clip)
            gain_BG = torch.minimum(ratio_BG * gained_B1, clipped_BG * gained_B1)  # eq. 7
            # Eq. 9, without a value function.
            loss = -(gain_BG.mean() + self._entropy * entropy_B.mean())
            self._optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._policy.parameters(), 1.0)
            self._optimizer.step()
