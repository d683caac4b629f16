"""What benchmarks.export_environments runs in each environment, around the lines of a README.

Plain text, as it runs where this package is not installed. ``BEFORE`` makes what the lines read,
``AFTER`` leaves ``found``, the outputs that are compared.
"""

from __future__ import annotations

WITH_TORCH = """
import torch
torch.set_grad_enabled(False)
cases = torch.load(CASES + ".pt", weights_only=True)
x_BCHW, expected = cases["x_BCHW"], cases[FORMAT]
"""
WITH_IMAGE = """
import numpy
cases = numpy.load(CASES + ".npz")
image, expected = cases["image"], [cases["labels"]]
"""

LABELS = """
# A share, as a label is right or wrong.
assert labels_HW.shape == expected[0].shape, labels_HW.shape
found, expected = [(labels_HW != expected[0]).mean(keepdims=True)], [numpy.zeros((1, 1))]
"""
MAPS = "found = maps"

TIMM = """
found = maps
import timm
from torch import nn

class Decoder(nn.Module):
    # As decoders on timm are written: sizes and channels come from feature_info alone.
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        info = encoder.feature_info
        self.lateral = nn.ModuleList(nn.Conv2d(count, 8, 1) for count in info.channels())
        for each in info.get_dicts():
            assert {"num_chs", "reduction", "module"} <= set(each)
        assert list(info.module_name()) == [each["module"] for each in info.get_dicts()]

    def forward(self, x):
        maps = self.encoder(x)
        for map_, reduction in zip(maps, self.encoder.feature_info.reduction(), strict=True):
            wanted = [-(-side // reduction) for side in x.shape[2:]]
            assert list(map_.shape[2:]) == wanted, (tuple(map_.shape), wanted)
        size = maps[0].shape[2:]
        lateral = [conv(map_) for conv, map_ in zip(self.lateral, maps, strict=True)]
        return sum(nn.functional.interpolate(map_, size=size) for map_ in lateral)

arguments = {"features_only": True, "out_indices": (1, 2)}
for encoder in (
    timm.create_model("resnet18", pretrained=False, **arguments),
    spinenet_seg_backbone.create(**arguments),
):
    assert len(encoder.feature_info.channels(idx=[1, 2])) == 2
    assert encoder.feature_info.channels(1) == encoder.feature_info.channels()[0]
    assert encoder.feature_info.out_indices in ((1, 2), [1, 2])
    with torch.enable_grad():
        Decoder(encoder.train())(x_BCHW.repeat(2, 1, 1, 1)).mean().backward()
"""

NO_KERNELS = """
# mmcv-lite comes without compiled kernels, of which mmsegmentation imports some by name, whatever
# it builds. Ours calls none.
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise NotImplementedError(f"mmcv-lite has no {name}")

    return missing
"""

MMSEG = """
import copy
from mmengine.optim import OptimWrapper
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

model.init_weights()
model.eval()
height, width = cases["seen_HWC"].shape[:2]

def batch():
    sample = SegDataSample(metainfo={"ori_shape": (height, width), "img_shape": (height, width)})
    labels_1HW = torch.arange(width).repeat(1, height, 1) % model.decode_head.num_classes
    sample.gt_sem_seg = PixelData(data=labels_1HW)
    image_CHW = cases["seen_HWC"].permute(2, 0, 1)
    return {"inputs": [image_CHW.flip(0)], "data_samples": [sample]}  # BGR

seen_B3HW = model.data_preprocessor(batch(), training=False)["inputs"]
assert (seen_B3HW - x_BCHW).abs().max() < 1e-4, "mean and std"
maps = model.backbone(x_BCHW)
found = [*maps, *model.neck(maps)]
labelled = model.test_step(batch())[0].pred_sem_seg.data
assert tuple(labelled.shape) == (1, height, width), tuple(labelled.shape)

before = copy.deepcopy(model.state_dict())
with torch.enable_grad():
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    two = {name: 2 * value for name, value in batch().items()}
    losses = model.train_step(two, wrapper)
assert torch.isfinite(losses["loss"]), losses
for part in ("backbone.", "neck.", "decode_head."):
    names = [name for name, _ in model.named_parameters() if name.startswith(part)]
    assert any(not torch.equal(before[name], model.state_dict()[name]) for name in names), part
"""
