import { start } from "../backend.ts";
import { type Command, UsageError } from "../command.ts";
import { describe } from "../errors.ts";
import { networkOptions, openNetwork } from "../network.ts";
import { listPictures } from "../pictures.ts";
import { Progress } from "../progress.ts";

export const embed: Command = {
  name: "embed",
  summary: "Print the feature vector of each picture, one JSON object a line.",
  usage: "[options] PICTURE | FOLDER | PATTERN…",
  options: {
    ...networkOptions,
    strict: { type: "boolean", help: "stop at the first picture that cannot be read" },
  },
  examples: ["resnet-ts embed holidays/ > features.jsonl"],
  async run(values, positionals) {
    if (positionals.length === 0) throw new UsageError("embed needs at least one picture");
    let [failed, folders] = [0, 0];
    const skip = (error: Error): void => {
      if (values.strict) throw error;
      folders++;
      console.error(describe(error));
    };
    const pictures = listPictures(positionals, skip);
    await start(values);
    const classifier = await openNetwork(values);
    const progress = new Progress("embed", pictures.length);
    for (const [i, file] of pictures.entries()) {
      try {
        const feature = await classifier.embed(file);
        console.log(JSON.stringify({ file, model: classifier.model, feature: [...feature] }));
      } catch (error) {
        if (values.strict || pictures.length === 1) throw error;
        progress.end();
        failed++;
        console.error(describe(error));
      }
      progress.update(i + 1);
    }
    progress.end();
    classifier.dispose();
    if (failed > 0) console.error(`${failed} of ${pictures.length} pictures could not be read`);
    return failed + folders > 0 ? 1 : 0;
  },
};
