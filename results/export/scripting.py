"""What ``torch.jit.script`` compiles of a network. Bundled into exports: it imports torch alone."""

from __future__ import annotations

from torch import fx, nn


def scriptable(network: nn.Module) -> fx.GraphModule:
    """Its layers under their names, called one after the other: TorchScript understands neither
    annotations that are text nor maps by level. For every size, and in both modes.

    Raises:
        torch.fx.proxy.TraceError: under CPU autocast, where the order hangs on the values.
    """
    graph = fx.Tracer().trace(network)
    for node in graph.nodes:
        node.type = None  # as text, TorchScript does not know it; by default it is a tensor
    return fx.GraphModule(network, graph)
