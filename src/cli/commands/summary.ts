import { modelName } from "../../models/names.ts";
import { createModel, models } from "../../models/registry.ts";
import { summary as summarise } from "../../summary.ts";
import { type Command, count, text, UsageError } from "../command.ts";

export const summary: Command = {
  name: "summary",
  summary: "Print a network layer by layer: output shapes, parameters, multiply-accumulates.",
  usage: "[options] MODEL",
  options: {
    size: { type: "string", short: "s", value: "N", help: "pixels a side; 224 (32 for CIFAR networks)" },
    batch: { type: "string", value: "N", help: "pictures; 1 by default" },
    tree: { type: "boolean", help: "print the modules as PyTorch does" },
  },
  examples: ["resnet-ts summary resnet50", "resnet-ts summary cifar_resnet20 --tree"],
  async run(values, [name, ...more]) {
    const wanted = name ?? text(values, "model");
    if (wanted === undefined || more.length > 0) throw new UsageError("summary needs the name of one network");
    if (values.tree && values.json) throw new UsageError("--tree prints text only: leave out --json");
    const model = modelName(wanted);
    const net = createModel(model as string, { init: "empty" });
    if (values.tree) {
      console.log(String(net));
      return 0;
    }
    const size = count(values, "size", models[model].size);
    const result = summarise(net, [count(values, "batch", 1), 3, size, size]);
    if (values.json) {
      const { rows, inputShape, outputShape, parameters, trainable, macs } = result;
      console.log(JSON.stringify({ model, inputShape, outputShape, parameters, trainable, macs, rows }));
    } else console.log(String(result));
    return 0;
  },
};
