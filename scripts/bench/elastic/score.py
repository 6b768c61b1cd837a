"""Accuracies of nets (paths as a JSON list on stdin, the task as argument): new task, its validation data, old task."""

import json
import sys

import torch

from methods import Net
from tasks import load_task, old_test
from tune import accuracy


def main():
    torch.set_num_threads(1)
    _, validation, test = load_task(sys.argv[1])
    old = old_test()
    scores = []
    for path in json.load(sys.stdin):
        net = Net(path)
        scores.append({"new": accuracy(net, *test), "valid": accuracy(net, *validation), "old": accuracy(net, *old)})
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
