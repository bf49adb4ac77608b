import { createModel, modelNames, models as registry } from "../../models/registry.ts";
import { summary } from "../../summary.ts";
import type { Command } from "../command.ts";

export const models: Command = {
  name: "models",
  summary: "List the networks: parameters and multiply-accumulates.",
  usage: "[options]",
  options: {},
  examples: ["resnet-ts models", "resnet-ts models --json"],
  async run(values) {
    const rows = modelNames.map((name) => {
      const { family, size } = registry[name];
      const { parameters, macs } = summary(createModel(name as string, { init: "empty" }), [1, 3, size, size]);
      return { name, family, size, parameters, macs };
    });
    if (values.json) console.log(JSON.stringify({ models: rows }));
    else {
      const cell = (n: number): string => n.toLocaleString("en-US").padStart(12);
      console.log(`${"name".padEnd(24)}${"input".padStart(9)}${"parameters".padStart(13)}${"GMAC".padStart(9)}`);
      for (const { name, size, parameters, macs } of rows) {
        console.log(
          `${name.padEnd(24)}${`${size}x${size}`.padStart(9)} ${cell(parameters)}${(macs / 1e9).toFixed(3).padStart(9)}`,
        );
      }
    }
    return 0;
  },
};
