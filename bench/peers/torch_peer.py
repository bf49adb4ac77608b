"""A network in PyTorch, optimised for inference, on one thread. One JSON line per request on stdin: {"input": path} answers with
logits, {"runs": n} with milliseconds of each run."""
import json
import os
import sys
import time

import numpy as np
import torch
import torchvision

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/reference"))
from fill import fill_model

torch.set_num_threads(1)
name, batch = sys.argv[1], int(sys.argv[2])
x = torch.zeros(batch, 3, 224, 224)
with torch.no_grad():
    net = torch.jit.optimize_for_inference(torch.jit.trace(fill_model(getattr(torchvision.models, name)().eval()), x))
    for line in sys.stdin:
        ask = json.loads(line)
        if "input" in ask:
            x = torch.from_numpy(np.fromfile(ask["input"], dtype=np.float32).reshape(batch, 3, 224, 224))
            print(json.dumps({"logits": net(x).flatten().tolist(), "version": torch.__version__}), flush=True)
        else:
            clock = time.process_time if ask["clock"] == "cpu" else time.perf_counter
            times = []
            for _ in range(ask["runs"]):
                start = clock()
                net(x)
                times.append((clock() - start) * 1000)
            print(json.dumps({"times": times}), flush=True)
