import type { Classifier } from "../../classifier.ts";
import type { Prediction } from "../../vision/topk.ts";
import { start } from "../backend.ts";
import { type Command, count } from "../command.ts";
import { describe } from "../errors.ts";
import { networkOptions, openNetwork } from "../network.ts";
import { samplePicture } from "../packageFile.ts";
import { listPictures } from "../pictures.ts";
import { Progress } from "../progress.ts";

export const classify: Command = {
  name: "classify",
  summary: "Say what pictures show: the most likely classes with their probabilities.",
  usage: "[options] [PICTURE | FOLDER | PATTERN | ADDRESS]…",
  options: {
    ...networkOptions,
    top: { type: "string", short: "k", value: "N", help: "classes for each picture; 5 by default" },
    strict: { type: "boolean", help: "stop at the first picture that cannot be read" },
  },
  examples: [
    "resnet-ts classify photo.jpg",
    "resnet-ts classify 'holidays/**/*.jpg' --json > holidays.jsonl",
    "resnet-ts classify holidays/ --json > holidays.jsonl",
    "resnet-ts classify --model resnet50 --weights resnet50.safetensors photo.jpg",
  ],
  async run(values, positionals) {
    const top = count(values, "top", 5);
    let [failed, folders] = [0, 0];
    const skip = (error: Error): void => {
      if (values.strict) throw error;
      folders++;
      console.error(describe(error));
    };
    const pictures = listPictures(positionals.length > 0 ? positionals : [samplePicture()], skip);
    await start(values);
    const classifier = await openNetwork(values);
    const progress = new Progress("classify", pictures.length);
    for (const [i, picture] of pictures.entries()) {
      try {
        const predictions = await classifier.classify(picture, { topK: top });
        progress.end();
        console.log(
          values.json ? json(classifier, picture, predictions) : table(picture, predictions, pictures.length),
        );
      } catch (error) {
        if (values.strict || pictures.length === 1) throw error;
        progress.end();
        failed++;
        console.error(describe(error));
      }
      if (pictures.length > 1) progress.update(i + 1);
    }
    progress.end();
    classifier.dispose();
    if (failed > 0) console.error(`${failed} of ${pictures.length} pictures could not be read`);
    return failed + folders > 0 ? 1 : 0;
  },
};

function json(classifier: Classifier, picture: string, top: readonly Prediction[]): string {
  return JSON.stringify({ file: picture, model: classifier.model, top });
}

function table(picture: string, top: readonly Prediction[], pictures: number): string {
  const lines = top.map(({ label, probability }) => `${(100 * probability).toFixed(2).padStart(6)} %  ${label}`);
  return pictures > 1 ? `${picture}\n${lines.map((line) => `  ${line}`).join("\n")}` : lines.join("\n");
}
