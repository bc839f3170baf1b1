"""Torch modules as models; skipped where torch is not installed."""

import subprocess
import sys

import numpy as np
import pytest

from experiments import train
from experiments.errors import BadInput

RNG = np.random.default_rng(2)
X = RNG.standard_normal((80, 3)).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] > 0).astype(int)


def test_a_missing_torch_names_the_extra():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import experiments.training.train\n"
        "try:\n    import experiments.torch_adapter\n"
        "except ImportError as error:\n    assert 'speciate[torch]' in str(error), error\n"
        "else:\n    raise SystemExit('imported')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


torch = pytest.importorskip("torch")
nn = torch.nn


def small(*layers):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), *layers, nn.Linear(4, 2))


@pytest.mark.parametrize("method", ["annealing", "snes", "eki", "adam", "levenberg-marquardt", "elm"])
def test_methods_change_the_module(method):
    module = small()
    smooth = method in ("adam", "levenberg-marquardt")
    settings = {"learning_rate": 0.05} if method == "adam" else {}
    found = train(module, (X, CLASSES), method, evaluations=60 if smooth else 2000, **settings)
    assert found.model is module and found.score >= 0.8
    with torch.no_grad():
        alone = module(torch.tensor(X)).numpy()
    from experiments.torch_adapter import TorchModel

    np.testing.assert_allclose(TorchModel(module).outputs(found.weights[None], X)[0], alone, rtol=1e-4, atol=1e-5)


def test_outputs_and_slopes_are_torchs_own():
    from experiments.torch_adapter import TorchModel

    module = small()
    model = TorchModel(module)
    W = RNG.standard_normal((3, model.size)).astype(np.float32)
    own = np.stack([X, X + 1, X * 2])
    shared, each = model.outputs(W, X), model.outputs(W, own)
    for k in range(3):
        model.load(W[k])
        for rows, outputs in ((X, shared), (own[k], each)):
            np.testing.assert_allclose(module(torch.tensor(rows)).detach().numpy(), outputs[k], rtol=1e-4, atol=1e-5)
    module.zero_grad()
    loss = nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(CLASSES))
    loss.backward()
    wanted = np.concatenate([p.grad.numpy().reshape(-1) for p in module.parameters()])
    from experiments.training.data import DataProblem

    (gradient,) = DataProblem(model, W[2], X, CLASSES.astype(np.int32)).judge(W[2:], (1, 0), "gradient")[1]
    np.testing.assert_allclose(gradient[0], wanted, rtol=1e-3, atol=1e-5)


def test_convolutions_and_frozen_parameters():
    from experiments.torch_adapter import lenet

    module = lenet(side=16, classes=2)
    for parameter in module[1].parameters():
        parameter.requires_grad = False
    before = module[1].weight.clone()
    images = RNG.standard_normal((30, 256)).astype(np.float32)
    found = train(module, (images, CLASSES[:30]), "snes", evaluations=40)
    assert torch.equal(module[1].weight, before) and len(found.weights) == sum(
        p.numel() for p in module.parameters() if p.requires_grad
    )


class Recurrent(nn.Module):
    """Which vmap cannot compute: a recurrent layer, and a branch that depends on the rows."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, rows):
        values = self.outer(self.inner(rows)[0][:, -1])
        return values if values.sum() > 0 else 2 * values


@pytest.mark.parametrize("method", ["snes", "openai-es", "adam", "levenberg-marquardt"])
def test_what_vmap_cannot_do_takes_turns(method):
    torch.manual_seed(1)
    settings = {
        "adam": {"learning_rate": 0.05, "evaluations": 60},
        "levenberg-marquardt": {"evaluations": 12},
        "openai-es": {"population": 20, "sigma": 0.1, "learning_rate": 0.1, "batch": 20, "own_batches": True},
    }
    found = train(Recurrent(), (np.repeat(X[:, None], 3, 1), CLASSES), method,
                  **({"evaluations": 400} | settings.get(method, {})))  # fmt: skip
    assert found.score >= 0.85


def test_batch_norm_and_dropout_stand_still():
    module = small(nn.BatchNorm1d(4), nn.Dropout(0.5))
    mean = module[2].running_mean.clone()
    train(module, (X, CLASSES), "snes", evaluations=40)
    assert torch.equal(module[2].running_mean, mean) and module.training


def test_modules_that_do_not_fit_are_one_line():
    frozen, half, integers = small(), small().half(), small()
    frozen.requires_grad_(False)
    integers.codes = nn.Parameter(torch.zeros(2, dtype=torch.int32), requires_grad=False)
    cases = [
        (frozen, "no trainable"),
        (half, "float16"),
        (integers, "int32"),
        (small(nn.BatchNorm1d(4, track_running_stats=False)), "running statistics"),
        (nn.Linear(5, 2), "does not take rows of shape \\[3\\]"),
        (nn.Linear(3, 1), "1 outputs, the targets are 3 classes"),
    ]
    for module, part in cases:
        with pytest.raises(BadInput, match=part):
            train(module, (X, 2 * CLASSES if "classes" in part else CLASSES), "snes", evaluations=10)
    with pytest.raises(BadInput, match="last linear layer"):
        train(nn.Sequential(small(), nn.Tanh()), (X, CLASSES), "elm")
