"""What a network costs, worked out from its spec without building it.

``search_space.tape`` counts layer by layer, ``pieces`` makes the recurring parts of a backbone with
it, ``graph`` puts them together and has a head of ``search_space.heads`` go on from there;
``memory`` and ``receptive_field`` follow the graph backwards; ``network`` adds everything up.
"""

from __future__ import annotations

from search_space.cost.network import Cost, Part, cost, parts

__all__ = ["Cost", "Part", "cost", "parts"]
