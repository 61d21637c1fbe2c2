"""ResNet-18 for 32x32 images (He et al. 2016, Table 1), in-place ReLUs and in-place residual additions included."""
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(filters)
        # One ReLU, called twice.
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != filters:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.shortcut(x)
        return self.relu(y)


class ResNet18(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        blocks, inputs = [], 64
        for stage, filters in enumerate((64, 128, 256, 512)):
            for block in range(2):
                blocks.append(Block(inputs, filters, 2 if stage > 0 and block == 0 else 1))
                inputs = filters
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.pool(self.blocks(self.relu(self.bn1(self.conv1(x)))))
        return self.linear(x.flatten(1))
