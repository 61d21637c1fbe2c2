"""Records the networks of pytorch.test.ts into a folder, and beside each trace what plain module hooks saw, as .npy.

    python3 record_cases.py FOLDER

The hooks here share nothing with the recorder: masks are `numpy != 0` of what modules got and gave.
"""
import json
import linecache
import os
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn
from torch.nn.utils import prune

# Nothing is left beside the file that users copy.
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tools")]
from resnet18 import ResNet18  # noqa: E402
from swat_sim_trace import record  # noqa: E402


class Seen:
    """What convolutions and linear layers read, by plain hooks; values are copied before anything writes over them."""

    def __init__(self, model):
        self.arrays = {}
        for name, module in model.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.register_forward_pre_hook(lambda m, x, n=name: self.keep(n + ".input", x[0]))
                module.register_forward_hook(lambda m, x, y, n=name: self.keep(n + ".weight", m.weight))
                module.register_full_backward_hook(lambda m, gx, gy, n=name: self.keep(n + ".outputGrad", gy[0]))

    def keep(self, name, tensor):
        self.arrays[name] = tensor.detach().float().numpy().copy()

    def save(self, folder):
        for name, array in self.arrays.items():
            np.save(os.path.join(folder, name + ".npy"), array)


def describe(model):
    """What `swat-sim trace import npy` needs to know beside the arrays, in the order in which the layers run."""
    layers = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            layers.append({"name": name, "stride": list(module.stride), "padding": list(module.padding)})
        elif isinstance(module, nn.Linear):
            layers.append({"name": name})
    return {"network": type(model).__name__, "layers": layers}


class PositiveInputs(torch.autograd.Function):
    """A convolution whose backward pass reads the positive inputs only, as custom sparse training would."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x.clamp(min=0), weight)
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad_x = torch.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
        return grad_x, torch.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)


class CustomConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, channels, 3, 3) / 10)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        return PositiveInputs.apply(x, self.weight) + self.bias


class Odd(nn.Module):
    """What a ResNet has not: groups, dilation, padding by name, a pruned layer, one called twice, one that is not supported."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
        self.grouped = nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=4)
        self.twice = nn.Conv2d(8, 8, 1)
        self.custom = CustomConv(8)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.last = nn.Linear(8, 4, bias=False)
        prune.l1_unstructured(self.grouped, "weight", amount=0.5)

    def forward(self, x):
        x = F.relu(self.first(x), inplace=True)
        x = F.max_pool2d(self.grouped(x), 2)
        x = self.twice(torch.relu(self.twice(x)))
        x = self.up(self.custom(x))
        return self.last(torch.cat([x, x], 1)[:, :8].mean((2, 3)))


class Tokens(nn.Module):
    """A layer of tokens without attention, on [N, T, C] or [N, C]."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 8)

    def forward(self, x):
        return x + self.last(F.relu(self.norm(self.first(x))))


class Partial(nn.Module):
    """What is not recorded, between layers that are: two products of activations, an LSTM, a padding."""

    def __init__(self):
        super().__init__()
        self.first, self.lstm, self.last = nn.Linear(6, 6), nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        x = self.first(x)
        x = (x @ x.transpose(1, 2)).softmax(-1) @ x
        return self.last(F.pad(torch.relu(self.lstm(x)[0]), (0, 0, 0, 1)))


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.a, self.b, self.c, self.reentrant = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), reentrant

    def forward(self, x):
        return self.c(torch.utils.checkpoint.checkpoint(self.b, self.a(x), use_reentrant=self.reentrant))


def accumulate(model, optimizer, out, batches, backward=lambda loss: loss.backward(), **options):
    optimizer.zero_grad()
    with record(model, out, optimizer=optimizer, **options):
        for batch in batches:
            backward(model(batch).sum())


def train_step(model, x, loss=nn.CrossEntropyLoss()):
    loss(model(x), torch.arange(x.shape[0])).backward()


def main(folder):
    torch.manual_seed(1)
    report = {}

    model = ResNet18()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    seen = Seen(model)
    images = torch.randn(2, 3, 32, 32)
    images[images.abs() < 0.1] = 0
    out = os.path.join(folder, "resnet18")
    with record(model, out, optimizer=optimizer):
        train_step(model, images)
    seen.save(out)
    with open(os.path.join(out, "layers.json"), "w") as file:
        json.dump(describe(model), file)
    optimizer.zero_grad()
    with record(model, out, optimizer=optimizer, topk=0.9):
        train_step(model, images)

    model = Odd()
    out = os.path.join(folder, "odd")
    os.makedirs(out)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with record(model, out, saved_inputs={"custom": lambda x: x > 0}, optimizer=torch.optim.Adam(model.parameters())):
            train_step(model, torch.randn(2, 3, 8, 8))
    report["warnings"] = [str(warning.message) for warning in caught]
    report["lines"] = [[os.path.basename(w.filename), linecache.getline(w.filename, w.lineno).strip()] for w in caught]
    np.save(os.path.join(out, "grouped.weight.npy"), model.grouped.weight.detach().numpy())

    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 4))
    with record(model, os.path.join(folder, "half"), step=7):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            train_step(model, torch.randn(2, 3, 8, 8))

    watched, x = Odd(), torch.randn(2, 3, 8, 8)
    train_step(watched, x)
    plain = [p.grad.clone() for p in watched.parameters()]
    watched.zero_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with record(watched, out, step=99, topk=0.5):
            train_step(watched, x)
    report["sameGradients"] = all(torch.equal(a, p.grad) for a, p in zip(plain, watched.parameters()))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for alone, images in ((nn.Conv2d(3, 4, 3), torch.randn(2, 3, 8, 8)), (nn.Linear(3, 4), torch.randn(2, 3))):
            with record(alone, os.path.join(folder, "alone")):
                alone(images).sum().backward()
    report["aloneWarnings"] = [str(warning.message) for warning in caught]

    tokens = torch.randn(2, 3, 8)
    for step, x in enumerate((tokens, tokens.reshape(6, 8))):
        model = Tokens()
        torch.manual_seed(2)
        for p in model.parameters():
            nn.init.normal_(p)
        with record(model, os.path.join(folder, "tokens"), step=step):
            model(x).square().sum().backward()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = Partial()
        with record(model, os.path.join(folder, "partial"), step=0):
            model(torch.randn(2, 7, 6)).sum().backward()
    report["partialWarnings"] = [str(warning.message) for warning in caught]

    for step, reentrant in enumerate((True, False)):
        model = Checkpointed(reentrant)
        with record(model, os.path.join(folder, "checkpoint"), step=step):
            model(torch.randn(3, 4)).sum().backward()

    model, out = nn.Sequential(nn.Linear(4, 2)), os.path.join(folder, "accumulated")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = torch.randn(3, 5, 4)
    accumulate(model, optimizer, out, batches, step=0)
    accumulate(model, optimizer, out, batches, step=1, backward=torch.autograd.backward)
    accumulate(model, optimizer, out, batches[:1], step=2, micro_batches=4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with record(model, out, optimizer=optimizer, step=3):
            model(batches[1]).sum().backward()
            model(batches[2])
    report["accumulatedWarnings"] = [str(warning.message) for warning in caught]

    model = nn.Sequential(nn.Linear(4, 2))
    for step in range(7):
        with record(model, os.path.join(folder, "every"), step=step, every=3):
            model(batches[0]).sum().backward()
        with record(model, os.path.join(folder, "every-counted"), every=4):
            model(batches[0]).sum().backward()

    report["errors"] = []
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 4))
    try:
        with record(model, os.path.join(folder, "none")):
            train_step(model, torch.randn(0, 3, 8, 8))
    except ValueError as error:
        report["errors"].append(str(error))
    for options in ({"topk": 1}, {"micro_batches": 0}, {"every": 0}, {"weights": {"frist": None}}, {"saved_inputs": {"0": torch.ones(1)}}):
        try:
            with record(model, os.path.join(folder, "none"), **options):
                train_step(model, torch.randn(2, 3, 8, 8))
        except ValueError as error:
            report["errors"].append(str(error))
    print(json.dumps(report))


main(sys.argv[1])
