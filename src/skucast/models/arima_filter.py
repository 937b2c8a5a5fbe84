"""The Kalman filter of ARIMA models, for many series of one structure at once.

State space form of Gardner, Harvey & Phillips (1980, algorithm AS 154) with differences as in R's ``arima``: the
state holds ``r = max(p, q + 1)`` numbers of the ARMA process and the last values that differencing needs, diffuse at
first. Missing steps are skipped, as Jones (1980, Technometrics 22) does. Every operation is element by element, so
a series' numbers do not depend on which others it is filtered with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

_DIFFUSE = 1e6  # variance of what is not known at first, times that of the innovations
_KNOWN = 1e4  # forecast variance below which an error says something
_DOUBLINGS = 40  # of the horizon over which the variance of the ARMA process is added up
_PARTS = 256  # series filtered together: their covariances fit into the cache


@dataclass(frozen=True, eq=False)
class Arma:
    """Models of one structure.

    Attributes:
        phi: ``(S, p)`` of the autoregressive polynomial, seasons multiplied in.
        theta: ``(S, q)`` of the moving average likewise.
        delta: ``(n,)`` of differencing, the same for all: ``y_t - sum_j delta_j y_{t-j}`` is the ARMA process.
    """

    phi: F64
    theta: F64
    delta: tuple[float, ...]

    @property
    def size(self) -> int:
        """Numbers of the ARMA part of the state."""
        return int(max(self.phi.shape[1], self.theta.shape[1] + 1))

    def take(self, rows: slice) -> Arma:
        """Some of the models."""
        return Arma(self.phi[rows], self.theta[rows], self.delta)


@dataclass(frozen=True, eq=False)
class Filtered:
    """What the filter says.

    Attributes:
        errors: ``(S, T)`` one-step errors; NaN where missing or where the state was not known yet.
        ahead: ``(S, H)`` forecasts after the last step.
        variance: ``(S, H)`` of their errors, in units of the innovations' variance.
        squares: ``(S,)`` sum of squared errors over their variances.
        logs: ``(S,)`` sum of the logs of the variances.
        count: ``(S,)`` errors in both.
    """

    errors: F64
    ahead: F64
    variance: F64
    squares: F64
    logs: F64
    count: F64

    @property
    def log_likelihood(self) -> F64:
        """``(S,)`` Gaussian log-likelihood, the innovations' variance at its best value."""
        n = np.maximum(self.count, 1)
        return np.asarray(
            -0.5 * (n * np.log(np.maximum(self.squares / n, 1e-300)) + self.logs + n * (1 + np.log(2 * np.pi)))
        )


def differencing(d: int, seasonal: int, m: int) -> tuple[float, ...]:
    """Coefficients ``delta`` of ``d`` differences and ``seasonal`` differences over ``m`` steps."""
    polynomial = np.ones(1)
    for _ in range(d):
        polynomial = np.convolve(polynomial, [1.0, -1.0])
    for _ in range(seasonal):
        polynomial = np.convolve(polynomial, [1.0, *[0.0] * (m - 1), -1.0])
    return tuple(float(-value) for value in polynomial[1:])


def filtered(y: F64, arma: Arma, horizon: int) -> Filtered:
    """Run the filter over series.

    Args:
        y: ``(S, T)``, regression part taken off; NaN is missing.
        arma: a model for each.
        horizon: steps to forecast.
    """
    count, steps = y.shape
    out = Filtered(
        np.full((count, steps), np.nan), np.empty((count, horizon)), np.empty((count, horizon)), *np.zeros((3, count))
    )
    for first in range(0, count, _PARTS):
        part = slice(first, min(first + _PARTS, count))
        _run(y[part], arma.take(part), Filtered(*(array[part] for array in vars(out).values())))
    return out


def _run(y: F64, arma: Arma, out: Filtered) -> None:
    """Filter some series into (views of) the results."""
    model = _Model.of(arma)
    count, r = len(y), arma.size
    state = np.zeros((model.size, count))
    cover = np.zeros((model.size, model.size, count))
    cover[:r, :r] = model.stationary()
    differences = np.arange(r, model.size)
    cover[differences, differences] = _DIFFUSE
    begun = np.zeros(count, dtype=np.bool_)
    for t in range(y.shape[1]):
        value = y[:, t]
        seen = ~np.isnan(value)
        if begun.all():
            state, cover = model.move(state), model.spread(cover)
        elif begun.any():  # time begins with a series' first observation, whatever else is filtered with it
            state = np.where(begun, model.move(state), state)
            cover = np.where(begun, model.spread(cover), cover)
        begun |= seen
        if not seen.any():
            continue
        with_y = model.observe_rows(cover)  # covariance of the state with the observation
        variance = model.observe(with_y)
        error = np.where(seen, value - model.observe(state), 0.0)
        told = seen & (variance < _KNOWN)
        out.errors[told, t] = error[told]
        out.squares[:] += np.where(told, error**2 / variance, 0.0)
        out.logs[:] += np.where(told, np.log(variance), 0.0)
        out.count[:] += told
        gain = np.where(seen, with_y / variance, 0.0)
        state = state + gain * error
        cover = cover - gain[:, None] * with_y[None, :]
    for h in range(out.ahead.shape[1]):
        state, cover = model.move(state), model.spread(cover)
        out.ahead[:, h] = model.observe(state)
        out.variance[:, h] = model.observe(model.observe_rows(cover))


@dataclass(frozen=True, eq=False)
class _Model:
    """The state space form; series last: phi ``(r, S)``, shock ``(n, S)``, delta ``((position, value), ...)``."""

    phi: F64
    shock: F64
    delta: tuple[tuple[int, float], ...]

    @staticmethod
    def of(arma: Arma) -> _Model:
        r, count = arma.size, len(arma.phi)
        phi, shock = np.zeros((r, count)), np.zeros((r + len(arma.delta), count))
        phi[: arma.phi.shape[1]] = arma.phi.T
        shock[0] = 1.0
        shock[1 : 1 + arma.theta.shape[1]] = arma.theta.T
        return _Model(phi, shock, tuple((r + j, value) for j, value in enumerate(arma.delta) if value))

    @property
    def size(self) -> int:
        return len(self.shock)

    def observe(self, state: F64) -> F64:
        """The observation that states ``(n, ...)`` make: ``(...,)``."""
        out: F64 = state[0].copy()
        for position, value in self.delta:
            out += value * state[position]
        return out

    def observe_rows(self, cover: F64) -> F64:
        """Covariances ``(n, S)`` of each part of the state with the observation."""
        out = cover[:, 0].copy()
        for position, value in self.delta:
            out += value * cover[:, position]
        return out

    def move(self, state: F64) -> F64:
        """States ``(n, ...)`` one step later, without the new shock."""
        r = len(self.phi)
        out = np.empty_like(state)
        weights = self.phi.reshape(r, *[1] * (state.ndim - 2), -1)
        np.multiply(weights, state[0], out=out[:r])
        out[: r - 1] += state[1:r]
        if len(state) > r:
            out[r] = self.observe(state)
            out[r + 1 :] = state[r:-1]
        return out

    def spread(self, cover: F64) -> F64:
        """Covariances ``(n, n, S)`` one step later."""
        once = self.move(cover)
        out = self.move(np.ascontiguousarray(once.swapaxes(0, 1)))
        out += self.shock[:, None] * self.shock[None, :]
        return out

    def stationary(self) -> F64:
        """Covariance ``(r, r, S)`` of the ARMA part in the long run, by doubling the time that it had to build up."""
        r, count = self.phi.shape
        step = np.zeros((count, r, r))
        step[:, :, 0] = self.phi.T
        step[:, np.arange(r - 1), np.arange(1, r)] = 1.0
        shock = self.shock[:r].T
        cover = shock[:, :, None] * shock[:, None, :]
        for _ in range(_DOUBLINGS):
            more = step @ cover @ step.swapaxes(1, 2)
            cover = cover + more
            if float(np.abs(more).max(initial=0.0)) == 0.0:
                break
            step = step @ step
        return np.ascontiguousarray(np.moveaxis(cover, 0, 2))
