"""Reinforcement learning as SpineNet was found by: a recurrent policy trained by PPO.

The policy writes a genotype gene by gene (Zoph and Le 2017, arXiv 1611.01578, section 3.1) and is
updated by proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347).
Shapes: B trials, G genes, R the largest radix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from nas.controllers.base import propose_new, stream
from results.trial import Trial
from search_space.genes import Gene, Genotype, SearchSpace, sample
from search_space.seeds import derive_seed

CHUNK = 50
"""Genotypes that the policy draws at a time once its first was known."""
ATTEMPTS = 200
"""Draws of the policy, then mutants of them, before the next way to a new network."""


class Policy(nn.Module):
    """An LSTM that reads the last choice and gives the logits of the next gene's choices."""

    def __init__(self, genes: Sequence[Gene], hidden: int) -> None:
        super().__init__()
        self.radices = [gene.radix for gene in genes]
        self.largest = max(self.radices)
        self.embed = nn.Embedding(len(genes) * self.largest + 1, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.head_GRH = nn.Parameter(torch.zeros(len(genes), self.largest, hidden))
        self.bias_GR = nn.Parameter(torch.zeros(len(genes), self.largest))
        self.register_buffer("illegal_GR", _illegal(self.radices))
        self.illegal_GR: Tensor

    def log_probabilities(self, genotypes_BG: Tensor) -> tuple[Tensor, Tensor]:
        """log pi of each genotype, and the policy's mean entropy per gene along it: both (B,)."""
        hidden_BGH, _ = self.lstm(self.embed(self._tokens(genotypes_BG)[:, :-1]))
        logits_BGR = torch.einsum("bgh,grh->bgr", hidden_BGH, self.head_GRH) + self.bias_GR
        log_BGR = logits_BGR.masked_fill(self.illegal_GR, float("-inf")).log_softmax(2)
        chosen_BG = log_BGR.gather(2, genotypes_BG[:, :, None])[:, :, 0]
        surprise_BGR = log_BGR.exp() * log_BGR.masked_fill(self.illegal_GR, 0)
        return chosen_BG.sum(1), -surprise_BGR.sum(2).mean(1)

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """``count`` genotypes_BG, by the Gumbel-max trick. In NumPy: one small step after the
        other, torch would spend its time on calls."""
        embed, head_GRH, bias_GR = map(_array, (self.embed.weight, self.head_GRH, self.bias_GR))
        read, recur, bias_read, bias_recur = map(_array, self.lstm.parameters())
        hidden_BH = cell_BH = np.zeros((count, embed.shape[1]), np.float32)
        token_B, drawn = np.zeros(count, np.int64), []
        for gene, radix in enumerate(self.radices):
            gates = embed[token_B] @ read.T + bias_read + hidden_BH @ recur.T + bias_recur
            enter_BH, keep_BH, new_BH, show_BH = np.split(gates, 4, axis=1)
            cell_BH = expit(keep_BH) * cell_BH + expit(enter_BH) * np.tanh(new_BH)
            hidden_BH = expit(show_BH) * np.tanh(cell_BH)
            logits_BR = hidden_BH @ head_GRH[gene, :radix].T + bias_GR[gene, :radix]
            drawn.append((logits_BR + rng.gumbel(size=logits_BR.shape)).argmax(1))
            token_B = 1 + gene * self.largest + drawn[-1]
        return np.stack(drawn, axis=1)

    def _tokens(self, choices_Bg: Tensor) -> Tensor:
        """What is read before each gene, and after the last: 0, then a token for each choice."""
        places_g = torch.arange(choices_Bg.shape[1])
        return F.pad(1 + places_g * self.largest + choices_Bg, (1, 0))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach())


def _illegal(radices: Sequence[int]) -> Tensor:
    return torch.arange(max(radices)) >= torch.tensor(radices)[:, None]


class PPO:
    """An update after every ``batch`` ended trials, in the order in which they ended.

    The reward is the score; an infeasible trial gets the lowest so far. The old policy of the
    clipped objective is the one before the update, so that trials may come back late and in any
    order. The advantage is the reward less a moving average of rewards, over the root mean square
    of that in the batch. Where the policy draws nothing but known networks, mutants of what it
    draws are proposed, and fresh samples where they are known too.

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
        batch: int = 8,
        learning_rate: float = 5e-3,
        epochs: int = 4,
        clip: float = 0.2,
        entropy: float = 1e-2,
        decay: float = 0.9,
        hidden: int = 64,
    ) -> None:
        self._space, self._seed = space, seed
        self._batch, self._epochs = batch, epochs
        self._clip, self._entropy, self._decay = clip, entropy, decay
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "policy"))
            self._policy = Policy(space.genes, hidden)
        self._optimizer = torch.optim.Adam(self._policy.parameters(), lr=learning_rate)
        self._baseline: float | None = None
        self._lowest: float | None = None
        self._waiting: list[Trial] = []

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)
        drawn = self._drawn(derive_seed(self._seed, "policy", number))
        first = next(drawn)
        wishes = chain([first], drawn)

        def mutant() -> Genotype:
            return self._space.mutate(first, rng)

        def newcomer() -> Genotype:
            return sample(self._space.genes, rng)

        draws = [lambda: next(wishes), mutant, newcomer]
        return propose_new(draws, self._space, history, ATTEMPTS)

    def _drawn(self, seed: int) -> Iterator[Genotype]:
        """What the policy wishes for, without end: most often the first is new."""
        rng = np.random.default_rng(seed)
        count = 1
        while True:
            yield from map(tuple, self._policy.draw(count, rng).tolist())
            count = CHUNK

    def tell(self, trial: Trial) -> None:
        if trial.score is not None:
            known = trial.score if self._lowest is None else self._lowest
            self._lowest = min(trial.score, known)
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
        advantages_B = better_B / (better_B.square().mean().sqrt() + 1e-8)
        with torch.no_grad():
            old_B, _ = self._policy.log_probabilities(genotypes_BG)
        for _ in range(self._epochs):
            new_B, entropy_B = self._policy.log_probabilities(genotypes_BG)
            ratio_B = (new_B - old_B).exp()
            clipped_B = ratio_B.clamp(1 - self._clip, 1 + self._clip)
            gain_B = torch.minimum(ratio_B * advantages_B, clipped_B * advantages_B)  # eq. 7
            loss = -(gain_B + self._entropy * entropy_B).mean()  # eq. 9, without a value function
            self._optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._policy.parameters(), 1.0)
            self._optimizer.step()
