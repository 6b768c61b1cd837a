"""Trains a chain of five hidden layers of 128 neurons on Fashion-MNIST and writes it to the path given (seconds)."""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts" / "fixtures"))

from lenet_file import read_split, write_safetensors  # noqa: E402

FASHION = "/usr/share/datasets/fashion-mnist"
SIZES = [784, 128, 128, 128, 128, 128, 10]
EPOCHS, BATCH = 4, 256


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images, labels = (torch.from_numpy(part) for part in read_split(FASHION, "train"))
    layers = [torch.nn.Linear(*sizes) for sizes in zip(SIZES, SIZES[1:])]
    optimiser = torch.optim.Adam([weight for layer in layers for weight in layer.parameters()], 1e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            values = layers[0](images[batch])
            for layer in layers[1:]:
                values = layer(functional.relu(values))
            optimiser.zero_grad()
            functional.cross_entropy(values, labels[batch].long()).backward()
            optimiser.step()
    named = {f"fc{at}": layer for at, layer in enumerate(layers, 1)}
    tensors = {
        f"{name}.{key}": value.detach().numpy()
        for name, layer in named.items()
        for key, value in layer.named_parameters()
    }
    write_safetensors(sys.argv[1], tensors, {"format": "pt", "activation": "relu"})
    print(json.dumps({"trained": SIZES}))


if __name__ == "__main__":
    main()
