"""Writes NAME.onnx (batch size free) with the filler's weights: python3 bench/peers/export.py OUT NAME..."""
import os
import sys

import torch
import torchvision

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/reference"))
from fill import fill_model

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
for name in sys.argv[2:]:
    net = fill_model(getattr(torchvision.models, name)().eval())
    axes = {"x": {0: "n"}, "y": {0: "n"}}
    torch.onnx.export(net, torch.zeros(1, 3, 224, 224), os.path.join(out, f"{name}.onnx"), input_names=["x"], output_names=["y"],
                      dynamic_axes=axes, opset_version=13)
