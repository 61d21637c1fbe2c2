"""Training steps of the residual networks of src/networks/residual-network.ts in PyTorch, on one thread.

A child of bench/peers/pytorch.ts. The first line of output is {"torch": version}. Every line of input is a StepRequest of
bench/peers/python.ts as JSON and asks for one step of that network: forward, cross entropy, backward, then SGD. The answer
is a line with the milliseconds of wall and CPU time of the two parts and the number of parameters. Networks are built when
they are first asked for, and kept.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10
IMAGE = (3, 32, 32)


class BasicBlock(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x), inplace=True)


class BasicResnet(nn.Module):
    def __init__(self, blocks, widths):
        super().__init__()
        self.conv1 = nn.Conv2d(IMAGE[0], widths[0], 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(widths[0])
        stages = []
        channels = widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths)):
            for block in range(count):
                stages.append(BasicBlock(channels, width, 2 if stage > 0 and block == 0 else 1))
                channels = width
        self.stages = nn.Sequential(*stages)
        self.linear = nn.Linear(channels, CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.linear(self.stages(x).mean((2, 3)))


def step_of(blocks, widths, batch, channelsLast, learningRate, momentum, weightDecay):
    """A function that trains one step and returns the answer."""
    layout = torch.channels_last if channelsLast else torch.contiguous_format
    model = BasicResnet(blocks, widths).to(memory_format=layout)
    images = (torch.rand(batch, *IMAGE) * 2 - 1).to(memory_format=layout)
    labels = torch.arange(batch) % CLASSES
    sgd = torch.optim.SGD(model.parameters(), lr=learningRate, momentum=momentum, weight_decay=weightDecay)
    parameters = sum(p.numel() for p in model.parameters())

    def step():
        clocks = [(time.perf_counter(), time.process_time())]
        sgd.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        loss.item()
        clocks.append((time.perf_counter(), time.process_time()))
        sgd.step()
        clocks.append((time.perf_counter(), time.process_time()))
        parts = [
            {"wall": (after[0] - before[0]) * 1000, "cpu": (after[1] - before[1]) * 1000}
            for before, after in zip(clocks, clocks[1:])
        ]
        return {"gradients": parts[0], "update": parts[1], "parameters": parameters}

    return step


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    steps = {}
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        if line not in steps:
            steps[line] = step_of(**json.loads(line))
        print(json.dumps(steps[line]()), flush=True)


main()
