"""Tunes nets on a shifted task as a plan says (JSON on stdin), one line of JSON for every finished method.

A plan: task, seeds, rates, steps, and methods with name, kind and files. A method's learning rate is the one that is best
on validation data with the first seed, of the middle two of four and the one beyond the better of them; it then runs with
the other seeds, too. `like` names a method with as many parameters.
"""

import json
import sys
import time
from itertools import islice

import torch
from torch.nn import functional

from methods import LAYERS, make, trained
from tasks import load_task, old_test

from lenet_file import write_safetensors  # noqa: E402

BATCH = 250


def accuracy(net, images, labels):
    with torch.no_grad():
        return float((net(images).argmax(1) == labels).float().mean())


def batches(count):
    """Whole batches, every image once before any comes again."""
    while True:
        yield from torch.randperm(count)[: count // BATCH * BATCH].split(BATCH)


def tune(net, images, labels, rate, steps, seed):
    """Adam, the learning rate falling along a half cosine. Returns the seconds that the processor took."""
    torch.manual_seed(seed)
    start = time.process_time()
    optimizer = torch.optim.Adam(trained(net), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for batch in islice(batches(len(images)), steps):
        optimizer.zero_grad()
        functional.cross_entropy(net(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    return time.process_time() - start


def save(net, path):
    tensors = {f"{layer}.{kind}": getattr(getattr(net, layer), kind).detach().numpy() for layer in LAYERS for kind in ("weight", "bias")}
    write_safetensors(path, tensors, net.metadata)


def run(method, plan, data, old, parameters):
    train, validation, test = data
    runs = []

    def once(rate, seed):
        torch.manual_seed(seed)
        net = make(method, parameters)
        seconds = tune(net, *train, rate, plan["steps"], seed)
        runs.append({"rate": rate, "seed": seed, "seconds": seconds, "net": net, "valid": accuracy(net, *validation)})

    first, *others = plan["seeds"]
    lowest, low, high, highest = plan["rates"]
    once(low, first)
    once(high, first)
    once(lowest if runs[0]["valid"] > runs[1]["valid"] else highest, first)
    best = max(runs, key=lambda found: found["valid"])
    for seed in others:
        once(best["rate"], seed)
    chosen = [found for found in runs if found["rate"] == best["rate"]]
    for found in chosen:
        net = found.pop("net")
        found.update(new=accuracy(net, *test), old=accuracy(net, *old))
        if "output" in method:
            found["output"] = f"{method['output']}-{found['seed']}.safetensors"
            save(net, found["output"])
    count = sum(parameter.numel() for parameter in trained(make(method, parameters)))
    return {**method, "rate": best["rate"], "parameters": count, "runs": chosen}


def main():
    torch.set_num_threads(1)
    plan = json.load(sys.stdin)
    data, old = load_task(plan["task"]), old_test()
    counts = {}
    for method in plan["methods"]:
        found = run(method, plan, data, old, counts.get(method.get("like")))
        counts[method["name"]] = found["parameters"]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
