"""Any torch module as a model whose weights are a vector, by ``torch.func.functional_call`` and ``vmap``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.errors import BadInput

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError('torch modules need PyTorch: pip install "speciate[torch]"') from None

__all__ = ["TorchModel", "lenet"]

Array = NDArray[Any]
VALUES = 1 << 24  # inputs and weights of candidates that are evaluated at once: 64 MB


class TorchModel:
    """A module's trainable parameters as a vector [D], in the order of ``named_parameters``.

    The module computes in evaluation mode: dropout does nothing, and batch norm uses its running statistics, which
    nothing here updates. Candidates that ``vmap`` cannot compute together, as of recurrent layers, take turns.

    Slopes are summed up by torch's threads: the same seed gives the same bits with the same number of them
    (``torch.set_num_threads``); with another, methods that take gradients differ in the last digits.

    Parameters
    ----------
    dimensions : of rows [R, ...] that all candidates share.

    Raises
    ------
    BadInput : no trainable parameter, or one that is no float32; batch norm without running statistics.
    """

    def __init__(self, module: torch.nn.Module, dimensions: int = 2) -> None:
        self.module, self._dimensions, self._together = module, dimensions, True
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise BadInput(f"the torch module {type(module).__name__} has no trainable parameters")
        for name, parameter in module.named_parameters():
            if parameter.dtype != torch.float32:
                raise BadInput(f"the torch module's parameter {name} is {parameter.dtype}: must be torch.float32")
        for name, part in module.named_modules():
            if isinstance(part, torch.nn.modules.batchnorm._NormBase) and not part.track_running_stats:
                raise BadInput(
                    f"the torch module's {name} has no running statistics: candidates would change each other"
                )
        self.sizes = [p.numel() for p in self.parameters.values()]
        self.size = sum(self.sizes)  # D
        self.device = next(iter(self.parameters.values())).device

    def first(self, seed: int = 1) -> NDArray[np.float32]:
        """[D] The module's own weights."""
        return np.concatenate([p.detach().cpu().numpy().reshape(-1) for p in self.parameters.values()])

    def load(self, weights: Array) -> None:
        """Give the module these weights [D]."""
        with torch.no_grad():
            for p, own in zip(self.parameters.values(), self._split(self._tensor(weights)), strict=True):
                p.copy_(own)

    def outputs(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """Outputs [P, R, O] of weights [P, D] on rows [R, ...], or of each on its own [P, R, ...]."""
        own = X.ndim == self._dimensions + 1
        rows = X.shape[1:] if own else X.shape
        step = max(1, VALUES // (self.size + int(np.prod(rows))))
        parts = []
        with self._evaluating(), torch.no_grad():
            shared = None if own else self._tensor(X)
            for a in range(0, len(weights), step):
                inputs = self._tensor(X[a : a + step]) if own else shared
                parts.append(self._call_each(self._tensor(weights[a : a + step]), inputs, own).cpu().numpy())
        outputs = np.concatenate(parts)
        if outputs.ndim != 3:
            raise BadInput(f"the torch module gives {list(outputs.shape[1:])} on rows: must be [rows, outputs]")
        return outputs

    def pull_back(self, weights: Array, X: Array, slope: Array) -> NDArray[np.float64]:
        """[D] Gradient by the weights [D] of a loss, given its slopes by the outputs [R, O]."""
        with self._evaluating():
            rows = self._tensor(X)
            _, pull = torch.func.vjp(lambda w: self._call(w, rows), self._tensor(weights))
            return np.asarray(pull(self._tensor(slope))[0].detach().cpu().numpy(), np.float64)

    def jacobian(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """[R, O, D] Slopes of the outputs by the weights [D]."""
        with self._evaluating():
            rows = self._tensor(X)
            chunk = None if self._together else 1  # 1: without vmap
            slopes = torch.func.jacrev(lambda w: self._call(w, rows), chunk_size=chunk)(self._tensor(weights))
            return np.asarray(slopes.detach().cpu().numpy())

    def features(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """[R, H] What the last linear layer reads; `BadInput` where the outputs are not that layer's."""
        name, layer = self._last_linear()
        seen: list[Any] = []
        handle = layer.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
        try:
            with self._evaluating(), torch.no_grad():
                outputs = self._call(self._tensor(weights), self._tensor(X))
        finally:
            handle.remove()
        if not seen or seen[-1][1].shape != outputs.shape or not torch.equal(seen[-1][1], outputs):
            raise BadInput(f"method 'elm': the torch module's outputs are not those of its last linear layer, {name}")
        return np.asarray(seen[-1][0].cpu().numpy())

    def with_readout(self, weights: Array, readout: Array) -> NDArray[np.float32]:
        """[D] The weights with another last linear layer: [H + 1, O], the biases last."""
        name, layer = self._last_linear()
        changed = np.array(weights, np.float32)
        bounds = np.cumsum([0, *self.sizes])
        cuts = {key: slice(a, b) for key, a, b in zip(self.parameters, bounds, bounds[1:], strict=False)}
        if layer.bias is None or not {f"{name}.weight", f"{name}.bias"} <= set(cuts):
            raise BadInput(f"method 'elm' needs a bias in {name}, and its weights trainable")
        changed[cuts[f"{name}.weight"]] = readout[:-1].T.reshape(-1)
        changed[cuts[f"{name}.bias"]] = readout[-1]
        return changed

    def _last_linear(self) -> tuple[str, torch.nn.Linear]:
        linear = [(name, part) for name, part in self.module.named_modules() if isinstance(part, torch.nn.Linear)]
        if not linear:
            raise BadInput("method 'elm' needs a linear layer: the torch module has none")
        return linear[-1]

    def _call_each(self, weights: torch.Tensor, rows: torch.Tensor, own: bool) -> torch.Tensor:
        """Outputs of weights [P, D] on shared rows, or each on its own."""
        if self._together:
            return torch.func.vmap(self._call, in_dims=(0, 0 if own else None))(weights, rows)
        return torch.stack([self._call(w, rows[p] if own else rows) for p, w in enumerate(weights)])

    def _call(self, vector: torch.Tensor, rows: torch.Tensor) -> Any:
        shaped = zip(self.parameters.items(), self._split(vector), strict=True)
        return torch.func.functional_call(self.module, {name: own.view(p.shape) for (name, p), own in shaped}, (rows,))

    def _split(self, vector: torch.Tensor) -> list[torch.Tensor]:
        parts = vector.split(self.sizes)
        return [own.view(p.shape) for own, p in zip(parts, self.parameters.values(), strict=True)]

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(values, np.float32), device=self.device)

    def fit_rows(self, X: Array) -> int:
        """Note the shape of rows [R, ...]; the number of outputs. BadInput where the module does not take them."""
        self._dimensions = X.ndim
        for self._together in (True, False):
            try:
                return int(self.outputs(self.first()[None], X[:1]).shape[-1])
            except RuntimeError as error:
                problem = error
        raise BadInput(
            f"the torch module does not take rows of shape {list(X.shape[1:])}: {_line(problem)}"
        ) from problem

    def _evaluating(self) -> _Evaluating:
        return _Evaluating(self.module)


class _Evaluating:
    """The module in evaluation mode, for a while."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module

    def __enter__(self) -> None:
        self.modes = {part: part.training for part in self.module.modules()}
        self.module.eval()

    def __exit__(self, *_: object) -> None:
        for part, training in self.modes.items():
            part.training = training


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200]


def lenet(channels: int = 1, side: int = 28, classes: int = 10, seed: int = 1) -> torch.nn.Sequential:
    """A network of LeNet's size (LeCun et al. 1998, with ReLU and max pooling): two convolutions, three linear layers.
    44,426 weights for 28 x 28 pixels; rows are [R, channels · side · side]."""
    torch.manual_seed(seed)
    left = ((side - 4) // 2 - 4) // 2
    if left < 1:
        raise ValueError(f"side must be at least 16, got {side}")
    nn = torch.nn
    return nn.Sequential(
        nn.Unflatten(1, (channels, side, side)),
        nn.Conv2d(channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * left * left, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, classes),
    )  # fmt: skip
