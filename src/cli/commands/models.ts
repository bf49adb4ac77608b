import { families, modelNames } from "../../models/names.ts";
import { createModel, models as registry } from "../../models/registry.ts";
import { summary } from "../../summary.ts";
import { weightsOf } from "../../weights.ts";
import { type Command, noWords } from "../command.ts";

export const models: Command = {
  name: "models",
  summary: "List the networks: parameters, multiply-accumulates, published weights.",
  usage: "[options]",
  options: {},
  examples: ["resnet-ts models", "resnet-ts models --json"],
  async run(values, words) {
    noWords("models", words);
    const rows = modelNames.map((name) => {
      const { size } = registry[name];
      const { parameters, macs } = summary(createModel(name as string, { init: "empty" }), [1, 3, size, size]);
      const weights = weightsOf(name).map((w) => ({ name: w.name, license: w.license, accuracy: w.accuracy }));
      return { name, family: families[name], size, parameters, macs, weights };
    });
    if (values.json) console.log(JSON.stringify({ models: rows }));
    else {
      const cell = (n: number): string => n.toLocaleString("en-US").padStart(12);
      console.log(
        `${"name".padEnd(24)}${"input".padStart(9)}${"parameters".padStart(13)}${"GMAC".padStart(9)}  weights (top-1 %)`,
      );
      for (const { name, size, parameters, macs, weights } of rows) {
        const published = weights.map((w) => (w.accuracy ? `${w.name} ${w.accuracy.top1}` : w.name)).join(", ");
        console.log(
          `${name.padEnd(24)}${`${size}x${size}`.padStart(9)} ${cell(parameters)}${(macs / 1e9).toFixed(3).padStart(9)}  ${published}`.trimEnd(),
        );
      }
    }
    return 0;
  },
};
