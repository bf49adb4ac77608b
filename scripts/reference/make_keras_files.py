"""Writes test/golden/keras: weights of narrow ResNet50s (width 1) in the layouts of Keras's HDF5 files, and their twins' logits.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_keras_files.py     (Debian: python3-h5py python3-torch)

Values are the filler's (fill.py) under our keys, turned to Keras's order of axes (kernels: height, width, in, out). The layouts are
read from keras/src/legacy/saving/legacy_h5_format.py (layer_names, weight_names) and keras/src/saving/saving_lib.py (vars, counted
by class; newer ones with the layer's name as an attribute). Files are gzipped: most of an HDF5 file of small arrays is zeros.
"""
import gzip
import io
import os
import sys

import h5py
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import safetensors_io
from fill import fill_input, fill_model
from keras_models import BLOCKS, KerasResNet

OUT = os.path.join(HERE, "../../test/golden/keras")
os.makedirs(OUT, exist_ok=True)
CLASSES = 10


def layers(version, blocks=BLOCKS[50]):
    """(Keras's layer, class, our module) in the order of model.layers: by depth, so a projection stands beside 3_conv."""
    yield "conv1_conv", "conv2d", "conv1"
    if version == 1:
        yield "conv1_bn", "batch_normalization", "bn1"
    for stage, count in enumerate(blocks):
        for b in range(count):
            name, ours = f"conv{stage + 2}_block{b + 1}", f"layer{stage + 1}.{b}"
            shift = version - 1
            if version == 2:
                yield f"{name}_preact_bn", "batch_normalization", f"{ours}.bn1"
            for k in (1, 2):
                yield f"{name}_{k}_conv", "conv2d", f"{ours}.conv{k}"
                yield f"{name}_{k}_bn", "batch_normalization", f"{ours}.bn{k + shift}"
            if b == 0:
                yield f"{name}_0_conv", "conv2d", f"{ours}.downsample.0"
            yield f"{name}_3_conv", "conv2d", f"{ours}.conv3"
            if version == 1 and b == 0:
                yield f"{name}_0_bn", "batch_normalization", f"{ours}.downsample.1"
            if version == 1:
                yield f"{name}_3_bn", "batch_normalization", f"{ours}.bn3"
    if version == 2:
        yield "post_bn", "batch_normalization", "bn"
    yield "predictions", "dense", "fc"


def variables(kind, ours, state):
    """(Keras's variable, array) of a layer, trainable ones first."""
    if kind == "batch_normalization":
        pairs = [("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean"), ("moving_variance", "running_var")]
    else:
        pairs = [("kernel", "weight"), ("bias", "bias")]
    for theirs, suffix in pairs:
        t = state.get(f"{ours}.{suffix}")
        if t is not None:
            yield theirs, np.ascontiguousarray(t.permute(2, 3, 1, 0) if t.dim() == 4 else t.T if t.dim() == 2 else t)


def weights_legacy(root, version, state, rename=lambda layer, variable: (layer, f"{layer}/{variable}:0")):
    """keras.engine.saving.save_weights_to_hdf5_group."""
    names = []
    for layer, kind, ours in layers(version):
        made = [(*rename(layer, variable), data) for variable, data in variables(kind, ours, state)]
        group = root.create_group(made[0][0])
        names.append(made[0][0].encode())
        group.attrs["weight_names"] = np.array([weight.encode() for _, weight, _ in made])
        for _, weight, data in made:
            group.create_dataset(weight, data=data)
    # Layers without weights are listed too, and an attribute of over 64 KB is cut.
    names.insert(0, b"input_1")
    root.create_group("input_1").attrs["weight_names"] = np.array([], dtype="S1")
    root.attrs["layer_names0"] = np.array(names[:50])
    root.attrs["layer_names1"] = np.array(names[50:])
    root.attrs["backend"] = b"tensorflow"
    root.attrs["keras_version"] = b"2.4.3"


OLD = {"kernel": "W", "bias": "b", "gamma": "gamma", "beta": "beta", "moving_mean": "running_mean", "moving_variance": "running_std"}


def rename_old(layer, variable):
    """As in resnet50_weights_tf_dim_ordering_tf_kernels.h5 of 2016: Caffe's names."""
    if layer.startswith("conv1"):
        name = "conv1" if layer.endswith("conv") else "bn_conv1"
    elif layer == "predictions":
        name = "fc1000"
    else:
        stage, block, index, kind = layer.replace("block", "").split("_")
        name = f"{'res' if kind == 'conv' else 'bn'}{stage[4:]}{chr(96 + int(block))}_branch{'1' if index == '0' else '2' + chr(96 + int(index))}"
    return name, f"{name}_{OLD[variable]}_1:0"


def weights_counted(root, container, version, state, named=False, dtype=None, **options):
    """saving_lib._save_state: layers/CLASS_N/vars/0, 1, …"""
    root.create_group("vars")
    used = {}
    for layer, kind, ours in [("input_1", "input_layer", None), *layers(version)]:
        n = used[kind] = used.get(kind, -1) + 1
        group = root.create_group(f"{container}/{kind}{f'_{n}' if n else ''}/vars")
        if named:
            group.attrs["name"] = layer
        for i, (_, data) in enumerate(variables(kind, ours, state) if ours else []):
            if dtype == "bfloat16":
                bits = torch.from_numpy(data).bfloat16().view(torch.int16).numpy()
                d = group.create_dataset(str(i), data=bits.view("V2"))
                d.attrs["dtype"] = "bfloat16"
            else:
                group.create_dataset(str(i), data=data.astype(dtype or "f4"), **(options if data.size > 64 else {}))


def narrow(version):
    return fill_model(KerasResNet(BLOCKS[50], version, CLASSES, width=1).eval())


def write(name, make):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as f:
        make(f)
    with open(os.path.join(OUT, f"{name}.gz"), "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as f:
        f.write(buffer.getvalue())
    print(name, len(buffer.getvalue()), os.path.getsize(os.path.join(OUT, f"{name}.gz")))


def whole(f, state):
    f.attrs["keras_version"] = "2.4.3"
    f.attrs["model_config"] = '{"class_name": "Functional"}'
    weights_legacy(f.create_group("model_weights"), 2, state)
    f.create_group("optimizer_weights")


def main():
    torch.set_num_threads(1)
    nets = {1: narrow(1), 2: narrow(2)}
    one, two = ({k: v for k, v in nets[v].state_dict().items()} for v in (1, 2))
    write("resnet50.h5", lambda f: weights_legacy(f, 1, one))
    write("resnet50-caffe-names.h5", lambda f: weights_legacy(f, 1, one, rename_old))
    write("resnet50v2-model.h5", lambda f: whole(f, two))
    write("resnet50.weights.h5", lambda f: weights_counted(f, "layers", 1, one))
    write("resnet50v2-tf213.weights.h5", lambda f: weights_counted(f, "_layer_checkpoint_dependencies", 2, two))
    write("resnet50v2-named.weights.h5", lambda f: weights_counted(f, "layers", 2, two, True, compression="gzip", shuffle=True))
    write("resnet50-inner.weights.h5", lambda f: weights_counted(f, "layers/functional/layers", 1, one, True, "f2"))
    write("resnet50-bfloat16.weights.h5", lambda f: weights_counted(f, "layers", 1, one, True, "bfloat16"))
    write("other.h5", lambda f: f.create_dataset("spectrum", data=np.arange(9.0)))
    out = {}
    with torch.no_grad():
        for version, net in nets.items():
            x = fill_input((2, 3, 97, 65))
            out[f"v{version}"] = net.double()(x.double()).numpy()
            print(version, "max|logit|", abs(out[f"v{version}"]).max())
    safetensors_io.save(os.path.join(OUT, "logits.safetensors"), out)


if __name__ == "__main__":
    main()
