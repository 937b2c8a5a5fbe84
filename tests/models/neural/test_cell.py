import math

import numpy as np
import torch

from skucast.forecast import LEVELS
from skucast.models.neural.cell import LstmCell
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.lstm import Lstm
from skucast.models.neural.windows import Windows

from .panels import weekly_pattern


def test_written_equations_equal_torch_step_by_step():
    torch.manual_seed(3)
    lstm = torch.nn.LSTM(5, 7, num_layers=2, batch_first=True)
    x = torch.randn(4, 11, 5)
    shown, (last, memory) = lstm(x)
    first = LstmCell.of(lstm, 0).run(x.numpy())
    below = np.stack([step.h for step in first], axis=1)
    second = LstmCell.of(lstm, 1).run(below)
    for t, step in enumerate(second):
        np.testing.assert_allclose(step.h, shown[:, t].detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(first[-1].c, memory[0].detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(second[-1].c, memory[1].detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(second[-1].h, last[1].detach().numpy(), atol=1e-6)


def test_one_unit_by_hand():
    cell = LstmCell(np.array([[1.0], [2.0], [0.5], [-1.0]]), np.array([[0.1], [0.2], [0.3], [0.4]]), np.zeros(4))
    step = cell.step(np.array([0.5]), np.array([0.2]), np.array([1.5]))

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    i, f, g, o = sigmoid(0.52), sigmoid(1.04), math.tanh(0.31), sigmoid(-0.42)
    c = f * 1.5 + i * g
    np.testing.assert_allclose([step.i[0], step.f[0], step.g[0], step.o[0]], [i, f, g, o], rtol=1e-12)
    np.testing.assert_allclose([step.c[0], step.h[0]], [c, o * math.tanh(c)], rtol=1e-12)


def test_forget_gate_open_and_input_gate_shut_keep_the_cell_state():
    cell = LstmCell(np.zeros((4, 1)), np.zeros((4, 1)), np.array([-50.0, 50.0, 1.0, 0.0]))
    steps = [cell.step(np.array([x]), np.array([0.3]), np.array([0.7])) for x in (-9.0, 0.0, 9.0)]
    np.testing.assert_allclose([s.c[0] for s in steps], 0.7, atol=1e-12)


def test_sigmoid_of_large_numbers_does_not_overflow():
    cell = LstmCell(np.full((4, 1), 1e4), np.zeros((4, 1)), np.zeros(4))
    for x in (1e4, -1e4):
        step = cell.step(np.array([x]), np.zeros(1), np.zeros(1))
        assert np.isfinite([step.i, step.f, step.g, step.o, step.c, step.h]).all()


def test_the_network_remembers_by_these_equations():
    panel = weekly_pattern(series=3, steps=70)
    inputs = Inputs.of(panel, 7)
    network = Lstm(hidden=6).build(inputs).eval()
    seen = {}
    network.encoder.memory.register_forward_hook(lambda _, args, result: seen.update(x=args[0], h=result[0]))
    windows = Windows(panel, inputs)
    with torch.no_grad():
        answer = network(windows.gather(np.arange(3), windows.end - 1))
    assert answer.shape == (3, 1, 7, len(LEVELS))
    written = LstmCell.of(network.encoder.memory).run(seen["x"].numpy())
    np.testing.assert_allclose(np.stack([s.h for s in written], axis=1), seen["h"].numpy(), atol=1e-6)
