"""What a network can be built from: a searched architecture or a baseline."""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet

Backbone = Architecture | DilatedResNet
