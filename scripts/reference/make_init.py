"""What torch.manual_seed(0) gives freshly built networks, and the article's test.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_init.py [init] [article]      (a few minutes on one core)

init writes test/golden/init.json: for each network an object of its convolution and linear parameters (batch norms are 1 and 0),
    key: { shape, first: 8 values, last: 8 values, sum, squares (sum of squares), both in float64 }
  resnet18, resnet50       torch.manual_seed(0), then torchvision.models.NAME()          init "kaiming"
  cifar_resnet20           torch.manual_seed(0), then cifar_models.CifarNet(3)           init "kaiming"
  resnet50_default         torch.manual_seed(0), then the article's network, [3, 4, 6, 3]: init "default"
article writes test/golden/article-resnet101.safetensors: torch.manual_seed(0); net = resnet101(in_channels=3, num_classes=1000);
x = torch.randn([4, 3, 224, 224]) (article_resnet.py says what is assumed of the article's code), and the logits [4, 1000]
  train.f64, train.f32     in training mode (batch statistics), which is what the article's test runs: it never calls eval()
  eval.f64, eval.f32       the same fresh network in eval mode (running mean 0, variance 1)
  input                    first 16 values of x
Batch statistics at this initialisation make the network ill-conditioned. PyTorch against its own float64, max|difference| / max|logit| in training mode:
1.07e-4 float32, 4.0e-4 float32 with channels-last tensors, 1.0e-4 to 1.2e-4 float32 convolutions with batch norm in float64 (either layout);
1.2e-5 float64 when only the input is rounded to float32. In eval mode 1.3e-6.
"""
import json
import os
import sys

import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import article_resnet
import safetensors_io
from cifar_models import CifarNet

GOLDEN = os.path.join(HERE, "../../test/golden")


def short(values):
    """float32 values in as few digits as bring them back."""
    return [float(str(v)) for v in values.numpy()]


def summary(p):
    flat = p.detach().reshape(-1)
    d = flat.double()
    return {"shape": list(p.shape), "first": short(flat[:8]), "last": short(flat[-8:]), "sum": d.sum().item(), "squares": d.square().sum().item()}


def init():
    out = {}
    for name, make in {"resnet18": torchvision.models.resnet18, "resnet50": torchvision.models.resnet50, "cifar_resnet20": lambda: CifarNet(3),
                       "resnet50_default": lambda: article_resnet.ResNet([3, 4, 6, 3], 3, 1000)}.items():
        torch.manual_seed(0)
        net = make()
        out[name] = {k: summary(p) for k, p in net.named_parameters() if p.dim() > 1 or k.startswith("fc.")}
    with open(os.path.join(GOLDEN, "init.json"), "w") as f:
        f.write(json.dumps(out, separators=(",", ":")).replace("},", "},\n") + "\n")


def article():
    out = {}
    for mode in ("train", "eval"):
        torch.manual_seed(0)
        net = article_resnet.resnet101(in_channels=3, num_classes=1000)
        x = torch.randn([4, 3, 224, 224])
        net.train(mode == "train")
        state = {k: v.clone() for k, v in net.state_dict().items()}
        with torch.no_grad():
            out[mode + ".f32"] = net(x)
            net.load_state_dict(state)  # the running statistics as they were
            out[mode + ".f64"] = net.double()(x.double())
        a, b = out[mode + ".f32"], out[mode + ".f64"]
        print(f"{mode}: max|logit| {b.abs().max():.4g}, f32 error {((a - b).abs().max() / b.abs().max()).item():.2e}", flush=True)
    out["input"] = x.reshape(-1)[:16].clone()
    order = ("train.f64", "eval.f64", "train.f32", "eval.f32", "input")
    safetensors_io.save(os.path.join(GOLDEN, "article-resnet101.safetensors"), {k: out[k].numpy() for k in order})


if __name__ == "__main__":
    torch.set_num_threads(1)
    what = sys.argv[1:] or ["init", "article"]
    if "init" in what:
        init()
    if "article" in what:
        article()
