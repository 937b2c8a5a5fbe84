"""A conditional variational recurrent network: what it does not know of the weeks ahead is a latent vector each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Two, fold, unfold
from .generative import Generative, normals
from .heads import QuantileHead
from .inputs import Inputs
from .options import HeadName
from .windows import Batch

_NARROWEST, _WIDEST = -5.0, 2.0  # logarithm of a latent's standard deviation


class Variational(Generative):
    """B windows, F forks, H steps ahead in L blocks of a patch, D and W hidden units, Z latent numbers of a block.

    A memory ``s`` goes from block to block. Before each a latent vector is drawn from the prior
    ``p(z_t | s_{t-1}, x_t)`` given the covariates ``x_t``; training draws it from the posterior
    ``q(z_t | s_{t-1}, x_t, y_t)``, which sees what was sold, and pays for what the posterior knows beyond the prior.
    All that hangs together over the steps passes through the latents.

    Args:
        encoder: see `Network`, as the next five.
        inputs: what the network sees.
        head: of the distribution of each step given the latents.
        hidden: D.
        width: W, of the memory too.
        dropout: share of hidden units left out.
        beside: what the cost of other targets counts next to that of demand.
        latent: Z.
        anneal: share of the training over which the price of the latents rises from nothing.
        free: nats of a block that are free.
        draws: futures behind a forecast.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes; Sohn, Lee & Yan (2015); Chung et al. (2015), A
    Recurrent Latent Variable Model for Sequential Data; Bowman et al. (2016) for the rising price; Kingma et al. (2016)
    for free nats.
    """

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float,
        beside: float, *, latent: int, anneal: float, free: float, draws: int,
    ) -> None:  # fmt: skip
        super().__init__(encoder, inputs, head, hidden, width, dropout, beside)
        self.patch, self.latent, self.draws = inputs.patch, latent, draws
        self.blocks = -(-inputs.horizon // inputs.patch)
        self.anneal, self.free, self.done = anneal, free, -1.0
        self.begin = nn.Linear(hidden, width)
        self.plan = nn.Linear(self.patch * width, width)
        self.prior = Two(2 * width, width, 2 * latent)
        self.posterior = Two(2 * width + 2 * self.patch, 2 * width, 2 * latent)
        self.memory = nn.GRUCell(width + latent, width) if self.blocks > 1 else None
        self.say = nn.Linear(width + latent, self.patch * width)

    def at(self, done: float) -> None:
        """The price of the latents rises and never falls."""
        self.done = max(self.done, done)

    @property
    def price(self) -> float:
        """What a nat costs: in full, but for a network that is told of its training."""
        return min(1.0, self.done / self.anneal) if self.anneal and self.done >= 0 else 1.0

    def loss(self, batch: Batch) -> Tensor:
        """Minus the evidence lower bound, per target that counts.

        The cost of quantiles is minus the log-likelihood of an asymmetric Laplace distribution over its spread; the
        likeliest spread is that cost, so the latents are paid in units of it.
        """
        known, state, plan = self._condition(batch)
        target = torch.asinh(self.into(batch.target, batch)) * batch.weight
        target, counts = (fold(part[..., None], self.patch) for part in (target, batch.weight))  # (B, F, L, size)
        said, paid = [], []
        for t, x in enumerate(plan.unbind(2)):  # x (B, F, W)
            m0, s0 = self._gaussian(self.prior(torch.cat([state, x], -1)))  # (B, F, Z)
            m1, s1 = self._gaussian(self.posterior(torch.cat([state, x, target[:, :, t], counts[:, :, t]], -1)))
            some = counts[:, :, t].amax(-1, keepdim=True)  # (B, F, 1); where nothing was seen the prior speaks
            paid.append(divergence(m1, s1, m0, s0).sum(-1) * some[..., 0])
            z = torch.lerp(m0, m1, some) + torch.lerp(s0, s1, some) * torch.randn_like(m0)
            said.append(torch.cat([state, z], -1))
            state = self._next(x, z, state)
        cost = self.cost(self._said(known, torch.stack(said, dim=2)), batch)
        blocks = counts.amax(-1).sum().clamp(min=1)
        nats = (torch.stack(paid).sum() / blocks).clamp(min=self.free)  # of a block
        unit = cost.detach() if isinstance(getattr(self.head, "inner", self.head), QuantileHead) else 1.0
        return cost + self.price * unit * nats * blocks / batch.weight.sum().clamp(min=1)

    def imagine(self, batch: Batch, count: int) -> Tensor:
        """See `Generative.imagine`: latents from the prior."""
        return self._along(batch, torch.from_numpy(normals(count, self.blocks, self.latent)))

    def decoded(self, batch: Batch) -> Tensor:
        """See `Network.decoded`: with the latents that the prior expects."""
        return self._along(batch, torch.zeros(1, self.blocks, self.latent))[0]

    def _along(self, batch: Batch, noise: Tensor) -> Tensor:
        """What heads are told ``(K, B, F, H, W)`` with standard noise of the latents ``(K, L, Z)``."""
        known, state, plan = self._condition(batch)  # (B, F, H, W), (B, F, W), (B, F, L, W)
        noise = noise.to(known)
        state = state.expand(len(noise), *state.shape)  # (K, B, F, W)
        said = []
        for t, x in enumerate(plan.expand(len(noise), *plan.shape).unbind(3)):
            mean, deviation = self._gaussian(self.prior(torch.cat([state, x], -1)))
            z = mean + deviation * noise[:, t, None, None]  # (K, B, F, Z)
            said.append(torch.cat([state, z], -1))
            state = self._next(x, z, state)
        return self._said(known, torch.stack(said, dim=-2))

    def _condition(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What is known of the steps ``(B, F, H, W)``, the first memory ``(B, F, W)``, the plan ``(B, F, L, W)``."""
        h = self.drop(self.still_of(batch, self.encoder(batch.patches, batch.scale.shape[1])))  # (B, F, D)
        ahead = self.ahead(batch.ahead)  # (B, F, H, W)
        plan = F.silu(self.plan(fold(ahead, self.patch)))
        return self.spread(h, batch.steps) + ahead, torch.tanh(self.begin(h)), plan

    def _gaussian(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        mean, log = raw.to(self.say.weight.dtype).chunk(2, dim=-1)  # not in half precision
        return mean, log.clamp(_NARROWEST, _WIDEST).exp()

    def _next(self, x: Tensor, z: Tensor, state: Tensor) -> Tensor:
        """The memory after a block; of a horizon of one block there is nothing to remember."""
        if self.memory is None:
            return state
        taken = torch.cat([x, z], -1)
        after: Tensor = self.memory(taken.flatten(0, -2), state.reshape(-1, state.shape[-1]))
        return after.view(state.shape)

    def _said(self, known: Tensor, blocks: Tensor) -> Tensor:
        """What heads are told ``(..., H, W)``, from memory and latent of each block ``(..., L, W + Z)``."""
        return self.refined(known + unfold(self.say(blocks), self.patch, known.shape[-2]))


def divergence(m1: Tensor, s1: Tensor, m0: Tensor, s0: Tensor) -> Tensor:
    """Nats by which a normal distribution (mean, deviation) differs from another, Kullback and Leibler's."""
    return torch.log(s0 / s1) + (s1**2 + (m1 - m0) ** 2) / (2 * s0**2) - 0.5
