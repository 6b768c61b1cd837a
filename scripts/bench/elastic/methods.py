"""Ways to tune a LeNet: each makes a net from the original's tensors, of which some parameters are trained."""

import re
import sys

import torch
from torch import nn
from torch.nn.utils import parametrize

from tasks import ROOT

from lenet_file import read_safetensors  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "gelu": nn.functional.gelu}
LAYERS = ("fc1", "fc2", "fc3")


class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        values, self.metadata = read_safetensors(path)
        self.activation = ACTIVATIONS[self.metadata["activation"]]
        for layer in LAYERS:
            outputs, inputs = values[f"{layer}.weight"].shape
            linear = nn.Linear(inputs, outputs)
            linear.load_state_dict({kind: torch.from_numpy(values[f"{layer}.{kind}"].copy()) for kind in ("weight", "bias")})
            setattr(self, layer, linear)

    def forward(self, images):
        return self.fc3(self.activation(self.fc2(self.activation(self.fc1(images)))))


def guide():
    """What the snippets of docs/elastic.md define."""
    text = (ROOT / "docs" / "elastic.md").read_text()
    scope = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S)[1], scope)
    return scope


class LowRank(nn.Module):
    """LoRA (arXiv 2106.09685) with α = rank."""

    def __init__(self, weight, rank):
        super().__init__()
        outputs, inputs = weight.shape
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, weight):
        return weight + self.up @ self.down


def lora(path, parameters):
    """Every layer with one rank, the smallest that trains as many parameters, and the biases of hidden layers."""
    net = Net(path)
    weights = [getattr(net, layer).weight for layer in LAYERS]
    biases = [net.fc1.bias, net.fc2.bias]
    free = parameters - sum(bias.numel() for bias in biases)
    count = lambda rank: sum(min(rank, *weight.shape) * sum(weight.shape) for weight in weights)  # noqa: E731
    rank = next(rank for rank in range(1, 1000) if count(rank) >= free)
    net.requires_grad_(False)
    for bias in biases:
        bias.requires_grad_(True)
    for layer, weight in zip(LAYERS, weights):
        low = LowRank(weight, min(rank, *weight.shape))
        parametrize.register_parametrization(getattr(net, layer), "weight", low)
    return net


def through(path, adapter):
    net = Net(path)
    guide()["add_lifts"](net, load_file(adapter))
    return net


def last(path):
    net = Net(path)
    net.requires_grad_(False)
    net.fc3.requires_grad_(True)
    return net


def make(method, parameters):
    """The net of one method of the plan that run.mjs writes."""
    kind = method["kind"]
    if kind == "through":
        return through(method["net"], method["adapter"])
    if kind == "lora":
        return lora(method["net"], parameters)
    if kind == "last":
        return last(method["net"])
    if kind in ("full", "skeleton"):
        return Net(method["net"])
    sys.exit(f"Unknown method {kind}.")


def trained(net):
    return [parameter for parameter in net.parameters() if parameter.requires_grad]
